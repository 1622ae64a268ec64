"""Metrics by name, on class probabilities or predictions; the same definitions as scikit-learn's, without its warnings.

Classification, from probabilities ``(n, classes)``; class numbers are the columns' places, and ties go to the lower one.

- ``accuracy``; ``balanced_accuracy``: mean recall of the classes present;
- ``recall``, ``precision``, ``f1``: of the last class if there are two (tasks put the positive one last), else the mean over the
  classes that are present or predicted; 0 where nothing is predicted;
- ``roc_auc``: area under the ROC curve, of the last class if there are two, else the mean of one-against-rest over the classes present;
  0.5 where a single class is present;
- ``cross_entropy``: in nats, probabilities kept at least 2.2e-16.

Regression, from predictions ``(n, outputs)``: ``rmse``, ``mae`` (in the target's unit) and ``r2``, each the mean over outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.tasks.data import Array, Kind
from metanas.tasks.options import did_you_mean, share_text

Floats = NDArray[np.float64]


def _confusion(y: Array, p: Array) -> Floats:
    classes = p.shape[1]
    pairs = np.bincount(np.asarray(y, np.int64) * classes + p.argmax(1), minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.float64)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _accuracy(y: Array, p: Array) -> float:
    return float((p.argmax(1) == y).mean())


def _balanced_accuracy(y: Array, p: Array) -> float:
    table = _confusion(y, p)
    present = table.sum(1) > 0
    return float((table.diagonal()[present] / table.sum(1)[present]).mean())


def _averaged(per_class: Callable[[Floats], Floats]) -> Callable[[Array, Array], float]:
    def metric(y: Array, p: Array) -> float:
        table = _confusion(y, p)
        values = per_class(table)
        if p.shape[1] == 2:
            return float(values[1])
        return float(values[table.sum(0) + table.sum(1) > 0].mean())

    return metric


def _roc_auc(y: Array, p: Array) -> float:
    if p.shape[1] == 2:
        return _area(y == 1, p[:, 1])
    present = np.unique(y)
    return float(np.mean([_area(y == c, p[:, c]) for c in present]))


def _area(positive: Array, scores: Array) -> float:
    """Probability that a positive example scores above a negative one, ties counted half (the Mann-Whitney statistic)."""
    ups = int(positive.sum())
    downs = positive.size - ups
    if not ups or not downs:
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def _cross_entropy(y: Array, p: Array) -> float:
    q = np.clip(np.asarray(p, np.float64), np.finfo(np.float64).eps, 1.0)
    return float(-np.log(q[np.arange(len(q)), y] / q.sum(1)).mean())


def _errors(y: Array, p: Array) -> Floats:
    return np.asarray(y, np.float64).reshape(len(y), -1) - np.asarray(p, np.float64).reshape(len(p), -1)


def _rmse(y: Array, p: Array) -> float:
    return float(np.sqrt((_errors(y, p) ** 2).mean(0)).mean())


def _mae(y: Array, p: Array) -> float:
    return float(np.abs(_errors(y, p)).mean())


def _r2(y: Array, p: Array) -> float:
    left = (_errors(y, p) ** 2).sum(0)
    values = np.asarray(y, np.float64).reshape(len(y), -1)
    spread = ((values - values.mean(0)) ** 2).sum(0)
    scores = np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1), np.where(left > 0, 0.0, 1.0))
    return float(scores.mean())


METRICS: dict[str, tuple[Kind, Callable[[Array, Array], float]]] = {
    "accuracy": ("classification", _accuracy),
    "balanced_accuracy": ("classification", _balanced_accuracy),
    "recall": ("classification", _averaged(lambda t: _share(t.diagonal().copy(), t.sum(1)))),
    "precision": ("classification", _averaged(lambda t: _share(t.diagonal().copy(), t.sum(0)))),
    "f1": ("classification", _averaged(lambda t: _share(2 * t.diagonal(), t.sum(0) + t.sum(1)))),
    "roc_auc": ("classification", _roc_auc),
    "cross_entropy": ("classification", _cross_entropy),
    "rmse": ("regression", _rmse),
    "mae": ("regression", _mae),
    "r2": ("regression", _r2),
}
"""Metric name to the kind of task it is for and its function of targets and outputs."""


ONE_CLASS = frozenset({"recall", "precision", "f1"})
"""Metrics that are about the positive one of two classes."""


def valid_metrics(kind: Kind) -> tuple[str, ...]:
    """Names of the metrics for that kind of task."""
    return tuple(name for name, (of, _) in METRICS.items() if of == kind)


def check_metric(metric: str, kind: Kind) -> str:
    """The metric's name as :data:`METRICS` has it; upper case and hyphens are allowed in ``metric``.

    Raises:
        InputError: for an unknown metric, or one that is not for that kind of task.
    """
    name = metric.strip().lower().replace("-", "_").replace(" ", "_")
    choice = f"choose among {', '.join(valid_metrics(kind))}"
    if name not in METRICS:
        raise InputError(f"there is no metric {metric!r}{did_you_mean(name, METRICS)}; for {kind} {choice}")
    if METRICS[name][0] != kind:
        raise InputError(f"metric {name!r} is for {METRICS[name][0]}, but this task is {kind}; {choice}")
    return name


def compute_one(metric: str, y: Array, outputs: Array) -> float:
    """One metric.

    Args:
        metric: a name in :data:`METRICS`.
        y: class numbers ``(n,)``, or targets ``(n, outputs)``; at least one example.
        outputs: probabilities ``(n, classes)``, or predictions like ``y``.

    Raises:
        InputError: if there is no such metric.
    """
    if metric not in METRICS:
        raise InputError(f"there is no metric {metric!r}{did_you_mean(metric, METRICS)}; known: {', '.join(METRICS)}")
    return METRICS[metric][1](y, outputs)


def compute(kind: Kind, y: Array, outputs: Array) -> dict[str, float]:
    """All metrics of that kind of task by name; arguments as for :func:`compute_one`."""
    return {name: function(y, outputs) for name, (of, function) in METRICS.items() if of == kind}


def default_metric(kind: Kind, targets: Array) -> tuple[str, str | None]:
    """The metric for a task whose user named none, and a note where it needs one.

    Accuracy and RMSE; balanced accuracy where one class holds at least 80 % of the examples, since always naming it would look good.
    """
    if kind == "regression":
        return "rmse", None
    most = float(np.bincount(targets).max()) / max(1, len(targets))
    if most < 0.8:
        return "accuracy", None
    what = f"one class holds {share_text(most)} of the training examples, so balanced accuracy decides"
    note = f"{what}; give --metric accuracy for plain accuracy"
    return "balanced_accuracy", note


def class_weights(metric: str, targets: Array, classes: int) -> NDArray[Any] | None:
    """Weights ``(classes,)`` float32 with which a loss counts the classes, mean over the examples 1; None where plain counting is best.

    Frequency to the power -1 for balanced accuracy and recall, which weigh every class alike, and -1/2 for F1, precision and ROC AUC, which
    suffer from the false alarms of full weights. None for accuracy and cross-entropy, whose optimum weights would shift, and where the
    smallest class has at least half of an equal share.
    """
    power = {"balanced_accuracy": 1.0, "recall": 1.0, "f1": 0.5, "precision": 0.5, "roc_auc": 0.5}.get(metric)
    counts = np.bincount(targets, minlength=classes).astype(np.float64)
    if power is None or counts.min() >= 0.5 * len(targets) / classes:
        return None
    raw = np.maximum(counts, 1.0) ** -power
    weights: NDArray[Any] = (raw * counts.sum() / (raw * counts).sum()).astype(np.float32)
    return weights
