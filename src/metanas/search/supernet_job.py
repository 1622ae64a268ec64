"""Training a supernet as one job of a session: in small steps, with checkpoints from which another process goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metanas.errors import InputError
from metanas.interfaces import State
from metanas.search.objective import objective_for
from metanas.search.supernet_answers import NOTHING, answered
from metanas.search.supernet_data import halves, judges
from metanas.spaces import Space
from metanas.spaces.serial import space_from_json, space_to_json
from metanas.states import load_state, save_state
from metanas.tasks.data import LearningData

if TYPE_CHECKING:
    from metanas.evaluation.tensors import Tensors
    from metanas.oneshot import SupernetMethod

SAVE_EVERY = 10.0
"""Seconds between two checkpoints: what a kill costs at the most."""
TELL_EVERY = 0.5
"""Seconds between two signs of life."""
ANSWERING_SHARE = 0.15
"""Share of the time for finding the answers once the training has ended."""
LEAST_ANSWERING = 3.0
"""Seconds that finding the answers may take even where the time is over."""


@dataclass(frozen=True)
class SupernetJob:
    """What to train, and what is to come of it.

    Args:
        method: name of the one-shot method.
        space: with those decisions open that the supernet leaves open.
        seed: of everything random.
        steps: most of them.
        batch: examples per step.
        answers: most architectures to be evaluated alone.
        checkpoint: file to go on from, if it is there, and to write.
        deadline: seconds on the clock of ``time.monotonic``, at which the answers should be there.
    """

    method: str
    space: Space
    seed: int
    steps: int
    batch: int
    answers: int
    checkpoint: Path
    deadline: float = math.inf

    def to_json(self) -> dict[str, Any]:
        """A job for an executor; :meth:`from_json` reads it back."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"do": "oneshot", **record, "space": space_to_json(self.space), "checkpoint": str(self.checkpoint)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> SupernetJob:
        """The job written by :meth:`to_json`."""
        parts = {name: record[name] for name in cls.__dataclass_fields__}
        return cls(**{**parts, "space": space_from_json(record["space"]), "checkpoint": Path(record["checkpoint"])})


def do_supernet_job(job: SupernetJob, data: LearningData, device: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Train the supernet of a job as far as its steps and its time go, from its checkpoint if there is one, and say what it answers.

    While it trains it says ``progress`` (share done), ``left`` (seconds), ``diagnosis`` and ``messages``; then ``trained``, the number of
    its steps; in the end ``answered``: what :func:`~metanas.search.supernet_answers.answered` says, and ``seconds`` of training. Or
    ``refused``, in a sentence: what it was to go on from is damaged, or of another method or space.

    Raises:
        CandidateFailedError: if the training does not give numbers, or finds no memory.
    """
    from metanas.evaluation.guard import CandidateFailedError
    from metanas.evaluation.memory import is_exhaustion
    from metanas.evaluation.tensors import Tensors
    from metanas.oneshot import OneShotBrief, make_oneshot

    try:
        method = make_oneshot(job.method, OneShotBrief.of(job.space, data, device))
        # Where a strategy finds the answers on the validation rows, no training rows are needed for learning choices.
        learned = data if method.strategy is not None else halves(data, job.seed)
        course = _train(job, method, Tensors.of(learned, device), device, say)
        elapsed = course.seconds + course.elapsed
        if not course.state["step"]:
            say({"answered": NOTHING})
            return
        say({"trained": course.state["step"]})
        say({"answered": {**_answered(job, method, course.state, Tensors.of(judges(data), device)), "seconds": elapsed}})
    except InputError as error:
        say({"refused": str(error)})
    except (MemoryError, RuntimeError) as error:
        if is_exhaustion(error):
            raise CandidateFailedError("ran out of memory") from error
        raise


@dataclass
class _Course:
    """How far a training has come, by its steps or by its time, whichever is further.

    Args:
        state: of the method.
        steps: most of them.
        end: of the training, on the clock.
        done: share that was done when this sitting began.
        seconds: of training, in earlier sittings.
    """

    state: State
    steps: int
    end: float
    done: float = 0.0
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds of training in this sitting."""
        return time.monotonic() - self.began

    @property
    def progress(self) -> float:
        """Share that is done, in [0, 1]."""
        ours = 1.0 if self.end <= self.began else self.elapsed / (self.end - self.began)
        return min(1.0, max(float(self.state["step"]) / self.steps, self.done + (1 - self.done) * ours))

    @property
    def left(self) -> float:
        """Seconds until the end, at the present pace."""
        share = self.progress - self.done
        return max(0.0, min(self.end - time.monotonic(), self.elapsed * (1 - self.progress) / share if share > 0 else math.inf))

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        save_state(path, {"state": self.state, "done": self.progress, "seconds": self.seconds + self.elapsed})


def _train(job: SupernetJob, method: SupernetMethod, tensors: Tensors, device: str, say: Callable[[dict[str, Any]], None]) -> _Course:
    from metanas.oneshot import Batches

    now = time.monotonic()
    end = job.deadline - max(LEAST_ANSWERING, ANSWERING_SHARE * (job.deadline - now)) if job.deadline < math.inf else math.inf
    if job.checkpoint.exists():
        saved = load_state(job.checkpoint, device)
        method.check(saved["state"])
        course = _Course(saved["state"], job.steps, end, saved["done"], saved["seconds"])
    else:
        course = _Course(method.init(job.seed), job.steps, end)
    batches = Batches(tensors, job.seed, job.batch)
    told = saved_at = time.monotonic()
    began_at = course.state["step"]
    while (progress := course.progress) < 1:
        course.state = method.update(course.state, batches.at(course.state["step"], progress))
        now = time.monotonic()
        if now - told < TELL_EVERY:
            continue
        told = now
        _require_finite(course.state)
        diagnosis, messages = method.diagnosis(course.state), method.messages(course.state)
        say({"progress": course.progress, "left": course.left, "diagnosis": diagnosis, "messages": messages})
        if now - saved_at >= SAVE_EVERY:
            course.save(job.checkpoint)
            saved_at = time.monotonic()
    if course.state["step"] > began_at:  # a sitting that was only to answer leaves the checkpoint to one that trains on
        _require_finite(course.state)
        course.save(job.checkpoint)
    return course


def _answered(job: SupernetJob, method: SupernetMethod, state: State, tensors: Tensors) -> dict[str, Any]:
    deadline = max(job.deadline, time.monotonic() + LEAST_ANSWERING)
    goal = objective_for(tensors.data.kind, tensors.data.metric)
    return answered(method, state, tensors, job.space, job.answers, job.seed, goal, deadline)


def _require_finite(state: State) -> None:
    from metanas.evaluation.guard import CandidateFailedError

    if state["step"] and not math.isfinite(state["loss"]):
        raise CandidateFailedError(f"diverged: the loss was not finite at step {state['step']}")
