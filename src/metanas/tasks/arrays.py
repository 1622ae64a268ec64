"""Arrays as users have them, and the raw inputs that tasks hold: which kind of data they are, and their axes in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import DataKind
from metanas.tasks.clips import to_float
from metanas.tasks.data import Array
from metanas.tasks.pictures import common_size, resize

DEFAULT_RATE = 8000
MANY_COLUMNS = 16
"""From this many columns on, a matrix might be series and not a table."""


def decide(x: Array) -> tuple[DataKind, str | None]:
    """The kind of data that an array most likely holds, and a note where its shape leaves a doubt.

    Texts are texts; ``(n, f)`` is a table, or sound if int16; ``(n, t, c)`` with at most two channels of int16 is sound;
    ``(n, h, w)`` is pictures if uint8 or square, else series; four axes are pictures.

    Raises:
        InputError: for any other number of axes.
    """
    if x.dtype.kind in "UT":
        return "text", None
    if x.ndim == 2:
        if x.dtype == np.int16:
            return "sound", "the int16 arrays (n, t) were taken as sound; give --kind table or --kind series if they are not"
        note = f"the arrays (n, {x.shape[1]}) were taken as tables; give --kind series or --kind sound if the second axis is time"
        return "table", note if x.shape[1] >= MANY_COLUMNS else None
    if x.ndim == 3:
        if x.dtype == np.int16 and x.shape[2] <= 2 < x.shape[1]:
            return "sound", "the int16 arrays (n, t, c) were taken as sound; give --kind series if they are not"
        if x.dtype == np.uint8:
            return "image", None
        if x.shape[1] == x.shape[2]:
            return "image", "the square arrays (n, h, w) were taken as pictures; give --kind series if they are (n, t, c)"
        doubt = x.shape[2] > 16 or x.shape[1] <= x.shape[2]
        return "series", "the arrays were taken as series (n, t, c); give --kind image if they are pictures (n, h, w)" if doubt else None
    if x.ndim == 4:
        return "image", None
    raise InputError(f"arrays of shape {x.shape} are no kind of data known here; use (n, f), (n, t, c), (n, h, w) or (n, h, w, c)")


def check_numbers(name: str, x: Array) -> Array:
    """``x``, if it is an array of real numbers (or texts) with at least one row.

    Raises:
        InputError: otherwise.
    """
    if x.dtype.kind not in "biufUT":
        raise InputError(f"array {name!r} holds {x.dtype}, not real numbers or texts")
    if x.ndim < 1 or not len(x):
        raise InputError(f"array {name!r} has no rows")
    return x


def to_inputs(x: Array, data: DataKind, columns: tuple[str, ...] = (), white: float = 255.0) -> Any:
    """An array as the raw inputs of a task (pictures keep their size; missing and infinite numbers of tables stay).

    Args:
        x: table ``(n, f)``, image ``(n, h, w[, c])`` or ``(n, c, h, w)``, series and sound ``(n, t[, c])``, text ``(n,)``.
        data: what it is.
        columns: names for a table's columns; ``x0``, ``x1``, ... if there are none.
        white: the number that stands for white in pictures, 0 being black.

    Raises:
        InputError: if the shape doesn't suit, or where numbers must be finite and are not.
    """
    check_numbers("x", x)
    if data == "text":
        if x.ndim != 1 or x.dtype.kind not in "UT":
            raise InputError(f"texts must be an array of strings with one axis, not {x.dtype} of shape {x.shape}")
        return [str(text) for text in x]
    if x.dtype.kind not in "biuf":
        raise InputError(f"--kind {data} needs numbers, not {x.dtype}")
    if data == "table":
        return _table(x, columns)
    if data == "image":
        return _pictures(x, white)
    if x.ndim not in (2, 3):
        raise InputError(f"{data} needs arrays (n, t) or (n, t, c), not shape {x.shape}")
    waves = x[:, None, :] if x.ndim == 2 else x.transpose(0, 2, 1)
    if data == "series":
        return _series(waves)
    _check_finite(x, "sound")
    return np.ascontiguousarray(to_float(_quiet(waves)))


def _check_finite(x: Array, what: str) -> None:
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        rows = np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(1))
        where = f"{len(rows)} of {len(x)} examples (the first is {rows[0]})"
        raise InputError(f"{what} has NaN or infinite numbers in {where}; correct or remove them")


def _quiet(waves: Array) -> Array:
    """Float waveforms in the range of integers, scaled to [-1, 1]."""
    if waves.dtype.kind != "f" or float(np.abs(waves).max(initial=0)) <= 1.5:
        return waves
    return waves / 32768.0


def _series(waves: Array) -> Array:
    """float32; NaN after a series' end is padding and becomes 0."""
    series = np.array(waves, np.float32)
    if waves.dtype.kind == "f" and np.isnan(series).any():
        padding = np.isnan(series).all(1)
        padding = np.flip(np.logical_and.accumulate(np.flip(padding, 1), axis=1), 1)
        series[np.broadcast_to(padding[:, None, :], series.shape)] = 0
    _check_finite(series, "a series array")
    return series


def _table(x: Array, columns: tuple[str, ...]) -> Any:
    import pandas as pd

    flat = x.reshape(len(x), -1).astype(np.float64)
    names = columns or tuple(f"x{i}" for i in range(flat.shape[1]))
    if len(names) != flat.shape[1]:
        raise InputError(f"the array has {flat.shape[1]} columns, but {len(names)} are needed")
    return pd.DataFrame(flat, columns=list(names))


def white_of(x: Array) -> float:
    """The number that stands for white in training pictures: 255 for bytes, and for others that go above 1; else 1.

    It is decided once and kept with the model: a batch of new pictures may well be all dark.
    """
    return 255.0 if x.dtype == np.uint8 or (x.dtype.kind in "iuf" and float(x.max(initial=0)) > 1) else 1.0


def _pictures(x: Array, white: float) -> Array:
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[3] <= 4:
        x = x.transpose(0, 3, 1, 2)
    elif x.ndim != 4 or x.shape[1] > 4:
        raise InputError(f"pictures need arrays (n, h, w) or (n, h, w, c) with at most 4 channels, not shape {x.shape}")
    if x.dtype == np.uint8 and white == 255:
        return np.ascontiguousarray(x)
    _check_finite(x, "an array of pictures")
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > white:
        wanted = f"from 0 (black) to {white:g} (white)"
        raise InputError(f"these pictures must hold numbers {wanted}, not from {low:g} to {high:g}; scale them, all as those for training")
    return np.ascontiguousarray(np.rint(x * (255.0 / white)).astype(np.uint8))


def shrink(x: Array, longest: int | None) -> tuple[Array, str | None]:
    """Pictures ``(n, c, h, w)`` with a longest side of ``longest`` pixels (None: at most 64), and a note if that changed them."""
    size = common_size([(x.shape[2], x.shape[3])], longest)
    if size == tuple(x.shape[2:]):
        return x, None
    return resize(x, size), f"the pictures were brought to {size[1]} x {size[0]} pixels (width x height); --size changes that"
