"""Small data sets on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile

Table = Callable[..., pd.DataFrame]


@pytest.fixture
def table() -> Table:
    """A maker of tables in which ``target`` follows from ``size`` and ``colour``."""

    def make(rows: int = 120, seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        size, colour = rng.normal(size=rows), rng.choice(["red", "green", "blue"], rows)
        return pd.DataFrame({"size": size, "colour": colour, "target": np.where(size + (colour == "red") > 0.3, "yes", "no")})

    return make


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve pictures each of two classes: PNG and JPEG, two sizes, all in colour."""
    rng = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 20)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(12):
            pixels = np.clip(level + rng.integers(-15, 15, (20 + 4 * (i % 2), 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i:02d}.{'png' if i % 3 else 'jpg'}")
    return tmp_path / "photos"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Ten clips each of two pitches, 0.25 s at 8 kHz (two of each at 16 kHz), 16 bits."""
    for name, pitch in (("high", 880), ("low", 220)):
        (tmp_path / "clips" / name).mkdir(parents=True)
        for i in range(10):
            rate = 16_000 if i < 2 else 8_000
            wave = 0.5 * np.sin(2 * np.pi * pitch * np.arange(rate // 4) / rate + i)
            wavfile.write(tmp_path / "clips" / name / f"{i}.wav", rate, (wave * 32767).astype(np.int16))
    return tmp_path / "clips"
