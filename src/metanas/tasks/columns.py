"""Deciding what each column of a table is, and leaving out those that teach nothing, with a sentence for the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.tasks.data import Array
from metanas.tasks.options import number_of, share_text, some
from metanas.tasks.splits import TEST
from metanas.tasks.values import are_dates, as_categories, as_numbers, text_of, uses_decimal_comma

if TYPE_CHECKING:
    import pandas as pd

WORDS_IN_NUMBERS = 0.05
"""Largest share of words in a column of numbers that count as missing values; with more it is a category."""
WORDS_IN_TEXT = 4
"""Mean number of words from which values that seldom repeat are texts."""
_ID_NAME = re.compile(r"((.*[^a-zA-Z])?(?i:id|ids|idx|index|uuid|guid|key|nr|no|number|rowid)|.*[a-z](Id|ID)|Unnamed: \d+)")


def clean(frame: pd.DataFrame, train: Array | None = None) -> tuple[pd.DataFrame, list[str]]:
    """The columns of ``frame`` that can teach something, as numbers (float64, NaN for missing) or as categories with sorted names.

    Args:
        frame: all rows.
        train: numbers of the training rows, ascending: they alone decide what a column is; None takes all.

    Returns:
        the table, and sentences on what was left out or changed, in all rows.

    Raises:
        InputError: if no column is left.
    """
    import pandas as pd

    rows = np.arange(len(frame)) if train is None else np.asarray(train)
    kept: dict[str, pd.Series] = {}
    notes: list[str] = []
    out: dict[str, list[str]] = {}
    for place, name in enumerate(frame.columns):
        column, reason, note = _column(str(name), frame.iloc[:, place], rows)
        if column is None:
            out.setdefault(reason, []).append(str(name))
        else:
            kept[str(name)] = column
        if note:
            notes.append(note)
    notes += [f"left out because {reason}: {some(names)}" for reason, names in out.items()]
    if not kept:
        raise InputError(f"no column is left to learn from; {'; '.join(notes) or 'the table has only its target'}")
    gaps = [name for name, column in kept.items() if column.isna().any()]
    notes += [f"missing values are filled in and marked in {number_of(len(gaps), 'column')}: {some(gaps)}"] if gaps else []
    cleaned = pd.DataFrame(kept, index=frame.index)
    # What new data must be read by, as these were: see TablePreprocessing.
    commas = [str(n) for n in frame.columns if str(n) in kept and not hasattr(kept[str(n)], "cat") and uses_decimal_comma(frame[n])]
    cleaned.attrs = {"decimal_comma": commas, "columns": len(frame.columns)}
    return cleaned, notes


def _column(name: str, values: pd.Series, train: Array) -> tuple[pd.Series | None, str, str | None]:
    """The cleaned column, or None and the reason why it is left out; and a note."""
    import pandas as pd

    known = values.iloc[train]
    if known.isna().all():
        return None, "all their values are missing", None
    if are_dates(known):
        return None, "they are dates", None
    if pd.api.types.is_complex_dtype(values.dtype):
        return None, "their numbers are complex", None
    numbers = as_numbers(values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _numeric(name, values, numbers, train, None)
    categories = as_categories(values)
    present = categories.codes >= 0
    if not present[train].any():
        return None, "all their values are missing", None
    words = present & np.isnan(numbers)
    share = words[train].sum() / present[train].sum()
    if share <= WORDS_IN_NUMBERS:
        return _numeric(name, values, numbers, train, told_words(name, values, words))
    note = f"column {name!r} holds numbers and {share_text(share)} words, so it counts as a category" if share <= 0.5 else None
    return _category(name, values, categories, train, note)


def told_words(name: str, values: pd.Series, words: NDArray[np.bool_]) -> str | None:
    """The note on words in a column of numbers, None if ``words`` marks none."""
    if not words.any():
        return None
    found = dict.fromkeys(text_of(v) for v in values[words].head(1000))
    return f"column {name!r}: {number_of(int(words.sum()), 'value')} not a number ({some(found, 5)}), taken as missing"


def told_infinite(name: str, numbers: NDArray[np.float64]) -> str | None:
    """The note on infinite numbers in a column, None if there are none."""
    endless = int(np.isinf(numbers).sum())
    return f"column {name!r}: {number_of(endless, 'infinite value')} taken as missing" if endless else None


def _numeric(
    name: str, values: pd.Series, numbers: NDArray[np.float64], train: Array, note: str | None
) -> tuple[pd.Series | None, str, str | None]:
    import pandas as pd

    note = "; ".join(filter(None, (note, told_infinite(name, numbers)))) or None
    numbers = np.where(np.isinf(numbers), np.nan, numbers)
    known = numbers[train]
    present = known[~np.isnan(known)]
    if not present.size:
        return None, "all their values are missing", note
    if present.size == known.size and (present == present[0]).all():
        return None, "they have the same value everywhere", note
    if present.size == known.size and _is_identifier(name, known, train):
        return None, "they look like identifiers or row numbers", note
    return pd.Series(numbers, index=values.index, dtype=np.float64), "", note


def _is_identifier(name: str, numbers: NDArray[np.float64], rows: Array) -> bool:
    """Whole numbers that are the rows' own numbers, counted from 0 or 1, or that are named like an identifier and never repeat."""
    if len(numbers) < 3 or not (numbers == np.floor(numbers)).all():
        return False
    if numbers[0] - rows[0] in (0, 1) and (numbers - rows == numbers[0] - rows[0]).all():
        return True
    return bool(_ID_NAME.fullmatch(name.strip())) and len(np.unique(numbers)) == len(numbers)


def _category(
    name: str, values: pd.Series, categories: pd.Categorical, train: Array, note: str | None
) -> tuple[pd.Series | None, str, str | None]:
    import pandas as pd

    codes = np.asarray(categories.codes)[train]
    used = np.unique(codes[codes >= 0])
    present, kinds = int((codes >= 0).sum()), len(used)
    if kinds == 1 and present == len(train):
        return None, "they have the same value everywhere", note
    if kinds > max(2, present / 2) and np.mean([len(categories.categories[c].split()) for c in used[:1000]]) >= WORDS_IN_TEXT:
        return None, f"they hold free text (give --text {name!r} to learn from it)", note
    if kinds == present and kinds > 2:
        return None, "they look like identifiers (no value occurs twice)", note
    return pd.Series(categories, index=values.index), "", note


def unknown_categories(features: pd.DataFrame, given: Array | None) -> list[str]:
    """A sentence per column with categories that a given test part has and the rows to learn from lack.

    Only where the data set says which rows are for testing: a cut drawn here is representative anyway.
    """
    if given is None or not (given == TEST).any():
        return []
    notes = []
    for name in features.columns:
        column = features[name]
        if hasattr(column, "cat"):
            new = sorted(set(column[given == TEST].dropna()) - set(column[given != TEST].dropna()))
            rows = int((column[given == TEST].isin(new)).sum())
            if new:
                notes.append(
                    f"column {name!r}: {number_of(rows, 'test row')} with a value that training lacks ({some(new, 5)}), taken as unknown"
                )
    return notes
