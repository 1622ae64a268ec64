"""How long one training step takes: what a plan is made from."""

from __future__ import annotations

import statistics
import time

from metanas.evaluation.learner import Learner
from metanas.evaluation.tensors import Tensors
from metanas.records import Candidate
from metanas.tasks.data import LearningData

WARM_UP, STEPS, MOST_SECONDS = 4, 20, 2.0


def seconds_per_step(candidate: Candidate, data: LearningData, device: str = "cpu") -> float:
    """Median seconds of a training step, after a few that don't count; takes about two seconds at the most."""
    learner = Learner(candidate, Tensors.of(data, device))
    durations: list[float] = []
    began = time.monotonic()
    while len(durations) < WARM_UP + STEPS and time.monotonic() - began < MOST_SECONDS:
        start = time.monotonic()
        learner.step(0.1)
        durations.append(time.monotonic() - start)
    return statistics.median(durations[WARM_UP:] or durations)
