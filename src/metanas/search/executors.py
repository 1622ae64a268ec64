"""Where evaluations run: in this process, or in worker processes with one computing thread each.

A worker is an interpreter of its own (``python -m metanas.search.worker``) that speaks JSON lines over pipes, so that a script
that calls :func:`metanas.search` needs no ``if __name__ == "__main__"``, and nothing is pickled.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from metanas.errors import MetaNASError
from metanas.interfaces import Executor
from metanas.machine import one_thread
from metanas.records import Candidate, Evaluation
from metanas.search.processes import Heard, WorkerProcess
from metanas.search.session import Hello, Session

Listener = Callable[[dict[str, Any]], None]
GRACE = 5.0
"""Seconds after a deadline when a worker that still works is killed."""
STILLBORN = 3
"""So many workers in a row that end before they are ready end the search."""
NO_RESULT = "its training ended without a result"


@dataclass(eq=False)
class _Job:
    """A message to a session, and who hears what comes of it: a listener, or the candidates whose evaluations are still to come."""

    message: dict[str, Any]
    deadline: float
    open: dict[int, Candidate] = field(default_factory=dict)
    listener: Listener | None = None

    @classmethod
    def evaluating(cls, group: Sequence[Candidate], deadline: float, seconds: float | None) -> _Job:
        candidates = [c.to_json() for c in group]
        message = {"do": "evaluate", "candidates": candidates, "deadline": deadline, "seconds": seconds}
        return cls(message, deadline, {c.proposal.id: c for c in group})

    def hear(self, message: dict[str, Any]) -> list[Evaluation]:
        """The evaluations that a message means."""
        if self.listener is not None:
            self.listener(message)
        elif "evaluation" in message:
            evaluation = Evaluation.from_json(message["evaluation"])
            self.open.pop(evaluation.proposal.id, None)
            return [evaluation]
        elif "reason" in message:
            failed = [Evaluation(c.proposal, seed=c.seed, reason=message["reason"]) for c in self.open.values()]
            self.open.clear()
            return failed
        return []

    def end(self, now: float) -> list[Evaluation]:
        """What the end of the job means: before the deadline no candidate may be without an evaluation."""
        return self.hear({"reason": NO_RESULT}) if self.open and now < self.deadline else []


@contextmanager
def as_in_a_worker() -> Iterator[None]:
    """One computing thread and no subnormal numbers, so that results are the same; then all is as before."""
    import torch

    with one_thread():
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            torch.set_flush_denormal(False)


class InlineExecutor(Executor):
    """Computes in this process, when results are asked for; for tests and for operations that workers can't import."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        self._waiting: deque[_Job] = deque()

    def submit(self, group: Sequence[Candidate], deadline: float, seconds: float | None = None) -> None:
        """Queue a group."""
        self._waiting.append(_Job.evaluating(group, deadline, seconds))

    def call(self, job: dict[str, Any], deadline: float, listener: Listener) -> None:
        """Queue another job."""
        self._waiting.append(_Job(job, deadline, listener=listener))

    def results(self, timeout: float) -> list[Evaluation]:
        """Do the oldest job."""
        finished: list[Evaluation] = []
        if self._waiting:
            job = self._waiting.popleft()
            with as_in_a_worker():
                self._session.do(job.message, lambda message: finished.extend(job.hear(message)))
            finished += job.end(self._clock())
        return finished

    def drop(self, patience: float = 0.0) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def close(self) -> None:
        """Forget what waits."""
        self.drop()


