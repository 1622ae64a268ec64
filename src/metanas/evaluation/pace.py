"""Keeping a schedule of many steps within a time."""

from __future__ import annotations

import time


class Pace:
    """Leads a training from 0 to 1 in a number of steps, or in fewer, larger ones where time is short.

    Every step covers the part still to go, divided by the number of steps that are left or that still fit, whichever is less.
    """

    def __init__(self, steps: int, deadline: float) -> None:
        self.steps, self.taken, self.done = steps, 0, 0.0
        self._deadline = deadline
        self._now = self._told = time.monotonic()
        self._seconds, self._stride, self._remaining = 0.0, 0.0, float(steps)

    def go_on(self) -> bool:
        """Whether there is another step; call before each."""
        now = time.monotonic()
        if self.taken:
            self.done += self._stride
            # The first step is slower than the others: the second one's time replaces it, later ones are averaged over about 20.
            weight = 1.0 if self.taken <= 2 else max(0.05, 1 / (self.taken - 1))
            self._seconds += weight * (now - self._now - self._seconds)
        self._now = now
        self._remaining = self.steps - self.taken
        if self._seconds > 0:
            self._remaining = min(self._remaining, (self._deadline - now) / self._seconds)
        if self.taken and self._remaining < 1:
            return False
        self._stride = (1 - self.done) / self._remaining
        self.taken += 1
        return True

    def due(self) -> bool:
        """Whether half a second has passed since the last time it was."""
        if self._now - self._told < 0.5:
            return False
        self._told = self._now
        return True

    @property
    def seconds_left(self) -> float:
        """Seconds to the end at the present pace."""
        return self._remaining * self._seconds
