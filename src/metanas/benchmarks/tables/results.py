"""What results are: names as users read them, and numbers that can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Column, Problem
from metanas.errors import InputError

SHARES = frozenset({"accuracy", "roc_auc", "balanced_accuracy", "f1", "precision", "miou"})
"""Metrics that are shares from 0 to 1 and printed as percent."""

LARGEST = 1e18
"""Largest value that a result or a cost can have."""


def words(value: float, metric: str) -> str:
    """A result as users read it: shares as percent, other numbers with five digits."""
    shown = f"{100 * value:.2f} %" if metric.partition(":")[0] in SHARES else f"{value:.5g}"
    return f"{titled(metric)} {shown}"


def titled(metric: str) -> str:
    """A metric's name as users read it; what follows a colon stays as it is."""
    name, colon, of = metric.partition(":")
    return name.replace("_", " ") + colon + of


def check_numbers(file: str, problem: Problem) -> None:
    """Refuse a table of a known benchmark without results, or with numbers that can't be: shares, costs and times have no sign.

    NaN is what was not measured.

    Raises:
        InputError: naming ``file``.
    """
    results = [pair for level in problem.levels for pair in level.metrics.items()] + list(problem.test.items())
    spent = [("seconds", level.seconds) for level in problem.levels if level.seconds is not None] + list(problem.costs.items())
    for (name, column), lowest in [*((pair, -LARGEST) for pair in results), *((pair, 0.0) for pair in spent)]:
        share = name.partition(":")[0] in SHARES
        there = column[~np.isnan(column)]
        if len(there) and not (0.0 if share else lowest) <= there.min() <= there.max() <= (1.0 if share else LARGEST):
            raise InputError(f"{file} holds values of {titled(name)} that are beyond all measure; get the file again")
    for level in problem.levels:
        if level.seconds is not None and (_there(level.metrics[problem.metric]) & ~_there(level.seconds)).any():
            raise InputError(f"{file} holds results without their training times; get the file again")
    for column in (problem.levels[-1].metrics[problem.metric], *([] if problem.tested is None else [problem.tested])):
        if np.isnan(column).all():
            raise InputError(f"{file} holds no results for {problem.dataset}; get the file again")


def _there(column: Column) -> NDArray[np.bool_]:
    """Where a column has numbers, ``(rows, repeats)`` or ``(rows, 1)``."""
    found = np.isfinite(column)
    return found if found.ndim > 1 else found[:, None]
