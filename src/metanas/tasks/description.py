"""Meta-features: statistics of a task's training part that tell nothing of single examples."""

from __future__ import annotations

import numpy as np

from metanas.records import ClassSummary, TaskDescription
from metanas.tasks.canonical import Groups, Integers, groups
from metanas.tasks.class_summary import FEWEST_ROWS, MOST_CLASSES, ROWS_PER_CLASS, class_summary, participation, rounded
from metanas.tasks.common_form import Floats, common_form, neighbour_correlation, standardised
from metanas.tasks.data import LearningData
from metanas.tasks.landmarks import MOST_ROWS, landmarks
from metanas.tasks.task import Task

MOST_NUMBERS, FEWEST_LARGE = 2**25, 64
"""Numbers of all rows of a sample together, unless so few rows have more."""


def describe(task: Task) -> TaskDescription:
    """Shapes, how large, how many-sided and how balanced the training part is, how hard it looks, and what its classes are like.

    What takes time is computed on at most ``MOST_ROWS`` rows, and ``ROWS_PER_CLASS`` of each of ``MOST_CLASSES`` classes (fewer where
    examples are very large). Which rows and classes these are follows from the data alone, so that neither the order of rows nor the
    numbers of classes change a description (but for ``mirror``, which the preprocessing finds out by a draw of pictures).
    """
    data, preprocessing = task.prepare()
    shape = preprocessing.shape
    examples = len(data.x_train)
    size = float(np.prod(shape.input))
    by_group = groups(task, data)
    rows, per_class = _sample(by_group, int(size))
    z = standardised(common_form(data.x_train[np.concatenate([rows, *per_class])], shape), len(rows))
    features = {
        "log_examples": float(np.log(examples)),
        "inputs": size,
        "outputs": float(shape.outputs),
        "examples_per_input": examples / size,
        "missing_share": _missing_share(task),
        "numeric_share": shape.numeric / size if shape.data == "table" else 1.0,
        **(_classes(data) if task.kind == "classification" else _numbers(data)),
        **{name: rounded(value) for name, value in _looks(data, by_group, rows, z[: len(rows)]).items()},
    }
    classes = _class_summary(by_group, per_class, z[len(rows) :])
    return TaskDescription(task.name, task.kind, shape, examples, task.metric, features, classes)


def _sample(by_group: Groups, size: int) -> tuple[Integers, list[Integers]]:
    """Rows of all classes alike, and rows of each class whose summary can be told; ``size`` numbers make an example."""
    told = [group for group in np.argsort(-by_group.counts, kind="stable")[:MOST_CLASSES] if by_group.counts[group] >= FEWEST_ROWS]
    affordable = MOST_NUMBERS // size
    each = min(ROWS_PER_CLASS, max(FEWEST_ROWS, affordable // max(len(told), 1)))
    return by_group.lowest(min(MOST_ROWS, max(FEWEST_LARGE, affordable))), [by_group.lowest_of(group, each) for group in sorted(told)]


def _looks(data: LearningData, by_group: Groups, rows: Integers, z: Floats) -> dict[str, float]:
    """What a sample of the rows looks like, and how simple learners do on it."""
    x = data.x_train[rows]
    smooth = neighbour_correlation(x, data.shape)
    labels = by_group.labels if data.kind == "classification" else data.y_train
    return {
        "duplicate_share": by_group.duplicate_share,
        "zero_share": float((x == 0).mean()),
        "effective_dimensions": participation(z),
        "input_kurtosis": float((z**4).mean()),
        **({} if smooth is None else {"neighbour_correlation": smooth}),
        **({"mirror": float(data.mirror)} if data.shape.data == "image" else {}),
        **landmarks(z, labels[rows], data.kind),
    }


def _class_summary(by_group: Groups, per_class: list[Integers], z: Floats) -> ClassSummary:
    ends = np.cumsum([len(rows) for rows in per_class])
    shares = np.array([by_group.counts[by_group.labels[rows[0]]] for rows in per_class]) / len(by_group.labels)
    return class_summary([z[end - len(rows) : end] for rows, end in zip(per_class, ends, strict=True)], shares)


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
