"""The JSON header of a user's table: read and checked. ``docs/table_format.md`` is its specification."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metanas.errors import InputError
from metanas.spaces import Condition, Decision
from metanas.spaces.decision import Value

FORMAT, VERSION = "metanas-table", 1
LARGEST_HEADER = 64 * 2**20
"""Bytes; a header may hold the whole table."""
MOST_DECISIONS, MOST_OPTIONS = 500, 1000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FOR_PEOPLE = ("title", "licence", "source")
_KEYS = (
    *("format", "version", "name", "table", "columns", "decisions", "plain", "dataset", "epochs", "seed"),
    *("metric", "metrics", "test", "costs", "seconds", "seconds_note", *_FOR_PEOPLE),
)
_MOST_EPOCHS = 2**31 - 1


@dataclass(frozen=True)
class Quantity:
    """A column of numbers, and what they are multiplied by."""

    column: str
    times: float = 1.0


@dataclass(frozen=True)
class Header:
    """What the columns of a table mean.

    Args:
        name: of the benchmark.
        file: the table's file, or None where ``columns`` holds the table itself.
        columns: column name to its cells; empty where the table is in ``file``.
        decisions: of the space; each is a column of that name.
        plain: choices of the baseline.
        dataset: column with the data set's name, or None: there is one, called as the benchmark.
        epochs: column with the epochs of training, or their number for all rows.
        seed: column that tells repetitions apart, or None: there are none.
        metric: the one that guides.
        metrics, test, costs: columns by name.
        seconds: training time, or None.
        seconds_note: where it comes from.
    """

    name: str
    file: Path | None
    columns: Mapping[str, list[Any]]
    decisions: tuple[Decision, ...]
    plain: Mapping[str, Value]
    dataset: str | None
    epochs: str | int
    seed: str | None
    metric: str
    metrics: Mapping[str, Quantity]
    test: Mapping[str, Quantity]
    costs: Mapping[str, Quantity]
    seconds: Quantity | None
    seconds_note: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns whose cells are names or options."""
        return (*(d.name for d in self.decisions), *([self.dataset] if self.dataset else []))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers, each once."""
        quantities = [*self.metrics.values(), *self.test.values(), *self.costs.values(), *([self.seconds] if self.seconds else [])]
        plain = [name for name in (self.epochs, self.seed) if isinstance(name, str)]
        return tuple(dict.fromkeys([*(q.column for q in quantities), *plain]))


def read_header(file: Path) -> Header:
    """The header in ``file``.

    Raises:
        InputError: saying what is wrong with it.
    """
    record = _json(file)
    _known(record, _KEYS, f"{file}")
    if record.get("format") != FORMAT or record.get("version") != VERSION:
        raise InputError(f'{file} is no table that metanas reads: its header must say "format": "{FORMAT}" and "version": {VERSION}')
    name = record.get("name")
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise InputError(f"{file}: 'name' must be a short name of letters, digits, dots, dashes and underscores")
    decisions = _decisions(record.get("decisions"), file)
    metrics, test, costs = (_quantities(record, key, file) for key in ("metrics", "test", "costs"))
    metric = record.get("metric", next(iter(metrics)) if len(metrics) == 1 else None)
    if not isinstance(metric, str) or metric not in metrics:
        raise InputError(f"{file}: 'metric' must name the one of 'metrics' that guides the search")
    epochs = record.get("epochs", 1)
    if not isinstance(epochs, str) and (isinstance(epochs, bool) or not isinstance(epochs, int) or not 1 <= epochs <= _MOST_EPOCHS):
        raise InputError(f"{file}: 'epochs' must be a column's name or a whole number of at least 1")
    header = Header(
        name,
        *_table(record, file),
        decisions,
        _plain(record.get("plain", {}), decisions, file),
        _text(record, "dataset", file),
        epochs,
        _text(record, "seed", file),
        metric,
        metrics,
        test,
        costs,
        _quantity(record["seconds"], "seconds", file) if "seconds" in record else None,
        _text(record, "seconds_note", file) or ("as the table has them" if "seconds" in record else "the table has no training times"),
    )
    if both := set(header.texts) & set(header.numbers):
        raise InputError(f"{file}: column {min(both)!r} can't be both a choice or data set and a number")
    return header


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"there is no file {file}; give the JSON header of your table")
    if file.stat().st_size > LARGEST_HEADER:
        raise InputError(f"{file} is larger than {LARGEST_HEADER // 2**20} MB; put the table into a CSV or Parquet file beside it")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON text: {str(error)[:100]}; see docs/table_format.md for an example") from error
    if not isinstance(record, dict):
        raise InputError(f"{file} holds no JSON object; see docs/table_format.md for an example")
    return record


def _known(record: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(record) - set(keys)):
        raise InputError(f"{where}: there is no entry {unknown[0]!r}; known: {', '.join(keys)}")


def _text(record: Mapping[str, Any], key: str, file: Path) -> str | None:
    value = record.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise InputError(f"{file}: {key!r} must be a text")
    return value


def _table(record: Mapping[str, Any], file: Path) -> tuple[Path | None, Mapping[str, list[Any]]]:
    """The table's file or the columns themselves."""
    table, columns = _text(record, "table", file), record.get("columns", {})
    if (table is None) == (not columns):
        raise InputError(f"{file}: give either 'table' (a CSV or Parquet file beside the header) or 'columns' (the table itself)")
    if table is None:
        if not isinstance(columns, dict) or not all(isinstance(cells, list) for cells in columns.values()):
            raise InputError(f"{file}: 'columns' must be an object of lists, one per column")
        if len({len(cells) for cells in columns.values()}) > 1:
            raise InputError(f"{file}: the lists in 'columns' must be equally long")
        return None, columns
    folder = file.resolve().parent
    path = (folder / table).resolve()
    # Links count as what they lead to: a header from elsewhere must not make us read other files.
    if not path.is_relative_to(folder):
        raise InputError(f"{file}: the table {table!r} lies outside the header's folder; put it beside the header")
    return path, {}


