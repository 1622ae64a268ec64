"""Several goals at once: fronts and hypervolumes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.runs import Run
from metanas.errors import InputError
from metanas.records import Goal, Objective, lower_is_better

Floats = NDArray[np.float64]


def parse_objective(text: str, problem: Problem) -> Objective:
    """The objective of ``accuracy,latency:raspi4``: one goal per name.

    Raises:
        InputError: for a name that is neither a metric that guides nor a cost of the problem's table, or that stands there twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [*problem.levels[-1].metrics, *problem.costs]
    for name in names:
        if name not in known:
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise InputError(f"{problem.name} on {problem.dataset} has no metric or cost {name!r}; known: {shown}")
    if not names or len(set(names)) < len(names):
        raise InputError(f"an objective is a list of different metrics and costs, such as accuracy,parameters, not {text!r}")
    return Objective(tuple(Goal(((name, 1.0),)) for name in names))


def judged(problem: Problem, objective: Objective | None) -> Problem:
    """``problem`` judged by the objective, if that is a single metric or cost of its table."""
    terms = [term for goal in (objective.goals if objective else ()) for term in goal.terms]
    return problem.judged_by(terms[0][0]) if len(terms) == 1 else problem


def goal_values(problem: Problem, objective: Objective) -> Floats:
    """``(rows, goals)``: what every row is worth, exactly (mean over repetitions), larger is better; NaN where it is not known."""
    columns = {**problem.costs, **problem.levels[-1].metrics}
    found = np.zeros((problem.rows, len(objective.goals)))
    for place, goal in enumerate(objective.goals):
        for name, weight in goal.terms:
            # The problem's own way of averaging repetitions signs by its guiding metric, not by this one.
            mean = problem.sign * problem.signed(columns[name])
            found[:, place] += weight * (-mean if lower_is_better(name) else mean)
    return found


def front(values: Floats) -> NDArray[np.bool_]:
    """Which of ``values`` ``(points, goals)`` no other one dominates (larger is better); of equal points all, or none.

    Points that are not finite are on no front.
    """
    there = np.flatnonzero(np.isfinite(values).all(axis=1))
    on = np.zeros(len(values), dtype=np.bool_)
    # Sorted by the first goal, then the others, no point is dominated by a later one.
    order = there[np.lexsort(-values[there].T[::-1])]
    if values.shape[1] == 2:
        # The best second goal of those before each; a point's equals come next to it and share its fate.
        distinct = np.concatenate([[True], (np.diff(values[order], axis=0) != 0).any(axis=1)])[: len(order)]
        second = values[order[distinct], 1]
        good = second > np.concatenate([[-np.inf], np.maximum.accumulate(second)])[: len(second)]
        on[order] = good[np.cumsum(distinct) - 1]
        return on
    kept: list[int] = []
    for index in order:
        best = values[kept]
        if not ((best >= values[index]).all(axis=1) & (best > values[index]).any(axis=1)).any():
            kept.append(int(index))
    on[kept] = True
    return on


def hypervolume(values: Floats, reference: Sequence[float] | Floats) -> float:
    """Volume that ``values`` ``(points, goals)`` dominate beyond ``reference`` ``(goals,)``; exact.

    Two goals take a sort, each further one a sum over slices (Zitzler 2001, hypervolume by slicing objectives): quick for three goals and
    hundreds of points.
    """
    corner = np.asarray(reference, dtype=np.float64)
    inside = values[np.isfinite(values).all(axis=1)]
    inside = inside[(inside > corner).all(axis=1)]
    if not len(inside):
        return 0.0
    inside = inside[front(inside)]
    if len(corner) == 1:
        return float(inside.max() - corner[0])
    if len(corner) == 2:
        inside = inside[np.argsort(-inside[:, 0], kind="stable")]
        widths, heights = inside[:, 0] - corner[0], inside[:, 1]
        below = np.concatenate([[corner[1]], heights[:-1]])
        return float((widths * (heights - below)).sum())
    inside = inside[np.argsort(-inside[:, -1], kind="stable")]
    heights = inside[:, -1] - np.concatenate([inside[1:, -1], corner[-1:]])
    # Between two heights lies what all points down to the upper one dominate in the other goals.
    return math.fsum(h * hypervolume(inside[: n + 1, :-1], corner[:-1]) for n, h in enumerate(heights) if h > 0)


class Trade:
    """Scores fronts on a problem: their hypervolume, as a share of that of the best front there is.

    Every goal is scaled so that the worst row of the table is 0 and the best 1; the reference is the worst of all.

    Attributes:
        values: ``(rows, goals)``, see :func:`goal_values`.
        best: rows on the table's own front.
    """

    def __init__(self, problem: Problem, objective: Objective) -> None:
        self.values = goal_values(problem, objective)
        known = self.values[np.isfinite(self.values).all(axis=1)]
        low, high = known.min(axis=0), known.max(axis=0)
        self._scaled = (self.values - low) / np.where(high > low, high - low, 1.0)
        self._origin = np.zeros(len(low))
        self.best = np.flatnonzero(front(self.values))
        self._whole = hypervolume(self._scaled[self.best], self._origin)

    def share(self, rows: NDArray[np.int64]) -> float:
        """Hypervolume of ``rows`` over that of the table's front, from 0 to 1."""
        return hypervolume(self._scaled[rows], self._origin) / self._whole

    def found(self, run: Run) -> NDArray[np.int64]:
        """The rows of a run's front at its end, as the strategy was told."""
        return run.rows[front(run.values)]

    def curve(self, run: Run) -> Floats:
        """``(evaluations,)``: after each one the share that the front so far has; the front is chosen by what the strategy was told."""
        shares, share = np.empty(len(run)), 0.0
        kept = np.empty(0, dtype=np.int64)
        for n, told in enumerate(run.values):
            if np.isfinite(told).all() and not _beaten(run.values[kept], told):
                kept = np.append(kept, n)
                kept = kept[front(run.values[kept])]
                share = self.share(run.rows[kept])
            shares[n] = share
        return shares


def _beaten(front_values: Floats, point: Floats) -> bool:
    return bool((front_values >= point).all(axis=1).any())
