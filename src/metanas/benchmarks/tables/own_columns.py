"""The columns of a user's table, from CSV, Parquet, or the header itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.tables.arrays import LARGEST
from metanas.benchmarks.tables.own_header import Header
from metanas.errors import InputError
from metanas.spaces.decision import Value

if TYPE_CHECKING:
    import pyarrow

Cells = tuple[list[Any], NDArray[np.int64]]
"""Different values of a column, and for every row the position of its own; None and "" say that nothing is there."""


def read_columns(header: Header, where: Path) -> tuple[dict[str, Cells], dict[str, NDArray[np.float64]]]:
    """The columns of texts and of numbers that the header names; numbers that are missing are NaN.

    Raises:
        InputError: if the file is missing, damaged, too large, lacks a column, or has something else than numbers in one.
    """
    source = header.file or where
    texts, numbers = header.texts, header.numbers
    if header.file is None:
        if missing := [name for name in (*texts, *numbers) if name not in header.columns]:
            raise InputError(f"{source} has no column {missing[0]!r}; add it to 'columns', or correct the header")
        by_number = {name: _as_numbers(header.columns[name], name, source) for name in numbers}
        return {name: _as_cells(header.columns[name]) for name in texts}, by_number
    if not source.is_file():
        raise InputError(f"there is no file {source}, which the header names as its table; put it there")
    table = _arrow(source, texts, numbers)
    return {name: _encoded(table, name) for name in texts}, {name: _numeric(table, name, source) for name in numbers}


def _as_cells(cells: Sequence[Any]) -> Cells:
    positions: dict[Any, int] = {}
    keys = [(type(cell).__name__, cell if isinstance(cell, str | bool | int | float) else None) for cell in cells]
    rows = [positions.setdefault(key, len(positions)) for key in keys]
    return [value for _, value in positions], np.array(rows, dtype=np.int64)


def _as_numbers(cells: Sequence[Any], name: str, source: Path) -> NDArray[np.float64]:
    for row, cell in enumerate(cells):
        if cell is not None and (isinstance(cell, bool) or not isinstance(cell, int | float)):
            raise InputError(f"column {name!r} of {source} holds {str(cell)[:40]!r} in row {row + 1}, which is no number; correct it")
    try:
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    except OverflowError as error:
        raise InputError(f"column {name!r} of {source} holds a number beyond all measure; correct it") from error


def _arrow(source: Path, texts: Sequence[str], numbers: Sequence[str]) -> pyarrow.Table:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pa_parquet

    needed = [*texts, *numbers]
    if source.stat().st_size > LARGEST:
        raise InputError(f"{source} is larger than {LARGEST // 2**20} MB; cut it into tables by data set")
    try:
        if source.suffix == ".parquet":
            file = pa_parquet.ParquetFile(source)
            _require(needed, file.schema_arrow.names, source)
            if file.metadata.num_rows * len(needed) * 8 > LARGEST:
                raise InputError(
                    f"{source} claims {file.metadata.num_rows:,} rows, more than metanas takes; cut it into tables by data set"
                )
            return file.read(columns=needed, use_threads=False)
        with pa_csv.open_csv(source) as reader:
            _require(needed, reader.schema.names, source)
        kinds = {**dict.fromkeys(texts, pa.string()), **dict.fromkeys(numbers, pa.float64())}
        convert = pa_csv.ConvertOptions(include_columns=needed, column_types=kinds, strings_can_be_null=False)
        return pa_csv.read_csv(source, pa_csv.ReadOptions(use_threads=False), convert_options=convert)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{source} can't be read as a table: {lines[0][:200]}; correct or replace it") from error


def _require(needed: Sequence[str], there: Sequence[str], source: Path) -> None:
    for name in needed:
        if list(there).count(name) != 1:
            has = "no column" if name not in there else "more than one column"
            raise InputError(f"{source} has {has} {name!r}; correct the table, or the name in the header")


def _encoded(table: pyarrow.Table, name: str) -> Cells:
    column = table.column(name).combine_chunks().dictionary_encode()
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    values = [*column.dictionary.to_pylist(), None]
    rows = column.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return values, rows.astype(np.int64)


def _numeric(table: pyarrow.Table, name: str, source: Path) -> NDArray[np.float64]:
    import pyarrow as pa

    try:
        return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException as error:
        raise InputError(f"column {name!r} of {source} holds something that is no number; correct it") from error


def rank_of(cell: Any, options: Sequence[Value]) -> int | None:
    """The position of a cell among a decision's options, -1 for an empty one, None for what is no option.

    Text matches a number that it spells, and ``true``/``false`` in any case.
    """
    if cell is None or cell == "" or (isinstance(cell, float) and np.isnan(cell)):
        return -1
    for rank, option in enumerate(options):
        if isinstance(option, bool) == isinstance(cell, bool) and option == cell:
            return rank
        if isinstance(cell, str) and not isinstance(option, str) and _spells(cell, option):
            return rank
    return None


def _spells(text: str, option: Value) -> bool:
    if isinstance(option, bool):
        return text.strip().lower() == str(option).lower()
    try:
        return float(text) == option
    except ValueError:
        return False
