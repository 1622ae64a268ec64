"""What a meta-training shows while it runs: a bar in a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any, Protocol

from metanas.delivery.files import finite
from metanas.search.meta.points import EpisodeScore, Point
from metanas.tasks.data import Kind

SILENCE = 15.0
"""Seconds after which a plain line says that work goes on."""


class MetaObserver(Protocol):
    """Hears what a meta-training does."""

    def on_message(self, text: str) -> None:
        """Something worth telling the user happened."""

    def on_step(self, step: int, share: float, left: float | None, score: float | None) -> None:
        """An outer step was done: the training is over to this share and ends in about ``left`` seconds; ``score`` of late episodes."""

    def on_point(self, point: Point, best: bool) -> None:
        """A validation was done."""

    def on_test(self, done: int, whole: int) -> None:
        """So many of the test episodes were done."""

    def close(self) -> None:
        """Nothing more will come."""


def clock_text(seconds: float) -> str:
    """``"12:31"``, ``"1:02:03"``."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _score_text(kind: Kind, value: float) -> str:
    return f"{100 * value:.1f} %" if kind == "classification" else f"{value:.4g}"


def point_text(kind: Kind, point: Point, best: bool) -> str:
    """For example ``step 410 (3,280 episodes): training accuracy 91.2 %, validation 92.5 % ± 0.7, the best so far``."""
    name = "accuracy" if kind == "classification" else "squared error"
    seen = "before training: " if not point.step else f"step {point.step:,} ({point.episodes:,} episodes): "
    trained = f"validation {name} " if point.score is None else f"training {name} {_score_text(kind, point.score)}, validation "
    validation = EpisodeScore(point.validation, point.margin, 0).text(kind)
    return f"{seen}{trained}{validation}{', the best so far' * (best and point.step > 0)}"


class MetaLines:
    """A plain line for each validation and message, and one every quarter of a minute between them."""

    def __init__(self, kind: Kind, began: float, out: IO[str] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._kind, self._began, self._out, self._clock = kind, began, out or sys.stderr, clock
        self._last, self._left = clock(), ""

    def _line(self, text: str) -> None:
        self._last = self._clock()
        print(f"[{self._last - self._began:6.1f}s] {text}", file=self._out, flush=True)

    def on_message(self, text: str) -> None:
        """A line."""
        self._line(text)

    def on_step(self, step: int, share: float, left: float | None, score: float | None) -> None:
        """A line if nothing was said for a while."""
        self._left = "" if left is None else f"; {clock_text(left)} left"
        if self._clock() - self._last >= SILENCE:
            self._line(f"step {step:,}, {100 * share:.0f} % of the training{self._left}")

    def on_point(self, point: Point, best: bool) -> None:
        """A line."""
        self._line(point_text(self._kind, point, best) + self._left)

    def on_test(self, done: int, whole: int) -> None:
        """A line if nothing was said for a while."""
        if self._clock() - self._last >= SILENCE:
            self._line(f"{done:,} of {whole:,} test episodes")

    def close(self) -> None:
        """Nothing is open."""


class MetaJson:
    """One JSON object per line on standard error; the result itself goes to standard output."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stderr

    def _line(self, record: dict[str, Any]) -> None:
        print(json.dumps(finite(record), ensure_ascii=False), file=self._out, flush=True)

    def on_message(self, text: str) -> None:
        """``{"message": ...}``."""
        self._line({"message": text})

    def on_step(self, step: int, share: float, left: float | None, score: float | None) -> None:
        """Nothing."""

    def on_point(self, point: Point, best: bool) -> None:
        """``{"point": ..., "best": ...}``."""
        self._line({"point": asdict(point), "best": best})

    def on_test(self, done: int, whole: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is open."""


class MetaBar:
    """A live bar with the time left; validations are lines above it."""

    def __init__(self, kind: Kind, began: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._kind, self._began = kind, began
        # No markup anywhere: square brackets are the user's own.
        phase, left, news = (TextColumn(f"{{task.{name}}}", markup=False) for name in ("description", "fields[left]", "fields[news]"))
        self._progress = Progress(phase, BarColumn(24), left, news, console=Console(stderr=True), refresh_per_second=4, transient=True)
        self._task = self._progress.add_task("starting", total=1.0, left="", news="")
        self._progress.start()

    def on_message(self, text: str) -> None:
        """A line above the bar."""
        self._progress.console.print(f"[{time.monotonic() - self._began:6.1f}s] {text}", highlight=False, markup=False)

    def on_step(self, step: int, share: float, left: float | None, score: float | None) -> None:
        """The bar moves."""
        trained = (
            ""
            if score is None
            else f", training {'accuracy' if self._kind == 'classification' else 'error'} {_score_text(self._kind, score)}"
        )
        told = "" if left is None else f"{clock_text(left)} left"
        self._progress.update(self._task, description="meta-training", completed=share, left=told, news=f"step {step:,}{trained}")

    def on_point(self, point: Point, best: bool) -> None:
        """A line above the bar."""
        self.on_message(point_text(self._kind, point, best))

    def on_test(self, done: int, whole: int) -> None:
        """The bar moves."""
        self._progress.update(self._task, description="testing", completed=done / whole, left="", news=f"{done:,} of {whole:,} episodes")

    def close(self) -> None:
        """The bar goes away."""
        self._progress.stop()