def _decisions(listed: Any, file: Path) -> tuple[Decision, ...]:
    if not (isinstance(listed, list) and listed and all(isinstance(d, dict) for d in listed) and len(listed) <= MOST_DECISIONS):
        raise InputError(f"{file}: 'decisions' must be a list of one to {MOST_DECISIONS} objects with 'name' and 'options'")
    made: dict[str, Decision] = {}
    for record in listed:
        name = record.get("name")
        if not (isinstance(name, str) and name) or name in made:
            raise InputError(f"{file}: every decision needs a 'name' of its own, but one has {name!r}")
        where = f"{file}: decision {name!r}"
        _known(record, ("name", "options", "ordered", "when"), where)
        options, ordered = record.get("options"), record.get("ordered", False)
        if not (isinstance(options, list) and 0 < len(options) <= MOST_OPTIONS and all(map(_is_value, options))):
            raise InputError(f"{where}: 'options' must be a list of one to {MOST_OPTIONS} texts, numbers or truth values")
        if len(set(options)) != len(options):
            raise InputError(f"{where}: an option is listed twice (true equals 1, false equals 0)")
        if not isinstance(ordered, bool):
            raise InputError(f"{where}: 'ordered' must be true or false")
        made[name] = Decision(name, tuple(options), ordered, _condition(record.get("when", {}), made, where))
    return tuple(made.values())


def _condition(when: Any, earlier: Mapping[str, Decision], where: str) -> Condition:
    if not isinstance(when, dict):
        raise InputError(f"{where}: 'when' must be an object of earlier decisions, each with a list of its options")
    terms = []
    for name, options in when.items():
        if name not in earlier:
            raise InputError(f"{where}: 'when' refers to {name!r}, which is no earlier decision")
        if not (isinstance(options, list) and options and all(option in earlier[name].options for option in options)):
            raise InputError(f"{where}: 'when' needs a list of options of {name!r}")
        terms.append((name, tuple(options)))
    return Condition(tuple(terms))


def _plain(plain: Any, decisions: tuple[Decision, ...], file: Path) -> Mapping[str, Value]:
    by_name = {d.name: d for d in decisions}
    if not isinstance(plain, dict) or not all(name in by_name and option in by_name[name].options for name, option in plain.items()):
        raise InputError(f"{file}: 'plain' must be an object of decisions, each with one of its options")
    return plain


def _quantities(record: Mapping[str, Any], key: str, file: Path) -> dict[str, Quantity]:
    listed = record.get(key, {})
    if not isinstance(listed, dict) or (key == "metrics" and not listed) or "" in listed:
        raise InputError(f"{file}: {key!r} must be an object of names, each with its column")
    return {name: _quantity(value, f"{key}: {name}", file) for name, value in listed.items()}


def _quantity(value: Any, where: str, file: Path) -> Quantity:
    record = {"column": value} if isinstance(value, str) else value
    if isinstance(record, dict):
        _known(record, ("column", "times"), f"{file}: {where}")
        column, times = record.get("column"), record.get("times", 1.0)
        if isinstance(column, str) and column and isinstance(times, int | float) and 0 < times < math.inf:
            return Quantity(column, float(min(times, 1e300)))
    raise InputError(f"{file}: {where} must be a column's name, or an object with 'column' and 'times' (a number above 0)")


def _is_value(option: Any) -> bool:
    return isinstance(option, str | bool | int) or (isinstance(option, float) and math.isfinite(option))
