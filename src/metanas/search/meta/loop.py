"""The loop of a meta-training: outer steps, validations, checkpoints, and the closing test."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from metanas.search.budget import Budget
from metanas.search.meta.asked import MetaRun
from metanas.search.meta.observers import MetaObserver
from metanas.search.meta.points import EpisodeScore, Position
from metanas.tasks.few_shot import EpisodePart
from metanas.tasks.few_shot.device import EpisodeFeed

if TYPE_CHECKING:
    from metanas.interfaces import State
    from metanas.meta import EpisodeLearner

LAST, BEST = "last.safetensors", "weights.safetensors"
VALIDATIONS = 40
"""About so many validations are made in a training."""
VALIDATION_SHARE = 1 / 12
"""Validations may take this share of the time for training."""
LEAST_SHARE = 1 / 3
"""The training gets this share of a budget of time even where the closing test then ends late."""
CHECKPOINT_SECONDS = 20.0
EXAMPLES_TOGETHER = {"cpu": 2_000}
"""Examples of the episodes that are scored in one call; on other devices ten times as many."""


class MetaTraining:
    """A training in its folder, from wherever it stands to its end.

    Args:
        run: what was asked.
        learner: the meta-learner.
        train, test: who feeds training episodes, and those of validation and test.
        folder: for the checkpoint ``last.safetensors`` after every validation and about every 20 seconds.
        keep: called with the state of each new best.
        observers: told of everything.
        budget: of time, running.
    """

    def __init__(
        self,
        run: MetaRun,
        learner: EpisodeLearner,
        train: EpisodeFeed,
        test: EpisodeFeed,
        folder: Path,
        keep: Callable[[State], None],
        observers: Sequence[MetaObserver],
        budget: Budget,
    ) -> None:
        self.run, self.learner, self.train, self.test, self.folder = run, learner, train, test, folder
        self.position = Position()
        self.state: State = {}
        self.best: State = {}
        self.trouble: str | None = None
        """Why the training ended before its budget was spent, if it did by itself."""
        self.decoded: EpisodeScore | None = None
        """Of the last score, where the method chooses an architecture for each task: that of the decoded networks."""
        self._keep, self._observers, self._budget = keep, observers, budget
        self._kind, self._batch = train.family.kind, int(run.settings["meta_batch"])
        self._every = run.validate_every or self._affordable_steps()
        self._per_episode, self._validated_at, self._saved_at = 0.0, 0.0, time.monotonic()
        self._stepping = (0.0, 0)  # seconds and steps of this sitting
        self._progress = 0.0

    # -- beginning and end ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start with fresh weights."""
        self.state = self.learner.init(self.run.episodes.seed)

    def go_on(self, state: State, best: State, position: Position) -> None:
        """Start from a checkpoint."""
        self.state, self.best, self.position = state, best, position

    def go(self) -> bool:
        """Train until the budget is spent, or Ctrl-C; returns whether it was spent.

        Ctrl-C leaves the last state saved and not validated: a validation out of turn would make the training end otherwise than without
        the stop.
        """
        with noticed_interrupt() as stopped:
            self._per_episode = self._time_episodes()
            self._warn_of_late_end()
            if not self.position.points:
                self._validate()
            while self.share < 1 and not stopped() and self.trouble is None:
                self._step()
                if self._due():
                    self._validate()
                elif time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                    self._save()
            if self.position.since["steps"] and self.trouble is None and not stopped():
                self._validate()
        if not stopped() or self.share >= 1:
            return True
        self._save()
        self._say(
            f"stopped after step {self.position.step:,}; testing the best state so far (Ctrl-C again leaves at once, nothing is lost)"
        )
        return False

    def score_test(self) -> EpisodeScore:
        """The best state's score on the test episodes, which nothing else reads."""

        def progress(done: int) -> None:
            for observer in self._observers:
                observer.on_test(done, self.run.test_episodes)

        return self.score(self.best, "test", self.run.test_episodes, progress)

    # -- pieces --------------------------------------------------------------------------------------------------------

    @property
    def share(self) -> float:
        """How much of the training is over, in [0, 1]: by steps, or by the time that the closing test leaves."""
        of_steps = self.position.step / self.run.steps if self.run.steps else 0.0
        if self._budget.seconds is None:
            return of_steps
        room = max(self._budget.seconds - self._closing_seconds, self._budget.seconds * LEAST_SHARE)
        return min(1.0, max(of_steps, self._budget.elapsed / room))

    def score(self, state: State, part: EpisodePart, episodes: int, progress: Callable[[int], None] | None = None) -> EpisodeScore:
        """The score of ``state``, adapted to each of the first episodes of a part."""
        e = self.test.batch(part, 0, 1)
        examples = e.x_support.shape[1] + e.x_query.shape[1]
        together = max(1, EXAMPLES_TOGETHER.get(self.run.device, 10 * EXAMPLES_TOGETHER["cpu"]) // examples)
        values: list[float] = []
        decoded: list[float] = []
        name = "accuracy" if self._kind == "classification" else "loss"
        for first in range(0, episodes, together):
            scores = self.learner.evaluate(state, self.test.batch(part, first, min(together, episodes - first)))
            values += scores[name].tolist()
            decoded += scores["decoded_accuracy"].tolist() if "decoded_accuracy" in scores else []
            if progress is not None:
                progress(len(values))
        self.decoded = EpisodeScore.of(decoded) if decoded else None
        return EpisodeScore.of(values)

    def _step(self) -> None:
        began = time.monotonic()
        self._progress = max(self._progress, self.share)  # what is left for the test is estimated anew now and then
        batch = self.train.batch("train", self.position.step * self._batch, self._batch)
        self.state = self.learner.update(self.state, batch, progress=self._progress)
        last = self.state["last"]
        self.position.add(last["loss"], last["accuracy"] if self._kind == "classification" else last["loss"])
        seconds, steps = self._stepping
        self._stepping = seconds + time.monotonic() - began, steps + 1
        if not math.isfinite(last["loss"]):
            self.trouble = f"the loss was no longer a number after step {self.position.step:,}; lower --outer-rate or --inner-rate"
            self._say(self.trouble)
        for observer in self._observers:
            observer.on_step(self.position.step, self.share, self._left, self.position.mean("score"))

    def _validate(self) -> None:
        began = time.monotonic()
        score = self.score(self.state, "val", self.run.validation_episodes)
        self._validated_at = time.monotonic()
        self._per_episode = (self._validated_at - began) / self.run.validation_episodes
        self.position.seconds = self._budget.elapsed
        best = self.position.validated(self._kind, score, self._batch)
        if best:
            self.best = self.state
            self._keep(self.state)
        self._save()
        for observer in self._observers:
            observer.on_point(self.position.points[-1], best)

    def _save(self) -> None:
        from metanas.meta import save_checkpoint

        self._saved_at = time.monotonic()
        self.position.seconds = self._budget.elapsed
        save_checkpoint(self.folder / LAST, self.learner, self.state, {"position": self.position.to_json()})

    def _due(self) -> bool:
        """Whether to validate now: by the steps alone where there is no budget of time, so that a training repeats."""
        if self._budget.seconds is None:
            return self.position.step % self._every == 0 and self.share < 1
        cost = self._per_episode * self.run.validation_episodes
        return time.monotonic() - self._validated_at >= max(self._budget.seconds / VALIDATIONS, cost / VALIDATION_SHARE)

    def _affordable_steps(self) -> int:
        """Steps between validations without a budget of time; a training episode costs about as much as three of validation."""
        cost = self.run.validation_episodes / (3 * self._batch)
        return max(1, math.ceil((self.run.steps or 1) / VALIDATIONS), math.ceil(cost / VALIDATION_SHARE))

    def _time_episodes(self) -> float:
        """Seconds to score an episode; the first call of all is not timed, for it makes ready what later ones use."""
        episodes = min(20, self.run.validation_episodes)
        for _ in range(2):
            began = time.monotonic()
            self.score(self.state, "val", episodes)
            self._validated_at = time.monotonic()
        return (self._validated_at - began) / episodes

    def _warn_of_late_end(self) -> None:
        closing, seconds = self._closing_seconds, self._budget.seconds
        if seconds is not None and closing > (1 - LEAST_SHARE) * seconds:
            self._say(
                f"the closing test on {self.run.test_episodes:,} episodes takes about {closing:.0f} s, so this will end after its budget; "
                "--test-episodes makes it shorter"
            )

    @property
    def _closing_seconds(self) -> float:
        """For the last validation and the test, with some air."""
        return 1.0 + 1.15 * self._per_episode * (self.run.validation_episodes + self.run.test_episodes)

    @property
    def _left(self) -> float | None:
        """Seconds until the end of everything, as far as can be told."""
        seconds, steps = self._stepping
        by_steps = None
        if self.run.steps and steps:
            by_steps = seconds / steps * max(0, self.run.steps - self.position.step) + self._closing_seconds
        known = [s for s in (self._budget.left, by_steps) if s is not None]
        return min(known) if known else None

    def _say(self, text: str) -> None:
        for observer in self._observers:
            observer.on_message(text)


@contextmanager
def noticed_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C in the block is noted, so that a step ends whole; a second one does what it always does. Yields whether there was one."""
    before, heard = signal.getsignal(signal.SIGINT), threading.Event()
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield heard.is_set
        return

    def first(number: int, frame: FrameType | None) -> None:
        heard.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield heard.is_set
    finally:
        signal.signal(signal.SIGINT, before)
