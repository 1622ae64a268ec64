"""Texts: one column of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks.build import assemble
from metanas.tasks.frames import TABLE_SUFFIXES
from metanas.tasks.options import Options, number_of, some
from metanas.tasks.readers.table import MANY, Sheet, named
from metanas.tasks.task import Task
from metanas.tasks.values import are_dates, as_numbers

if TYPE_CHECKING:
    import pandas as pd


class TextReader(TaskReader):
    """Makes tasks of the texts in one column; the other columns are not used."""

    def reads(self, path: Path) -> bool:
        """A file with a table; whether it has texts, the user must say."""
        return path.suffix.lower() in TABLE_SUFFIXES

    def read(self, path: Path, **options: Any) -> Task:
        """The task; options: text, target, group, time, kind, metric, seed, test, name."""
        return self.from_table(path, **options)

    def from_table(self, table: pd.DataFrame | str | Path, **options: Any) -> Task:
        """The task of a DataFrame, a file or a folder.

        Raises:
            InputError: if the table can't be read, or the column holds no texts.
        """
        asked = Options.of(options)
        asked.require("texts", "text", "target", "group", "time", "test")
        if asked.data not in (None, "text"):
            raise InputError(f"--kind {asked.data} doesn't suit a column of texts; leave it or --text {asked.text} out")
        sheet = Sheet.open(table, asked)
        if asked.text is not None and asked.text in (sheet.target, sheet.group, sheet.time, sheet.split):
            raise InputError(f"column {asked.text!r} can't be the texts and the target, group, time or split as well; name two columns")
        features = sheet.features()
        column = find_text(features, asked.text)
        inputs = texts_of(features[column])
        if not any(inputs):
            raise InputError(f"column {column!r} has no texts")
        others = [c for c in features.columns if c != column]
        notes = [f"only the texts in {column!r} are used, not the columns {some(others)}"] if others else []
        empty = sum(not t for t in inputs)
        notes += [f"{number_of(empty, 'row')} without a text in {column!r} taken as empty texts"] if empty else []
        return assemble(sheet.found("text", inputs, notes, text=column), asked)


def texts_of(values: pd.Series) -> list[str]:
    """The values as texts, missing ones as empty ones."""
    return [str(v) for v in values.astype(object).where(values.notna(), "")]


def find_text(frame: pd.DataFrame, asked: str | None) -> str:
    """The text column's name: the one asked for, else ``text``, else the only column that is neither numbers nor dates.

    Raises:
        InputError: if there is no such column, or none was named and several could be meant.
    """
    if asked is not None:
        return str(named(frame, asked, "text"))
    if "text" in frame.columns:
        return "text"
    worded = [str(c) for c in frame.columns if _wordy(frame[c])]
    if len(worded) == 1:
        return worded[0]
    raise InputError(f"which column holds the texts? name it with --text COLUMN, one of: {some(worded or list(frame.columns), MANY)}")


def _wordy(values: pd.Series) -> bool:
    """Whether most of the first values are neither numbers nor dates."""
    head = values.dropna().head(100)
    return bool(len(head)) and not are_dates(head) and bool(np.isnan(as_numbers(head)).mean() > 0.5)
