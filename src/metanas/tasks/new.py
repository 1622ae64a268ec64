"""Reading new data for a trained network."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.tasks import clips, pictures
from metanas.tasks.arrays import to_inputs
from metanas.tasks.data import Array
from metanas.tasks.folders import files_below, note_broken
from metanas.tasks.frames import TABLE_SUFFIXES, read_frame
from metanas.tasks.preprocessing import ImagePreprocessing, Preprocessing, TablePreprocessing, TextPreprocessing
from metanas.tasks.preprocessing.waves import fit_length
from metanas.tasks.readers.npz import load_npz
from metanas.tasks.readers.sounds import arranged
from metanas.tasks.unusable import unusable

log = logging.getLogger(__name__)


def read_new(source: str | Path | Any, preprocessing: Preprocessing) -> tuple[Array, tuple[str, ...]]:
    """New examples as a network takes them, and a name for each row.

    Args:
        source: a table (CSV, TSV, Parquet) with the columns of training, the target not needed; a text file (``.txt``) with a text per
            line; a picture or WAV file, or a folder of them, with or without sub-folders; an ``.npz`` with ``x`` (or ``x_test``);
            an ``.npy``; or a DataFrame, an array or a list of texts.
        preprocessing: of the network.

    Returns:
        ``(n, *shape.input)``, and row numbers from 0 or paths within the folder. Warnings in the log (standard error where no log is
        set up) name files that can't be read and are skipped, and the columns of a table with values that can't be used.

    Raises:
        InputError: if nothing can be read or used, or it doesn't suit the network.
    """
    if not isinstance(source, (str, Path)):
        return _numbered(preprocessing, _from_memory(source, preprocessing))
    path = Path(source)
    if not path.exists():
        raise InputError(f"there is no file or folder {str(source)!r}")
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        return _numbered(preprocessing, _from_memory(_load_array(path), preprocessing))
    if preprocessing.data in _FILES:
        return _from_files(path, preprocessing)
    if preprocessing.data == "text" and suffix == ".txt":
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return _numbered(preprocessing, lines)
    if preprocessing.data == "series" or suffix not in TABLE_SUFFIXES:
        wanted = "an .npz or .npy file" if preprocessing.data == "series" else "a CSV, TSV or Parquet file"
        raise InputError(f"{str(source)!r} does not suit a network for {preprocessing.data} data; give {wanted}")
    return _numbered(preprocessing, _from_memory(read_frame(path), preprocessing))


def _numbered(preprocessing: Preprocessing, inputs: Any) -> tuple[Array, tuple[str, ...]]:
    if not len(inputs):
        raise InputError("there are no rows to predict")
    x = preprocessing.transform(inputs)
    if isinstance(preprocessing, TablePreprocessing):
        for note in unusable(inputs, preprocessing):
            log.warning(note)
    return x, tuple(str(i) for i in range(len(x)))


def _load_array(path: Path) -> Array:
    if path.suffix.lower() == ".npy":
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (ValueError, OSError, EOFError) as error:
            raise InputError(f"{path.name!r} can't be read as an .npy file of plain numbers") from error
    arrays = load_npz(path)
    for name in ("x", "x_test"):
        if name in arrays:
            return arrays[name]
    raise InputError(f"{path.name!r} lacks the array 'x' (or 'x_test') with the examples to predict; it has {', '.join(arrays) or 'none'}")


def _from_memory(values: Any, preprocessing: Preprocessing) -> Any:
    """A DataFrame, array or list as raw inputs that fit the network."""
    if isinstance(preprocessing, TextPreprocessing):
        return _texts(values, preprocessing)
    if hasattr(values, "iloc"):
        if isinstance(preprocessing, TablePreprocessing):
            return values.rename(columns=str)
        raise InputError(f"a table does not suit a network for {preprocessing.data} data")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError("the examples must be an array, or lists of equal lengths") from error
    if isinstance(preprocessing, TablePreprocessing):
        return to_inputs(array, "table", _column_names(array, preprocessing))
    white = preprocessing.white if isinstance(preprocessing, ImagePreprocessing) else 255.0
    inputs = to_inputs(array, preprocessing.data, white=white)
    if preprocessing.data == "image" and white > 1 and array.dtype.kind == "f" and 0 < array.max(initial=0) <= 1:
        log.warning(f"the pictures go up to {array.max():g} where training had {white:g} for white; multiply them if their scale is 0 to 1")
    channels = preprocessing.shape.input[0]
    if inputs.shape[1] != channels:
        raise InputError(f"the network takes {channels} channels, but the examples have {inputs.shape[1]}")
    if preprocessing.data == "image":
        height, width = preprocessing.shape.input[1:]
        return pictures.resize(inputs, (height, width))
    return fit_length(inputs, preprocessing.shape.input[1])


def _column_names(array: Array, preprocessing: TablePreprocessing) -> tuple[str, ...]:
    """Names for an array's columns: ``x0``, ``x1``, ... if the network knows those, else the network's own in order."""
    width = int(np.prod(array.shape[1:]))
    numbered = tuple(f"x{i}" for i in range(width))
    if set(preprocessing.columns) <= set(numbered):
        if preprocessing.given and width > preprocessing.given:
            raise InputError(f"the network was trained on {preprocessing.given} columns, but the examples have {width}")
        return numbered
    if all(c.startswith("x") and c[1:].isdigit() for c in preprocessing.columns):
        raise InputError(f"the network needs more columns than the {width} given")
    raise InputError("this network was trained on named columns; give a table with them instead of an array")


def _texts(values: Any, preprocessing: TextPreprocessing) -> list[str]:
    from metanas.tasks.readers.text import texts_of

    if hasattr(values, "iloc"):
        if preprocessing.column in values.columns:
            return texts_of(values[preprocessing.column])
        if values.shape[1] == 1:
            return texts_of(values.iloc[:, 0])
        raise InputError(f"the table lacks the column {preprocessing.column!r} with the texts")
    return to_inputs(np.asarray(values, str), "text")  # type: ignore[no-any-return]


def _load_pictures(paths: list[Path], preprocessing: Preprocessing) -> tuple[Array, list[int]]:
    channels, height, width = preprocessing.shape.input
    return pictures.load_all(paths, (height, width), channels)


def _load_clips(paths: list[Path], preprocessing: Preprocessing) -> tuple[Array, list[int]]:
    loaded = [clips.load(p) for p in paths]
    good = [i for i, clip in enumerate(loaded) if clip is not None]
    if not good:
        raise InputError(f"none of the {len(paths)} WAV files can be read; the first is {str(paths[0])!r}")
    channels, length = preprocessing.shape.input
    return arranged([clip for clip in loaded if clip is not None], channels, preprocessing.shape.rate, length), good


_FILES = {"image": (pictures.SUFFIXES, "pictures", _load_pictures), "sound": (clips.SUFFIXES, "WAV files", _load_clips)}


def _from_files(path: Path, preprocessing: Preprocessing) -> tuple[Array, tuple[str, ...]]:
    suffixes, what, load = _FILES[preprocessing.data]
    if path.is_dir():
        home, paths = path, files_below(path, suffixes)
    else:
        home, paths = path.parent, [path] if path.suffix.lower() in suffixes else []
    if not paths:
        raise InputError(f"{str(path)!r} holds no {what} to predict")
    x, good = load(paths, preprocessing)
    for note in note_broken([p for i, p in enumerate(paths) if i not in set(good)], what.removesuffix("s"), home):
        log.warning(note)
    return preprocessing.transform(x), tuple(str(paths[i].relative_to(home)) for i in good)
