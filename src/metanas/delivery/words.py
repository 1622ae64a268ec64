"""Metrics for people: their names, what they mean, and their values as text."""

from __future__ import annotations

_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "recall": "recall",
    "precision": "precision",
    "f1": "F1 score",
    "roc_auc": "area under the ROC curve",
    "cross_entropy": "cross-entropy",
    "rmse": "root-mean-square error",
    "mae": "mean absolute error",
    "r2": "R² (explained share of the variance)",
}
_PERCENT = frozenset({"accuracy", "balanced_accuracy", "recall", "precision"})


def metric_name(metric: str) -> str:
    """The metric's name in words; a metric not known here keeps its own."""
    return _NAMES.get(metric, metric.replace("_", " "))


def metric_text(metric: str, value: float) -> str:
    """A value of the metric: shares in per cent, other scores with three decimals, errors with four significant digits."""
    if metric in _PERCENT:
        return f"{100 * value:.1f} %"
    if metric in {"rmse", "mae"}:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.4g}"
    return f"{value:.3f}"


def metric_words(metric: str, target: str, classes: int, positive: str = "") -> str:
    """What the metric means, in half a sentence.

    Args:
        metric: its name.
        target: what is predicted.
        classes: number of classes; 0 for regression.
        positive: of two classes, the one that recall, precision and F1 are about.
    """
    of = f"of {f'class “{positive}”' if positive else 'the second class'}" if classes == 2 else "of each class, averaged over the classes"
    unit = f"in the unit of {target}; 0 is perfect, lower is better"
    words = {
        "accuracy": "the share of examples put in the right class",
        "balanced_accuracy": f"the share of right answers within each of the {classes} classes, averaged, so that rare ones count as much",
        "recall": f"the share of the examples {of} that was found",
        "precision": f"the share of right answers among the guesses {of}",
        "f1": f"recall and precision {of} in one number; 1 is perfect",
        "roc_auc": "how often an example of a class gets more probability for it than an outsider; 0.5 is guessing, 1 is perfect",
        "cross_entropy": "the average surprise at the right class, minus the logarithm of its probability; 0 is perfect, lower is better",
        "rmse": f"the typical size of an error, large ones counting more, {unit}",
        "mae": f"the average size of an error, {unit}",
        "r2": "1 is perfect, 0 is no better than always saying the mean",
    }
    return words.get(metric, "as its author defines it")


def duration_text(seconds: float) -> str:
    """A time as people say it: seconds, minutes, or hours and minutes."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
