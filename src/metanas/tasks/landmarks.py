"""Landmarkers: how well the simplest of learners do on a few rows, which says how hard a task is, and in what way.

Pfahringer, Bensusan and Giraud-Carrier 2000, "Meta-learning by landmarking various learning algorithms".
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.tasks.common_form import Floats
from metanas.tasks.data import Array, Kind

MOST_ROWS = 512
FOLDS = 3
VOTES = (1.5, 1.0, 1.0, 1.0, 1.0)
"""Of the five nearest neighbours; the nearest one decides where the others disagree."""
_RIDGE = tuple(10.0**power for power in range(-1, 5))


def landmarks(z: Floats, y: Array, kind: Kind) -> dict[str, float]:
    """Scores on rows that the learners have not seen.

    Args:
        z: ``(rows, numbers)``, standardised.
        y: class numbers ``(rows,)``, or targets ``(rows, outputs)``.
        kind: classification or regression.

    Returns:
        ``stump``, ``linear`` (ridge regression, for classes on an indicator of each), ``nearest`` and ``five_nearest`` neighbours:
        accuracy in [0, 1], or the share of variance explained (mean over outputs) in [-1, 1]; by three-fold cross-validation, neighbours
        by leaving one out. ``constant``: the share of the largest class, for classes only. ``noise``: the error in [0, 1] that no
        learner can avoid, as far as nearest neighbours tell, see :func:`class_noise` and :func:`number_noise`. Nothing at all where
        there are no more rows than neighbours, or targets that are the same everywhere.
    """
    if len(z) <= len(VOTES):
        return {}
    with _calmly():
        return _of_classes(z, np.unique(y, return_inverse=True)[1]) if kind == "classification" else _of_numbers(z, y.astype(np.float64))


def neighbours(z: Floats, count: int) -> NDArray[np.int64]:
    """The nearest other rows of every row, the nearest first (of equals the earlier), ``(rows, count)``."""
    x = z.astype(np.float32)
    squares = (x**2).sum(1)
    distances = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(distances, np.inf)
    return np.asarray(np.argsort(distances, axis=1, kind="stable")[:, :count] if count > 1 else distances.argmin(1)[:, None], np.int64)


def class_noise(error: float, classes: int) -> float:
    """The least error of any classifier if that of the nearest neighbour is ``error``: Cover and Hart 1967, solved for the lower bound."""
    most = (classes - 1) / classes
    return most * (1 - math.sqrt(max(0.0, 1 - error / most))) if classes > 1 else 0.0


def number_noise(y: Floats, nearest: Floats) -> float:
    """Variance that inputs don't explain, as a share in [0, 1]: half the mean square distance of nearest neighbours' targets.

    The delta test (Pi and Peterson 1994); targets ``(rows, outputs)`` of variance 1.
    """
    return float(min(1.0, ((y - nearest) ** 2).mean() / 2))


def _of_classes(z: Floats, y: NDArray[np.int64]) -> dict[str, float]:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.tree import DecisionTreeClassifier

    count, near = int(y.max()) + 1, neighbours(z, len(VOTES))
    votes = sum(vote * np.eye(count)[y[near[:, place]]] for place, vote in enumerate(VOTES))
    order, fold = np.argsort(y, kind="stable"), np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % FOLDS
    answers = {
        "stump": _cross_predicted(DecisionTreeClassifier(max_depth=1, random_state=0), z, y, fold),
        "linear": _cross_predicted(RidgeClassifierCV(_RIDGE), z, y, fold),
        "nearest": y[near[:, 0]],
        "five_nearest": np.argmax(votes, axis=1),
    }
    scores = {name: float((answer == y).mean()) for name, answer in answers.items()}
    return {"constant": float(np.bincount(y).max() / len(y)), **scores, "noise": class_noise(1 - scores["nearest"], count)}


def _of_numbers(z: Floats, y: Floats) -> dict[str, float]:
    from sklearn.linear_model import RidgeCV
    from sklearn.tree import DecisionTreeRegressor

    varies = y.std(0) > 1e-9 * np.abs(y).max(0)
    if not varies.any():
        return {}
    y = (y[:, varies] - y[:, varies].mean(0)) / y[:, varies].std(0)
    near, fold = neighbours(z, len(VOTES)), np.arange(len(y)) % FOLDS
    answers = {
        "stump": _cross_predicted(DecisionTreeRegressor(max_depth=1, random_state=0), z, y, fold),
        "linear": _cross_predicted(RidgeCV(_RIDGE), z, y, fold),
        "nearest": y[near[:, 0]],
        "five_nearest": y[near].mean(1),
    }
    scores = {name: max(-1.0, 1 - float(((answer - y) ** 2).mean())) for name, answer in answers.items()}
    return {**scores, "noise": number_noise(y, answers["nearest"])}


def _cross_predicted(model: Any, z: Floats, y: Array, fold: NDArray[np.int64]) -> Array:
    """What ``model`` says of the rows of every fold when it has learned from the others."""
    answer = np.empty_like(y)
    for number in range(FOLDS):
        known, asked = fold != number, fold == number
        if y.ndim == 1 and (y[known] == y[known][0]).all():
            answer[asked] = y[known][0]
        else:
            answer[asked] = model.fit(z[known], y[known]).predict(z[asked]).reshape(answer[asked].shape)
    return answer


@contextmanager
def _calmly() -> Iterator[None]:
    """One computing thread, since so little work is not worth waiting for another; no warnings, since odd data are expected."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