class LocalExecutor(Executor):
    """Evaluates in ``workers`` processes on this machine, one computing thread each.

    A worker that dies or overstays its deadline is replaced: candidates that trained together are tried again one by one, and a
    candidate that was alone is reported as failed.

    Args:
        workers: number of processes.
        hello: what every worker is told first.
        clock: monotonic seconds, the same for all processes of the machine.
    """

    def __init__(self, workers: int, hello: Hello, clock: Callable[[], float] = time.monotonic) -> None:
        self._hello, self._clock = hello.to_json(), clock
        self._heard: Heard = queue.SimpleQueue()
        self._jobs: dict[WorkerProcess, _Job | None] = {}
        self._waiting: deque[_Job] = deque()
        self._finished: list[Evaluation] = []
        self._stillborn = 0
        self._called_back = False
        for _ in range(workers):
            self._start()

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._jobs]

    def submit(self, group: Sequence[Candidate], deadline: float, seconds: float | None = None) -> None:
        """Queue candidates that may train together."""
        self._waiting.append(_Job.evaluating(group, deadline, seconds))
        self._hand_out()

    def call(self, job: dict[str, Any], deadline: float, listener: Listener) -> None:
        """Queue another job for a session; the listener hears all that it says, or ``{"reason": why it failed}``."""
        self._waiting.append(_Job(job, deadline, listener=listener))
        self._hand_out()

    def results(self, timeout: float) -> list[Evaluation]:
        """What has finished since the last call; listeners are called from here, and a call that has ended ends the waiting too.

        Raises:
            MetaNASError: if workers can't start.
        """
        end = self._clock() + timeout
        self._called_back = False
        while True:
            while not self._heard.empty():
                self._hear(*self._heard.get())
            self._replace_late()
            left = end - self._clock()
            if self._finished or self._called_back or left <= 0:
                break
            with suppress(queue.Empty):
                self._hear(*self._heard.get(timeout=min(left, 0.5)))
        finished, self._finished = self._finished, []
        return finished

    def drop(self, patience: float = 0.0) -> None:
        """Give up all jobs: waiting ones are forgotten, running ones end with their processes, which are replaced."""
        self._waiting.clear()
        end = self._clock() + patience
        while any(self._jobs.values()) and self._clock() < end:
            self.results(0.1)
        self._waiting.clear()
        for worker, job in list(self._jobs.items()):
            if job is not None or not worker.alive:
                self._end(worker)
                self._start()
        self._finished.clear()

    def close(self) -> None:
        """End all processes."""
        self._waiting.clear()
        for worker in list(self._jobs):
            self._end(worker)

    def _start(self) -> None:
        self._jobs[WorkerProcess(self._hello, self._heard)] = None

    def _end(self, worker: WorkerProcess) -> str:
        del self._jobs[worker]
        return worker.end()

    def _hand_out(self) -> None:
        for worker, job in self._jobs.items():
            if job is None and self._waiting:
                self._jobs[worker] = self._waiting.popleft()
                worker.say(self._jobs[worker].message)  # type: ignore[union-attr]

    def _hear(self, worker: WorkerProcess, message: dict[str, Any] | None) -> None:
        if worker not in self._jobs:
            return  # the last words of one that was replaced
        job = self._jobs[worker]
        if message is None:
            self._replace_dead(worker)
        elif "broken" in message:
            raise MetaNASError(f"a worker process could not start: {message['broken']}")
        elif "ready" in message:
            worker.ready, self._stillborn = True, 0
        elif job is not None and "done" in message:
            self._called_back |= job.listener is not None
            self._finished += job.end(self._clock())
            self._jobs[worker] = None
            self._hand_out()
        elif job is not None:
            self._finished += job.hear(message)

    def _replace_late(self) -> None:
        for worker, job in list(self._jobs.items()):
            if job is not None and self._clock() > job.deadline + GRACE:
                job.open.clear()  # out of time is no failure: it gives no evaluation
                self._end(worker)
                self._give_up(job, "it did not end in time")

    def _replace_dead(self, worker: WorkerProcess) -> None:
        job = self._jobs[worker]
        how = self._end(worker)
        self._stillborn += not worker.ready
        if self._stillborn >= STILLBORN:
            raise MetaNASError(f"worker processes end while they start: the last one {how}; try --workers 0 to compute in this process")
        if job is not None and not worker.ready:
            self._waiting.appendleft(job)  # none of its business
            job = None
        self._give_up(job, f"the process that trained it {how}")

    def _give_up(self, job: _Job | None, reason: str) -> None:
        """A worker has gone in the middle of ``job``: another takes its place, and candidates that were not alone try again."""
        self._start()
        if job is not None and len(job.open) > 1:
            for candidate in job.open.values():
                self._waiting.append(_Job.evaluating([candidate], job.deadline, job.message["seconds"]))
        elif job is not None:
            self._called_back |= job.listener is not None
            self._finished += job.hear({"reason": reason})
        self._hand_out()
