"""The part of a plan that is for the supernet, where a search begins with one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from metanas.evaluation.recipe import batch_size

SUPERNET_SHARE = 0.5
"""Share of the search's time for the supernet, the rest is for its answers alone: its ranking is worth little while it has learned
little, and has to be checked by trainings that are long enough to tell."""
EPOCHS, LEAST_STEPS, MOST_STEPS = 20, 1000, 5000
"""Length of the training where only trials are limited: passes over its rows, within these numbers of steps, and never longer than all
trials together."""
LONGEST = 10
"""So many times that length it has at the most with a budget of time."""
ANSWERS = 20
"""Architectures that are evaluated alone afterwards, at the most, where the number of trials is not limited."""


@dataclass(frozen=True)
class SupernetPlan:
    """What was decided for the training of a supernet.

    Args:
        steps: most of them.
        batch: examples per step.
        answers: most architectures to be evaluated alone afterwards.
        until: seconds of the budget at which its answers are there; None if time is not limited.
        overhead: seconds of a budget that are not for searching or training.
        share: of a budget's other seconds, those for the supernet; None if time is not limited.
        step_seconds: of one training step of the plain network; None if there was no time to measure it.
    """

    steps: int
    batch: int
    answers: int
    until: float | None = None
    overhead: float = 0.0
    share: float | None = None
    step_seconds: float | None = None

    def timed(self, until: float, overhead: float, share: float, step_seconds: float | None) -> SupernetPlan:
        """The same with a limit of time."""
        return replace(self, steps=LONGEST * self.steps, until=until, overhead=overhead, share=share, step_seconds=step_seconds)

    def budget_for(self, seconds: float) -> float | None:
        """The budget, in seconds, that has so many for the supernet; None if time is not limited."""
        return None if self.share is None else self.overhead + seconds / self.share


def plan_supernet(rows: int, answers: int | None, trial_steps: float) -> SupernetPlan:
    """The plan where only trials are limited: by the data and the number of trials alone, so that it repeats.

    Args:
        rows: with which the weights are trained.
        answers: trials that the search may make of its answers; None for any number.
        trial_steps: steps of one of them.
    """
    batch = min(rows, batch_size(rows))
    steps = max(LEAST_STEPS, min(EPOCHS * -(-rows // batch), MOST_STEPS))
    if answers is None:
        return SupernetPlan(steps, batch, ANSWERS)
    return SupernetPlan(min(steps, max(10, round(answers * trial_steps))), batch, answers)
