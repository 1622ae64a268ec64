"""An earlier task as a world to search in: what was evaluated there, and what two models that have not seen it make of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metanas.meta.surrogate import History, TaughtProcess, normal_scores
from metanas.meta.surrogate.history import Floats

FOLDS = 3
"""Parts of the sources that are left out in turn."""
LEAST_SOURCES = 3
"""Without so many nothing is left out, and nothing is said of what is worth what."""
MOST = 120
"""Architectures of a world: the best half and an even choice of the others."""
SHIFT = 1.0
"""Variance of what the transferred surrogate does not know of a task's level."""
REACH = 2.0
"""The cold kernel falls by so many powers of e over the average distance: where its hyper-parameters' prior has its mode."""


@dataclass(frozen=True, eq=False)
class World:
    """A task of ``n`` recorded architectures; only these can be proposed.

    Args:
        source: of the data; what is learned must not be judged on a source that it has seen.
        values: ``(n,)``: normal scores of the results, larger is better.
        mean, kernel: ``(n,)`` and ``(n, n)``: of the transferred surrogate before any evaluation, which has not seen the source.
        noise: its variance of an evaluation.
        cold: ``(n, n)``: correlations by encoding alone.
    """

    source: str
    values: Floats
    mean: Floats
    kernel: Floats
    noise: float
    cold: Floats

    @classmethod
    def of(cls, history: History, surrogate: TaughtProcess) -> World:
        """The world of a task's history, with a surrogate that was learned without its source."""
        from scipy.spatial.distance import cdist

        rows = _chosen(history.y)
        x, values = history.x[rows], normal_scores(history.y)[rows]
        mean, points = surrogate.look(x, history.task)
        far = cdist(x, x, "cityblock")
        average = float(far.sum()) / max(1, len(far) * (len(far) - 1)) or 1.0
        return cls(
            history.source, values, mean, surrogate.covariance(points, points) + SHIFT, surrogate.noise, np.exp(-REACH * far / average)
        )


def left_out(histories: Sequence[History], learn: Callable[[Sequence[History]], TaughtProcess]) -> list[tuple[History, TaughtProcess]]:
    """Every task with a surrogate that was learned from the others, without any task of its source; none with too few sources.

    Args:
        histories: whose results differ.
        learn: makes a surrogate of two histories or more.
    """
    sources = sorted({history.source for history in histories})
    found = []
    for fold in [set(sources[part::FOLDS]) for part in range(FOLDS)] if len(sources) >= LEAST_SOURCES else []:
        rest = [history for history in histories if history.source not in fold]
        if len(rest) > 1:
            surrogate = learn(rest)
            found += [(history, surrogate) for history in histories if history.source in fold]
    return found


def _chosen(y: Floats) -> NDArray[np.int64]:
    order: NDArray[np.int64] = np.argsort(-y, kind="stable")
    if len(order) <= MOST:
        return order
    others = np.linspace(MOST // 2, len(order) - 1, MOST - MOST // 2).round().astype(np.int64)
    chosen: NDArray[np.int64] = order[np.concatenate([np.arange(MOST // 2), others])]
    return chosen
