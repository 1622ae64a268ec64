"""What computes, wherever it runs: a session holds one task's data and does the jobs that an executor hands it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metanas.plugins import import_plugin

if TYPE_CHECKING:
    from metanas.evaluation import TrainingEvaluator

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Hello:
    """What a session is told first.

    Args:
        data: folder of the arrays, see ``LearningData.save``.
        device: where to compute: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        settings: keywords of ``TrainingSettings``.
        plugins: modules or ``.py`` files with the user's operations, to be imported.
        starts: folder of initial weights that candidates are offered; None without any.
    """

    data: str
    device: str = "cpu"
    settings: dict[str, Any] | None = None
    plugins: Sequence[str] = ()
    starts: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object: the keywords of this class."""
        return {**asdict(self), "plugins": list(self.plugins)}


class Session:
    """Does jobs: dictionaries with ``do`` (``evaluate``, ``train``, ``time``, ``oneshot``) and what that needs; says what comes of it."""

    def __init__(self, hello: Hello) -> None:
        from metanas.evaluation import TrainingSettings
        from metanas.tasks.data import LearningData

        for plugin in hello.plugins:
            import_plugin(plugin)
        self._device = hello.device
        self._data = LearningData.load(Path(hello.data))
        self._settings = TrainingSettings(**hello.settings or {})
        self._starts = None if hello.starts is None else Path(hello.starts)
        self._evaluators: dict[float | None, TrainingEvaluator] = {}  # by the longest time for a candidate: one, as a rule

    def do(self, job: dict[str, Any], say: Say) -> None:
        """Do a job; one that can't be done is answered by ``{"reason": why}``."""
        from metanas.evaluation.evaluator import reason_for

        try:
            {"evaluate": self._evaluate, "train": self._train, "time": self._time, "oneshot": self._oneshot}[job["do"]](job, say)
        except Exception as error:
            say({"reason": reason_for(error)})

    def _evaluate(self, job: dict[str, Any], say: Say) -> None:
        """Candidates, each answered as it finishes."""
        from metanas.evaluation import TrainingEvaluator
        from metanas.records import Candidate

        seconds = job["seconds"]
        if seconds not in self._evaluators:
            settings = replace(self._settings, seconds=seconds)
            self._evaluators[seconds] = TrainingEvaluator(self._data, settings, self._device, self._starts)
        candidates = [Candidate.from_json(record) for record in job["candidates"]]
        for evaluation in self._evaluators[seconds].evaluate(candidates, job["deadline"]):
            say({"evaluation": evaluation.to_json()})

    def _train(self, job: dict[str, Any], say: Say) -> None:
        """A final training on training and validation data; the weights go to a file."""
        from safetensors.torch import save_file

        from metanas.evaluation.start import offered
        from metanas.evaluation.training import train_final
        from metanas.records import Candidate

        candidate = Candidate.from_json(job["candidate"])
        outcome = train_final(
            candidate,
            self._data.joined(),
            epochs=job["epochs"],
            deadline=job["deadline"],
            settings=self._settings,
            device=self._device,
            progress=lambda done, left: say({"progress": done, "left": left}),
            weights=offered(candidate, self._starts),
        )
        save_file(outcome.state, job["out"])
        say({"trained": {"epochs": outcome.epochs, "seconds": outcome.seconds}})

    def _time(self, job: dict[str, Any], say: Say) -> None:
        """How long a training step takes: of the first candidate alone, and of all as a group."""
        from metanas.evaluation.tensors import Tensors
        from metanas.evaluation.timing import seconds_per_group_step, seconds_per_step
        from metanas.records import Candidate

        candidates = [Candidate.from_json(record) for record in job["candidates"]]
        tensors = Tensors.of(self._data, self._device)
        step = seconds_per_step(candidates[0], tensors)
        say({"step": step, "group": seconds_per_group_step(candidates, tensors) if len(candidates) > 1 else step})

    def _oneshot(self, job: dict[str, Any], say: Say) -> None:
        """Train a supernet and say what it answers."""
        from metanas.search.supernet_job import SupernetJob, do_supernet_job

        do_supernet_job(SupernetJob.from_json(job), self._data, self._device, say)
