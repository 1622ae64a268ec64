"""Pictures: kept as uint8, standardised per channel by the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import DataKind, TaskShape
from metanas.tasks.data import Array
from metanas.tasks.preprocessing.base import Output, Preprocessing, floats, outputs, register

if TYPE_CHECKING:
    from metanas.tasks.task import Task

_SAMPLE = 2000
"""Pictures per half in the test whether mirrored pictures help."""


@register
@dataclass(frozen=True)
class ImagePreprocessing(Preprocessing):
    """Means and deviations per channel in grey levels 0 to 255.

    ``mirrored``: whether mirroring keeps a picture's meaning. ``white``: the number for white in arrays as the user has them, see
    :func:`metanas.tasks.arrays.white_of`; in files it is 255.
    """

    mirrored: bool = False
    white: float = 255.0
    data: ClassVar[DataKind] = "image"

    @classmethod
    def fit(cls, task: Task) -> ImagePreprocessing:
        """Measure the training pictures."""
        x = task.rows(task.train)
        mean, std = channel_moments(x)
        mirrored = task.mirror
        if mirrored is None:
            mirrored = task.kind == "classification" and keeps_meaning_mirrored(x, task.targets[task.train])
        shape = TaskShape("image", tuple(int(n) for n in x.shape[1:]), outputs(task))
        return cls(shape, Output.of(task), mean, std, mirrored, task.white)

    def transform(self, inputs: Any) -> Array:
        """Unchanged uint8, after a look at the shape."""
        if tuple(inputs.shape[1:]) != self.shape.input or inputs.dtype != np.uint8:
            raise InputError(f"pictures must be uint8 of shape {self.shape.input}, not {inputs.dtype} of shape {tuple(inputs.shape[1:])}")
        return np.ascontiguousarray(inputs)

    @property
    def mirror(self) -> bool:
        """Whether a picture keeps its meaning when mirrored left to right."""
        return self.mirrored

    def details(self) -> dict[str, Any]:
        """The mirror flag and the scale."""
        return {"mirrored": self.mirrored, "white": self.white}

    @classmethod
    def restore(cls, common: Mapping[str, Any], details: Mapping[str, Any]) -> ImagePreprocessing:
        """The instance that gave ``details``."""
        return cls(**common, mirrored=bool(details["mirrored"]), white=float(details.get("white", 255.0)))


def channel_moments(x: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation over examples and places, per channel of ``(n, channels, ...)``; a deviation of 0 becomes 1."""
    channels = x.shape[1]
    total, squares, count = np.zeros(channels), np.zeros(channels), 0
    for start in range(0, len(x), 1024):
        block = np.moveaxis(x[start : start + 1024], 1, 0).reshape(channels, -1).astype(np.float64)
        total += block.sum(1)
        squares += (block**2).sum(1)
        count += block.shape[1]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return floats(mean), floats(np.where(std > 1e-12, std, 1.0))


def keeps_meaning_mirrored(x: Array, y: Array) -> bool:
    """Whether the nearest neighbour tells the class of a picture more often if mirrored pictures may be neighbours too.

    One half of (at most 4,000) training pictures, drawn with a fixed seed and shrunk to about 16 x 16, is looked up in the other half.
    Photographs and clothes gain by the mirrored neighbours; digits and letters lose, and things told apart by left and right lose most.
    """
    rows = np.random.default_rng(0).permutation(len(x))[: 2 * _SAMPLE]
    shrink = max(1, max(x.shape[2:]) // 16)
    small = x[rows].mean(1)[:, ::shrink, ::shrink].astype(np.float32)
    known, asked, labels = small[::2], small[1::2].reshape(len(rows) // 2, -1), y[rows]
    if len(asked) < 10:
        return False
    both = np.concatenate([known, known[:, :, ::-1]]).reshape(2 * len(known), -1)
    right = [int((np.tile(labels[::2], 2)[_nearest(both[:most], asked)] == labels[1::2]).sum()) for most in (len(known), len(both))]
    return right[1] > right[0]


def _nearest(base: Array, queries: Array) -> Array:
    nearest: Array = ((base**2).sum(1)[None] - 2 * queries @ base.T).argmin(1)
    return nearest
