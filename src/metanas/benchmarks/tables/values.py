"""From a table's values to ranks of options; whether a table holds every architecture of a space."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.tables.arrays import Lengths, load_arrays
from metanas.benchmarks.tables.rows import Choices, choices_of
from metanas.errors import InputError
from metanas.spaces import Decision, Space
from metanas.spaces.decision import Value

Ranks = NDArray[np.int64]


def ranks(decision: Decision, column: NDArray[Any], what: str) -> Ranks:
    """The position of each value among the options of a decision, ``(rows,)``.

    Args:
        decision: the column is about it.
        column: ``(rows,)``, numbers or text.
        what: names the column and its file in an error.

    Raises:
        InputError: if a value is no option.
    """
    values, inverse = np.unique(column, return_inverse=True)
    found: Ranks = _positions(decision, values.tolist(), what)[inverse]
    return found


def listed_ranks(decision: Decision, column: NDArray[Any], values: Sequence[Value], what: str) -> Ranks:
    """As :func:`ranks`, for a column of positions in a list of values.

    Raises:
        InputError: if a position is outside the list or a value is no option.
    """
    numbers = whole(column, what)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(values):
        raise InputError(f"{what} holds numbers of choices that it doesn't list; get the file again")
    found: Ranks = _positions(decision, values, what)[numbers]
    return found


def whole(column: NDArray[Any], what: str) -> NDArray[np.int64]:
    """A column of whole numbers.

    Raises:
        InputError: if they have fractions, or are no numbers.
    """
    if column.dtype.kind not in "ui":
        raise InputError(f"{what} holds no whole numbers: it is another table; get the right one")
    return column.astype(np.int64)


def shares(percent: NDArray[Any], what: str) -> NDArray[np.float64]:
    """Percent to shares; rounded, for the files hold single precision.

    Raises:
        InputError: if a value isn't between 0 and 100, or none is there.
    """
    return np.round(within(percent, 100, what) / 100, 7)


def within(column: NDArray[Any], most: float, what: str) -> NDArray[np.float64]:
    """A column of numbers from 0 to ``most``, as double precision; NaN may be among them, but not alone.

    Raises:
        InputError: if they are something else.
    """
    there = column[np.isfinite(column)]
    if not len(there) or np.isinf(column).any() or there.min() < 0 or there.max() > most:
        raise InputError(f"{what} holds values that are not between 0 and {most:g}; get the file again")
    return column.astype(np.float64)


def choice_lists(text: str, file: Path) -> Mapping[str, list[Value]]:
    """The values behind numbers of choices, by field, from JSON.

    Raises:
        InputError: if it is something else.
    """
    lists: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        lists = json.loads(text)
    if not (isinstance(lists, dict) and all(_options(values) for values in lists.values())):
        raise InputError(f"column 'choices_json' of {file} is no JSON object of lists; get the file again")
    return dict(lists)


def load_grid(
    file: Path, space: Space, fields: Mapping[str, str], numbers: Mapping[str, Lengths]
) -> tuple[list[Choices], dict[str, NDArray[Any]]]:
    """A table that holds each architecture of an unconditional space once, as numbers of choices.

    Its columns are ``fields``, ``config`` ``(rows, fields)``, positions in lists of values, and ``choices_json``, these lists by field.

    Args:
        file: the table's.
        space: none of its decisions depends on another.
        fields: decision to field, for each.
        numbers: further columns and their shapes, with ``"rows"`` for the number of architectures.

    Returns:
        The choices of every row, and the further columns by name.

    Raises:
        InputError: if the table holds something else.
    """
    config: Mapping[str, Lengths] = {"config": ("rows", len(fields)), **numbers}
    table = load_arrays(file, config, {"fields": (len(fields),), "choices_json": ()}, lengths={"rows": space.count()})
    lists, known = choice_lists(str(table["choices_json"].item()), file), table["fields"].tolist()
    if missing := [field for field in fields.values() if field not in known or field not in lists]:
        raise InputError(f"{file} has no field {missing[0]!r}: it is another table; get the one that belongs here")
    columns = []
    for decision in space.decisions:
        field = fields[decision.name]
        column = table["config"][:, known.index(field)]
        columns.append(listed_ranks(decision, column, lists[field], f"field {field!r} of {file}"))
    codes = np.stack(columns, axis=1)
    demand_all(space, codes, file)
    return choices_of(space.decisions, codes), {name: table[name] for name in numbers}


def demand_all(space: Space, codes: Ranks, file: Path) -> None:
    """Refuse a table that doesn't hold each architecture of an unconditional space once.

    Args:
        space: none of its decisions depends on another.
        codes: ``(rows, decisions)``, ranks of options.
        file: the table's.
    """
    different = len(np.unique(codes @ np.cumprod([1, *(len(d.options) for d in space.decisions[:-1])])))
    if not different == len(codes) == space.count():
        raise InputError(f"{file} does not hold each of the {space.count():,} architectures once; get the file again")


def _options(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, bool | int | float | str) for value in values)


def _positions(decision: Decision, values: Sequence[Value], what: str) -> Ranks:
    position = {option: rank for rank, option in enumerate(decision.options)}
    for value in values:
        if value not in position:
            raise InputError(f"{what} holds {value!r}, which is no option of {decision.name!r}: it is another table; get the right one")
    return np.array([position[value] for value in values], dtype=np.int64)
