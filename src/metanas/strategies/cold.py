"""A Gaussian process over encoded decisions that knows nothing but the results told to it: what a transferred one is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.interfaces import State
from metanas.spaces import Architecture, Space
from metanas.spaces.decision import ALWAYS, Decision
from metanas.strategies.codes import Codes, Rows
from metanas.strategies.gaussian import Fitted, fit
from metanas.strategies.process import Matrix, Vector
from metanas.strategies.targets import standardised

SOFT = 0.5
"""Added before the logarithm, in units of the median distance to the best: the best is so much out of reach."""


def groups(decisions: Sequence[Decision]) -> tuple[NDArray[np.int64], Vector]:
    """Of each number of an encoded architecture the decision it belongs to, and a factor that makes two options without order differ by
    one in total; ``(numbers,)`` each."""
    group: list[int] = []
    share: list[float] = []
    for number, d in enumerate(decisions):
        parts = [1.0] if d.ordered else [0.5] * len(d.options)
        parts += [1.0] if d.when != ALWAYS else []
        group += [number] * len(parts)
        share += parts
    return np.array(group, dtype=np.int64), np.array(share)


def promising(values: Vector) -> Vector:
    """Minus the logarithms of how far values are behind the best, in units of the median: differences among the best count most."""
    behind = values.max() - values
    unit = float(np.median(behind)) or float(behind.mean()) or 1.0
    return np.asarray(-np.log(behind / unit + SOFT))


class Cold:
    """Fits itself to what it is told, the hyper-parameters anew after ``refit`` results.

    Args:
        space: of the architectures.
        refit: results.
    """

    def __init__(self, space: Space, refit: int = 10) -> None:
        self._codes, self._refit = Codes(space), refit
        self._group, self._share = groups(space.decisions)
        self._fitted: Fitted | None = None
        self._at = 0

    def fit(self, architectures: Sequence[Architecture], values: Vector, number: int) -> None:
        """Fit the hyper-parameters, if ``number`` of results in all says that it is time; to two results at least that differ."""
        if self._fitted is None or number >= self._at + self._refit:
            self._at = number
            self._fitted = fit(self._encode(self._codes.rows(architectures)), standardised(values), self._group, self._fitted)

    def condition(self, architectures: Sequence[Architecture], values: Vector, asked: Sequence[Architecture]) -> tuple[Vector, Vector]:
        """Mean and deviation of ``asked``, ``(asked,)`` each, in the unit of ``values``; after :meth:`fit`."""
        assert self._fitted is not None
        known, x = (self._fitted.stretched(self._encode(self._codes.rows(some)), self._group) for some in (architectures, asked))
        middle, width = float(values.mean()), max(float(values.std()), 1e-12)
        mean, deviation = self._fitted.process(known).predict((values - middle) / width, x)
        return middle + width * mean, width * deviation

    def memory(self) -> State:
        """The hyper-parameters, as JSON values."""
        return {"fitted": None if self._fitted is None else self._fitted.to_json(), "at": self._at}

    def remember(self, state: State) -> None:
        """Take back :meth:`memory`."""
        self._fitted, self._at = None if state["fitted"] is None else Fitted.from_json(state["fitted"]), state["at"]

    def _encode(self, rows: Rows) -> Matrix:
        return self._codes.encode(rows) * self._share
