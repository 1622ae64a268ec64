"""Raw inputs as the flat features that the baselines learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metanas.tasks.data import Array

MOST_PIXELS = 1024
BANDS, SLICES = 32, 16
"""A sound becomes this many bands of frequency by this many slices of time."""
WINDOW = 256
CHUNK = 256


def flat_pixels(images: Array) -> Array:
    """Pictures ``(n, channels, height, width)`` as float32 vectors in [0, 1], averaged over squares down to about 1,000 numbers."""
    n, channels, height, width = images.shape
    factor = max(1, math.ceil(math.sqrt(channels * height * width / MOST_PIXELS) - 1e-9))
    factor = min(factor, height, width)
    high, wide = height // factor, width // factor
    cut = images[:, :, : high * factor, : wide * factor]
    squares = cut.reshape(n, channels, high, factor, wide, factor)
    small = squares.mean(axis=(3, 5), dtype=np.float32) if factor > 1 else cut.astype(np.float32)
    return small.reshape(n, -1) / np.float32(255)


def log_spectrogram(sounds: Array) -> Array:
    """Waveforms ``(n, channels, samples)`` as float32 vectors: log energy in 32 bands of frequency by 16 slices of time.

    Hann windows of 256 samples that overlap by half; bands are evenly wide, slices evenly long.
    """
    return np.concatenate([_spectra(sounds[k : k + CHUNK]) for k in range(0, len(sounds), CHUNK)])


def _spectra(sounds: Array) -> Array:
    waves = sounds.mean(axis=1, dtype=np.float32)
    samples = max(waves.shape[1], WINDOW // 2 * (SLICES + 1))
    waves = np.pad(waves, ((0, 0), (0, samples - waves.shape[1])))
    frames = np.lib.stride_tricks.sliding_window_view(waves, WINDOW, axis=1)[:, :: WINDOW // 2]
    energy = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=2)) ** 2
    parts = [part.mean(axis=1) for part in np.array_split(energy, SLICES, axis=1)]
    bands = [part.mean(axis=2) for part in np.array_split(np.stack(parts, axis=1), BANDS, axis=2)]
    return np.log(np.stack(bands, axis=2) + 1e-6).reshape(len(sounds), -1).astype(np.float32)


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table are numbers and which categories, and the encoders that follow from it."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]

    @classmethod
    def of(cls, frame: Any) -> TableColumns:
        """By the columns' types in ``frame``: numbers and booleans are numbers, all else categories; empty columns are left out."""
        from pandas.api.types import is_numeric_dtype

        filled = [name for name in frame.columns if frame[name].notna().any()]
        numbers = tuple(name for name in filled if is_numeric_dtype(frame[name].dtype))
        return cls(numbers, tuple(name for name in filled if name not in numbers))

    def linear(self) -> Any:
        """Missing numbers become the median (and are marked), numbers are scaled, each category gets a column."""
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

        fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        numbers = make_pipeline(FunctionTransformer(_floats), fill, StandardScaler())
        hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=64)
        categories = make_pipeline(FunctionTransformer(_words), hot)
        return ColumnTransformer([("numbers", numbers, list(self.numbers)), ("categories", categories, list(self.categories))])

    def trees(self) -> Any:
        """Codes of the categories first (rare ones share one, unknown and missing ones are missing), then the numbers."""
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

        missing = float("nan")
        codes = OrdinalEncoder(max_categories=254, handle_unknown="use_encoded_value", unknown_value=missing, encoded_missing_value=missing)
        categories = make_pipeline(FunctionTransformer(_words, kw_args={"missing": missing}), codes)
        numbers = FunctionTransformer(_floats)
        return ColumnTransformer([("categories", categories, list(self.categories)), ("numbers", numbers, list(self.numbers))])

    def coded(self) -> Sequence[int]:
        """Positions of the categories in what :meth:`trees` gives."""
        return range(len(self.categories))


def _floats(frame: Any) -> Array:
    return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))


def _words(frame: Any, missing: str | float = "missing") -> Array:
    """The cells as text in an object array; missing ones as ``missing``."""
    cells = frame.astype(object).to_numpy()
    empty = frame.isna().to_numpy()
    words = np.array([[str(cell) for cell in row] for row in cells], dtype=object).reshape(cells.shape)
    words[empty] = missing
    return words
