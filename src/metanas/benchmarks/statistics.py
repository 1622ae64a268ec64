"""Is one strategy better than another, or was it luck? Tests over seeds and over problems, effect sizes, and words for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ALPHA = 0.05
"""How often, at most, a difference is claimed where there is none: per family of tests, after Holm's correction."""

EXACT = 50
"""Up to so many pairs without ties the distribution of the signed-rank statistic is counted out; beyond, it is close to normal."""


@dataclass(frozen=True)
class Comparison:
    """Two strategies on the same seeds.

    Args:
        first, second: their names.
        p: two-sided, of Wilcoxon's signed-rank test; corrected where it stands among several (:func:`compare_all`).
        effect: Vargha and Delaney's A: how often a run of ``first`` beats one of ``second``, ties counted half; 0.5 is no difference.
        rank_biserial: of the pairs, from -1 to 1: the share of rank sum that speaks for ``first`` less the share against it.
        pairs: seeds that both have.
        difference: median over the seeds of ``first`` less ``second``, larger is better for ``first``.
    """

    first: str
    second: str
    p: float
    effect: float
    rank_biserial: float
    pairs: int
    difference: float

    @property
    def better(self) -> str | None:
        """Who is better at the level :data:`ALPHA`, or None if no difference could be shown."""
        if not self.p < ALPHA or self.rank_biserial == 0:
            return None
        return self.first if self.rank_biserial > 0 else self.second


def signed_rank(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Wilcoxon's signed-rank test of pairs: the two-sided p-value and the matched-pairs rank-biserial correlation.

    Pairs without a difference keep their ranks and count for neither side (Pratt 1959). The p-value is exact for up to :data:`EXACT` pairs
    of which no two differ equally, else from the normal approximation. Two equal samples give p = 1.
    """
    from scipy.stats import rankdata, wilcoxon

    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    # Results that are equal but for rounding in the last digits are ties.
    difference = np.where(np.abs(difference) < 1e-12, 0.0, np.round(difference, 12))
    sizes = np.abs(difference)
    if not sizes.any():
        return 1.0, 0.0
    ranks = rankdata(sizes)
    weights = ranks[sizes > 0]
    signs = np.sign(difference[sizes > 0])
    exact = len(sizes) <= EXACT and len(np.unique(sizes)) == len(sizes) and sizes.all()
    # All pairs but one without a difference leave no variance to speak of: scipy then divides by almost nothing, but stays finite.
    p = float(wilcoxon(difference, zero_method="pratt", method="exact" if exact else "asymptotic").pvalue)
    return min(1.0, p), float((weights * signs).sum() / weights.sum())


def vargha_delaney(first: ArrayLike, second: ArrayLike) -> float:
    """A: the probability that a draw of ``first`` is larger than one of ``second``, ties counted half (Vargha and Delaney 2000)."""
    from scipy.stats import rankdata

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    ranks = rankdata(np.concatenate([a, b]))[: len(a)]
    return float((ranks.sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(b)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: the chance of even one false claim stays below the level (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[int(index)] = worst
    return adjusted


def compare(first: str, second: str, results: Mapping[str, Mapping[int, float]]) -> Comparison:
    """Two strategies, paired by seed; seeds without a result of both are left out.

    Args:
        first: name.
        second: name.
        results: strategy to seed to result, larger is better.
    """
    shared = [s for s in results[first] if s in results[second] and math.isfinite(results[first][s]) and math.isfinite(results[second][s])]
    if not shared:
        return Comparison(first, second, 1.0, 0.5, 0.0, 0, math.nan)
    a, b = (np.array([results[name][seed] for seed in shared]) for name in (first, second))
    p, biserial = signed_rank(a, b)
    return Comparison(first, second, p, vargha_delaney(a, b), biserial, len(shared), float(np.median(a - b)))


def compare_all(results: Mapping[str, Mapping[int, float]]) -> list[Comparison]:
    """Every pair of strategies, their p-values corrected together by Holm's method."""
    raw = [compare(first, second, results) for first, second in combinations(results, 2)]
    adjusted = holm([c.p for c in raw])
    return [Comparison(c.first, c.second, p, c.effect, c.rank_biserial, c.pairs, c.difference) for c, p in zip(raw, adjusted, strict=True)]


def fewest_pairs(tests: int = 1) -> int:
    """The least number of seeds with which ``tests`` corrected signed-rank tests can show anything at all."""
    return 1 + math.ceil(math.log2(tests / ALPHA))


@dataclass(frozen=True)
class Ranking:
    """Strategies over several problems.

    Args:
        strategies: names, the best mean rank first.
        ranks: mean ranks in that order; 1 is the best.
        problems: how many.
        p: of Friedman's test that all are alike; NaN for fewer than three strategies or two problems.
        critical: Nemenyi's critical difference at the level :data:`ALPHA`: mean ranks nearer than this can't be told apart.
    """

    strategies: tuple[str, ...]
    ranks: tuple[float, ...]
    problems: int
    p: float
    critical: float

    @property
    def cliques(self) -> list[tuple[int, int]]:
        """The longest stretches ``(first, last)`` of neighbours that can't be told apart."""
        ends = [max(j for j in range(i, len(self.ranks)) if self.ranks[j] - self.ranks[i] < self.critical) for i in range(len(self.ranks))]
        return [(i, end) for i, end in enumerate(ends) if end > i and (i == 0 or ends[i - 1] < end)]


def ranking(table: Mapping[str, Sequence[float]]) -> Ranking:
    """Mean ranks, Friedman's test and the critical difference.

    Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", section 3.2.2.

    Args:
        table: strategy to its result on each problem (the mean over seeds), larger is better, problems in the same order for all.
    """
    from scipy.stats import friedmanchisquare, rankdata

    names = list(table)
    results = np.array([table[name] for name in names])  # (strategies, problems)
    ranks = np.stack([rankdata(-np.round(column, 12)) for column in results.T])
    mean = ranks.mean(axis=0)
    order = np.argsort(mean, kind="stable")
    alike = bool((ranks == ranks[:, :1]).all())
    testable = len(names) > 2 and len(ranks) > 1
    p = (1.0 if alike else float(friedmanchisquare(*ranks.T).pvalue)) if testable else math.nan
    critical = critical_difference(len(names), len(ranks))
    return Ranking(tuple(names[i] for i in order), tuple(float(mean[i]) for i in order), len(ranks), p, critical)


def critical_difference(strategies: int, problems: int, alpha: float = ALPHA) -> float:
    """Nemenyi's: q sqrt(k (k + 1) / (6 N)), q from the studentised range of k means over the square root of 2.

    Infinite for a single strategy or problem.
    """
    from scipy.stats import studentized_range

    if strategies < 2 or problems < 2:
        return math.inf
    q = float(studentized_range.ppf(1 - alpha, strategies, math.inf)) / math.sqrt(2)
    return q * math.sqrt(strategies * (strategies + 1) / (6 * problems))


def restricted_mean(hits: ArrayLike, most: ArrayLike) -> tuple[float, float]:
    """Mean of ``min(hit, most)`` and the share of finite hits: what can be said where some runs never got there."""
    times = np.asarray(hits, dtype=np.float64)
    return float(np.minimum(times, most).mean()), float(np.isfinite(times).mean())
