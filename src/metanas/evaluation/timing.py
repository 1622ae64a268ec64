"""How long training steps take: what a plan is made from."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from metanas.evaluation.learner import Learner
from metanas.evaluation.population import population_of
from metanas.evaluation.population_buckets import partition
from metanas.evaluation.population_learner import Vectors
from metanas.evaluation.tensors import Tensors
from metanas.records import Candidate

WARM_UP, STEPS, MOST_SECONDS = 3, 20, 2.0


def seconds_per_step(candidate: Candidate, tensors: Tensors) -> float:
    """Median seconds of a training step of one candidate; takes about two seconds at the most."""
    learner = Learner(candidate, tensors)
    return _median(lambda: learner.step(0.1), MOST_SECONDS)


def seconds_per_group_step(candidates: Sequence[Candidate], tensors: Tensors) -> float:
    """Seconds in which all of a group's candidates do a training step, those together that train together."""
    buckets, alone = partition(candidates)
    most = MOST_SECONDS / max(1, len(buckets) + len(alone))
    total = 0.0
    for bucket in buckets:
        learner = population_of(bucket, Vectors.of(tensors))
        total += _median(lambda learner=learner: learner.step(0.1), most)  # type: ignore[misc]
    for candidate in alone:
        single = Learner(candidate, tensors)
        total += _median(lambda single=single: single.step(0.1), most)  # type: ignore[misc]
    return total


def _median(step: Callable[[], object], most: float) -> float:
    for _ in range(WARM_UP):  # the first steps prepare kernels and memory, and would foretell far too much
        step()
    durations: list[float] = []
    began = time.monotonic()
    while not durations or (len(durations) < STEPS and time.monotonic() - began < most):
        start = time.monotonic()
        step()
        durations.append(time.monotonic() - start)
    return statistics.median(durations)
