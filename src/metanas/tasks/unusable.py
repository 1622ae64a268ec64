"""What of a new table a trained network can't use, in words: training says what it did with the like, and so must prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.tasks.columns import told_infinite, told_words
from metanas.tasks.options import number_of, some
from metanas.tasks.values import as_categories

if TYPE_CHECKING:
    import pandas as pd

    from metanas.tasks.preprocessing import TablePreprocessing
    from metanas.tasks.preprocessing.table import Category

Flags = NDArray[np.bool_]


def unusable(table: pd.DataFrame, preprocessing: TablePreprocessing) -> list[str]:
    """A sentence per column with words among numbers, infinite numbers or unknown categories, and one on rows without any value.

    Args:
        table: at least one row, all columns that the preprocessing uses.
        preprocessing: of the network.

    Raises:
        InputError: if no value in any row can be used.
    """
    notes: list[str | None] = []
    used = np.zeros(len(table), bool)
    for number in preprocessing.numbers:
        values = table[number.name]
        found = number.read(values)
        notes += [told_words(number.name, values, _words(values, found)), told_infinite(number.name, found)]
        used |= np.isfinite(found)
    for category in preprocessing.categories:
        known, unknown, note = _categories(table[category.name], category)
        notes.append(note)
        used |= known | unknown if category.other else known
    told = [note for note in notes if note is not None]
    if not used.any():
        why = "; ".join(told) or "every column is empty"
        raise InputError(f"nothing in this table can be used by the network: {why}; give a table like the one for training")
    if empty := np.flatnonzero(~used).tolist():
        told.append(f"{number_of(len(empty), 'row')} without a usable value (row {some(empty, 5)}): the prediction there is a guess")
    return told


def _words(values: pd.Series, numbers: NDArray[np.float64]) -> Flags:
    """Which values are there but are no numbers."""
    absent = np.isnan(numbers)
    if not absent.any():
        return absent
    absent[absent] = np.asarray(as_categories(values[absent]).codes) >= 0
    return absent


def _categories(values: pd.Series, category: Category) -> tuple[Flags, Flags, str | None]:
    """Which values are categories that have an indicator, which are others, and the note on these."""
    found = category.read(values)
    codes = np.asarray(found.codes, np.int64)
    own = np.array([str(name) in category.categories for name in found.categories] + [False])[codes]
    other = (codes >= 0) & ~own
    if not other.any():
        return own, other, None
    names = some(sorted({str(found.categories[c]) for c in codes[other]}), 5)
    seldom = "never or seldom had" if category.other else "never had"
    note = f"column {category.name!r}: {number_of(int(other.sum()), 'value')} that training {seldom} ({names}), taken as unknown"
    return own, other, note
