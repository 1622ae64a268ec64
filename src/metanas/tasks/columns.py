"""Deciding what each column of a table is, and leaving out those that teach nothing, with a sentence for the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from metanas.errors import InputError
from metanas.tasks.options import number_of, some
from metanas.tasks.values import are_dates, as_categories, as_numbers, text_of

if TYPE_CHECKING:
    import pandas as pd

WORDS_IN_NUMBERS = 0.05
"""Largest share of words in a column of numbers that count as missing values; with more it is a category."""
WORDS_IN_TEXT = 4
"""Mean number of words from which values that seldom repeat are texts."""
_ID_NAME = re.compile(r"((.*[^a-zA-Z])?(?i:id|ids|idx|index|uuid|guid|key|nr|no|number|rowid)|.*[a-z](Id|ID)|Unnamed: \d+)")


def clean(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The columns of ``frame`` that can teach something, as numbers (float64, NaN for missing) or as categories with sorted names.

    Returns:
        the table, and sentences on what was left out or changed.

    Raises:
        InputError: if no column is left.
    """
    import pandas as pd

    kept: dict[str, pd.Series] = {}
    notes: list[str] = []
    out: dict[str, list[str]] = {}
    for place, name in enumerate(frame.columns):
        column, reason, note = _column(str(name), frame.iloc[:, place])
        if column is None:
            out.setdefault(reason, []).append(str(name))
        else:
            kept[str(name)] = column
        if note:
            notes.append(note)
    notes += [f"left out because {reason}: {some(names)}" for reason, names in out.items()]
    if not kept:
        raise InputError(f"no column is left to learn from; {'; '.join(notes) or 'the table has only its target'}")
    return pd.DataFrame(kept, index=frame.index), notes


def _column(name: str, values: pd.Series) -> tuple[pd.Series | None, str, str | None]:
    """The cleaned column, or None and the reason why it is left out; and a note."""
    import pandas as pd

    if values.isna().all():
        return None, "all their values are missing", None
    if are_dates(values):
        return None, "they are dates", None
    if pd.api.types.is_complex_dtype(values.dtype):
        return None, "their numbers are complex", None
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _numeric(name, values, as_numbers(values), None)
    categories = as_categories(values)
    present = categories.codes >= 0
    if not present.any():
        return None, "all their values are missing", None
    numbers = as_numbers(values)
    words = present & np.isnan(numbers)
    share = words.sum() / present.sum()
    if share <= WORDS_IN_NUMBERS:
        note = None
        if words.any():
            found = dict.fromkeys(text_of(v) for v in values[words].head(1000))
            note = f"column {name!r}: {number_of(int(words.sum()), 'value')} not a number ({some(found, 5)}), taken as missing"
        return _numeric(name, values, numbers, note)
    note = f"column {name!r} holds numbers and {share:.0%} words, so it counts as a category" if share <= 0.5 else None
    return _category(name, values, categories, note)


def _numeric(name: str, values: pd.Series, numbers: np.ndarray, note: str | None) -> tuple[pd.Series | None, str, str | None]:
    import pandas as pd

    endless = np.isinf(numbers)
    if endless.any():
        numbers = np.where(endless, np.nan, numbers)
        note = f"column {name!r}: {number_of(int(endless.sum()), 'infinite value')} taken as missing"
    present = numbers[~np.isnan(numbers)]
    if not present.size:
        return None, "all their values are missing", note
    if present.size == numbers.size and (present == present[0]).all():
        return None, "they have the same value everywhere", note
    if present.size == numbers.size and _is_identifier(name, numbers):
        return None, "they look like identifiers or row numbers", note
    return pd.Series(numbers, index=values.index, dtype=np.float64), "", note


def _is_identifier(name: str, numbers: np.ndarray) -> bool:
    """Whole numbers that count the rows from 0 or 1, or that are named like an identifier and never repeat."""
    if len(numbers) < 3 or not (numbers == np.floor(numbers)).all():
        return False
    if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
        return True
    return bool(_ID_NAME.fullmatch(name.strip())) and len(np.unique(numbers)) == len(numbers)


def _category(name: str, values: pd.Series, categories: pd.Categorical, note: str | None) -> tuple[pd.Series | None, str, str | None]:
    import pandas as pd

    present = int((categories.codes >= 0).sum())
    kinds = len(categories.categories)
    if kinds == 1 and present == len(values):
        return None, "they have the same value everywhere", note
    if kinds > max(2, present / 2) and np.mean([len(text.split()) for text in categories.categories[:1000]]) >= WORDS_IN_TEXT:
        return None, f"they hold free text (give --text {name!r} to learn from it)", note
    if kinds == present and kinds > 2:
        return None, "they look like identifiers (no value occurs twice)", note
    return pd.Series(categories, index=values.index), "", note
