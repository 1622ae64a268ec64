"""Meta-features: statistics of a task's training part that tell nothing of single examples."""

from __future__ import annotations

import numpy as np

from metanas.records import TaskDescription
from metanas.tasks.data import LearningData
from metanas.tasks.task import Task


def describe(task: Task) -> TaskDescription:
    """Shapes, and numbers that say how large, how many-sided and how balanced the training part is."""
    data, preprocessing = task.prepare()
    shape = preprocessing.shape
    examples = len(data.x_train)
    size = float(np.prod(shape.input))
    features = {
        "log_examples": float(np.log(examples)),
        "inputs": size,
        "outputs": float(shape.outputs),
        "examples_per_input": examples / size,
        "missing_share": _missing_share(task),
        "numeric_share": shape.numeric / size if shape.data == "table" else 1.0,
        **(_classes(data) if task.kind == "classification" else _numbers(data)),
    }
    return TaskDescription(task.name, task.kind, shape, examples, task.metric, features)


def _missing_share(task: Task) -> float:
    if task.data != "table":
        return 0.0
    return float(task.rows(task.train).isna().to_numpy().mean())


def _classes(data: LearningData) -> dict[str, float]:
    """Shares of the largest and smallest class, and the entropy of the classes as a share of its maximum."""
    shares = np.bincount(data.y_train, minlength=data.shape.outputs) / len(data.y_train)
    present = shares[shares > 0]
    entropy = float(-(present * np.log(present)).sum() / np.log(data.shape.outputs))
    return {"largest_class": float(shares.max()), "smallest_class": float(shares.min()), "class_entropy": entropy}


def _numbers(data: LearningData) -> dict[str, float]:
    """Skewness and excess kurtosis of the standardised targets, averaged over outputs."""
    z = (data.y_train.astype(np.float64) - data.target_mean) / data.target_std
    return {"target_skewness": float((z**3).mean()), "target_kurtosis": float((z**4).mean() - 3)}
