"""What was found, in sentences; and numbers as the field prints them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from metanas.benchmarks.statistics import ALPHA, Comparison, Ranking, fewest_pairs
from metanas.benchmarks.tables.results import SHARES

_UNITS = {"latency": "s", "seconds": "s", "energy": "J"}
MOST_SPELT = 3
"""Up to so many comparisons have a sentence each; more are listed together."""


def is_share(metric: str) -> bool:
    """Whether the metric is a share from 0 to 1, printed as percent; what follows a colon says of what (``accuracy:attacked``)."""
    return metric.partition(":")[0] in SHARES


def number(metric: str, value: float, digits: int = 2) -> str:
    """A value of the metric: shares as percentages without the sign, others with four significant digits."""
    if not math.isfinite(value):
        return "-"
    return f"{100 * value:.{digits}f}" if is_share(metric) else f"{value:.4g}"


def unit(metric: str) -> str:
    """What :func:`number` counts in: ``%``, ``s``, ``J`` or nothing."""
    return "%" if is_share(metric) else _UNITS.get(metric.partition(":")[0], "")


def spread(metric: str, mean: float, deviation: float, digits: int = 2) -> str:
    """Mean and standard deviation."""
    if not math.isfinite(deviation):
        return number(metric, mean, digits)
    return f"{number(metric, mean, digits)} ± {number(metric, deviation, digits) if is_share(metric) else f'{deviation:.2g}'}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def verdicts(comparisons: Sequence[Comparison], means: Mapping[str, float], where: str) -> list[str]:
    """Sentences on who beats whom.

    Args:
        comparisons: every pair, corrected.
        means: strategy to its mean result, larger is better.
        where: for example ``on cifar10 after 200 evaluations``.
    """
    if not comparisons:
        return []
    pairs = max(c.pairs for c in comparisons)
    if pairs < fewest_pairs(len(comparisons)):
        least = fewest_pairs(len(comparisons))
        return [
            f"{pairs} seeds are too few to show any difference {where}; at least {least} are needed for {len(comparisons)} comparisons."
        ]
    if len(comparisons) <= MOST_SPELT:
        return [_spelt(c, where) for c in comparisons]
    best = max(means, key=lambda name: means[name])
    told = [_against(best, comparisons, where)]
    if "random" in means and best != "random":
        told.append(_against("random", comparisons, where))
    return told


def _spelt(c: Comparison, where: str) -> str:
    if c.better is None:
        return f"No difference could be shown between {_called(c.first)} and {_called(c.second)} {where} (p = {p_text(c.p)})."
    worse, effect = (c.second, c.effect) if c.better == c.first else (c.first, 1 - c.effect)
    return f"{_called(c.better)} is better than {_called(worse)} {where} (p = {p_text(c.p)}, A = {effect:.2f})."


def _against(name: str, comparisons: Sequence[Comparison], where: str) -> str:
    """One sentence on all comparisons of one strategy."""
    own = [c for c in comparisons if name in (c.first, c.second)]
    other = {id(c): c.second if c.first == name else c.first for c in own}
    beats = [c for c in own if c.better == name]
    loses = [c for c in own if c.better not in (None, name)]
    open_ = [c for c in own if c.better is None]
    parts = []
    for verb, group in (("is better than", beats), ("is worse than", loses)):
        if group:
            names = listed([_called(other[id(c)]) for c in group])
            effects = sorted(c.effect if (c.first == name) else 1 - c.effect for c in group)
            size = f"A = {effects[0]:.2f}" if len(group) == 1 else f"A from {effects[0]:.2f} to {effects[-1]:.2f}"
            most = max(c.p for c in group)
            bound = f"p = {p_text(most)}" if len(group) == 1 else f"every p {_most(most)}"
            parts.append(f"{verb} {names} ({bound}, {size})")
    if not parts:
        return f"No difference could be shown between {_called(name)} and any other strategy {where}."
    sentence = f"{_called(name)} {' and '.join(parts)} {where}"
    if open_:
        sentence += f"; no difference could be shown between it and {listed([_called(other[id(c)]) for c in open_])}"
    return f"{sentence}."


def _called(name: str) -> str:
    return "random search" if name == "random" else name


def p_text(p: float) -> str:
    """A p-value with two significant digits, or its bound."""
    if p < 1e-4:
        return f"{p:.0e}"
    if 0.045 < p < 0.055:
        return f"{p:.3g}"  # on which side of the level it is must show
    return f"{p:.2g}" if p < 0.995 else "1"


def _most(p: float) -> str:
    return f"at most {p_text(p)}" if p >= 1e-4 else "below 0.0001"


def ranking_words(found: Ranking) -> str:
    """One sentence on mean ranks over several problems."""
    best = found.strategies[0]
    lead = f"Over {found.problems} problems {_called(best)} has the best mean rank ({found.ranks[0]:.2f} of {len(found.strategies)})"
    if not math.isfinite(found.p):
        return f"{lead}; three strategies and two problems are the least for a test."
    if found.p >= ALPHA:
        return f"{lead}, but Friedman's test shows no difference between the strategies (p = {p_text(found.p)})."
    behind = [name for name, rank in zip(found.strategies, found.ranks, strict=True) if rank - found.ranks[0] >= found.critical]
    least = f"the critical difference of mean ranks is {found.critical:.2f}"
    if not behind:
        return f"{lead}; the strategies differ (Friedman, p = {p_text(found.p)}), but {least}, so that none is shown to be behind it."
    return f"{lead}; {least}, so that it is ahead of {listed([_called(n) for n in behind])} (Friedman, p = {p_text(found.p)})."
