"""Episodes as tasks like any other: what is learned from is the support, what is scored in the end are the queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.spaces.shape import DataKind, TaskShape
from metanas.tasks.arrays import DEFAULT_RATE, decide, shrink, to_inputs, white_of
from metanas.tasks.data import Array, Kind
from metanas.tasks.few_shot.episode import Episode
from metanas.tasks.metrics import default_metric
from metanas.tasks.options import Options, some
from metanas.tasks.task import Task

HELD = 3
"""One of so many support examples of a class is kept back, to choose by; of two one."""
TARGET = "label"


def episode_task(episode: Episode, shape: TaskShape, name: str = "episode") -> Task:
    """The task that an episode is: test rows are the queries, training and validation rows are the support.

    A third of each class's support examples (of regression, of all) is for validation. Where no class has two, validation rows are the
    training rows themselves, and the task's notes say so: then nothing tells how well a network does on others than those it learned.

    Args:
        episode: a single one.
        shape: of its family's tasks: what the arrays are.
        name: of the task.

    Raises:
        ValueError: if several are stacked.
    """
    x_support, y_support, x_query, y_query = (np.asarray(a) for a in episode.arrays)
    if x_support.shape[1:] != shape.input:
        raise ValueError(f"one episode with examples of shape {shape.input} is a task, not arrays of shape {x_support.shape}")
    x = np.concatenate([x_support, x_query])
    classes = episode.classes or (tuple(str(way) for way in range(shape.outputs)) if episode.kind == "classification" else ())
    facts = {"rate": shape.rate} if shape.data == "sound" else {}
    parts = _Parts(name, episode.kind, shape.data, np.concatenate([y_support, y_query]), classes, len(y_support), facts)
    return parts.task(_raw(x, shape.data))


def task_of_arrays(x: Array, y: Array, x_query: Array, y_query: Array, *, name: str = "episode", **options: Any) -> Task:
    """The task of a support ``x (examples, ...)`` with labels ``y`` and of queries with theirs, parts as for :func:`episode_task`.

    Args:
        x, x_query: shaped as in ``Task.from_arrays``.
        y, y_query: any labels ``(examples,)``, or for regression numbers ``(examples[, outputs])``.
        name: of the task.
        options: ``kind`` of the data or the problem (labels are classes where nothing else is said), ``size`` of pictures, ``rate`` of
            sound.

    Raises:
        InputError: if arrays don't belong together, or a query's label is none of the support's.
    """
    asked = Options.of(options)
    asked.require("arrays of an episode", "rate", "size")
    if len(x) != len(y) or len(x_query) != len(y_query) or not len(x) or not len(x_query):
        told = f"{len(x)} and {len(y)} of the support, {len(x_query)} and {len(y_query)} of the queries"
        raise InputError(f"an episode needs examples and labels that belong together one by one, not {told}")
    if x.shape[1:] != x_query.shape[1:]:
        raise InputError(
            f"the support's examples have the shape {x.shape[1:]}, and the queries' {x_query.shape[1:]}; they must be the same"
        )
    kind: Kind = asked.problem or "classification"
    targets, classes = _targets(y, y_query, kind)
    data, note = (asked.data, None) if asked.data else decide(x)
    white = white_of(x) if data == "image" else 255.0
    inputs = to_inputs(np.concatenate([x, x_query]), data, white=white)
    if data == "image":
        inputs, shrunk = shrink(inputs, asked.size)
        note = note or shrunk
    facts = {"rate": asked.rate or DEFAULT_RATE} if data == "sound" else {"white": white} if data == "image" else {}
    return _Parts(name, kind, data, targets, classes, len(y), facts, (note,) if note else ()).task(inputs)


@dataclass(frozen=True)
class _Parts:
    """All of a task but its inputs; the support's rows come first."""

    name: str
    kind: Kind
    data: DataKind
    targets: Array
    classes: tuple[str, ...]
    support: int
    facts: Mapping[str, Any]
    notes: tuple[str, ...] = field(default=())

    def task(self, inputs: Any) -> Task:
        train, validation = _cut(self.targets[: self.support], self.kind)
        alone = "no class has two support examples, so the networks are compared on the same examples that they learn from"
        same = len(train) == len(validation) == self.support
        return Task(
            name=self.name,
            kind=self.kind,
            data=self.data,
            inputs=inputs,
            targets=self.targets if self.kind == "regression" else self.targets.astype(np.int64),
            classes=self.classes,
            target=TARGET,
            train=train,
            validation=validation,
            test=np.arange(self.support, len(self.targets)),
            metric=default_metric(self.kind, self.targets[train])[0],
            notes=(*self.notes, *((alone,) if same else ())),
            **self.facts,
        )


def _cut(y: Array, kind: Kind) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation rows of the support: of each class the last third is kept back, and at least one of two."""
    groups = [np.flatnonzero(y == label) for label in np.unique(y)] if kind == "classification" else [np.arange(len(y))]
    held = [rows[len(rows) - max(1, len(rows) // HELD) :] for rows in groups if len(rows) > 1]
    every = np.arange(len(y))
    if not held:
        return every, every
    validation = np.sort(np.concatenate(held))
    return np.setdiff1d(every, validation), validation


def _raw(x: Array, data: DataKind) -> Any:
    """What ``Task.inputs`` would have been: an episode's arrays are what a network takes. Token numbers stand for their words."""
    if data == "text":
        return [" ".join(f"w{token}" for token in row if token) for row in x.tolist()]
    return to_inputs(x, "table") if data == "table" else x


def _targets(y: Array, y_query: Array, kind: Kind) -> tuple[Array, tuple[str, ...]]:
    if kind == "regression":
        both = np.concatenate([y, y_query])
        if both.dtype.kind not in "biuf" or not np.isfinite(both).all():
            raise InputError("the values of a regression episode must be finite numbers, and some are not; leave those examples out")
        return both.reshape(len(both), -1).astype(np.float32), ()
    if y.ndim != 1 or y_query.ndim != 1:
        raise InputError(f"an episode has one label for each example, not arrays of shape {y.shape} and {y_query.shape}")
    classes, labels = np.unique(y, return_inverse=True)
    strange = [str(label) for label in np.unique(y_query) if label not in classes]
    if strange or len(classes) < 2:
        told = f"the queries have the label {strange[0]}, and" if strange else "an episode has two classes or more, and"
        raise InputError(f"{told} the support has examples of {some([str(c) for c in classes], 5)}; give both the same labels")
    return np.concatenate([labels, np.searchsorted(classes, y_query)]), tuple(str(c) for c in classes)
