"""What every preprocessing has in common; and the table of them by kind of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import DataKind, TaskShape
from metanas.tasks.data import Array, Kind

if TYPE_CHECKING:
    from metanas.tasks.task import Task

SCHEMA = 2
"""2: pictures know the scale of arrays (``white``)."""


@dataclass(frozen=True)
class Output:
    """What a network's outputs mean.

    Args:
        kind: classification or regression.
        target: name of what is predicted.
        classes: names by number; empty for regression.
        mean, std: of the training targets, one per output; 0 and 1 for classification.
    """

    kind: Kind
    target: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, task: Task) -> Output:
        """Measured on the training rows of ``task``; a target that never changes there gets deviation 1."""
        if task.kind == "classification":
            count = len(task.classes)
            return cls(task.kind, task.target, task.classes, (0.0,) * count, (1.0,) * count)
        y = task.targets[task.train].astype(np.float64)
        std = y.std(0)
        return cls(task.kind, task.target, (), floats(y.mean(0)), floats(np.where(std > 0, std, 1.0)))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"kind": self.kind, "target": self.target, "classes": list(self.classes), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Output:
        """The output written by :meth:`to_json`."""
        return cls(record["kind"], record["target"], tuple(record["classes"]), tuple(record["mean"]), tuple(record["std"]))


@dataclass(frozen=True)
class Preprocessing(ABC):
    """Turns raw inputs into what a network takes; everything it knows of the data was measured on training rows.

    Args:
        shape: of the task.
        output: what the network's outputs mean.
        input_mean, input_std: per channel, for the network to subtract and divide by; 0 and 1 where :meth:`transform` scales itself.
    """

    shape: TaskShape
    output: Output
    input_mean: tuple[float, ...]
    input_std: tuple[float, ...]

    data: ClassVar[DataKind]
    """The kind of data it is for."""

    @classmethod
    @abstractmethod
    def fit(cls, task: Task) -> Preprocessing:
        """Fitted on the training rows of ``task``; looks at no others."""

    @abstractmethod
    def transform(self, inputs: Any) -> Array:
        """Raw inputs (as ``Task.inputs``) to ``(n, *shape.input)``.

        Raises:
            InputError: if the inputs don't fit, e.g. a column is missing.
        """

    @property
    def mirror(self) -> bool:
        """Whether a picture keeps its meaning when mirrored left to right."""
        return False

    def details(self) -> dict[str, Any]:
        """What a subclass knows besides, as JSON; :meth:`restore` takes it."""
        return {}

    @classmethod
    def restore(cls, common: Mapping[str, Any], details: Mapping[str, Any]) -> Preprocessing:
        """The instance with the ``common`` fields and what :meth:`details` gave."""
        return cls(**common, **details)

    def to_json(self) -> dict[str, Any]:
        """A JSON object with a schema version; :func:`from_json` reads it back."""
        return {
            "schema": SCHEMA,
            "data": self.data,
            "shape": self.shape.to_json(),
            "output": self.output.to_json(),
            "input_mean": list(self.input_mean),
            "input_std": list(self.input_std),
            "details": self.details(),
        }

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Preprocessing:
        """The preprocessing written by :meth:`to_json`, of whatever kind of data.

        Raises:
            InputError: if a newer version of metanas wrote it.
        """
        if record.get("schema", 0) > SCHEMA:
            raise InputError("this model's preprocessing was written by a newer version of metanas; update metanas to use it")
        common = {
            "shape": TaskShape.from_json(dict(record["shape"])),
            "output": Output.from_json(record["output"]),
            "input_mean": tuple(record["input_mean"]),
            "input_std": tuple(record["input_std"]),
        }
        return PREPROCESSINGS[record["data"]].restore(common, record["details"])


PREPROCESSINGS: dict[str, type[Preprocessing]] = {}
"""Kind of data to its preprocessing."""


def register(cls: type[Preprocessing]) -> type[Preprocessing]:
    """Make a class the preprocessing of its kind of data."""
    PREPROCESSINGS[cls.data] = cls
    return cls


def fit(task: Task) -> Preprocessing:
    """The preprocessing for the kind of data of ``task``, fitted on its training rows."""
    return PREPROCESSINGS[task.data].fit(task)


def floats(array: Array) -> tuple[float, ...]:
    """Numbers rounded to float32, as JSON keeps exactly."""
    return tuple(float(v) for v in np.asarray(array, np.float32).reshape(-1))


def outputs(task: Task) -> int:
    """Number of outputs of a network for ``task``."""
    return len(task.classes) if task.kind == "classification" else int(task.targets.shape[1])
