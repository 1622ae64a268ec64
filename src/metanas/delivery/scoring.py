"""The test data's only reader: it scores a frozen list of competitors, once.

Selection is over when this runs; whoever changes a model after seeing these scores has no honest score left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from metanas.delivery.baselines import Entry
from metanas.delivery.resampling import bootstrap, percentile_interval
from metanas.records import LOWER_IS_BETTER
from metanas.tasks import metrics

if TYPE_CHECKING:
    from metanas.tasks import Task

Interval = tuple[float, float]


@dataclass(frozen=True)
class Score:
    """How one competitor did on the test rows.

    Args:
        metrics: all metrics of the task's kind by name, in their usual units (accuracy from 0 to 1, errors in the target's unit).
        score: the chosen metric.
        interval: within which the score lies with 95 % confidence, given that the test rows are a sample.
    """

    metrics: Mapping[str, float]
    score: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        """Each metric by name, ``score`` and ``interval``."""
        return {**self.metrics, "score": self.score, "interval": list(self.interval)}


@dataclass(frozen=True)
class Comparison:
    """The answer against the best of the others, on the same test rows (a paired comparison).

    Args:
        against: name of the best of the others.
        difference: by how much the answer's score is better (positive) or worse (negative).
        interval: of the difference, 95 % confidence.
        verdict: ``wins``, ``no clear difference``, or ``loses``: by whether the interval lies above, around or below 0.
    """

    against: str
    difference: float
    interval: Interval
    verdict: Literal["wins", "no clear difference", "loses"]

    def beaten_by(self, name: str) -> bool:
        """Whether the competitor of that name is clearly better than the answer."""
        return self.verdict == "loses" and self.against == name

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"against": self.against, "difference": self.difference, "interval": list(self.interval), "verdict": self.verdict}


@dataclass(frozen=True)
class Scores:
    """What the test data said: a score per competitor by name, in the order of the list, and the comparison if there were others."""

    by_name: Mapping[str, Score]
    comparison: Comparison | None

    def __getitem__(self, name: str) -> Score:
        return self.by_name[name]


def score_once(task: Task, entries: Sequence[Entry], *, resamples: int = 1000, seed: int = 0) -> Scores:
    """Score the frozen list on the test rows: the answer first, then the others; those that were left out are passed over.

    The interval of an accuracy is Wilson's; of any other metric, and of the difference, the middle 95 % of a bootstrap over test
    rows (Efron and Tibshirani 1993, chapter 13).

    Args:
        task: whose test rows decide.
        entries: the answer, then its competitors.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    frozen = [entry for entry in entries if entry.predict is not None]
    inputs, y = task.test_data()
    outputs = {entry.name: entry.predict(inputs) for entry in frozen if entry.predict is not None}
    found = {name: metrics.compute(task.kind, y, values) for name, values in outputs.items()}
    draws = bootstrap(task.metric, y, list(outputs.values()), resamples=resamples, seed=seed)
    scores = {
        name: Score(found[name], found[name][task.metric], percentile_interval(task.metric, found[name][task.metric], draw, len(y)))
        for (name, draw) in zip(outputs, draws, strict=True)
    }
    sign = -1.0 if task.metric in LOWER_IS_BETTER else 1.0
    names = list(scores)
    if len(names) < 2:
        return Scores(scores, None)
    best = max(range(1, len(names)), key=lambda k: sign * scores[names[k]].score)
    gains = sign * (draws[0] - draws[best])
    gain = sign * (scores[names[0]].score - scores[names[best]].score)
    return Scores(scores, _comparison(names[best], gain, gains))


def _comparison(against: str, gain: float, gains: Any) -> Comparison:
    import numpy as np

    low, high = (float(value) for value in np.nanpercentile(gains, [2.5, 97.5]))
    if low > 0:
        return Comparison(against, gain, (low, high), "wins")
    return Comparison(against, gain, (low, high), "loses" if high < 0 else "no clear difference")
