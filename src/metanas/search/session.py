"""What computes, wherever it runs: a session holds one task's data and does the jobs that an executor hands it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metanas.plugins import import_plugin

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Hello:
    """What a session is told first.

    Args:
        data: folder of the arrays, see ``LearningData.save``.
        device: where to compute: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        settings: keywords of ``TrainingSettings``.
        plugins: modules or ``.py`` files with the user's operations, to be imported.
    """

    data: str
    device: str = "cpu"
    settings: dict[str, Any] | None = None
    plugins: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object: the keywords of this class."""
        return {**asdict(self), "plugins": list(self.plugins)}


class Session:
    """Does jobs: dictionaries with ``do`` (``evaluate``, ``train`` or ``time``) and what that needs; says what comes of them."""

    def __init__(self, hello: Hello) -> None:
        import torch

        from metanas.evaluation import TrainingEvaluator, TrainingSettings
        from metanas.tasks.data import LearningData

        torch.set_flush_denormal(True)
        for plugin in hello.plugins:
            import_plugin(plugin)
        self._device = hello.device
        self._data = LearningData.load(Path(hello.data))
        self._settings = TrainingSettings(**hello.settings or {})
        self._evaluator = TrainingEvaluator(self._data, self._settings, device=self._device)

    def do(self, job: dict[str, Any], say: Say) -> None:
        """Do a job."""
        {"evaluate": self._evaluate, "train": self._train, "time": self._time}[job["do"]](job, say)

    def _evaluate(self, job: dict[str, Any], say: Say) -> None:
        """Candidates, each answered as it finishes."""
        from metanas.records import Candidate

        candidates = [Candidate.from_json(record) for record in job["candidates"]]
        for evaluation in self._evaluator.evaluate(candidates, job["deadline"]):
            say({"evaluation": evaluation.to_json()})

    def _train(self, job: dict[str, Any], say: Say) -> None:
        """A final training on training and validation data; the weights go to a file."""
        from safetensors.torch import save_file

        from metanas.evaluation.training import CandidateFailedError, train_final
        from metanas.records import Candidate

        try:
            outcome = train_final(
                Candidate.from_json(job["candidate"]),
                self._data.joined(),
                epochs=job["epochs"],
                deadline=job["deadline"],
                settings=self._settings,
                device=self._device,
                progress=lambda done, left: say({"progress": done, "left": left}),
            )
        except CandidateFailedError as error:
            say({"reason": str(error)})
            return
        save_file(outcome.state, job["out"])
        say({"trained": {"epochs": outcome.epochs, "seconds": outcome.seconds}})

    def _time(self, job: dict[str, Any], say: Say) -> None:
        """How long a training step of a candidate takes."""
        from metanas.evaluation.timing import seconds_per_step
        from metanas.records import Candidate

        say({"step": seconds_per_step(Candidate.from_json(job["candidate"]), self._data, device=self._device)})
