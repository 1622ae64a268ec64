"""Budgets: how long a search may take and how many trials it may make."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


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
