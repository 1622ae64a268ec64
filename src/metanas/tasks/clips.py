"""Decoding sound: WAV files to float32 waveforms ``(channels, samples)`` of one rate."""

from __future__ import annotations

import warnings
from math import gcd
from pathlib import Path

import numpy as np

from metanas.tasks.data import Array

SUFFIXES = frozenset({".wav", ".wave"})
HIGHEST_RATE = 16_000
"""Samples per second kept at most by default: speech and most other sounds are told apart by what lies below 8 kHz."""
LONGEST = 4.0
"""Seconds of each clip kept at most by default."""


def load(path: Path) -> tuple[int, Array] | None:
    """Samples per second and the waveform in [-1, 1], float32 ``(channels, samples)``; None if the file can't be read or is empty."""
    from scipy.io import wavfile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rate, samples = wavfile.read(path)
        except Exception:  # broken headers make scipy raise errors of many classes
            return None
    if samples.size == 0 or rate <= 0:
        return None
    waves = to_float(samples)
    if not np.isfinite(waves).all():
        return None
    return int(rate), waves[None] if waves.ndim == 1 else np.ascontiguousarray(waves.T)


def to_float(samples: Array) -> Array:
    """Integer samples (8 bits unsigned, 16 and 32 signed) scaled to [-1, 1]; floats as they are, cut to that range."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return (samples / float(-np.iinfo(samples.dtype).min)).astype(np.float32)
    return np.clip(samples, -1, 1).astype(np.float32)


def resample(waves: Array, rate: int, wanted: int) -> Array:
    """``(..., samples)`` at another rate, by a polyphase filter."""
    if rate == wanted:
        return waves
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(waves, wanted // common, rate // common, axis=-1), np.float32)


def with_channels(waves: Array, channels: int) -> Array:
    """``(channels, samples)`` with that many channels: as it is, or their mean repeated."""
    return waves if len(waves) == channels else np.repeat(waves.mean(0, keepdims=True), channels, axis=0)
