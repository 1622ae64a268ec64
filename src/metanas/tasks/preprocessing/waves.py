"""Series and sound: float32 values, standardised per channel by the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import DataKind, TaskShape
from metanas.tasks.data import Array
from metanas.tasks.preprocessing.base import Output, Preprocessing, floats, outputs, register
from metanas.tasks.preprocessing.image import channel_moments

if TYPE_CHECKING:
    from metanas.tasks.task import Task


@dataclass(frozen=True)
class _WavePreprocessing(Preprocessing):
    def transform(self, inputs: Any) -> Array:
        """Cut or padded with zeros to the length of the training examples."""
        channels, length = self.shape.input
        if inputs.ndim != 3 or inputs.shape[1] != channels:
            raise InputError(f"{self.data} needs {channels} channels per example, not shape {tuple(inputs.shape[1:])}")
        return fit_length(np.asarray(inputs, np.float32), length)


@register
@dataclass(frozen=True)
class SeriesPreprocessing(_WavePreprocessing):
    """Mean and deviation per channel over time and examples."""

    data: ClassVar[DataKind] = "series"

    @classmethod
    def fit(cls, task: Task) -> SeriesPreprocessing:
        """Measure the training series."""
        x = task.rows(task.train)
        shape = TaskShape("series", tuple(int(n) for n in x.shape[1:]), outputs(task))
        return cls(shape, Output.of(task), *channel_moments(x))


@register
@dataclass(frozen=True)
class SoundPreprocessing(_WavePreprocessing):
    """One loudness for all channels (root of the mean square of the training part); waveforms have mean 0 already."""

    data: ClassVar[DataKind] = "sound"

    @classmethod
    def fit(cls, task: Task) -> SoundPreprocessing:
        """Measure the training waveforms."""
        x = task.rows(task.train)
        mean, std = (np.array(m, np.float64) for m in channel_moments(x))
        loudness = float(np.sqrt((mean**2 + std**2).mean())) if x.any() else 1.0
        channels = x.shape[1]
        shape = TaskShape("sound", tuple(int(n) for n in x.shape[1:]), outputs(task), rate=task.rate)
        return cls(shape, Output.of(task), (0.0,) * channels, floats(np.full(channels, loudness)))


def fit_length(x: Array, length: int) -> Array:
    """``(n, channels, time)`` cut at the end or padded with zeros to ``length``."""
    if x.shape[2] >= length:
        return np.ascontiguousarray(x[:, :, :length])
    return np.pad(x, ((0, 0), (0, 0), (0, length - x.shape[2])))
