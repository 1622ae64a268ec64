"""Decoding pictures: PNG and JPEG files, and arrays, to uint8 ``(channels, height, width)`` of one size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metanas.errors import InputError
from metanas.tasks.data import Array

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
LARGEST = 64
"""Default longest side in pixels; larger pictures are shrunk."""


def common_size(sizes: Sequence[tuple[int, int]], longest: int | None) -> tuple[int, int]:
    """Height and width for pictures of several ``sizes``: the median of each, shrunk (or, if asked for, grown) to a longest side.

    Args:
        sizes: height and width of each.
        longest: pixels; None keeps the median up to 64.
    """
    height, width = (float(v) for v in np.median(np.array(sizes), axis=0))
    scale = (longest or min(LARGEST, max(height, width))) / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def header(path: Path) -> tuple[int, int, bool] | None:
    """Height, width and whether there is colour, from a file's head; None if it can't be read."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as image:
                turned = image.getexif().get(0x0112, 1) >= 5
                width, height = image.size[::-1] if turned else image.size
                return height, width, image.mode not in ("1", "L", "LA", "I", "I;16", "F")
        except Exception:  # Pillow's decoders raise errors of many classes on broken files
            return None


def load(path: Path, size: tuple[int, int], channels: int) -> Array | None:
    """A file as uint8 ``(channels, *size)``, turned upright, on white where it is transparent; None if it can't be read."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as image:
                image.draft("RGB" if channels == 3 else "L", (2 * size[1], 2 * size[0]))
                upright = ImageOps.exif_transpose(image)
                return _to_array(upright, size, channels)
        except Exception:  # see header
            return None


def _to_array(image: Image, size: tuple[int, int], channels: int) -> Array:
    from PIL import Image as Images

    if image.mode in ("I", "I;16", "I;16B", "I;16L"):
        image = Images.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    elif "A" in image.mode or "transparency" in image.info:
        clear = image.convert("RGBA")
        image = Images.new("RGBA", clear.size, (255, 255, 255, 255))
        image.alpha_composite(clear)
    image = image.convert("RGB" if channels == 3 else "L")
    if image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Images.Resampling.BILINEAR)
    array = np.asarray(image, np.uint8)
    return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def resize(x: Array, size: tuple[int, int]) -> Array:
    """uint8 ``(n, channels, height, width)`` to another size."""
    from PIL import Image

    if x.shape[2:] == size:
        return x
    out = np.empty((*x.shape[:2], *size), np.uint8)
    for i, picture in enumerate(x):
        for c, plane in enumerate(picture):
            out[i, c] = np.asarray(Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    return out


def all_grey(x: Array) -> bool:
    """Whether three channels say the same in every picture."""
    return x.shape[1] == 3 and all(bool((p[0] == p[1]).all() and (p[0] == p[2]).all()) for p in x)


def load_all(paths: Sequence[Path], size: tuple[int, int], channels: int) -> tuple[Array, list[int]]:
    """All readable files as uint8 ``(n, channels, *size)``, and their places among ``paths``.

    Raises:
        InputError: if none can be read.
    """
    x = np.empty((len(paths), channels, *size), np.uint8)
    good: list[int] = []
    for place, path in enumerate(paths):
        picture = load(path, size, channels)
        if picture is not None:
            x[len(good)] = picture
            good.append(place)
    if not good:
        raise InputError(f"none of the {len(paths)} pictures can be read; the first is {str(paths[0]) if paths else 'absent'!r}")
    return x[: len(good)], good
