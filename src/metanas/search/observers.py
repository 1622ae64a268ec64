"""What a search shows while it runs: a progress bar in a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import IO, Any

from metanas.delivery.files import finite
from metanas.delivery.words import metric_name, metric_text
from metanas.records import Evaluation
from metanas.search.budget import Budget

SILENCE = 30.0
"""Seconds after which a plain line says that work goes on."""
EVERY = 10.0
"""Seconds between two plain lines of progress."""


class _Counts:
    """Counts what every observer shows."""

    def __init__(self, metric: str, most: float | None) -> None:
        self.metric, self.most, self.trials, self.failures, self.best = metric, most, 0, 0, None

    metric: str
    best: Evaluation | None

    def add(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        self.trials += not evaluation.proposal.fidelity.training_free
        self.failures += evaluation.failed
        self.best = best

    @property
    def text(self) -> str:
        """For example ``41 trials, 2 failed, best validation accuracy 97.3 % (12,410 parameters)``."""
        counted = f"{self.trials} trial{'s' * (self.trials != 1)}" if self.most is None else f"{self.trials} of {self.most:.0f} trials"
        parts = [counted, f"{self.failures} failed"]
        if self.best is not None:
            score = metric_text(self.metric, self.best.metrics[self.metric])
            parts.append(f"best validation {metric_name(self.metric)} {score} ({int(self.best.costs['parameters']):,} parameters)")
        return ", ".join(parts)


class LogObserver:
    """Plain lines: every new best, at most one line of progress each ten seconds, and messages."""

    def __init__(
        self,
        metric: str,
        budget: Budget,
        trials: float | None = None,
        out: IO[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts, self._budget, self._out, self._clock = _Counts(metric, trials), budget, out or sys.stderr, clock
        self._last = clock()

    def _line(self, text: str) -> None:
        self._last = self._clock()
        print(f"[{self._budget.elapsed:6.1f}s] {text}", file=self._out, flush=True)

    def on_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        """A line if it is the best so far, or if the last line is ten seconds old."""
        news = best is not None and (self._counts.best is None or best.proposal.id != self._counts.best.proposal.id)
        self._counts.add(evaluation, best)
        if news or self._clock() - self._last >= EVERY:
            self._line(self._counts.text)

    def on_message(self, text: str) -> None:
        """A line."""
        self._line(text)

    def on_phase(self, name: str, seconds: float | None) -> None:
        """A line."""
        about, left = "" if seconds is None else f", about {seconds:.0f} s", self._budget.left
        self._line(name + about + ("" if left is None else f"; {_clock_text(left)} of the budget left"))

    def on_progress(self, share: float) -> None:
        """A line if nothing was said for half a minute."""
        if self._clock() - self._last >= SILENCE:
            self._line(f"still at it, {100 * share:.0f} % done" if share else f"still at it: {self._counts.text}")

    def close(self) -> None:
        """Nothing is open."""


class JsonObserver:
    """One JSON object per line on standard error; the result itself goes to standard output."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stderr

    def _line(self, record: dict[str, Any]) -> None:
        print(json.dumps(finite(record)), file=self._out, flush=True)

    def on_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        """``{"evaluation": ..., "best": proposal id}``."""
        self._line({"evaluation": evaluation.to_json(), "best": None if best is None else best.proposal.id})

    def on_message(self, text: str) -> None:
        """``{"message": ...}``."""
        self._line({"message": text})

    def on_phase(self, name: str, seconds: float | None) -> None:
        """``{"phase": ..., "seconds": ...}``."""
        self._line({"phase": name, "seconds": seconds})

    def on_progress(self, share: float) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is open."""


class RichObserver:
    """A live bar: phase, time left of it and of the whole budget, trials, failures and the best so far."""

    def __init__(self, metric: str, budget: Budget, trials: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import Progress, ProgressColumn, Task, TextColumn
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        observer = self

        class Bar(ProgressColumn):
            def render(self, task: Task) -> ProgressBar:
                return ProgressBar(total=1.0, completed=observer._done(), width=24)

        class TimeLeft(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(observer._time_left(), style="cyan")

        self._counts, self._budget, self._clock = _Counts(metric, trials), budget, clock
        self._began, self._seconds, self._share = clock(), 0.0, 0.0
        # No markup anywhere: square brackets are the user's own.
        phase, news = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[news]}", markup=False)
        columns = (phase, Bar(), TimeLeft(), news)
        self._progress = Progress(*columns, console=Console(stderr=True), refresh_per_second=4, transient=True)
        self._task = self._progress.add_task("starting", news="")
        self._progress.start()

    def _done(self) -> float:
        return min(1.0, (self._clock() - self._began) / self._seconds) if self._seconds else self._share

    def _time_left(self) -> str:
        gone, left = self._clock() - self._began, self._budget.left
        in_all = "" if left is None else f", {_clock_text(left)} in all"
        if self._seconds:
            return f"{_clock_text(max(0.0, self._seconds - gone))} left{in_all}"
        return (f"about {_clock_text(gone / self._share - gone)} left" if self._share > 0.02 else _clock_text(gone)) + in_all

    def on_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        """The counts change."""
        self._counts.add(evaluation, best)
        if self._counts.most:
            self._share = min(1.0, self._counts.trials / self._counts.most)
        self._progress.update(self._task, news=self._counts.text)

    def on_message(self, text: str) -> None:
        """A line above the bar."""
        self._progress.console.print(text, highlight=False, markup=False)

    def on_phase(self, name: str, seconds: float | None) -> None:
        """The bar begins anew."""
        self._began, self._seconds, self._share = self._clock(), seconds or 0.0, 0.0
        self._progress.update(self._task, description=name)

    def on_progress(self, share: float) -> None:
        """The bar moves where the phase has no known length."""
        self._share = share

    def close(self) -> None:
        """The bar goes away."""
        self._progress.stop()


def _clock_text(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
