"""The ranking-weighted ensemble as the surrogate of a prior: what it keeps of earlier tasks, and what it says on a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.meta.prior.form import Floats, Form
from metanas.meta.prior.lessons import Lesson
from metanas.meta.prior.transfer import results
from metanas.meta.surrogate import RankedEnsemble, TaskProcess, normal_scores
from metanas.spaces import Architecture
from metanas.strategies.gaussian import Fitted

MOST_RESULTS, MOST_BEST = 100, 30
"""Results of a task that are kept: the best, and an even choice of the others."""
MOST_TASKS = 50
"""Earlier tasks that an ensemble is made of: the nearest."""


@dataclass(frozen=True, eq=False)
class TaskResults:
    """What is kept of an earlier task.

    Args:
        fingerprint: of the task.
        codes: of the architectures, int16 ``(n, decisions)``, see :meth:`Form.code`.
        z: their results as normal scores, float32 ``(n,)``.
        fitted: hyper-parameters of the task's process.
    """

    fingerprint: str
    codes: NDArray[np.int16]
    z: NDArray[np.float32]
    fitted: Fitted

    def process(self, form: Form) -> TaskProcess:
        """The process of the task."""
        group, share = columns(form)
        x = form.encode_all(form.choices([int(c) for c in code]) for code in self.codes) * share
        return TaskProcess(x, self.z.astype(np.float64), self.fitted, group)


@dataclass(frozen=True, eq=False)
class EnsembleSurrogate:
    """See :class:`metanas.interfaces.Surrogate`.

    Args:
        form: of the space.
        ensemble: of the earlier tasks.
    """

    form: Form
    ensemble: RankedEnsemble

    def condition(self, architectures: Sequence[Architecture], values: Floats, asked: Sequence[Architecture]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of ``asked``, ``(asked,)`` each, in the unit of the values; of no values, in normal scores.

        Args:
            architectures: that were evaluated; there may be none.
            values: their results, larger is better; what is not finite counts as worse than the worst.
            asked: architectures of the space.
        """
        if not asked:
            return np.empty(0), np.empty(0)
        found = self.ensemble.condition(*self._results(architectures, values), self._encoded(asked))
        return found.mean, found.deviation

    def trust(self, architectures: Sequence[Architecture], values: Floats) -> float:
        """The weight of all earlier tasks together, in [0, 1]; arguments as above."""
        return float(self.ensemble.weights(*self._results(architectures, values))[:-1].sum())

    def _results(self, architectures: Sequence[Architecture], values: Floats) -> tuple[Floats, Floats]:
        x, y = results(self.form, architectures, values)
        return x * columns(self.form)[1], y

    def _encoded(self, asked: Sequence[Architecture]) -> Floats:
        return np.asarray(self.form.encode_all(a.as_dict for a in asked) * columns(self.form)[1])


def task_results(lessons: Sequence[Lesson], form: Form) -> tuple[TaskResults, ...]:
    """What is kept of those lessons in which not all was the same."""
    group, share = columns(form)
    found = []
    for lesson in lessons:
        if np.ptp(lesson.values) <= 0:
            continue
        order, z = np.argsort(-lesson.values, kind="stable"), normal_scores(lesson.values)
        if len(order) > MOST_RESULTS:
            others = np.linspace(MOST_BEST, len(order) - 1, MOST_RESULTS - MOST_BEST).round().astype(np.int64)
            order = order[np.concatenate([np.arange(MOST_BEST), others])]
        codes = np.array([form.code(lesson.choices[place]) for place in order], np.int16)
        kept = z[order].astype(np.float32)
        fitted = TaskProcess.learn(form.encode_all(lesson.choices[place] for place in order) * share, kept.astype(np.float64), group).fitted
        found.append(TaskResults(lesson.fingerprint, codes, kept, fitted))
    return tuple(found)


def columns(form: Form) -> tuple[NDArray[np.int64], Floats]:
    """Of each number of an encoding the decision it belongs to, and a factor that makes two options without order differ by one in total;
    ``(size,)`` each."""
    parts = [([1.0] if d.ordered else [0.5] * len(d.options)) + [1.0] * d.conditional for d in form.decisions]
    group = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return group, np.array([share for part in parts for share in part])


def to_record(kept: Sequence[TaskResults]) -> dict[str, Any]:
    """Arrays and JSON values; :func:`from_record` reads them back."""
    return {
        "fingerprints": [one.fingerprint for one in kept],
        "counts": [len(one.z) for one in kept],
        "codes": np.concatenate([one.codes for one in kept]),
        "scores": np.concatenate([one.z for one in kept]),
        "weights": np.array([one.fitted.weights for one in kept], np.float64),
        "variances": np.array([(one.fitted.scale, one.fitted.noise) for one in kept], np.float64),
    }


def from_record(record: Mapping[str, Any], form: Form) -> tuple[TaskResults, ...]:
    """What :func:`to_record` wrote.

    Raises:
        ValueError: if it is of another form, or holds what is no number.
    """
    counts, codes, scores = record["counts"], record["codes"], record["scores"]
    fits = [
        Fitted(tuple(map(float, w)), float(scale), float(noise))
        for w, (scale, noise) in zip(record["weights"], record["variances"], strict=True)
    ]
    if sum(counts) != len(codes) or len(codes) != len(scores) or not np.isfinite(scores).all():
        raise ValueError("results that are none")
    if not all(len(one.weights) == len(form.decisions) and min(*one.weights, one.scale, one.noise) > 0 for one in fits):
        raise ValueError("hyper-parameters of another form")
    for code in codes:
        form.choices([int(c) for c in code])
    ends = np.cumsum(counts)[:-1]
    pieces = zip(record["fingerprints"], np.split(codes, ends), np.split(scores, ends), fits, strict=True)
    return tuple(TaskResults(str(name), code, z, fitted) for name, code, z, fitted in pieces)
