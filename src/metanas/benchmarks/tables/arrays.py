"""Reads tables from ``.npz`` files that nobody vouches for: no pickles, no bombs, one clear sentence for each fault."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError

LARGEST = 256 * 2**20
"""Bytes that the columns of one table may take together."""

MOST_MEMBERS = 10_000

Lengths = tuple[int | str, ...]
"""Shape of a column: numbers, or names of lengths that must be the same wherever they occur (``("rows", 6)``)."""


def load_arrays(
    file: Path, numbers: Mapping[str, Lengths], texts: Mapping[str, Lengths] | None = None, *, lengths: Mapping[str, int] | None = None
) -> dict[str, NDArray[Any]]:
    """Named columns of an ``.npz`` file; the others are not read.

    Args:
        file: to read.
        numbers: columns of numbers and their shapes.
        texts: columns of text and their shapes; bytes are decoded as UTF-8.
        lengths: named lengths that are known already.

    Returns:
        Column by name; numbers in the kind that the file has, text as ``str``.

    Raises:
        InputError: if the file is missing, truncated, something else, too large, or lacks columns or has them in another shape or kind.
    """
    if not file.is_file():
        raise InputError(f"there is no file {file}; get the table, or say in which folder it lies")
    wanted = {**numbers, **(texts or {})}
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if missing := [name for name in wanted if name not in members]:
                raise InputError(f"{file} has no column {missing[0]!r}: it is another table; get the one that belongs here")
            if len(members) > MOST_MEMBERS or sum(members[name].file_size for name in wanted) > LARGEST:
                raise InputError(f"{file} claims more than {LARGEST // 2**20} MB of data: it is no table that belongs here; get it again")
            loaded = {}
            for name in wanted:
                with archive.open(members[name]) as stream:
                    loaded[name] = _column(stream, members[name].file_size, f"column {name!r} of {file}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(
            f"{file} can't be read as a table of arrays (.npz): it is truncated, damaged or something else; get it again"
        ) from error
    known = dict(lengths or {})
    for name, shape in wanted.items():
        _check_shape(loaded[name], shape, known, f"column {name!r} of {file}")
        loaded[name] = _numbers(loaded[name], name, file) if name in numbers else _texts(loaded[name], name, file)
    return loaded


def _column(stream: IO[bytes], size: int, what: str) -> NDArray[Any]:
    """One array, read only if it is as large as its header says."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, kind = read(stream)
    except ValueError as error:
        raise InputError(f"{what} is no array of numbers or text; get the file again") from error
    if kind.hasobject:
        raise InputError(f"{what} holds pickled objects, which metanas never opens; save it as numbers or text")
    count = math.prod(shape)
    # A header may claim any shape: the memory would be taken before the data turns out to be missing.
    if count * kind.itemsize != size - stream.tell():
        raise InputError(f"{what} is not as long as its header says: the file is damaged; get it again")
    values = np.frombuffer(stream.read(), dtype=kind, count=count) if count else np.empty(0, kind)
    return values.reshape(shape, order="F" if by_columns else "C")


def _check_shape(array: NDArray[Any], shape: Lengths, known: dict[str, int], what: str) -> None:
    expected = tuple(known.get(length, -1) if isinstance(length, str) else length for length in shape)
    if array.ndim != len(shape) or any(want not in (-1, got) for want, got in zip(expected, array.shape, strict=True)):
        words = " x ".join(str(length) for length in shape)
        raise InputError(f"{what} has the shape {array.shape}, but {words} belongs here: it is another table; get the right one")
    known.update((length, got) for length, got in zip(shape, array.shape, strict=True) if isinstance(length, str))


def _numbers(array: NDArray[Any], name: str, file: Path) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise InputError(f"column {name!r} of {file} holds no numbers: it is another table; get the right one")
    return array


def _texts(array: NDArray[Any], name: str, file: Path) -> NDArray[Any]:
    if array.dtype.kind not in "SU":
        raise InputError(f"column {name!r} of {file} holds no text: it is another table; get the right one")
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError as error:
        raise InputError(f"column {name!r} of {file} holds text that is not UTF-8; get the file again") from error
