"""Arrays: ``.npz`` files and arrays in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks.arrays import DEFAULT_RATE, check_numbers, decide, shrink, to_inputs, white_of
from metanas.tasks.build import Found, assemble
from metanas.tasks.data import Array
from metanas.tasks.options import Options, did_you_mean, some
from metanas.tasks.splits import TEST, TRAIN, VALIDATION
from metanas.tasks.task import Task, check_source
from metanas.tasks.values import as_moments

_PARTS = {TRAIN: "train", VALIDATION: "val", TEST: "test"}


class NpzReader(TaskReader):
    """Makes tasks of ``x_train, y_train[, x_val, y_val][, x_test, y_test]``; other arrays are passed over, except
    ``class_names``, ``rate`` (or ``sample_rate``) and those named by the options group and time (``<name>_train``, ...)."""

    def reads(self, path: Path) -> bool:
        """A file ending in ``.npz``."""
        return path.suffix.lower() == ".npz" and not path.is_dir()

    def read(self, path: Path, **options: Any) -> Task:
        """The task; options: kind, group, time, rate, size, mirror, metric, seed, name.

        Raises:
            InputError: if the file is no archive of plain arrays, arrays are missing, or their shapes don't suit.
        """
        asked = Options.of(options)
        asked.require("an .npz file", "group", "time", "rate", "size", "mirror")
        arrays = load_npz(check_source(path))
        parts = _parts(arrays, path.name)
        groups, times = (
            np.concatenate([_extra(arrays, name, part, what) for part in parts]) if name else None
            for what, name in (("group", asked.group), ("time", asked.time))
        )
        rate = asked.rate or next((int(arrays[k]) for k in ("rate", "sample_rate") if k in arrays and np.size(arrays[k]) == 1), None)
        names = tuple(str(n) for n in arrays["class_names"].reshape(-1)) if "class_names" in arrays else ()
        return _assemble(parts, asked, name=path.stem, rate=rate, class_names=names, source=str(path.resolve()), groups=groups, times=times)


def from_arrays(x_train: Any, y_train: Any, x_test: Any = None, y_test: Any = None, **options: Any) -> Task:
    """The task of arrays in memory, see ``Task.from_arrays``."""
    own = {key: options.pop(key, None) for key in ("x_val", "y_val", "groups", "times")}
    asked = Options.of(options)
    asked.require("arrays in memory", "rate", "size", "mirror")
    pairs = {TRAIN: (x_train, y_train), VALIDATION: (own["x_val"], own["y_val"]), TEST: (x_test, y_test)}
    parts: dict[int, tuple[Any, Array]] = {}
    for part, (x, y) in pairs.items():
        if (x is None) != (y is None):
            raise InputError(f"x_{_PARTS[part]} and y_{_PARTS[part]} must be given together")
        if x is not None:
            parts[part] = x if hasattr(x, "iloc") else _as_array(x, f"x_{_PARTS[part]}"), _as_array(y, f"y_{_PARTS[part]}")
    extra: dict[str, Any] = {}
    for what in ("groups", "times"):
        if own[what] is not None:
            values = np.asarray(own[what])
            if len(values) != len(parts[TRAIN][0]):
                raise InputError(f"{what} has {len(values)} values, but x_train has {len(parts[TRAIN][0])} rows")
            rest = sum(len(x) for part, (x, _) in parts.items() if part != TRAIN)
            extra[what] = np.concatenate([values, np.repeat(values[-1:], rest)])
    return _assemble(parts, asked, name="arrays", rate=asked.rate, **extra)


def _as_array(values: Any, name: str) -> Array:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} must be an array, or lists of equal lengths") from error


def load_npz(path: Path) -> Mapping[str, Array]:
    """The archive's arrays by name, unpacked once each.

    Raises:
        InputError: if it is no such archive, or an array is pickled or damaged.
    """
    arrays: dict[str, Array] = {}
    name = ""
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path.name!r} is no .npz archive of arrays, or is damaged; save x_train and y_train with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                arrays[name] = archive[name]
    except ValueError as error:
        if "pickle" in str(error).lower():
            what = f"array {name!r} in {path.name!r} is pickled (dtype object), which is not safe to open"
            raise InputError(f"{what}; save plain numbers or texts") from error
        raise InputError(f"{path.name!r} is no .npz archive of arrays") from error
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(f"{path.name!r} is no .npz archive of arrays, or is damaged") from error
    return arrays


def _parts(arrays: Mapping[str, Array], file: str) -> dict[int, tuple[Any, Array]]:
    for name in ("x_train", "y_train"):
        if name not in arrays:
            raise InputError(f"{file!r} lacks the array {name!r}{did_you_mean(name, arrays)}; it has {some(arrays) or 'none'}")
    parts = {}
    for part, name in _PARTS.items():
        here = [k in arrays for k in (f"x_{name}", f"y_{name}")]
        if any(here) and not all(here):
            raise InputError(f"{file!r} has only one of x_{name} and y_{name}; give both or neither")
        if all(here):
            parts[part] = arrays[f"x_{name}"], arrays[f"y_{name}"]
    return parts


def _extra(arrays: Mapping[str, Array], name: str, part: int, what: str) -> Array:
    key = f"{name}_{_PARTS[part]}"
    if key not in arrays:
        raise InputError(f"--{what} {name} needs the array {key!r}{did_you_mean(key, arrays)}; the archive has {some(arrays)}")
    return arrays[key]


def _check(parts: Mapping[int, tuple[Any, Array]]) -> None:
    shape = np.shape(parts[TRAIN][0])[1:]
    for part, (x, y) in parts.items():
        name = _PARTS[part]
        if not hasattr(x, "iloc"):
            check_numbers(f"x_{name}", x)
        if not (y.dtype == object and hasattr(x, "iloc")):
            check_numbers(f"y_{name}", y)
        if len(x) != len(y):
            raise InputError(f"x_{name} has {len(x)} rows but y_{name} has {len(y)}; they must belong together row by row")
        if np.shape(x)[1:] != shape:
            raise InputError(f"x_{name} has examples of shape {np.shape(x)[1:]}, but x_train of shape {shape}; they must be the same")
        if y.ndim > 2 or np.shape(y)[1:] != np.shape(parts[TRAIN][1])[1:]:
            raise InputError(f"y_{name} has shape {y.shape}; one label per row is needed, or one row of numbers, in all parts alike")


def _assemble(
    parts: Mapping[int, tuple[Any, Array]],
    asked: Options,
    *,
    name: str,
    rate: int | None = None,
    groups: Array | None = None,
    times: Array | None = None,
    class_names: tuple[str, ...] = (),
    source: str | None = None,
) -> Task:
    import pandas as pd

    _check(parts)
    inputs, data, notes = _inputs([x for x, _ in parts.values()], asked)
    facts: dict[str, Any] = {}
    if data == "sound":
        facts["rate"] = rate or DEFAULT_RATE
        if rate is None:
            notes.append(f"the waveforms were taken to have {DEFAULT_RATE} samples per second; --rate says otherwise")
    if data == "image":
        facts |= {"mirror": asked.mirror, "white": white_of(parts[TRAIN][0])}
    found = Found(
        name=name,
        data=data,
        inputs=inputs,
        values=np.concatenate([y for _, y in parts.values()]),
        target="label",
        given=np.repeat(np.array(list(parts), np.int8), [len(y) for _, y in parts.values()]),
        groups=None if groups is None else pd.Series(groups),
        times=None if times is None else as_moments(pd.Series(times)),
        class_names=class_names,
        numbered=True,
        notes=notes,
        source=source,
        facts=facts,
    )
    named = class_names and asked.problem is None and found.values.dtype.kind in "biu"
    return assemble(found, replace(asked, problem="classification") if named else asked)


def _inputs(arrays: list[Any], asked: Options) -> tuple[Any, Any, list[str]]:
    """Raw inputs of all parts together, the kind of data, and notes."""
    import pandas as pd

    if hasattr(arrays[0], "iloc"):
        return pd.concat(arrays, ignore_index=True).rename(columns=str), "table", []
    x = np.concatenate(arrays)
    data, note = (asked.data, None) if asked.data else decide(x)
    notes = [note] if note else []
    if data != "image":
        return to_inputs(x, data), data, notes
    inputs, note = shrink(to_inputs(x, data, white=white_of(arrays[0])), asked.size)
    return inputs, data, notes + ([note] if note else [])
