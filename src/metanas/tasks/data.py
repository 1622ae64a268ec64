"""Network-ready arrays of one task: what evaluators train on. Test data never stands in here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.shape import TaskShape

Array = NDArray[Any]
Kind = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class LearningData:
    """Arrays of the training and validation parts.

    Args:
        shape: of the task.
        kind: classification or regression.
        metric: name of the metric that decides, see ``metanas.tasks.metrics``.
        x_train, x_val: ``(examples, *shape.input)``: uint8 for images, int32 token ids for text, else float32.
        y_train, y_val: int64 class numbers ``(examples,)``, or float32 targets ``(examples, shape.outputs)`` in the user's unit.
        input_mean, input_std: float32, one number per channel (first axis of ``shape.input``), fitted on the training part;
            the network subtracts and divides by them itself (0 and 1 where the preprocessing has scaled already, or text).
        target_mean, target_std: float32 ``(shape.outputs,)``: the network learns standardised targets; 0 and 1 for classification.
        class_weights: float32 ``(shape.outputs,)`` with which the loss counts the classes (mean over examples 1), or None.
        mirror: whether a picture keeps its meaning when mirrored left to right, as far as known (digits don't).
        recut: whether validation rows may be exchanged with training rows, see :meth:`fold`.
    """

    shape: TaskShape
    kind: Kind
    metric: str
    x_train: Array
    y_train: Array
    x_val: Array
    y_val: Array
    input_mean: Array
    input_std: Array
    target_mean: Array
    target_std: Array
    class_weights: Array | None = None
    mirror: bool = False
    recut: bool = False

    def fold(self, number: int) -> LearningData:
        """The same rows cut anew into training and validation part, of the same sizes, stratified; 0 is the data's own cut.

        The preprocessing stays the one fitted on the task's own training rows.
        """
        if number == 0:
            return self
        from metanas.tasks.splits import at_random

        x, y = np.concatenate([self.x_train, self.x_val]), np.concatenate([self.y_train, self.y_val])
        labels = y if self.kind == "classification" else np.zeros(len(y), np.int64)
        train, held = at_random(np.arange(len(y)), labels, len(self.y_val), np.random.default_rng(number))
        return replace(self, x_train=x[train], y_train=y[train], x_val=x[held], y_val=y[held])

    def joined(self) -> LearningData:
        """The same with the validation part added to the training part, and no validation part: for the final training."""
        both: dict[str, Any] = {
            "x_train": np.concatenate([self.x_train, self.x_val]),
            "y_train": np.concatenate([self.y_train, self.y_val]),
        }
        return replace(self, **both, x_val=self.x_val[:0], y_val=self.y_val[:0])

    def save(self, folder: Path) -> None:
        """Write one ``.npy`` file per array and ``data.json`` into ``folder``, for worker processes to map into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = [f.name for f in fields(self) if isinstance(getattr(self, f.name), np.ndarray)]
        for name in arrays:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        record = {
            "shape": asdict(self.shape),
            "kind": self.kind,
            "metric": self.metric,
            "mirror": self.mirror,
            "recut": self.recut,
            "arrays": arrays,
        }
        (folder / "data.json").write_text(json.dumps(record), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> LearningData:
        """The data written by :meth:`save`; arrays are mapped (copied on write), not read."""
        record = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False) for name in record.pop("arrays")}
        return cls(**{**record, "shape": TaskShape.from_json(record["shape"])}, **arrays)
