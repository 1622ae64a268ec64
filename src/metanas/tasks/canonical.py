"""Training rows in an order that follows from what is in them, so that statistics of a few rows never hang on how all were filed.

Every row has a key: a hash of its raw numbers, and of how many rows of its class with the same numbers stand before it. The rows of the
lowest keys are as good as drawn at random, and they are the same however rows are sorted and classes are numbered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metanas.tasks.data import Array, LearningData

if TYPE_CHECKING:
    from metanas.tasks.task import Task

Keys = NDArray[np.uint64]
Integers = NDArray[np.int64]
MOST_BINS, ROWS_PER_BIN = 8, 10
"""In regression quantile bins of the target stand for classes: so many, fewer where a bin would have fewer rows than that."""
MOST_WORDS = 1024
"""Words of eight bytes of a row that enter its hash."""
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Groups:
    """The training rows by class, or by bin of the target.

    Args:
        labels: ``(rows,)`` numbers from 0, none left out: classes by their size, the largest first (of equals by what is in them); bins
            in the order of the target.
        keys: ``(rows,)``.
        duplicate_share: of rows, that repeat an earlier one of their group number by number.
    """

    labels: Integers
    keys: Keys
    duplicate_share: float

    @cached_property
    def counts(self) -> Integers:
        """Rows of each group."""
        return np.bincount(self.labels)

    @cached_property
    def _order(self) -> Integers:
        return np.lexsort((self.labels, self.keys))

    def lowest(self, most: int) -> Integers:
        """At most so many rows, whatever their group, in the order of their keys."""
        return self._order[:most]

    def lowest_of(self, group: int, most: int) -> Integers:
        """At most so many rows of one group, in the order of their keys."""
        chosen: Integers = self._order[self.labels[self._order] == group]
        return chosen[:most]


def groups(task: Task, data: LearningData) -> Groups:
    """The training rows of ``task`` by class or bin; ``data`` are those rows, prepared."""
    hashes = _frame_hashes(task.rows(task.train)) if task.data == "table" else array_hashes(data.x_train)
    labels = data.y_train if data.kind == "classification" else _bins(data)
    keys, repeated = _distinct(hashes, labels)
    share = float(repeated.mean())
    if data.kind == "classification":
        labels = _by_size(labels, keys)
    return Groups(labels, keys, share)


def array_hashes(x: Array) -> Keys:
    """A hash of every row of ``(rows, ...)``: the sum over its words of eight bytes, each mixed with a random number of its place.

    Of rows of more than ``MOST_WORDS`` words every second, third, ... counts.
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    places = np.random.default_rng(0).integers(0, 2**64, 2 * MOST_WORDS, np.uint64)
    sums = []
    for start in range(0, len(flat), _BLOCK):
        words = _words(flat[start : start + _BLOCK])
        words = words[:, :: max(1, words.shape[1] // MOST_WORDS)]
        sums.append(_mixed(words ^ places[: words.shape[1]]).sum(1, dtype=np.uint64))
    return np.concatenate(sums)


def _words(rows: Array) -> Keys:
    """The bytes of ``(rows, numbers)`` eight by eight, the last ones filled with zeros."""
    octets = rows.view(np.uint8)
    if missing := -octets.shape[1] % 8:
        octets = np.pad(octets, ((0, 0), (0, missing)))
    return octets.view(np.uint64)


def _frame_hashes(frame: Any) -> Keys:
    """Categories count by their names, not by their codes."""
    import pandas as pd

    return np.asarray(pd.util.hash_pandas_object(frame, index=False), np.uint64)


def _mixed(keys: Keys) -> Keys:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of a key moves every bit of the result.

    Arrays of integers wrap around without a word.
    """
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ (keys >> np.uint64(31)))


def _distinct(hashes: Keys, labels: Integers) -> tuple[Keys, NDArray[np.bool_]]:
    """Keys that tell apart rows of equal numbers in a group by their place in line, and which rows have one before them.

    Without that a table of few different rows would give its sample all copies of just one of them.
    """
    order = np.lexsort((hashes, labels))
    h, g = hashes[order], labels[order]
    fresh = np.ones(len(h), bool)
    fresh[1:] = (h[1:] != h[:-1]) | (g[1:] != g[:-1])
    starts = np.maximum.accumulate(np.where(fresh, np.arange(len(h)), 0))
    copy = (np.arange(len(h)) - starts).astype(np.uint64)
    keys, repeated = np.empty_like(hashes), np.empty(len(h), bool)
    keys[order] = _mixed(h + copy * np.uint64(0x9E3779B97F4A7C15))
    repeated[order] = ~fresh
    return keys, repeated


def _bins(data: LearningData) -> Integers:
    """Quantile bins of the target, several targets standardised and added up; equal targets share a bin."""
    target = ((data.y_train.astype(np.float64) - data.target_mean) / data.target_std).sum(1)
    count = int(np.clip(len(target) // ROWS_PER_BIN, 1, MOST_BINS))
    edges = np.quantile(target, np.arange(1, count) / count)
    return np.asarray(np.unique(np.searchsorted(edges, target, side="right"), return_inverse=True)[1], np.int64)


def _by_size(labels: Integers, keys: Keys) -> Integers:
    """The labels numbered anew: larger classes first, of equals that with the lower sum of keys (modulo 2^64)."""
    present, labels = np.unique(labels, return_inverse=True)
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    sums = np.add.reduceat(keys[order], np.cumsum(counts) - counts)
    place = np.empty(len(present), np.int64)
    place[np.lexsort((sums, -counts))] = np.arange(len(present))
    return np.asarray(place[labels], np.int64)
