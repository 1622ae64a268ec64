"""Omniglot as its authors publish it: ``images_background.zip`` and ``images_evaluation.zip``, packed or unpacked.

Pictures lie at ``images_background/ALPHABET/characterNN/NNNN_MM.png``, 105 x 105 pixels, black ink on white; they become 28 x 28 and ink
bright on black.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metanas.errors import InputError
from metanas.tasks.data import Array

SETS = ("images_background", "images_evaluation")
SIDE = 28
_PICTURE = re.compile(r"(?:(images_background|images_evaluation)/)?([^/]+)/character(\d+)/([^/]+)\.png")
_LARGEST = 1 << 20
"""Bytes that a picture may unpack to; the real ones have some hundred."""


def is_omniglot(path: Path) -> bool:
    """Whether ``path`` is one of the archives, one of the folders made of them, or a folder with either; cheap."""
    if path.is_dir():
        return path.name in SETS or bool(_members(path))
    return path.stem in SETS and path.suffix.lower() == ".zip"


def read_omniglot(path: Path) -> tuple[Array, list[str], list[int]]:
    """All pictures of the archives or folders at ``path``; of a single archive those beside it, too.

    Returns:
        uint8 pictures ``(classes, examples, 28, 28)``, and of each class its alphabet and its number in it, from 1. Classes are in the
        order of their names.

    Raises:
        InputError: if there is no picture, one can't be read, or classes differ in their number of pictures.
    """
    folder = path if path.is_dir() and path.name not in SETS else path.parent
    found: dict[tuple[str, int], list[tuple[str, Array]]] = {}
    for place in _members(folder):
        for name, content in _pictures(place):
            match = _PICTURE.fullmatch(name)
            if match:
                found.setdefault((match[2], int(match[3])), []).append((match[4], _decode(content, f"{place.name}: {name}")))
    if not found:
        raise InputError(f"{path} holds no pictures of Omniglot; they lie at ALPHABET/characterNN/*.png in images_background(.zip)")
    keys = sorted(found)
    least, most = (end(keys, key=lambda key: len(found[key])) for end in (min, max))
    if len(found[least]) != len(found[most]):
        few, many = (f"{alphabet}/character{number:02d}" for alphabet, number in (least, most))
        raise InputError(f"{few} has {len(found[least])} pictures and {many} has {len(found[most])}; unpack the archives of Omniglot again")
    x = np.stack([np.stack([picture for _, picture in sorted(found[key], key=lambda pair: pair[0])]) for key in keys])
    return x, [alphabet for alphabet, _ in keys], [number for _, number in keys]


def _members(folder: Path) -> list[Path]:
    """The unpacked folders of the two sets in ``folder``, or else their archives."""
    both = ((folder / name, folder / f"{name}.zip") for name in SETS)
    return [next(p for p in pair if p.exists()) for pair in both if any(p.exists() for p in pair)]


def _pictures(place: Path) -> Iterator[tuple[str, bytes]]:
    """Names, relative to the archive or folder, and contents; nothing is unpacked to disk."""
    if place.is_dir():
        for path in sorted(place.glob("*/character*/*.png")):
            yield path.relative_to(place).as_posix(), path.read_bytes()
        return
    try:
        with zipfile.ZipFile(place) as archive:
            for info in archive.infolist():
                if _PICTURE.fullmatch(info.filename) and not _strange(info):
                    yield info.filename, archive.read(info)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{place.name} is no zip archive that can be read, or is damaged; fetch it again") from error


def _strange(info: zipfile.ZipInfo) -> bool:
    """Whether a member's path leaves the archive, or it would unpack to more than a picture has.

    Raises:
        InputError: saying so.
    """
    parts = info.filename.split("/")
    if info.filename.startswith("/") or ".." in parts or "\\" in info.filename:
        raise InputError(
            f"the archive has a member whose path leads out of it, {info.filename!r}; it is not the one that Omniglot's authors made"
        )
    if info.file_size > _LARGEST:
        raise InputError(f"{info.filename!r} would unpack to {info.file_size:,} bytes; it is no picture of Omniglot")
    return info.is_dir() or "__MACOSX" in parts


def _decode(content: bytes, name: str) -> Array:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    except Exception as error:  # Pillow's decoders raise errors of many classes on broken files
        raise InputError(f"the picture {name} can't be read; fetch the archive again") from error
    return 255 - np.asarray(grey, np.uint8)
