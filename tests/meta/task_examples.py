"""Made-up descriptions of tasks."""

from __future__ import annotations

import numpy as np

from metanas.records import ClassSummary, TaskDescription
from metanas.spaces import TaskShape
from metanas.tasks.class_summary import CLASS_STATISTICS


def described(rng: np.random.Generator, classes: int = 4, **features: float) -> TaskDescription:
    """A table of random size and balance whose classes lie anywhere; ``features`` are as given."""
    inputs, examples = int(rng.integers(2, 100)), int(rng.integers(50, 5000))
    balance = float(rng.uniform(0.3, 1))
    known = {
        "examples_per_input": examples / inputs,
        "largest_class": balance,
        "class_entropy": 1 - balance**2,
        "zero_share": float(rng.random()),
        "stump": float(rng.random()),
        "noise": float(rng.random()),
    }
    statistics = {name: tuple(rng.uniform(0.1, 1, classes).tolist()) for name in CLASS_STATISTICS}
    similarity = tuple(tuple(rng.random(k).tolist()) for k in range(classes))
    shape = TaskShape("table", (inputs,), max(classes, 2))
    return TaskDescription("made-up", "classification", shape, examples, "accuracy", known | features, ClassSummary(statistics, similarity))


def reordered(task: TaskDescription, order: list[int]) -> TaskDescription:
    """The same with its classes in another order."""
    count = len(order)
    whole = np.zeros((count, count))
    for k, row in enumerate(task.classes.similarity):
        whole[k, :k] = whole[:k, k] = row
    similarity = tuple(tuple(whole[order[k], order[:k]].tolist()) for k in range(count))
    statistics = {name: tuple(column[k] for k in order) for name, column in task.classes.statistics.items()}
    return TaskDescription(
        task.name, task.kind, task.shape, task.examples, task.metric, task.features, ClassSummary(statistics, similarity)
    )


def two_families(count: int, seed: int) -> tuple[list[TaskDescription], np.ndarray]:
    """Tasks of which half are easy for a linear model and hard for neighbours, half the reverse, all else alike; and their families."""
    rng = np.random.default_rng(seed)
    families = np.arange(count) % 2
    gaps = (1 - 2 * families) * rng.uniform(0.1, 0.3, count)
    middle = rng.uniform(0.4, 0.7, count)
    pairs = zip((middle + gaps / 2).tolist(), (middle - gaps / 2).tolist(), strict=True)
    return [described(rng, int(rng.integers(2, 6)), linear=a, nearest=b, five_nearest=b) for a, b in pairs], families
