"""Using a meta-learned start: from a few labelled examples and some queries to predictions, and how many of them are right."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metanas.delivery.meta_model import AdaptedModel, MetaModel, load_meta_model, plain_labels, read_examples
from metanas.errors import InputError
from metanas.tasks import Task
from metanas.tasks.data import Array
from metanas.tasks.few_shot import task_of_arrays
from metanas.tasks.options import some

Examples = str | Path | tuple[Array, Array | None]
"""An ``.npz`` with ``x`` and ``y``, or both arrays."""


@dataclass(frozen=True, eq=False)
class Adapted:
    """A network adapted to a task, and what it says of the task's queries.

    Args:
        model: the adapted network.
        outputs: class probabilities ``(queries, classes)``, or values ``(queries, outputs)``; None without queries.
        predictions: the likeliest class of each query, or its values; None without queries.
        truth: the queries' own labels or values; None where they aren't known.
    """

    model: AdaptedModel
    outputs: Array | None = None
    predictions: Array | None = None
    truth: Array | None = None

    @property
    def right(self) -> int | None:
        """Number of queries put in their class; None where that isn't known."""
        if self.truth is None or self.predictions is None or self.model.kind != "classification":
            return None
        return int((self.predictions == self.truth.astype(str)).sum())

    @property
    def score(self) -> float | None:
        """Share of right predictions, or the mean squared error; None where the truth isn't known."""
        if self.truth is None or self.outputs is None:
            return None
        if self.right is not None:
            return self.right / len(self.truth)
        return float(((self.outputs - self.truth.reshape(self.outputs.shape)) ** 2).mean())

    @property
    def few(self) -> str:
        """What to know where the queries are too few for their own statistics; else empty."""
        queries = len(self.outputs) if self.outputs is not None else 0
        normalised = any(node.op == "batch_norm" for node in self.model.graph.nodes)
        if not normalised or not 0 < queries < 2 * len(self.model.classes):
            return ""
        return f"batch normalisation takes its statistics from the queries given together, and {queries} are few; more predict better"

    def csv(self) -> str:
        """A CSV table with a line per query: ``row``, ``prediction`` (``prediction_1`` ... for several), a ``probability_CLASS`` each.

        Raises:
            ValueError: without queries.
        """
        if self.outputs is None or self.predictions is None:
            raise ValueError("there were no queries")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self.model.kind == "classification":
            writer.writerow(["row", "prediction", *(f"probability_{name}" for name in self.model.classes)])
            for i, (name, row) in enumerate(zip(self.predictions, self.outputs, strict=True)):
                writer.writerow([i, name, *(f"{p:.4f}" for p in row)])
        else:
            width = self.outputs.shape[1]
            writer.writerow(["row", *(["prediction"] if width == 1 else [f"prediction_{k}" for k in range(1, width + 1)])])
            writer.writerows([i, *(f"{value:.6g}" for value in row)] for i, row in enumerate(self.outputs))
        return text.getvalue()

    def to_json(self) -> dict[str, Any]:
        """A JSON object: ``classes``, ``support`` (how many examples), and what there is of ``architecture`` (that the task has chosen),
        ``queries`` (how many), ``predictions``, ``probabilities``, and the score as ``accuracy`` or ``mse``."""
        record: dict[str, Any] = {"classes": list(self.model.classes), "support": self.model.support}
        if (chosen := self.model.architecture) is not None:
            record["architecture"] = chosen.to_json()
        if self.predictions is not None:
            record |= {"queries": len(self.predictions), "predictions": self.predictions.tolist()}
        if self.outputs is not None and self.model.kind == "classification":
            record["probabilities"] = np.round(self.outputs.astype(np.float64), 6).tolist()
        if self.score is not None:
            record["accuracy" if self.model.kind == "classification" else "mse"] = self.score
        return record


