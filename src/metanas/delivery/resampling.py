"""How sure a score is: the bootstrap over test rows, vectorised, and Wilson's interval.

A resample of ``n`` rows is a vector of counts, how often each row was drawn. Every metric but the area under the ROC curve is a
function of a few sums over rows, so that a thousand resamples are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from metanas.tasks.data import Array

Statistic = Callable[[Array], Array]
"""Counts ``(resamples, rows)`` to the metric in each resample ``(resamples,)``, as ``metanas.tasks.metrics`` defines it."""

CHUNK_NUMBERS = 1_000_000
MOST_DRAWS = 20_000_000
LEAST_RESAMPLES = 200
MOST_RANKED = 10_000
"""Rows times curves up to which an area under the ROC curve is computed anew in each resample; beyond that its linear part is."""
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
Z = 1.959964


def bootstrap(metric: str, y: Array, outputs: Sequence[Array], *, resamples: int = 1000, seed: int = 0) -> Array:
    """The metric of each competitor in each resample of the rows, ``(competitors, resamples)``; all see the same resamples.

    Args:
        metric: name, see ``metanas.tasks.metrics``.
        y: class numbers ``(rows,)`` or targets ``(rows, outputs)``.
        outputs: per competitor class probabilities ``(rows, classes)`` or values ``(rows, outputs)``.
        resamples: how many; beyond 20,000 rows fewer (at least 200), to keep the time.
        seed: of the draws.
    """
    statistics = [statistic(metric, y, values) for values in outputs]
    count = min(resamples, max(LEAST_RESAMPLES, MOST_DRAWS // max(1, len(y))))
    parts = [np.stack([s(counts) for s in statistics]) for counts in _resamples(len(y), count, seed)]
    return np.concatenate(parts, axis=1)


def _resamples(n: int, resamples: int, seed: int) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    chunk = max(1, CHUNK_NUMBERS // n)
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of ``n`` independent rows (Wilson 1927)."""
    share, z2 = successes / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def percentile_interval(metric: str, score: float, draws: Array, n: int) -> tuple[float, float]:
    """The 95 % interval of ``score`` on ``n`` rows from its bootstrap ``draws``.

    An accuracy gets Wilson's. So does a share of 0 or 1 exactly, where every resample agrees and would claim certainty.
    """
    bounded = metric in {"balanced_accuracy", "recall", "precision", "f1", "roc_auc"}
    if metric == "accuracy" or (bounded and score in (0.0, 1.0)):
        return wilson(score * n, n)
    known = draws[np.isfinite(draws)]
    if not len(known):
        return score, score
    low, high = np.percentile(known, [2.5, 97.5])
    return min(score, float(low)), max(score, float(high))


def statistic(metric: str, y: Array, outputs: Array) -> Statistic:
    """``metric`` as a function of how often each row counts; with every row once it is the metric itself.

    Raises:
        KeyError: for a metric that is not known.
    """
    return _STATISTICS[metric](y, np.asarray(outputs, np.float64))


def _mean(values: Array) -> Statistic:
    return lambda counts: np.asarray(counts @ values / counts.sum(axis=1))


def _accuracy(y: Array, outputs: Array) -> Statistic:
    return _mean((outputs.argmax(axis=1) == y).astype(np.float64))


def _cross_entropy(y: Array, outputs: Array) -> Statistic:
    shares = np.clip(outputs, SMALLEST_PROBABILITY, 1.0)
    shares /= shares.sum(axis=1, keepdims=True)
    return _mean(-np.log(shares[np.arange(len(y)), y]))


