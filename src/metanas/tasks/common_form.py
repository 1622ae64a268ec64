"""Examples of every kind of data as short rows of standardised numbers, in which tasks of different kinds can be compared."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.shape import TaskShape
from metanas.tasks.data import Array

Floats = NDArray[np.float64]
WIDEST = 256
"""Numbers per example at the most."""
FARTHEST = 5.0
"""Standardised numbers are cut at plus and minus this."""
MOST_STEPS = 1024
"""Time steps of a series that are looked at."""
SLICES, BANDS = 16, 16
"""Series become means of slices of time and log energies of bands of frequency; sounds log energies of bands by slices."""
WINDOW, WINDOWS = 256, 4
"""Samples of a sound's window, and windows of a slice that are looked at."""
PIXELS = 4
"""Pixels of a square, along each side, that are looked at."""


def common_form(x: Array, shape: TaskShape) -> Floats:
    """Short rows of finite numbers, not yet standardised.

    Args:
        x: prepared examples ``(rows, *shape.input)``, as networks take them.
        shape: of the task; a kind of data that is not known here is taken as it is.

    Returns:
        ``(rows, at most WIDEST)``: pictures averaged over squares; series see :func:`_series`; sounds as log energies in bands of
        frequency by slices of time; texts as bags of words (tf-idf); tables as they are. What is wider is sketched: every column is
        added to one of ``WIDEST`` sums with a random sign (Charikar et al. 2002), which keeps distances.
    """
    form = _FORMS.get(shape.data, _flat)
    rows = np.nan_to_num(form(x, shape), nan=0.0, posinf=0.0, neginf=0.0)
    return _sketch(rows) if rows.shape[1] > WIDEST else rows


def standardised(rows: Floats, sample: int) -> Floats:
    """Mean 0 and deviation 1 in the first ``sample`` rows; columns that are constant there vanish (one column of zeros is left)."""
    mean, std = rows[:sample].mean(0), rows[:sample].std(0)
    used = std > 1e-6 * np.maximum(1e-6, np.abs(rows[:sample]).max(0))
    if not used.any():
        return np.zeros((len(rows), 1))
    return np.asarray(np.clip((rows[:, used] - mean[used]) / std[used], -FARTHEST, FARTHEST))


def neighbour_correlation(x: Array, shape: TaskShape) -> float | None:
    """Correlation of numbers that lie side by side, over examples and places: 1 for smooth, 0 for shuffled ones.

    Pictures: along rows and columns; series and sound: along time. None for data without such an order.
    """
    if shape.data not in ("image", "series", "sound"):
        return None
    x = np.asarray(x[..., -MOST_STEPS:], np.float32)
    x = x - x.mean(axis=(0, *range(2, x.ndim)), keepdims=True)
    axes = range(2, x.ndim)
    pairs = [(x.take(range(1, x.shape[a]), a), x.take(range(x.shape[a] - 1), a)) for a in axes if x.shape[a] > 1]
    together = sum(float((a * b).sum()) for a, b in pairs)
    alone = sum(math.sqrt(float((a * a).sum()) * float((b * b).sum())) for a, b in pairs)
    return together / alone if alone > 0 else 0.0


def _flat(x: Array, shape: TaskShape) -> Floats:
    return np.asarray(x.reshape(len(x), -1), np.float64)


def _pictures(x: Array, shape: TaskShape) -> Floats:
    """Means of squares, about ``WIDEST`` in all."""
    rows, channels, height, width = x.shape
    side = min(height, width, max(1, math.ceil(math.sqrt(channels * height * width / WIDEST) - 1e-9)))
    high, wide, step = height // side, width // side, max(1, side // PIXELS)
    squares = x[:, :, : high * side, : wide * side].reshape(rows, channels, high, side, wide, side)[:, :, :, ::step, :, ::step]
    return np.asarray(squares.mean(axis=(3, 5), dtype=np.float32).reshape(rows, -1), np.float64)


def _series(x: Array, shape: TaskShape) -> Floats:
    """Per channel: means of slices of time, and log energies in bands of frequency, which do not ask when something happens."""
    step = -(-x.shape[2] // MOST_STEPS)
    x = np.asarray(x[:, :, ::step], np.float64)
    energy = np.abs(np.fft.rfft(x - x.mean(2, keepdims=True), axis=2)[:, :, 1:]) ** 2
    scale = float(energy.mean() if energy.size else 0.0) or 1.0
    parts = [*_means(x, SLICES), *(np.log(band / scale + 1e-3) for band in _means(energy, BANDS))]
    return np.concatenate(parts, axis=1)


def _means(x: Array, most: int) -> list[Array]:
    """``(rows, channels, length)`` to at most so many means ``(rows, channels)`` over neighbours."""
    return [part.mean(2) for part in np.array_split(x, min(most, x.shape[2]), axis=2)] if x.shape[2] else []


def _sounds(x: Array, shape: TaskShape) -> Floats:
    """Log energies of Hann windows: a few windows of every slice of time, so that long clips take no longer."""
    waves = x.mean(1, dtype=np.float32)
    waves = np.pad(waves, ((0, 0), (0, max(0, WINDOW - waves.shape[1]))))
    starts = np.unique(np.linspace(0, waves.shape[1] - WINDOW, SLICES * WINDOWS).astype(np.int64))
    frames = waves[:, starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW).astype(np.float32)
    energy = np.abs(np.fft.rfft(frames, axis=2)) ** 2
    slices = [part.mean(1) for part in np.array_split(energy, min(SLICES, len(starts)), axis=1)]
    bands = np.stack(_means(np.stack(slices, axis=1), BANDS), axis=2)
    return np.log(bands / (bands.mean() or 1.0) + 1e-4).reshape(len(x), -1)


def _texts(x: Array, shape: TaskShape) -> Floats:
    """Bags of words by hash, counts times the logarithm of rarity, of length 1. Padding (0) counts for nothing."""
    rows, words = np.nonzero(x)[0], x[x > 0].astype(np.int64)
    seen, words = np.unique(words, return_inverse=True)
    pairs, times = np.unique(rows * np.int64(len(seen)) + words, return_counts=True)
    row, word = np.divmod(pairs, max(len(seen), 1))
    rarity = np.log((1 + len(x)) / (1 + np.bincount(word, minlength=len(seen)))) + 1
    place, sign = _places(seen)
    bags = np.zeros((len(x), WIDEST))
    np.add.at(bags, (row, place[word]), sign[word] * times * rarity[word])
    return np.asarray(bags / np.maximum(np.linalg.norm(bags, axis=1, keepdims=True), 1e-12))


def _sketch(rows: Floats) -> Floats:
    place, sign = _places(np.arange(rows.shape[1]))
    order = np.argsort(place, kind="stable")
    starts = np.unique(place[order], return_index=True)[1]
    return np.asarray(np.add.reduceat((rows * sign)[:, order], starts, axis=1))


def _places(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """For every number from 0 one of ``WIDEST`` places and a sign, always the same."""
    draws = np.random.default_rng(0).integers(0, 2 * WIDEST, int(numbers.max(initial=0)) + 1)[numbers]
    return draws // 2, np.where(draws % 2, 1.0, -1.0)


_FORMS: dict[str, Callable[[Array, TaskShape], Floats]] = {"image": _pictures, "series": _series, "sound": _sounds, "text": _texts}
