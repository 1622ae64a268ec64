"""Times and counts as users write them."""

from __future__ import annotations

import re

from metanas.errors import InputError

_UNITS = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_SIZES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def parse_seconds(text: str | float) -> float:
    """Seconds from ``"90"``, ``"60s"``, ``"5m"``, ``"1.5h"`` or a number.

    Raises:
        InputError: if it is no duration above zero.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(text).lower())
    seconds = float(match[1]) * _UNITS.get(match[2], 0.0) if match else 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"a budget must be a time above zero, such as 60s, 5m or 1h, not {text!r}")
    return seconds


def parse_count(text: str | int, example: str = "50000 or 100k") -> int:
    """A whole number above zero from ``"50000"``, ``"100k"``, ``"1.5M"`` or a number; ``example`` is what the error names.

    Raises:
        InputError: if it is none.
    """
    match = re.fullmatch(r"\s*(\d+(?:[_,]\d{3})*(?:\.\d+)?)\s*([kmg]?)\s*", str(text).lower())
    count = float(re.sub("[_,]", "", match[1])) * _SIZES[match[2]] if match else 0.0
    if count < 1 or count != round(count):
        raise InputError(f"expected a whole number above zero, such as {example}, not {text!r}")
    return round(count)
