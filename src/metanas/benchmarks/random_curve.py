"""What random search is expected to reach: exact, from order statistics, without simulating it.

Random search draws rows of a table without replacement, each as likely as the other. After n of N draws the row of rank r (0 is the best
by what guides) is the best so far with probability C(N - 1 - r, n - 1) / C(N, n). Weighting the rows' exact validation and test results
with that gives the expectation of selecting on validation and reporting test. Rows that failed are drawn and counted like others, but never
are the best; of rows that tie the one drawn first stays the best, which is each of them equally often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.runs import guiding

Floats = NDArray[np.float64]

MOST_SEEDS = 100
"""Of more seeds these many stand for all, where the repetition of a table that guides depends on the seed."""


_NEGLIGIBLE = 1e-24


@dataclass(frozen=True, eq=False)
class RandomCurve:
    """Expectations of random search after 1, 2, ... evaluations at the highest fidelity; every array has the shape ``(evaluations,)``.

    Args:
        validation: exact validation of the best so far, signed so that larger is better.
        validation_std: its standard deviation over runs.
        test: test result of the best so far, in its own unit; None where the table has none.
        test_std: its standard deviation over runs.
        reached: probability that the best so far has the best validation of the table.
        seconds: mean training time of one evaluation, NaN where the table has no times.
        sampling: mean and standard deviation of the reported result (test, else validation in its own sign) of one draw.
    """

    validation: Floats
    validation_std: Floats
    test: Floats | None
    test_std: Floats | None
    reached: Floats
    seconds: float
    sampling: tuple[float, float]

    @property
    def evaluations(self) -> int:
        """Length of the curves."""
        return len(self.validation)

    def to_optimum(self) -> float:
        """Expected evaluations until the optimum, those beyond the curve's length counted as its length."""
        return 1.0 + float((1.0 - self.reached[:-1]).sum())


def random_curve(problem: Problem, evaluations: int, seeds: Sequence[int] = (0,)) -> RandomCurve:
    """The curve of random search on a problem.

    Exact where the space's :meth:`~metanas.spaces.Space.sample` is uniform over the rows: listed spaces, and spaces whose decisions are
    always open. Where the guiding result has repetitions it is exact for the repetitions that ``seeds`` draw, averaged over them.

    Args:
        problem: with one row per architecture.
        evaluations: length of the curve.
        seeds: of the runs it stands beside.
    """
    tested = problem.tested
    columns = [problem.validation, np.isclose(problem.validation, problem.optimum, rtol=0, atol=1e-12).astype(float)]
    columns += [tested] if tested is not None else []
    noisy = problem.levels[-1].metrics[problem.metric].ndim > 1
    chosen = list(seeds)[:MOST_SEEDS] if noisy else [seeds[0]]
    moments = [best_of_draws(guiding(problem, seed), np.column_stack(columns), evaluations) for seed in chosen]
    mean, squares = (np.mean([m[part] for m in moments], axis=0) for part in (0, 1))
    spread = np.sqrt(np.maximum(0.0, squares - mean**2))
    reported = tested if tested is not None else problem.signed(problem.validation[:, None])
    times = problem.levels[-1].seconds
    return RandomCurve(
        mean[:, 0],
        spread[:, 0],
        None if tested is None else mean[:, 2],
        None if tested is None else spread[:, 2],
        mean[:, 1],
        float("nan") if times is None else float(np.nanmean(times)),
        (float(np.nanmean(reported)), float(np.nanstd(reported))),
    )


def best_of_draws(guide: Floats, reported: Floats, most: int) -> tuple[Floats, Floats]:
    """First and second moments of what is reported of the best of n draws without replacement, n = 1 ... ``most``.

    Args:
        guide: ``(rows,)``, larger is better, NaN where a row failed.
        reported: ``(rows, columns)``; NaN where nothing is known, which then doesn't count.
        most: largest number of draws; beyond the number of rows everything has been drawn.

    Returns:
        Two arrays ``(most, columns)``, given that at least one of the draws has not failed.

    Raises:
        ValueError: if every row failed.
    """
    rows, there = len(guide), np.flatnonzero(np.isfinite(guide))
    if not len(there):
        raise ValueError("every row of the table failed")
    order = there[np.argsort(-guide[there], kind="stable")]
    values = reported[order]
    known = np.isfinite(values)
    parts = np.concatenate([np.where(known, values, 0.0), np.where(known, values, 0.0) ** 2, known.astype(float)], axis=1)
    parts = _level_ties(guide[order], parts)
    sums = np.empty((most, parts.shape[1]))
    rank = np.arange(len(order), dtype=np.float64)
    weights = np.full(len(order), 1.0 / rows)
    for n in range(1, most + 1):
        if n % 16 == 0:  # what is hardly ever the best any more can be left out: weights fall with the rank
            kept = max(1, int(np.count_nonzero(weights > _NEGLIGIBLE)))
            weights, rank, parts = weights[:kept], rank[:kept], parts[:kept]
        if 1 < n <= rows:
            # C(N-1-r, n-1) / C(N, n) from the same with n - 1; no term ever grows beyond 1, so nothing overflows.
            weights = weights * (np.maximum(0.0, rows - rank - n + 1) / (rows - n + 1)) * (n / (n - 1))
        sums[n - 1] = weights @ parts
    width = reported.shape[1]
    counts = sums[:, 2 * width :]
    return sums[:, :width] / counts, sums[:, width : 2 * width] / counts


def _level_ties(guide: Floats, parts: Floats) -> Floats:
    """Each row's parts replaced by the mean over the rows that tie with it; ``guide`` is sorted."""
    group = np.concatenate([[0], np.cumsum(np.diff(guide) != 0)])
    sums = np.stack([np.bincount(group, weights=column) for column in parts.T], axis=1)
    levelled: Floats = (sums / np.bincount(group)[:, None])[group]
    return levelled