def _per_class(y: Array, outputs: Array, combine: Callable[[Array, Array, Array], Array]) -> Statistic:
    """From per-class counts ``(resamples, classes)`` of hits, members and guesses to one number per resample."""
    each = np.arange(outputs.shape[1])
    members = (y[:, None] == each).astype(np.float64)
    guesses = (outputs.argmax(axis=1)[:, None] == each).astype(np.float64)
    table = np.concatenate([members * guesses, members, guesses], axis=1)

    def measure(counts: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return combine(*np.split(counts @ table, 3, axis=1))

    return measure


def _balanced(hits: Array, members: Array, guesses: Array) -> Array:
    return _present_mean(hits / members, members > 0)


def _recall(hits: Array, members: Array, guesses: Array) -> Array:
    return _binary_or_macro(hits / members, members, guesses)


def _precision(hits: Array, members: Array, guesses: Array) -> Array:
    return _binary_or_macro(np.where(guesses > 0, hits / guesses, 0.0), members, guesses)


def _f1(hits: Array, members: Array, guesses: Array) -> Array:
    return _binary_or_macro(2 * hits / (members + guesses), members, guesses)


def _binary_or_macro(values: Array, members: Array, guesses: Array) -> Array:
    """The second of two classes, or the mean over the classes that occur; 0 where a class is never guessed."""
    values = np.where(np.isnan(values), 0.0, values)
    if values.shape[1] == 2:
        return np.asarray(values[:, 1])
    return _present_mean(values, members + guesses > 0)


def _present_mean(values: Array, present: Array) -> Array:
    return np.asarray(np.where(present, values, 0.0).sum(axis=1) / present.sum(axis=1))


def _roc_auc(y: Array, outputs: Array) -> Statistic:
    classes = [1] if outputs.shape[1] == 2 else range(outputs.shape[1])
    if len(y) * len(classes) > MOST_RANKED:
        present = [k for k in classes if 0 < (y == k).sum() < len(y)]
        return _linear_auc([_auc_influence(y == k, outputs[:, k]) for k in present])
    curves = [_auc(y == k, outputs[:, k]) for k in classes]
    if len(curves) == 1:
        return curves[0]
    members = (y[:, None] == np.arange(outputs.shape[1])).astype(np.float64)
    return lambda counts: _present_mean(np.stack([curve(counts) for curve in curves], axis=1), counts @ members > 0)


def _linear_auc(curves: Sequence[tuple[float, Array]]) -> Statistic:
    """The mean of several areas as a linear function of the counts: the infinitesimal jackknife (Efron 1982, chapter 6)."""
    if not curves:
        return lambda counts: np.full(len(counts), 0.5)
    area = float(np.mean([value for value, _ in curves]))
    influence = np.mean([values for _, values in curves], axis=0)
    return lambda counts: np.clip(area + counts @ influence / counts.sum(axis=1), 0.0, 1.0)


def _auc_influence(positive: Array, scores: Array) -> tuple[float, Array]:
    """The area under the curve, and how it would change per share of rows moved to each row."""
    values, place = np.unique(scores, return_inverse=True)
    pros, cons = (np.bincount(place, weights=rows, minlength=len(values)) for rows in (positive, ~positive))
    share = float(positive.mean())
    beaten = (np.cumsum(cons) - cons / 2) / cons.sum()
    beating = 1 - (np.cumsum(pros) - pros / 2) / pros.sum()
    area = float((pros * beaten).sum() / pros.sum())
    return area, np.where(positive, (beaten[place] - area) / share, (beating[place] - area) / (1 - share))


def _auc(positive: Array, scores: Array) -> Statistic:
    """The share of pairs of a positive and a negative row in which the positive one scores higher; ties count half; 0.5 without pairs."""
    order = np.argsort(scores, kind="stable")
    ranked, positive = scores[order], positive[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def measure(counts: Array) -> Array:
        drawn = counts[:, order]
        pros = np.add.reduceat(np.where(positive, drawn, 0.0), starts, axis=1)
        cons = np.add.reduceat(np.where(positive, 0.0, drawn), starts, axis=1)
        below = np.cumsum(cons, axis=1) - cons / 2
        pairs = pros.sum(axis=1) * cons.sum(axis=1)
        return np.asarray(np.where(pairs > 0, (pros * below).sum(axis=1) / np.maximum(pairs, 1), 0.5))

    return measure


def _errors(y: Array, outputs: Array) -> Array:
    return np.asarray(outputs - y.reshape(outputs.shape).astype(np.float64))


def _rmse(y: Array, outputs: Array) -> Statistic:
    squares = _errors(y, outputs) ** 2
    return lambda counts: np.sqrt(counts @ squares / counts.sum(axis=1, keepdims=True)).mean(axis=1)


def _mae(y: Array, outputs: Array) -> Statistic:
    return _mean(np.abs(_errors(y, outputs)).mean(axis=1))


def _r2(y: Array, outputs: Array) -> Statistic:
    targets = y.reshape(outputs.shape).astype(np.float64)
    centred = targets - targets.mean(axis=0)
    table = np.concatenate([_errors(y, outputs) ** 2, centred, centred**2], axis=1)
    rounding = 1e-12 * (centred**2).max(initial=0.0)

    def measure(counts: Array) -> Array:
        errors, mean, square = np.split(counts @ table / counts.sum(axis=1, keepdims=True), 3, axis=1)
        spread = square - mean**2
        flat = np.where(errors > rounding, 0.0, 1.0)
        return np.asarray(np.where(spread > rounding, 1 - errors / np.where(spread > rounding, spread, 1.0), flat).mean(axis=1))

    return measure


_STATISTICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": lambda y, outputs: _per_class(y, outputs, _balanced),
    "recall": lambda y, outputs: _per_class(y, outputs, _recall),
    "precision": lambda y, outputs: _per_class(y, outputs, _precision),
    "f1": lambda y, outputs: _per_class(y, outputs, _f1),
    "roc_auc": _roc_auc,
    "cross_entropy": _cross_entropy,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
