"""Where a meta-training stands: its position, its curve, and scores over episodes with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.tasks.data import Kind

NORMAL_95 = 1.959964
"""Standard deviations on each side of the mean that hold 95 % of a normal distribution."""


def score_name(kind: Kind) -> str:
    """What a meta-training is judged by: ``accuracy``, or ``mse`` (mean squared error) of regression."""
    return "accuracy" if kind == "classification" else "mse"


def better(kind: Kind, score: float, than: float) -> bool:
    """Whether ``score`` is better than another; what is not finite is worse than anything."""
    if not math.isfinite(than) or not math.isfinite(score):
        return math.isfinite(score)
    return score > than if kind == "classification" else score < than


@dataclass(frozen=True)
class EpisodeScore:
    """The mean score over episodes, as papers report it.

    Args:
        mean: over episodes of the share of right queries, or of the mean squared error.
        margin: half of the mean's 95 % confidence interval: 1.96 standard errors, episodes being drawn independently.
        episodes: how many.
    """

    mean: float
    margin: float
    episodes: int

    @classmethod
    def of(cls, values: Sequence[float]) -> EpisodeScore:
        """From one score per episode; a single one has no margin (NaN)."""
        array = np.asarray(values, np.float64)
        error = array.std(ddof=1) / math.sqrt(len(array)) if len(array) > 1 else math.nan
        return cls(float(array.mean()), float(NORMAL_95 * error), len(array))

    def text(self, kind: Kind) -> str:
        """For example ``95.3 % ± 0.3``."""
        if kind == "classification":
            return f"{100 * self.mean:.1f} % ± {100 * self.margin:.1f}"
        return f"{self.mean:.4g} ± {self.margin:.2g}"


@dataclass(frozen=True)
class Point:
    """A point of the curve: one validation.

    Args:
        step: outer steps done.
        episodes: training episodes seen.
        seconds: spent so far, over all sittings.
        loss, score: mean over the training episodes since the point before, on their queries after adapting; None at the start.
        validation, margin: on the validation episodes.
    """

    step: int
    episodes: int
    seconds: float
    loss: float | None
    score: float | None
    validation: float
    margin: float


@dataclass
class Position:
    """All that a training must know to go on, besides the meta-learner's state.

    Args:
        step: outer steps done: training episodes ``step * meta_batch`` onwards come next.
        seconds: spent in all sittings up to the last checkpoint.
        points: the curve so far.
        best: index of the point with the best validation.
        since: sums since the last point: ``steps``, ``loss`` and ``score``.
    """

    step: int = 0
    seconds: float = 0.0
    points: list[Point] = field(default_factory=list)
    best: int = 0
    since: dict[str, float] = field(default_factory=lambda: {"steps": 0, "loss": 0.0, "score": 0.0})

    def add(self, loss: float, score: float) -> None:
        """Count an outer step."""
        self.step += 1
        for name, value in (("steps", 1), ("loss", loss), ("score", score)):
            self.since[name] += value

    def mean(self, name: str) -> float | None:
        """Mean ``loss`` or ``score`` of the steps since the last point; None if there are none."""
        return self.since[name] / self.since["steps"] if self.since["steps"] else None

    def validated(self, kind: Kind, score: EpisodeScore, meta_batch: int) -> bool:
        """Add a point; returns whether it is the best so far."""
        loss, mine = self.mean("loss"), self.mean("score")
        self.points.append(Point(self.step, self.step * meta_batch, self.seconds, loss, mine, score.mean, score.margin))
        self.since = {"steps": 0, "loss": 0.0, "score": 0.0}
        if len(self.points) > 1 and not better(kind, score.mean, self.points[self.best].validation):
            return False
        self.best = len(self.points) - 1
        return True

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def of(cls, extra: Mapping[str, Any], path: Path) -> Position:
        """Where the training stood that wrote the checkpoint ``path`` with this beside its state.

        Raises:
            InputError: if the checkpoint doesn't say.
        """
        if "position" not in extra:
            raise InputError(f"{path} does not say how far the training was; put back its own file, or start anew with another --out")
        return cls.from_json(extra["position"])

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Position:
        """The position written by :meth:`to_json`."""
        return cls(**{**record, "points": [Point(**point) for point in record["points"]]})
