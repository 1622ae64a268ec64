"""Reading the values of one table column: as numbers, as categories, as moments in time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "?"})
"""Words, in lower case, that stand for a missing value wherever they occur."""
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([ T]\d{1,2}:\d{2}.*)?")


def as_numbers(values: pd.Series, decimal_comma: bool | None = None) -> Floats:
    """The column as float64; NaN for whatever is missing or no number, infinities kept.

    Args:
        values: of any type.
        decimal_comma: whether a comma in a text stands before decimals; None decides by the texts: where thousands can't be meant.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype) and not isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    codes, unique = _factorize(values)
    texts = [text_of(v) or "" for v in unique]
    if decimal_comma is None:
        decimal_comma = _has_decimal_comma(texts)
    numbers = np.array([_number(t, decimal_comma) for t in texts] + [np.nan])
    return np.asarray(numbers[codes], np.float64)


def uses_decimal_comma(values: pd.Series) -> bool:
    """Whether the column has texts whose comma can only stand before decimals."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return False
    return _has_decimal_comma([text_of(v) or "" for v in _factorize(values)[1]])


def _has_decimal_comma(texts: list[str]) -> bool:
    return any(_DECIMAL_COMMA.fullmatch(t) and not _THOUSANDS.fullmatch(t) for t in texts)


def _number(text: str, decimal_comma: bool) -> float:
    if "," in text:
        if decimal_comma and _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        elif _THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
    if "_" in text:
        return np.nan
    try:
        return float(text)
    except ValueError:
        return np.nan


def text_of(value: Any) -> str | None:
    """One value as the name of a category: whole numbers without a fraction, texts without spaces around; None if missing."""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, (float, np.floating)):
        text = str(int(value)) if float(value).is_integer() else str(float(value))
    else:
        text = str(value).strip()
    return None if text.lower() in MISSING else text


def as_categories(values: pd.Series) -> pd.Categorical:
    """The column as categories with sorted names, see :func:`text_of`; missing values stay missing."""
    import pandas as pd

    codes, unique = _factorize(values)
    texts = [text_of(v) for v in unique]
    names = sorted({t for t in texts if t is not None})
    number = {name: i for i, name in enumerate(names)}
    renamed = np.array([-1 if t is None else number[t] for t in texts] + [-1], np.int64)
    return pd.Categorical.from_codes(renamed[codes], categories=pd.Index(names, dtype=object))


def _factorize(values: pd.Series) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes (-1 for missing) and unique values; values that can't be hashed count as texts."""
    import pandas as pd

    try:
        codes, unique = pd.factorize(values)
    except TypeError:
        codes, unique = pd.factorize(values.map(str))
    return np.asarray(codes, np.int64), list(unique)


def are_dates(values: pd.Series) -> bool:
    """Whether the column holds dates: by its type, or because at least 95 % of its texts look like dates."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
        return True
    if pd.api.types.is_numeric_dtype(values.dtype):
        return False
    import datetime

    present = [v for v in values.dropna().head(1000) if text_of(v) is not None]
    dates = [isinstance(v, (datetime.date, datetime.time)) or bool(_DATE.fullmatch(str(v).strip())) for v in present]
    return bool(present) and sum(dates) >= 0.95 * len(present)


def as_moments(values: pd.Series) -> Floats:
    """The column as numbers that rise with time (numbers as they are, dates as seconds); NaN for what is neither."""
    import pandas as pd

    if not are_dates(values):
        return as_numbers(values)
    moments = pd.to_datetime(values, errors="coerce", format="mixed", utc=True)
    seconds = (moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return np.asarray(seconds.to_numpy(dtype=np.float64, na_value=np.nan))
