"""What a task's classes are like and how they lie to each other, in a few numbers each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metanas.records import ClassSummary
from metanas.tasks.common_form import Floats
from metanas.tasks.landmarks import neighbours

MOST_CLASSES = 32
"""Classes of a summary, the largest."""
ROWS_PER_CLASS = 64
FEWEST_ROWS = 5
"""Classes of fewer training rows are left out: their summary would come close to telling what the rows are."""
CLASS_STATISTICS = (
    "share",
    "norm",
    "spread",
    "distance",
    "margin",
    "dimensions",
    "density",
    "centroid_recall",
    "neighbour_recall",
)
"""By number, see :func:`class_summary`."""


def class_summary(groups: list[Floats], shares: NDArray[np.float64]) -> ClassSummary:
    """Statistics of classes, and how alike they are.

    Symbols: a class has rows ``z`` of ``d`` standardised numbers (mean 0 and variance 1 over the whole task), ``m`` is their mean.

    Args:
        groups: for each class rows ``(rows, d)``, at least ``FEWEST_ROWS``, at most ``ROWS_PER_CLASS``.
        shares: of the training part, per class.

    Returns:
        Statistics by name, one number per class: ``share``; ``norm``, root of the mean of ``|z|^2 / d``; ``spread``, root of the mean of
        ``|z - m|^2 / d``; ``distance``, ``|m| / sqrt(d)``: of the class from the whole; ``margin``, the distance to the nearest other
        mean by the sum of both spreads; ``dimensions``, the number of directions in which the class spreads (participation ratio,
        ``tr(C)^2 / tr(C^2)`` of its covariance ``C``); ``density``, mean distance to the nearest row of the same class by ``sqrt(d)``;
        ``centroid_recall`` and ``neighbour_recall``, the share of its rows that have their own class's mean (without themselves) or row
        as the nearest, the classes having about equally many rows. Similarity of two classes in [0, 1]: the share of rows of the one that
        are nearer to the mean of the other, added up over both; 1 if they can't be told apart.
    """
    if not groups:
        return ClassSummary()
    width = groups[0].shape[1]
    means = np.stack([z.mean(0) for z in groups])
    spreads = np.array([np.sqrt(((z - m) ** 2).mean()) for z, m in zip(groups, means, strict=True)])
    recall, similarity = _by_centroids(groups, means)
    neighbour_recall, density = _by_neighbours(groups)
    values = {
        "share": shares,
        "norm": np.array([np.sqrt((z**2).mean()) for z in groups]),
        "spread": spreads,
        "distance": np.linalg.norm(means, axis=1) / np.sqrt(width),
        "margin": _margins(means, spreads),
        "dimensions": np.array([participation(z) for z in groups]),
        "density": density,
        "centroid_recall": recall,
        "neighbour_recall": neighbour_recall,
    }
    lower = tuple(tuple(round(float(s), 3) for s in row[:i]) for i, row in enumerate(similarity))
    return ClassSummary({name: tuple(rounded(v) for v in values[name]) for name in CLASS_STATISTICS}, lower)


def participation(z: Floats) -> float:
    """The number of directions in which rows spread, ``tr(C)^2 / tr(C^2)``; 0 if they are all the same."""
    centred = z - z.mean(0)
    gram = centred @ centred.T if len(z) < z.shape[1] else centred.T @ centred
    square = float((gram**2).sum())
    return float(np.trace(gram)) ** 2 / square if square > 0 else 0.0


def rounded(value: float) -> float:
    """To four significant digits."""
    return float(f"{value:.4g}")


def _margins(means: Floats, spreads: Floats) -> Floats:
    if len(means) == 1:
        return np.zeros(1)
    apart = np.sqrt(((means[:, None] - means) ** 2).mean(2)) / np.maximum(spreads[:, None] + spreads, 1e-6)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(np.minimum(apart.min(1), 100.0))


def _by_centroids(groups: list[Floats], means: Floats) -> tuple[Floats, Floats]:
    """Recall of the nearest mean, and similarity of the classes."""
    count = len(groups)
    recall, nearer = np.zeros(count), np.zeros((count, count))
    for k, z in enumerate(groups):
        distances = ((z[:, None] - means) ** 2).mean(2)
        own = distances[:, k] * (len(z) / (len(z) - 1)) ** 2  # the mean without the row itself lies that much farther away
        distances[:, k] = np.inf
        recall[k] = (own < distances.min(1)).mean()
        nearer[k] = (distances < own[:, None]).mean(0) + 0.5 * (distances == own[:, None]).mean(0)
    return recall, np.minimum(1.0, nearer + nearer.T)


def _by_neighbours(groups: list[Floats]) -> tuple[Floats, Floats]:
    """Recall of the nearest neighbour, and the mean distance of neighbours of one class."""
    labels = np.repeat(np.arange(len(groups)), [len(z) for z in groups])
    z = np.concatenate(groups)
    right = labels[neighbours(z, 1)[:, 0]] == labels
    density = [np.sqrt(((z - z[neighbours(z, 1)[:, 0]]) ** 2).mean(1)).mean() for z in groups]
    return np.bincount(labels, right) / np.bincount(labels), np.array(density)
