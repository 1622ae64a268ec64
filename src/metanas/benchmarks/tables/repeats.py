"""Trainings of the same architecture: rows of a file that become repetitions of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.tables.rows import Choices


class Repeats:
    """Which trainings are of which architecture; architectures stay in the order in which they first come.

    Args:
        runs: the choices of every training.
    """

    def __init__(self, runs: Sequence[Choices]) -> None:
        numbers: dict[Choices, int] = {}
        self._rows = np.array([numbers.setdefault(choices, len(numbers)) for choices in runs], dtype=np.int64)
        self.choices: tuple[Choices, ...] = tuple(numbers)
        """Of every architecture."""
        seen = [0] * len(numbers)
        self._place = np.zeros(len(runs), dtype=np.int64)
        for run, row in enumerate(self._rows):
            self._place[run], seen[row] = seen[row], seen[row] + 1
        self._most = max(seen, default=0)

    def spread(self, column: NDArray[Any]) -> NDArray[np.float64]:
        """A column of trainings, ``(runs,)``, as ``(architectures, repeats)``; NaN where there are fewer."""
        table = np.full((len(self.choices), self._most), np.nan)
        table[self._rows, self._place] = column
        return table

    def mean(self, column: NDArray[Any]) -> NDArray[np.float64]:
        """The mean of a column of trainings, ``(runs,)``, over those of each architecture; NaN counts as not measured."""
        there = np.isfinite(column)
        counts = np.bincount(self._rows[there], minlength=len(self.choices))
        sums = np.bincount(self._rows[there], column[there].astype(np.float64), minlength=len(self.choices))
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
