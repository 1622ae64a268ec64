"""Tables: CSV, TSV and Parquet files, folders with ``train`` and ``test`` files of these, and DataFrames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks.build import Found, assemble
from metanas.tasks.data import Array
from metanas.tasks.frames import TABLE_SUFFIXES, read_frame
from metanas.tasks.options import Options, as_path, did_you_mean, similar_file, some
from metanas.tasks.splits import PART_NAMES, TEST, TRAIN, VALIDATION
from metanas.tasks.task import Task
from metanas.tasks.values import as_moments

if TYPE_CHECKING:
    import pandas as pd

TARGET_NAMES = ("target", "label", "class", "y")
"""Columns (whatever their case) that are the target if the user names none."""
MANY = 20
"""Columns named in a message at most."""


class TableReader(TaskReader):
    """Makes tasks of tables; the column ``split`` (or a second file) is respected as the parts."""

    def reads(self, path: Path) -> bool:
        """A CSV, TSV or Parquet file, or a folder with one named train."""
        return path.suffix.lower() in TABLE_SUFFIXES or (path.is_dir() and TRAIN in part_files(path))

    def read(self, path: Path, **options: Any) -> Task:
        """The task; options: target, group, time, kind, metric, seed, test, name."""
        return self.from_table(path, **options)

    def from_table(self, table: pd.DataFrame | str | Path, **options: Any) -> Task:
        """The task of a DataFrame, a file or a folder.

        Raises:
            InputError: if the table can't be read, or there is nothing to learn from it.
        """
        asked = Options.of(options)
        asked.require("a table", "target", "group", "time", "test")
        if asked.data not in (None, "table"):
            raise InputError(
                f"--kind {asked.data} doesn't suit a table; leave it out, or give --text COLUMN to learn from a column of texts"
            )
        sheet = Sheet.open(table, asked)
        return assemble(sheet.found("table", sheet.features(), []), asked)


class Sheet:
    """A table with its target, parts, groups and times named."""

    def __init__(self, frame: pd.DataFrame, options: Options, given: Array | None, path: Path | None) -> None:
        """Names are checked here, see :meth:`open`."""
        self.frame = frame
        self.path = path
        self.options = options
        self.target = find_target(frame, options.target)
        self.group = named(frame, options.group, "group")
        self.time = named(frame, options.time, "time")
        for what, name in (("group", self.group), ("time", self.time)):
            if name == self.target:
                raise InputError(f"--{what} {name} names the target column; give another column, or another --target")
        self.split = None if given is not None else _split_column(frame, {self.target, self.group, self.time})
        self.given = given if self.split is None else _parts_of(frame[self.split])

    @classmethod
    def open(cls, table: pd.DataFrame | str | Path, options: Options) -> Sheet:
        """Read a file, a folder with files per part, or take a DataFrame; ``options.test`` adds the test part.

        Raises:
            InputError: if a file or a column is missing, or the parts have different columns.
        """
        given: Any = table
        if hasattr(given, "iloc"):
            frame = given.rename(columns=str).reset_index(drop=True)
            if not len(frame) or frame.columns.duplicated().any():
                raise InputError("the table needs rows, and columns with different names")
            return cls(*_joined({TRAIN: frame, **_test_frame(options)}, options), None)
        path = as_path(table, "a table that is no DataFrame")
        if not path.exists():
            raise InputError(f"there is no file {str(table)!r}{similar_file(path, _siblings(path))}")
        files = part_files(path) if path.is_dir() else {TRAIN: path}
        if TRAIN not in files:
            raise InputError(f"folder {str(table)!r} holds no table named train (train.csv, train.parquet, ...)")
        frames = {part: read_frame(file) for part, file in files.items()}
        return cls(*_joined({**frames, **_test_frame(options)}, options), path)

    def features(self) -> pd.DataFrame:
        """The columns to learn from.

        Raises:
            InputError: if there are none.
        """
        return self.frame.drop(columns=[c for c in (self.target, self.group, self.time, self.split) if c is not None])

    def found(self, data: Any, inputs: Any, notes: list[str], **facts: Any) -> Found:
        """What :func:`assemble` needs, with these inputs."""
        return Found(
            name=self.path.stem if self.path else "table",
            data=data,
            inputs=inputs,
            values=self.frame[self.target],
            target=self.target,
            given=self.given,
            groups=None if self.group is None else self.frame[self.group],
            times=None if self.time is None else as_moments(self.frame[self.time]),
            notes=notes,
            source=str(self.path.resolve()) if self.path else None,
            facts=facts,
        )


def part_files(folder: Path) -> dict[int, Path]:
    """The tables in ``folder`` named train, val(idation) or test, by part."""
    tables = sorted(p for p in folder.iterdir() if p.suffix.lower() in TABLE_SUFFIXES and p.stem.lower() in PART_NAMES)
    return {PART_NAMES[p.stem.lower()]: p for p in reversed(tables)}


def find_target(frame: pd.DataFrame, asked: str | None) -> str:
    """The target column's name.

    Raises:
        InputError: listing the columns, if there is no such column, or none was named and none has a usual name.
    """
    names = list(frame.columns)
    if asked is not None:
        return str(named(frame, asked, "target"))
    for usual in TARGET_NAMES:
        for name in names:
            if name.lower() == usual:
                return str(name)
    raise InputError(f"which column is to be predicted? name it with --target COLUMN, one of: {some(names, MANY)}")


def named(frame: pd.DataFrame, name: str | None, what: str) -> str | None:
    """The column's name, None if none was asked for.

    Raises:
        InputError: listing the columns, if there is no such column.
    """
    if name is not None and name not in frame.columns:
        near = did_you_mean(name, frame.columns)
        raise InputError(f"there is no {what} column {name!r}{near}; the columns are: {some(frame.columns, MANY)}")
    return name


def _split_column(frame: pd.DataFrame, taken: set[str | None]) -> str | None:
    """The column named split whose values are all names of parts."""
    for name in frame.columns:
        if name.lower() == "split" and name not in taken:
            values = {str(v).strip().lower() for v in frame[name].unique()}
            strange = sorted(values - PART_NAMES.keys())
            if strange and len({PART_NAMES[v] for v in values - set(strange)}) > 1:
                raise InputError(
                    f"column {name!r} names the parts of the data, but not every row's: {some(strange)}; say train, validation or "
                    "test there, or rename the column if it means something else"
                )
            if values <= PART_NAMES.keys() and any(PART_NAMES[v] == TRAIN for v in values):
                return str(name)
    return None


def _parts_of(values: pd.Series) -> Array:
    return np.asarray(values.map(lambda v: PART_NAMES[str(v).strip().lower()]), np.int8)


def _test_frame(options: Options) -> dict[int, pd.DataFrame]:
    return {TEST: read_frame(Path(options.test))} if options.test is not None else {}


def _joined(frames: dict[int, pd.DataFrame], options: Options) -> tuple[pd.DataFrame, Options, Array | None]:
    """One table of all parts, and the part of each row (None if there is only one)."""
    import pandas as pd

    if len(frames) == 1:
        return frames[TRAIN], options, None
    train = frames[TRAIN]
    for part, frame in frames.items():
        lacking = [c for c in train.columns if c not in frame.columns]
        surplus = [c for c in frame.columns if c not in train.columns]
        name = {VALIDATION: "validation", TEST: "test"}.get(part, "training")
        if lacking or surplus:
            what = f"lacks {some(lacking, MANY)}" if lacking else f"has {some(surplus, MANY)}, which the training part lacks"
            raise InputError(f"the {name} part {what}; all parts need the same columns")
    joined = pd.concat([f[train.columns] for f in frames.values()], ignore_index=True)
    return joined, options, np.repeat(np.array(list(frames), np.int8), [len(f) for f in frames.values()])


def _siblings(path: Path) -> list[Path]:
    return [Path(p.name) for p in path.parent.iterdir()] if path.parent.is_dir() else []
