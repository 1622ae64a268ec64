"""Anytime curves: how good the best so far of each run was, over what had been spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.runs import Budget, Run

Floats = NDArray[np.float64]

POINTS = 240
"""Points of a curve over simulated seconds."""

_SAME = 1e-12


@dataclass(frozen=True, eq=False)
class Curves:
    """Runs of one strategy on one problem; the best so far is chosen by what guides, and reported exactly.

    Args:
        strategy: its name.
        seeds: of the runs, rising.
        grid: ``(points,)``, what had been spent: evaluations, or simulated seconds where the budget is a clock.
        validation: ``(runs, points)``, exact validation of the best so far, signed so that larger is better; NaN before there is one.
        test: ``(runs, points)``, its test result in its own unit; None where the table has none.
        first: ``(runs, evaluations)``, validation after each evaluation, NaN after the last; what :meth:`hits` looks at.
        cost: ``(runs, evaluations)``, evaluations of full effort so far, infinite after the last.
        ms: ``(runs,)``, mean milliseconds that ask and tell took together per evaluation.
        ended: ``(runs,)``, whether the strategy had nothing left before the budget was spent.
    """

    strategy: str
    seeds: tuple[int, ...]
    grid: Floats
    validation: Floats
    test: Floats | None
    first: Floats
    cost: Floats
    ms: Floats
    ended: NDArray[np.bool_]

    @cached_property
    def reported(self) -> Floats:
        """``(runs,)``: at the end of the budget, test where there is one, else validation as it is signed."""
        return (self.validation if self.test is None else self.test)[:, -1]

    def hits(self, target: float) -> Floats:
        """``(runs,)``: evaluations until the best so far reached ``target`` (signed validation), infinite where it never did."""
        reached = self.first >= target - _SAME
        at = np.argmax(reached, axis=1)
        return np.where(reached.any(axis=1), self.cost[np.arange(len(at)), at], math.inf)


def curves(problem: Problem, runs: Sequence[Run], budget: Budget) -> Curves:
    """The curves of one strategy's runs on ``problem``, in the order of their seeds.

    Raises:
        ValueError: if there are no runs.
    """
    if not runs:
        raise ValueError("no runs to make curves of")
    cut = [run.until(budget) for run in sorted(runs, key=lambda run: run.seed)]
    grid = grid_of(budget, cut)
    found = [_best(problem.validation, run) for run in cut]
    at = [np.searchsorted(run.seconds if budget.clock else run.spent, grid + 1e-9, side="right") - 1 for run in cut]
    tested = problem.tested
    test = None if tested is None else np.stack([_along(_best(tested, run), a) for run, a in zip(cut, at, strict=True)])
    longest = max(1, *(len(run) for run in cut))
    return Curves(
        cut[0].strategy,
        tuple(run.seed for run in cut),
        grid,
        np.stack([_along(values, a) for values, a in zip(found, at, strict=True)]),
        test,
        np.stack([_padded(values, longest, math.nan) for values in found]),
        np.stack([_padded(run.spent, longest, math.inf) for run in cut]),
        np.array([float(np.mean(run.ask_ms + run.tell_ms)) if len(run) else math.nan for run in cut]),
        np.array([run.exhausted for run in cut]),
    )


def grid_of(budget: Budget, runs: Sequence[Run]) -> Floats:
    """Where curves have points: at every evaluation, or at :data:`POINTS` moments of the clock."""
    if budget.clock:
        return np.linspace(budget.seconds / POINTS, budget.seconds, POINTS)
    most = budget.evaluations if math.isfinite(budget.evaluations) else max((run.spent[-1] for run in runs if len(run)), default=1.0)
    return np.arange(1.0, max(1.0, math.floor(most + 1e-9)) + 0.5)


def _best(column: Floats, run: Run) -> Floats:
    """What the column says of the best so far after each evaluation; NaN before there is one."""
    best = run.incumbents
    return np.where(best >= 0, column[run.rows[np.maximum(best, 0)]], math.nan) if len(best) else np.empty(0)


def _along(values: Floats, at: NDArray[np.int64]) -> Floats:
    return np.where(at >= 0, values[np.maximum(at, 0)], math.nan) if len(values) else np.full(len(at), math.nan)


def _padded(values: Floats, length: int, filler: float) -> Floats:
    return np.concatenate([values, np.full(length - len(values), filler)])
