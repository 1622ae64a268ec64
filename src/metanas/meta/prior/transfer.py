"""The surrogate of a space on one task: what earlier tasks lead to expect, as far as the task's own results bear it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metanas.meta.prior.form import Floats, Form
from metanas.meta.prior.lessons import failures_below
from metanas.meta.surrogate import TaughtProcess
from metanas.spaces import Architecture

BELIEF = 0.9
"""Trust before there are results."""
SURE = 0.01
"""A model whose weight is less than this is left out."""


@dataclass(frozen=True, eq=False)
class TransferSurrogate:
    """See :class:`metanas.interfaces.Surrogate`.

    Two models are averaged by how probable they make the results (Hoeting et al. 1999, "Bayesian model averaging"): one with the mean that
    earlier tasks taught, and one that keeps their covariance but expects the same of all architectures. So where earlier tasks mislead,
    what they lead to expect is let go of after some results.

    Args:
        form: of the space.
        process: that earlier tasks taught.
        task: the task's embedding.
    """

    form: Form
    process: TaughtProcess
    task: Floats

    def condition(self, architectures: Sequence[Architecture], values: Floats, asked: Sequence[Architecture]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of ``asked``, ``(asked,)`` each, in the unit of the values; of no values, in normal scores.

        Args:
            architectures: that were evaluated; there may be none.
            values: their results, larger is better; what is not finite counts as worse than the worst.
            asked: architectures of the space.
        """
        if not asked:
            return np.empty(0), np.empty(0)
        x, y = results(self.form, architectures, values)
        trust = self._trust(x, y)
        weights = {model: weight for model, weight in ((self.process, trust), (self._flat, 1 - trust)) if weight >= SURE}
        new = self.form.encode_all(a.as_dict for a in asked)
        found = [(weight / sum(weights.values()), model.condition(x, y, self.task, new)) for model, weight in weights.items()]
        mean = np.sum([weight * p.mean for weight, p in found], axis=0)
        square = np.sum([weight * (p.deviation**2 + (p.mean - mean) ** 2) for weight, p in found], axis=0)
        return mean, np.sqrt(square)

    def trust(self, architectures: Sequence[Architecture], values: Floats) -> float:
        """How probable it is by the results that earlier tasks lead to expect the right thing, in [0, 1]; arguments as above."""
        return self._trust(*results(self.form, architectures, values))

    def _trust(self, x: Floats, y: Floats) -> float:
        if len(y) < 2 or np.ptp(y) == 0:
            return 1.0
        gain = self.process.evidence(x, y, self.task) - self._flat.evidence(x, y, self.task)
        return BELIEF / (BELIEF + (1 - BELIEF) * math.exp(min(-gain, 500.0)))

    @cached_property
    def _flat(self) -> TaughtProcess:
        return self.process.flat()


def results(form: Form, architectures: Sequence[Architecture], values: Floats) -> tuple[Floats, Floats]:
    """Encodings ``(n, features)`` and results ``(n,)``; what is not finite counts as worse than the worst, and without anything finite
    there are no results."""
    x, y = form.encode_all(a.as_dict for a in architectures), np.asarray(values, dtype=np.float64)
    return (x, failures_below(y)) if np.isfinite(y).any() else (x[:0], y[:0])