def adapt(folder: str | Path, support: Examples | Task, query: Examples | None = None, *, device: str = "cpu") -> Adapted:
    """Adapt the start in a meta-training's folder to a new task.

    Args:
        folder: that ``metanas meta-train`` wrote.
        support: labelled examples, shaped as those of training, with any labels: of as many classes as there were ways, or fewer. Or a
            task: its training and validation rows are the support, its test rows the queries.
        query: examples to be predicted, all at once, with labels or without.
        device: where to compute.

    Raises:
        InputError: one sentence on what can't be used, and what to do.

    Example:
        >>> adapted = adapt("runs/omniglot-maml", (x, y), (x_new, None))      # doctest: +SKIP
        >>> adapted.predictions                                               # doctest: +SKIP
    """
    start = load_meta_model(folder, device)
    if isinstance(support, Task):
        task, learned = support, np.concatenate([support.train, support.validation])
        support, query = _of_task(task, learned, start), _of_task(task, task.test, start)
    x, y = _examples(support, labels=True)
    asked = None if query is None else _examples(query, labels=False)
    assert y is not None
    model = start.adapt(x, y)
    if asked is None:
        return Adapted(model)
    outputs = model.outputs(asked[0])
    truth = None if asked[1] is None else plain_labels(asked[1], model.kind)
    if truth is not None:
        _check_truth(model, outputs, truth)
    return Adapted(model, outputs, model.decide(outputs), truth)


def episode_of_files(support: str | Path, query: str | Path, **options: Any) -> Task:
    """The files that :func:`adapt` takes, as a task: to be described, searched on and trained for without a start.

    Args:
        support: an ``.npz`` with ``x`` and ``y``.
        query: another one; ``y`` must be there, too.
        options: see :func:`metanas.tasks.few_shot.task_of_arrays`.

    Raises:
        InputError: if a file can't be read, or they don't belong together.

    Example:
        >>> metanas.search(episode_of_files("support.npz", "query.npz"), budget="30s")      # doctest: +SKIP
    """
    (x, y), (x_query, y_query) = (read_examples(path, labels=True) for path in (support, query))
    assert y is not None
    assert y_query is not None
    return task_of_arrays(x, y, x_query, y_query, **{"name": Path(support).stem, **options})


def _of_task(task: Task, rows: Array, start: MetaModel) -> tuple[Any, Array]:
    """The raw inputs of some rows (each once) as a user would have them in arrays, and their labels."""
    rows = np.unique(rows)
    x, y = task.rows(rows), task.targets[rows]
    if task.data in ("image", "series", "sound"):
        x = np.moveaxis(x, 1, -1)
    white = getattr(start.preprocessing, "white", 255.0)
    if task.data == "image" and white != 255.0:
        x = x * (white / 255.0)
    return x, np.array(task.classes)[y] if task.kind == "classification" else y


def _examples(given: Examples, *, labels: bool) -> tuple[Array, Array | None]:
    if isinstance(given, (str, Path)):
        return read_examples(given, labels=labels)
    x, y = given
    return x if hasattr(x, "iloc") or isinstance(x, list) else np.asarray(x), None if y is None else np.asarray(y)


def _check_truth(model: AdaptedModel, outputs: Array, truth: Array) -> None:
    if len(truth) != len(outputs):
        raise InputError(f"there are {len(outputs)} queries and {len(truth)} labels of them; they must belong together one by one")
    if model.kind == "regression":
        if truth.size != outputs.size or truth.dtype.kind not in "biuf":
            raise InputError(f"the queries' y must hold {outputs.shape[1]} numbers each, not {truth.dtype} of shape {truth.shape}")
        return
    strange = sorted({str(label) for label in truth.reshape(-1).tolist()} - set(model.classes))
    if strange or truth.ndim != 1:
        told = f"label{'s' * (len(strange) > 1)} {some(strange, 3)}" if strange else f"labels of shape {truth.shape}"
        raise InputError(
            f"the queries have the {told}, and the support has examples of {some(model.classes, 5)}: give the same labels in both, or no y "
            "with the queries"
        )
