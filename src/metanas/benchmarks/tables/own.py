"""A table of the user's own as a problem; ``docs/table_format.md`` specifies it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.own_columns import Cells, rank_of, read_columns
from metanas.benchmarks.tables.own_header import Header, Quantity, read_header
from metanas.benchmarks.tables.registry import benchmarks, choose_dataset
from metanas.benchmarks.tables.results import SHARES
from metanas.benchmarks.tables.rows import INACTIVE, choices_of, listed, row_finder
from metanas.errors import InputError
from metanas.records import Fidelity
from metanas.spaces import Space, TaskShape

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def read_table(file: Path, dataset: str | None = None) -> Problem:
    """The problem in a user's table.

    Architectures that were never trained for the most epochs are left out; where not all architectures are there, the space is a list.

    Args:
        file: its JSON header.
        dataset: which data set; may be None where there is only one.

    Raises:
        InputError: saying what is wrong with the header or the table.
    """
    header = read_header(file)
    if header.name in {benchmark.name for benchmark in benchmarks()}:
        raise InputError(f"{file}: the name {header.name!r} belongs to a benchmark that metanas knows; choose another one")
    texts, numbers = read_columns(header, file)
    dataset, rows = _of_dataset(header, texts, dataset)
    codes = _codes(header, texts, rows, file)
    epochs = _epochs(header, numbers, rows, file)
    numbers = {name: column[rows] for name, column in numbers.items()}
    networks, network = _networks(codes, epochs == epochs.max())
    kept = network >= 0
    grid = _Grid(header, {name: column[kept] for name, column in numbers.items()}, network[kept], epochs[kept], file)
    space = Space(header.name, TaskShape("table", (1,), 1), header.decisions, plain=header.plain)
    choices = choices_of(space.decisions, networks)
    if space.count() != len(choices):
        space = listed(space, choices)
    row = row_finder(space.decisions, choices)
    costs = {name: grid.mean(quantity) for name, quantity in header.costs.items()}
    return Problem(header.name, dataset, space, row, grid.levels(), header.metric, grid.test(), costs, header.seconds_note)


def _of_dataset(header: Header, texts: Mapping[str, Cells], dataset: str | None) -> tuple[str, Ints]:
    """The data set's name and its rows."""
    if header.dataset is None:
        length = len(texts[header.decisions[0].name][1])
        if not length:
            raise InputError(f"the table of {header.name} has no rows; fill it")
        return choose_dataset(dataset, (header.name,), header.name), np.arange(length)
    values, cells = texts[header.dataset]
    names = [str(value) for value in values]
    there = sorted({names[cell] for cell in np.unique(cells)} - {"", "None"})
    if not there:
        raise InputError(f"the table of {header.name} has no rows with a data set; fill it")
    chosen = choose_dataset(dataset, tuple(there), header.name)
    return chosen, np.flatnonzero(np.isin(cells, [position for position, name in enumerate(names) if name == chosen]))


def _codes(header: Header, texts: Mapping[str, Cells], rows: Ints, file: Path) -> Ints:
    """Ranks of the chosen options ``(rows, decisions)``, :data:`INACTIVE` where a decision is not open."""
    codes = np.full((len(rows), len(header.decisions)), INACTIVE, dtype=np.int64)
    position = {decision.name: column for column, decision in enumerate(header.decisions)}
    for column, decision in enumerate(header.decisions):
        values, cells = texts[decision.name]
        is_open = np.ones(len(rows), dtype=bool)
        for name, options in decision.when.terms:
            ranks = [header.decisions[position[name]].options.index(option) for option in options]
            is_open &= np.isin(codes[:, position[name]], ranks)
        found = [rank_of(value, decision.options) for value in values]
        ranks_or_not = np.array([-2 if rank is None else rank for rank in found], dtype=np.int64)[cells[rows]]
        wrong = np.flatnonzero(is_open & (ranks_or_not < 0))
        if len(wrong):
            row = int(rows[wrong[0]])
            cell = values[cells[row]]
            held = "nothing" if ranks_or_not[wrong[0]] == INACTIVE else f"{str(cell)[:40]!r}, which is none of its options"
            raise InputError(f"{header.file or file}: row {row + 1} has in column {decision.name!r} {held}; correct the row or the header")
        codes[is_open, column] = ranks_or_not[is_open]
    return codes


