"""Budgets: how long a search may take and how many trials it may make."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

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


@dataclass
class Budget:
    """What may be spent, and what has been.

    Args:
        seconds: wall-clock time for everything, final training and baselines included; None allows any.
        trials: evaluations; None allows any.
        spent: seconds that earlier sittings of a resumed search have spent.
        clock: monotonic seconds.
        began: when this sitting began, on the clock.
    """

    seconds: float | None = None
    trials: int | None = None
    spent: float = 0.0
    clock: Callable[[], float] = time.monotonic
    began: float = field(default=-1.0)

    def __post_init__(self) -> None:
        if self.began < 0:
            self.began = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds spent over all sittings."""
        return self.spent + self.clock() - self.began

    @property
    def end(self) -> float:
        """When the time is up, on the clock; infinity where time is not limited."""
        return float("inf") if self.seconds is None else self.began - self.spent + self.seconds

    @property
    def left(self) -> float | None:
        """Seconds left, at least 0; None where time is not limited."""
        return None if self.seconds is None else max(0.0, self.seconds - self.elapsed)
