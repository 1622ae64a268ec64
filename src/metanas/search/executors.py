"""Where evaluations run: in this process, or in worker processes with one computing thread each.

A worker is an interpreter of its own (``python -m metanas.search.worker``) that speaks JSON lines over pipes, so that a script
that calls :func:`metanas.search` needs no ``if __name__ == "__main__"``, and nothing is pickled.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from metanas.errors import MetaNASError
from metanas.interfaces import Executor
from metanas.records import Candidate, Evaluation
from metanas.search.session import Hello, Session

Listener = Callable[[dict[str, Any]], None]
GRACE = 5.0
"""Seconds after a deadline when a worker that still works is killed."""
DIED = "the process that trained it ended with {}, most likely for lack of memory"


class InlineExecutor(Executor):
    """Computes in this process, when results are asked for; for tests and for operations that workers can't import."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue: deque[tuple[dict[str, Any], Listener]] = deque()
        self._finished: list[Evaluation] = []

    def submit(self, group: Sequence[Candidate], deadline: float) -> None:
        """Queue a group."""
        self._queue.append((_evaluate_job(group, deadline), self._keep))

    def call(self, job: dict[str, Any], deadline: float, listener: Listener) -> None:
        """Queue another job."""
        self._queue.append((job, listener))

    def _keep(self, message: dict[str, Any]) -> None:
        self._finished.append(Evaluation.from_json(message["evaluation"]))

    def results(self, timeout: float) -> list[Evaluation]:
        """Do the oldest job."""
        if self._queue:
            self._session.do(*self._queue.popleft())
        finished, self._finished = self._finished, []
        return finished

    def drop(self) -> None:
        """Forget what waits."""
        self._queue.clear()

    def close(self) -> None:
        """Forget what waits."""
        self.drop()


@dataclass
class _Job:
    """A message to a worker, and the candidates whose evaluations are still to come."""

    message: dict[str, Any]
    deadline: float
    open: dict[int, Candidate] = field(default_factory=dict)
    listener: Listener | None = None


class _Worker:
    """One process, the thread that reads what it says, and the job it is at."""

    def __init__(self, number: int, hello: dict[str, Any], heard: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        self.number = number
        self.job: _Job | None = None
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "metanas.search.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **threads},
            start_new_session=True,  # Ctrl-C reaches the search alone, which then decides
        )
        self._thread = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._thread.start()
        self.say(hello)

    def _listen(self, heard: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            heard.put((self, json.loads(line)))
        heard.put((self, None))

    def say(self, message: dict[str, Any]) -> None:
        """Send a message; a worker that has died is noticed by its silence."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            pass

    def end(self) -> None:
        """Kill the process and wait for it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except (BrokenPipeError, OSError, ValueError):
                pass


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
        self._heard: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]] = queue.SimpleQueue()
        self._workers = [_Worker(n, self._hello, self._heard) for n in range(workers)]
        self._waiting: deque[_Job] = deque()
        self._finished: list[Evaluation] = []

    def submit(self, group: Sequence[Candidate], deadline: float) -> None:
        """Queue candidates that may train together."""
        self._put(_Job(_evaluate_job(group, deadline), deadline, {c.proposal.id: c for c in group}))

    def call(self, job: dict[str, Any], deadline: float, listener: Listener) -> None:
        """Queue another job for a session; the listener hears all that it says, or ``{"reason": why it failed}``."""
        self._put(_Job(job, deadline, listener=listener))

    def _put(self, job: _Job) -> None:
        self._waiting.append(job)
        self._hand_out()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.job is None and self._waiting:
                worker.job = self._waiting.popleft()
                worker.say(worker.job.message)

    def results(self, timeout: float) -> list[Evaluation]:
        """What has finished since the last call; listeners of final trainings are called from here."""
        end = self._clock() + timeout
        while not self._finished:
            left = end - self._clock()
            if left <= 0:
                break
            try:
                self._hear(*self._heard.get(timeout=min(left, 0.5)))
            except queue.Empty:
                self._replace_late()
        while not self._heard.empty():
            self._hear(*self._heard.get())
        finished, self._finished = self._finished, []
        return finished

    def _hear(self, worker: _Worker, message: dict[str, Any] | None) -> None:
        job = worker.job
        if message is None:
            if worker in self._workers:
                self._replace(worker, DIED.format(_ending(worker.process.wait())))
        elif "broken" in message:
            raise MetaNASError(f"a worker process could not start: {message['broken']}")
        elif job is not None and "evaluation" in message:
            evaluation = Evaluation.from_json(message["evaluation"])
            job.open.pop(evaluation.proposal.id, None)
            self._finished.append(evaluation)
        elif job is not None and "done" in message:
            worker.job = None
            self._hand_out()
        elif job is not None and job.listener is not None:
            job.listener(message)

    def _replace_late(self) -> None:
        for worker in list(self._workers):
            if worker.job is not None and self._clock() > worker.job.deadline + GRACE:
                worker.job.open.clear()  # out of time is no failure: it gives no evaluation
                self._replace(worker, "it did not end in time")

    def _replace(self, worker: _Worker, reason: str) -> None:
        job, index = worker.job, self._workers.index(worker)
        worker.end()
        self._workers[index] = _Worker(worker.number, self._hello, self._heard)
        if job is not None and job.listener is not None:
            job.listener({"reason": reason})
        elif job is not None and len(job.open) == 1:
            (candidate,) = job.open.values()
            self._finished.append(Evaluation(candidate.proposal, seed=candidate.seed, reason=reason))
        elif job is not None:
            for candidate in job.open.values():
                self.submit([candidate], job.deadline)
        self._hand_out()

    def drop(self) -> None:
        """Give up all jobs: waiting ones are forgotten, running ones end with their processes, which are replaced."""
        self._waiting.clear()
        for index, worker in enumerate(self._workers):
            if worker.job is not None:
                worker.end()
                self._workers[index] = _Worker(worker.number, self._hello, self._heard)
        self._finished.clear()

    def close(self) -> None:
        """End all processes."""
        self._waiting.clear()
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.end()


def _evaluate_job(group: Sequence[Candidate], deadline: float) -> dict[str, Any]:
    return {"do": "evaluate", "candidates": [c.to_json() for c in group], "deadline": deadline}


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