def _networks(codes: Ints, longest: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The different rows of ``codes`` among those that were trained ``longest``, and for every row which of them it is, or -1."""
    number = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:  # numbered anew after every column, so that the numbers stay small
        _, number = np.unique(number * (column.max() + 2) + column + 1, return_inverse=True)
    found, first = np.unique(number[longest], return_index=True)
    position = np.full(number.max() + 1, -1)
    position[found] = np.arange(len(found))
    return codes[longest][first], position[number]


def _epochs(header: Header, numbers: Mapping[str, Floats], rows: Ints, file: Path) -> Ints:
    if isinstance(header.epochs, int):
        return np.full(len(rows), header.epochs, dtype=np.int64)
    column = numbers[header.epochs][rows]
    whole = np.isfinite(column) & (column >= 1) & (column == np.floor(column)) & (column < 2**31)
    if not whole.all():
        row = int(rows[np.flatnonzero(~whole)[0]])
        raise InputError(f"{header.file or file}: row {row + 1} has no whole number of epochs in column {header.epochs!r}; correct it")
    return column.astype(np.int64)


class _Grid:
    """Rows sorted into network, fidelity and repetition."""

    def __init__(self, header: Header, numbers: Mapping[str, Floats], network: Ints, epochs: Ints, file: Path) -> None:
        self._header, self._numbers, self._network, self._file = header, numbers, network, header.file or file
        self._epochs, self._level = np.unique(epochs, return_inverse=True)
        group = network * len(self._epochs) + self._level
        seed = numbers[header.seed] if header.seed else np.zeros(len(network))
        if not np.isfinite(seed).all():
            raise InputError(f"{self._file}: column {header.seed!r} lacks a seed in some row; fill it")
        order = np.lexsort((seed, group))
        twice = (np.diff(group[order]) == 0) & (np.diff(seed[order]) == 0)
        if twice.any():
            hint = "give every repetition its own seed" if header.seed else "name a column of seeds in the header, or keep one of them"
            raise InputError(f"{self._file} has two rows for the same choices, data set, epochs and seed; {hint}")
        starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
        self._repeat = np.empty(len(order), dtype=np.int64)
        self._repeat[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))

    def levels(self) -> tuple[Level, ...]:
        """One per number of epochs, rising."""
        made = []
        for level, epochs in enumerate(self._epochs.tolist()):
            metrics = {name: self._matrix(quantity, level, name) for name, quantity in self._header.metrics.items()}
            seconds = self._matrix(self._header.seconds, level, "seconds") if self._header.seconds else None
            made.append(Level(Fidelity(epochs), metrics, seconds))
        if not np.isfinite(made[-1].metrics[self._header.metric]).any():
            raise InputError(f"{self._file} holds no value of the metric {self._header.metric!r} at its most epochs; fill the column")
        return tuple(made)

    def test(self) -> dict[str, Floats]:
        """Mean over repetitions at the highest fidelity, ``(networks,)``."""
        last = len(self._epochs) - 1
        return {name: self._mean(self._checked(quantity, name), self._level == last) for name, quantity in self._header.test.items()}

    def mean(self, quantity: Quantity) -> Floats:
        """Mean over all rows of a network that have a number, ``(networks,)``."""
        return self._mean(self._checked(quantity, ""), np.ones(len(self._network), dtype=bool))

    def _mean(self, column: Floats, rows: NDArray[np.bool_]) -> Floats:
        rows = rows & np.isfinite(column)
        networks = int(self._network.max()) + 1
        counts = np.bincount(self._network[rows], minlength=networks)
        sums = np.bincount(self._network[rows], weights=column[rows], minlength=networks)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def _matrix(self, quantity: Quantity, level: int, name: str) -> Floats:
        """``(networks,)`` or ``(networks, repeats)``; NaN where there is no row."""
        column, here = self._checked(quantity, name), self._level == level
        values = np.full((int(self._network.max()) + 1, int(self._repeat[here].max()) + 1), np.nan)
        values[self._network[here], self._repeat[here]] = column[here]
        return values[:, 0] if values.shape[1] == 1 else values

    def _checked(self, quantity: Quantity, name: str) -> Floats:
        with np.errstate(over="ignore"):
            column = self._numbers[quantity.column] * quantity.times
        if name in SHARES and ((column < 0) | (column > 1)).any():
            raise InputError(
                f"{self._file}: {name} must be between 0 and 1, but column {quantity.column!r} is not; for percent, say "
                f'{{"column": "{quantity.column}", "times": 0.01}} in the header'
            )
        if name == "seconds" and not ((column >= 0) & np.isfinite(column)).all():
            raise InputError(f"{self._file}: every row needs training seconds of at least 0 in column {quantity.column!r}; correct it")
        return column
