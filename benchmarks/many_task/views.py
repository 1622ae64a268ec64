"""What examples are seen as: pictures, sounds, series and texts as vectors of at most 128 numbers; fitted on the training part alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from .parts import TRAIN, Parts, step
from .raw import Array, Kind, Step

VIEWS: dict[Kind, tuple[Step, ...]] = {
    "table": (),
    "generated": (),
    "image": (
        ("pixels", {"side": 8}),
        ("components", {"size": 16}),
        ("pixels", {"side": 6}),
        ("components", {"size": 40}),
        ("gradients", {}),
    ),
    "sound": (
        ("spectrum", {"bands": 12, "slices": 4}),
        ("spectrum", {"bands": 8, "slices": 2}),
        ("spectrum", {"bands": 8, "slices": 8}),
        ("spectrum", {"bands": 20, "slices": 1}),
    ),
    "series": (
        ("resample", {"size": 48}),
        ("components", {"size": 16}),
        ("summary", {}),
        ("resample", {"size": 24}),
        ("differences", {"size": 32}),
    ),
    "text": (("words", {"size": 48}), ("letters", {"size": 32}), ("hashed", {"size": 64}), ("words", {"size": 20})),
}
"""By kind of data, the ordinary one first."""


def grey(x: Array) -> Array:
    """Pictures ``(n, height, width[, 3])`` without their colours, float64."""
    return x.astype(np.float64) if x.ndim == 3 else x.mean(3)


def shrunk(x: Array, side: int) -> Array:
    """Pictures ``(n, height, width[, 3])`` at ``side`` x ``side``, every new pixel the mean over its area."""
    return _averaged(_averaged(x.astype(np.float64), 1, side), 2, side)


def _averaged(x: Array, axis: int, count: int) -> Array:
    """An axis cut into ``count`` pieces of equal length, each averaged; pieces share a place that lies in two of them."""
    length = x.shape[axis]
    borders = np.linspace(0, length, count + 1)
    places = np.arange(length)
    weights = np.clip(np.minimum(places + 1, borders[1:, None]) - np.maximum(places, borders[:-1, None]), 0, None)
    weights /= weights.sum(1, keepdims=True)
    return np.moveaxis(np.tensordot(x, weights, ([axis], [1])), -1, axis)


@step
def pixels(parts: Parts, rng: np.random.Generator, *, side: int) -> Parts:
    """Grey pixels at a low resolution."""
    return parts.each(lambda x: shrunk(grey(x), side).reshape(len(x), -1))


@step
def components(parts: Parts, rng: np.random.Generator, *, size: int) -> Parts:
    """The first principal components of pixels or of a series."""
    flat = parts.each(lambda x: (grey(x) if x.dtype == np.uint8 else x).reshape(len(x), -1).astype(np.float64))
    centre = flat.inputs[TRAIN].mean(0)
    axes = np.linalg.svd(flat.inputs[TRAIN] - centre, full_matrices=False)[2][:size]
    return flat.each(lambda x: (x - centre) @ axes.T)


@step
def gradients(parts: Parts, rng: np.random.Generator) -> Parts:
    """How strong edges of six directions are in each ninth of a picture (after Dalal and Triggs 2005)."""

    def seen(x: Array) -> Array:
        down, right = np.gradient(grey(x), axis=(1, 2))
        strength, angle = np.hypot(down, right), np.arctan2(down, right) % np.pi
        maps = [strength * (np.floor(angle / np.pi * 6).astype(int) % 6 == k) for k in range(6)]
        return np.concatenate([shrunk(m, 3).reshape(len(x), -1) for m in maps], 1)

    return parts.each(seen)


@step
def spectrum(parts: Parts, rng: np.random.Generator, *, bands: int, slices: int) -> Parts:
    """Logarithmic energy in bands (equally spaced on the mel scale) and slices of time; of cepstra the first ``bands`` of them."""

    def seen(x: Array) -> Array:
        if not parts.rate:
            return _averaged(x[:, :, :bands].astype(np.float64), 1, slices).reshape(len(x), -1)
        window = np.hanning(256)
        frames = np.lib.stride_tricks.sliding_window_view(x[:, :, 0], 256, axis=1)[:, ::128] * window
        power = np.abs(np.fft.rfft(frames)) ** 2
        mel = np.expm1(np.linspace(0, np.log1p(parts.rate / 1400), bands + 1)) * 700 / parts.rate * 256
        places = np.clip(mel, 0, 128).round().astype(int)
        energy = np.stack([power[:, :, a : max(b, a + 1)].mean(2) for a, b in itertools.pairwise(places)], 2)
        return np.log(_averaged(energy, 1, slices) + 1e-6).reshape(len(x), -1)

    return parts.each(seen)


@step
def resample(parts: Parts, rng: np.random.Generator, *, size: int) -> Parts:
    """A series at a lower resolution, ``size`` numbers over all channels."""
    return parts.each(lambda x: _averaged(x.astype(np.float64), 1, min(x.shape[1], max(4, size // x.shape[2]))).reshape(len(x), -1))


@step
def differences(parts: Parts, rng: np.random.Generator, *, size: int) -> Parts:
    """The changes of a series at a lower resolution."""
    return resample(parts.each(lambda x: np.diff(x, axis=1)), rng, size=size)


@step
def summary(parts: Parts, rng: np.random.Generator) -> Parts:
    """Statistics of each channel: moments, quantiles, changes, autocorrelations, energy in bands of frequency."""

    def seen(x: Array) -> Array:
        series = np.moveaxis(x.astype(np.float64), 2, 1).reshape(-1, x.shape[1])
        mean, spread = series.mean(1), series.std(1) + 1e-9
        z = (series - mean[:, None]) / spread[:, None]
        power = np.log(np.abs(np.fft.rfft(z))[:, 1:] ** 2 + 1e-3)
        columns = [mean, spread, (z**3).mean(1), (z**4).mean(1), np.abs(np.diff(z)).mean(1), z.argmax(1), z.argmin(1)]
        columns += list(np.quantile(series, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1))
        columns += [(z[:, lag:] * z[:, :-lag]).mean(1) for lag in (1, 2, 5)]
        table = np.concatenate([np.stack(columns, 1), _averaged(power, 1, 6)], 1)
        return table.reshape(len(x), -1)

    return parts.each(seen)


@step
def words(parts: Parts, rng: np.random.Generator, *, size: int) -> Parts:
    """Frequencies of words, weighted down where common, in ``size`` components (Deerwester et al. 1990, latent semantic analysis)."""
    return _decomposed(parts, size, analyzer="word", ngram_range=(1, 2))


@step
def letters(parts: Parts, rng: np.random.Generator, *, size: int) -> Parts:
    """The same of one to three letters in a row."""
    return _decomposed(parts, size, analyzer="char", ngram_range=(1, 3))


@step
def hashed(parts: Parts, rng: np.random.Generator, *, size: int) -> Parts:
    """Counts of words and of three letters in a row, spread over ``size`` numbers by a hash."""
    from sklearn.feature_extraction.text import HashingVectorizer

    count = HashingVectorizer(n_features=size, analyzer="char_wb", ngram_range=(3, 3), norm="l2")
    return parts.each(lambda x: count.transform(x).toarray())


def _decomposed(parts: Parts, size: int, **settings: Any) -> Parts:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(min_df=2, max_features=5000, sublinear_tf=True, **settings).fit(parts.inputs[TRAIN])
    most = min(size, len(weigh.vocabulary_) - 1, len(parts.inputs[TRAIN]) - 1)
    project = TruncatedSVD(most, random_state=0).fit(weigh.transform(parts.inputs[TRAIN]))
    return parts.each(lambda x: project.transform(weigh.transform(x)))


def as_tables(parts: Parts) -> Parts:
    """The parts' inputs as tables; columns of an array are called x0, x1, ..."""
    return parts.each(lambda x: x if isinstance(x, pd.DataFrame) else pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]))
