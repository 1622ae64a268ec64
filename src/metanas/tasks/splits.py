"""Cutting a data set into training, validation and test parts: at random, by class, by group, in order of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.tasks.data import Array

Rows = NDArray[np.int64]
TRAIN, VALIDATION, TEST = 0, 1, 2
PART_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""Words for parts, in columns and as names of folders and files."""
MOST_VALIDATION = 10_000
ORDERS = 64
"""Orders of groups that are tried for the best balanced cut."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Ascending row numbers of the three parts; no row in two of them."""

    train: Rows
    validation: Rows
    test: Rows


def cut(
    labels: Array | None,
    given: NDArray[np.int8],
    *,
    seed: int,
    groups: Array | None = None,
    times: Array | None = None,
) -> Parts:
    """Cut what is not cut yet: a fifth for testing, then a fifth of the rest (a third of fewer than 200 rows) for validation.

    Args:
        labels: class numbers ``(n,)`` whose shares every part should keep; None for regression.
        given: for each row the part that the data set says (0 training, 1 validation, 2 test); a part that occurs is left as it is.
        seed: of the random numbers.
        groups: ``(n,)`` integers; no group is divided by a cut made here.
        times: ``(n,)`` numbers; every row held out is at least as late as every one kept.

    Raises:
        InputError: if there are too few rows or groups to cut.
    """
    rng = np.random.default_rng(seed)
    rest = np.flatnonzero(given == TRAIN)
    validation, test = np.flatnonzero(given == VALIDATION), np.flatnonzero(given == TEST)

    def hold_out(rows: Rows, count: int) -> tuple[Rows, Rows]:
        if times is not None:
            return _latest(rows, times[rows], count)
        if groups is not None:
            return _by_group(rows, groups[rows], None if labels is None else labels[rows], count, rng)
        return at_random(rows, np.zeros(len(rows), np.int64) if labels is None else labels[rows], count, rng)

    if not test.size:
        rest, test = _checked(hold_out, rest, max(1, round(0.2 * len(rest))))
    if not validation.size:
        share = 0.2 if len(rest) >= 200 else 1 / 3
        rest, validation = _checked(hold_out, rest, min(max(1, round(share * len(rest))), MOST_VALIDATION))
    return Parts(np.sort(rest), np.sort(validation), np.sort(test))


def _checked(hold_out: Callable[[Rows, int], tuple[Rows, Rows]], rows: Rows, count: int) -> tuple[Rows, Rows]:
    kept, held = hold_out(rows, count)
    if len(kept) < 2 or not held.size:
        raise InputError(f"{len(rows)} rows are too few to cut a part from them; give more data")
    return kept, held


def at_random(rows: Rows, labels: Array, count: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Each class gives its share, rounded so that the sum is right; a class of two or more rows is on both sides."""
    classes, codes = np.unique(labels, return_inverse=True)
    sizes = np.bincount(codes, minlength=len(classes))
    exact = sizes * count / len(rows)
    wanted = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - wanted), kind="stable")
    wanted[order[: count - wanted.sum()]] += 1
    wanted = np.clip(wanted, np.minimum(1, sizes - 1), sizes - 1)
    shuffled = rng.permutation(len(rows))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    held = np.zeros(len(rows), bool)
    held[by_class] = place < np.repeat(wanted, sizes)
    return rows[~held], rows[held]


def _by_group(rows: Rows, groups: Array, labels: Array | None, count: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Whole groups up to about ``count`` rows: of many random orders, the one whose held-out part is most like the whole."""
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise InputError("the group column has too few different values to keep groups together in every part; at least three are needed")
    kinds = np.zeros(len(rows), np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    table = np.zeros((len(names), int(kinds.max()) + 1))
    np.add.at(table, (codes, kinds), 1)
    totals = table.sum(0)
    best: tuple[float, Rows] | None = None
    for _ in range(ORDERS):
        order = rng.permutation(len(names))
        sums = np.cumsum(table[order].sum(1))
        chosen = order[: min(len(names) - 1, int(np.abs(sums - count).argmin()) + 1)]
        held = table[chosen].sum(0)
        lost = int(((totals > 1) & (held == totals)).sum())
        far = 10 * lost + np.abs(held / totals - count / len(rows)).mean() + abs(held.sum() - count) / len(rows)
        if best is None or far < best[0]:
            best = (float(far), chosen)
    assert best is not None
    held_rows = np.isin(codes, best[1])
    return rows[~held_rows], rows[held_rows]


def _latest(rows: Rows, times: Array, count: int) -> tuple[Rows, Rows]:
    """The latest rows; the border moves to the nearest change of time, so that a moment is not divided."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if not changes.size:
        raise InputError("the time column has too few different moments to cut the rows in their order; at least three are needed")
    border = int(changes[np.abs(changes - (len(rows) - count)).argmin()])
    return rows[order[:border]], rows[order[border:]]
