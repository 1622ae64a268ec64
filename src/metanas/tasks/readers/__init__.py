"""Readers, one per kind of file or folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks.options import Options, as_path, did_you_mean, similar_file
from metanas.tasks.readers.images import ImageReader as ImageReader
from metanas.tasks.readers.npz import NpzReader as NpzReader
from metanas.tasks.readers.sklearn import DATA_SETS, SklearnReader
from metanas.tasks.readers.sounds import SoundReader as SoundReader
from metanas.tasks.readers.table import TableReader as TableReader
from metanas.tasks.readers.text import TextReader as TextReader

READERS: list[TaskReader] = [SklearnReader(), NpzReader(), TableReader(), ImageReader(), SoundReader()]
"""The first one that reads a path gets it; a new reader is added here."""
_BY_KIND: dict[str, TaskReader] = {"text": TextReader(), "image": ImageReader(), "sound": SoundReader()}


def reader_for(source: str | Path, options: Mapping[str, Any]) -> tuple[TaskReader, Path]:
    """The reader for a path or the name of a data set.

    Raises:
        InputError: if there is nothing of that name, or no reader knows it.
    """
    path = as_path(source)
    if not str(source).strip():
        raise InputError("no data set was named; give the path of a file or folder, or one of " + ", ".join(DATA_SETS))
    if source not in DATA_SETS and str(path) in DATA_SETS:
        path = path.absolute()  # ./digits is a path, digits a name
    if source not in DATA_SETS and not path.exists():
        near = did_you_mean(str(source), DATA_SETS) or similar_file(path, _neighbours(path))
        raise InputError(f"there is no file, folder or built-in data set {str(source)!r}{near}; built in are {', '.join(DATA_SETS)}")
    asked = Options.of(options)
    kind = "text" if asked.text else asked.data
    by_path = [r for r in READERS if r.reads(path)]
    if kind == "text" and (not by_path or isinstance(by_path[0], TableReader)):
        return _BY_KIND["text"], path
    if path.is_dir() and kind in _BY_KIND:
        return _BY_KIND[kind], path
    if not by_path:
        known = "a CSV, TSV, Parquet or .npz file, or a folder of PNG, JPEG or WAV files in one sub-folder per class"
        raise InputError(f"{str(source)!r} is nothing that can be read; give {known}")
    return by_path[0], path


def _neighbours(path: Path) -> list[Path]:
    return list(path.parent.iterdir()) if path.parent.is_dir() else []
