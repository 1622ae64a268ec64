"""Where a population's numbers stand: rows of one table of values, padded groups of matrix products, blocks of parameters.

All values of all members are rows of one table ``(rows, batch)``: row 0 is always zero, then come the features of the task's input,
then slot by slot the cells' outputs. In a slot, members stand in an order that puts equal normalisations and activations next to each
other, each with as many rows as its cell is wide. So one operation serves all rows of a kind, whatever the networks' widths.

Only matrix products need equal shapes: dense cells of a slot are sorted into *groups*, within which inputs and outputs are padded. The
inputs are gathered from the table, and padded from row 0; rows of padding are zero forwards and backwards, and so are all weights that
touch them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.evaluation.population_cells import SOURCE, Cell, Cells, Slot

Rows = NDArray[np.int64]

_GRAIN = 16
_NORM_ORDER = {"batch_norm": 0, "layer_norm": 1, "": 2}


@dataclass(frozen=True)
class Span:
    """Rows ``first`` to ``last`` (exclusive) of a lane, to which ``kind`` is done."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Group:
    """Dense cells that are computed by one batched product.

    Args:
        members: in the order of the batch.
        inputs: padded width of their inputs.
        units: padded width of their outputs; of shared groups the sum of the widths.
        gathered: ``(members, inputs)``: rows of the table that are read.
        first: of its output rows, among all groups of its lane.
        shared: whether they all read the task's input, which makes them one product of matrices.
    """

    members: tuple[int, ...]
    inputs: int
    units: int
    gathered: Rows
    first: int
    shared: bool

    @property
    def rows(self) -> int:
        """Output rows."""
        return self.units if self.shared else len(self.members) * self.units

    def owners(self, lane: Lane) -> list[int]:
        """The member to which each output row belongs."""
        return [m for m in self.members for _ in range(lane.cells[m].width if self.shared else self.units)]


class Lane:
    """One slot of the population.

    Attributes:
        members: that have the slot, in the order of their rows.
        starts: first row of each of these members, and the end; relative to ``first``.
        first: row of the table where the lane begins.
        widths: of the members, in order.
        dense, summed: what the cells are; else they are periodic.
    """

    def __init__(self, slot: Slot, cells: dict[int, Cell], first: int) -> None:
        self.slot, self.cells, self.first = slot, cells, first
        self.members = sorted(
            cells, key=lambda m: (cells[m].bare, _NORM_ORDER[cells[m].norm], cells[m].activation, cells[m].frequencies, m)
        )
        self.widths = [cells[m].width for m in self.members]
        self.starts: list[int] = [0, *np.cumsum(self.widths).tolist()]
        self._start = dict(zip(self.members, self.starts, strict=False))
        self.groups: list[Group] = []
        op = next(iter(cells.values())).op
        self.dense, self.summed = op == "dense", op == "sum"

    @property
    def rows(self) -> int:
        """Rows of the lane."""
        return self.starts[-1]

    @property
    def products(self) -> int:
        """Output rows of all groups of a dense lane, padding included; else as many as rows."""
        return sum(group.rows for group in self.groups) if self.dense else self.rows

    def own(self, member: int) -> Rows:
        """A member's rows, relative to the lane's first."""
        start = self._start[member]
        return np.arange(start, start + self.cells[member].width)

    def _spans(self, kinds: Sequence[str]) -> list[Span]:
        spans: list[Span] = []
        for kind, first, last in zip(kinds, self.starts[:-1], self.starts[1:], strict=True):
            if spans and spans[-1].kind == kind and spans[-1].last == first:
                spans[-1] = Span(kind, spans[-1].first, last)
            elif kind:
                spans.append(Span(kind, first, last))
        return spans

    @cached_property
    def norms(self) -> list[Span]:
        """Rows of each normalisation; together the first of the lane."""
        return self._spans([self.cells[m].norm for m in self.members])

    @cached_property
    def activations(self) -> list[Span]:
        """Rows of each activation, those that were normalised apart from the others; ``none`` where there is no activation."""
        normed = self.normed
        kinds = [("" if self.cells[m].bare else self.cells[m].activation or "none") for m in self.members]
        return [
            Span(span.kind, first, last)
            for span in self._spans(kinds)
            for first, last in ((span.first, min(span.last, normed)), (max(span.first, normed), span.last))
            if first < last
        ]

    @property
    def normed(self) -> int:
        """How many rows are normalised."""
        return self.norms[-1].last if self.norms else 0

    @cached_property
    def processed(self) -> int:
        """How many rows have anything done to them after the source; the others, at the end, are bare."""
        return sum(self.cells[m].width for m in self.members if not self.cells[m].bare)

    @property
    def drops(self) -> bool:
        """Whether any member has dropout here."""
        return any(cell.rate for cell in self.cells.values())


@dataclass(frozen=True)
class Block:
    """An array of parameters, seen as ``(rows, columns)``.

    Args:
        slot, role, number: whose: ``weight`` of a group or of periodic cells, ``bias``, ``norm_weight``, ``norm_bias``, ``running_mean``,
            ``running_var`` of a lane.
        owners: the member to which each row belongs.
        columns: numbers in a row.
    """

    slot: Slot
    role: str
    number: int
    owners: tuple[int, ...]
    columns: int

    @property
    def size(self) -> int:
        """Numbers in the block, padding included."""
        return len(self.owners) * self.columns

    @property
    def share(self) -> float:
        """Numbers for each member that has a part, on average."""
        return self.size / len(set(self.owners))


@dataclass(frozen=True)
class Entry:
    """One member's array in a block: its name in the network's state, where it begins, its shape, and the step between its rows."""

    member: int
    name: str
    start: int
    shape: tuple[int, ...]
    stride: int


class Plan:
    """The population, lined up.

    Args:
        members: the cells of every network.
        features: of the task's input.
        floor: inputs and outputs of dense groups are padded to at least this many (but outputs of the last layer).
    """

    def __init__(self, members: Sequence[Cells], features: int, floor: int) -> None:
        self.members, self.features, self._floor = members, features, floor
        self.lanes: list[Lane] = []
        self._lane_at: dict[Slot, Lane] = {}
        first = 1 + features
        for slot in sorted({slot for cells in members for slot in cells.by_slot}):
            lane = Lane(slot, {m: cells.by_slot[slot] for m, cells in enumerate(members) if slot in cells.by_slot}, first)
            self.lanes.append(lane)
            self._lane_at[slot] = lane
            first += lane.rows
        self.rows = first
        for lane in self.lanes:
            if lane.dense:
                self._form_groups(lane)
        self.output = np.concatenate([self.read(m, cells.output) for m, cells in enumerate(members)])

    def read(self, member: int, slots: Sequence[Slot]) -> Rows:
        """The rows of the table where a member finds the vectors of these slots, side by side."""
        return np.concatenate([self._rows_of(member, slot) for slot in slots])

    def _rows_of(self, member: int, slot: Slot) -> Rows:
        if slot == SOURCE:
            return np.arange(1, 1 + self.features)
        lane = self._lane_at[slot]
        return lane.first + lane.own(member)

    def _pad(self, width: int) -> int:
        return self._floor if width <= self._floor else -(-width // _GRAIN) * _GRAIN

    def _form_groups(self, lane: Lane) -> None:
        sorts: dict[tuple[int, int], list[int]] = {}
        for m in lane.members:
            cell = lane.cells[m]
            shared = cell.inputs[0] == (SOURCE,)
            sorts.setdefault((0, 0) if shared else (self._pad(len(self.read(m, cell.inputs[0]))), self._pad(cell.width)), []).append(m)
        first = 0
        for key in sorted(sorts):
            members, shared = sorts[key], key == (0, 0)
            reads = [self.read(m, lane.cells[m].inputs[0]) for m in members]
            widths = [lane.cells[m].width for m in members]
            inputs, units = max(map(len, reads)), sum(widths) if shared else max(widths)
            gathered = np.stack([np.pad(rows, (0, inputs - len(rows))) for rows in reads])
            lane.groups.append(Group(tuple(members), inputs, units, gathered, first, shared))
            first += lane.groups[-1].rows

    def product_rows(self, lane: Lane) -> Rows:
        """For each row of a dense lane the output row of its groups that it is."""
        where = np.zeros(lane.rows, np.int64)
        for group in lane.groups:
            start = group.first
            for m in group.members:
                own = lane.own(m)
                where[own] = start + np.arange(len(own))
                start += len(own) if group.shared else group.units
        return where

    @staticmethod
    def gathered(lane: Lane) -> Rows:
        """The rows of the table that a dense lane's groups read, one after another; shared groups read none."""
        return np.concatenate([np.zeros(0, np.int64), *(group.gathered.ravel() for group in lane.groups if not group.shared)])

    def summands(self, lane: Lane) -> list[Rows]:
        """For the first, second, ... summand of a lane of sums: the row of the table that each row reads, 0 where there are fewer."""
        count = max(len(lane.cells[m].inputs) for m in lane.members)
        rows = np.zeros((count, lane.rows), np.int64)
        for m in lane.members:
            for number, slots in enumerate(lane.cells[m].inputs):
                rows[number, lane.own(m)] = self.read(m, slots)
        return list(rows)

    @staticmethod
    def periodic(lane: Lane) -> list[list[int]]:
        """Members of a lane of periodic encodings, neighbours of equal shape together."""
        groups: list[list[int]] = []
        for m in lane.members:
            if groups and lane.cells[groups[-1][0]].frequencies == lane.cells[m].frequencies:
                groups[-1].append(m)
            else:
                groups.append([m])
        return groups

    # -- parameters ----------------------------------------------------------------------------------------------------

    @cached_property
    def parameters(self) -> list[tuple[Block, list[Entry]]]:
        """All blocks with what stands in them."""
        return [part for lane in self.lanes for part in (*self._source_parameters(lane), *_norm_parameters(lane))]

    def _source_parameters(self, lane: Lane) -> list[tuple[Block, list[Entry]]]:
        parts = []
        owners: list[int] = []
        biases: list[Entry] = []
        for number, group in enumerate(lane.groups):
            weights = []
            before, start = len(owners), 0
            for m, rows in zip(group.members, group.gathered, strict=True):
                cell = lane.cells[m]
                weights.append(Entry(m, cell.weight, start * group.inputs, (cell.width, int(np.count_nonzero(rows))), group.inputs))
                if cell.bias:
                    biases.append(Entry(m, cell.bias, before + start, (cell.width,), 1))
                start += cell.width if group.shared else group.units
            owners += group.owners(lane)
            parts.append((Block(lane.slot, "weight", number, tuple(owners[before:]), group.inputs), weights))
        if biases:
            parts.append((Block(lane.slot, "bias", 0, tuple(owners), 1), biases))
        for number, members in enumerate(self.periodic(lane) if not (lane.dense or lane.summed) else []):
            numeric, frequencies = lane.cells[members[0]].frequencies
            size = numeric * frequencies
            entries = [Entry(m, lane.cells[m].weight, k * size, (numeric, frequencies), frequencies) for k, m in enumerate(members)]
            parts.append((Block(lane.slot, "weight", number, tuple(members), size), entries))
        return parts


def _norm_parameters(lane: Lane) -> list[tuple[Block, list[Entry]]]:
    normed = [(m, start) for m, start in zip(lane.members, lane.starts, strict=False) if lane.cells[m].norm]
    batch = [(m, start) for m, start in normed if lane.cells[m].norm == "batch_norm"]
    parts = []
    for role, name, having in (
        ("norm_weight", "weight", normed),
        ("norm_bias", "bias", normed),
        ("running_mean", "running_mean", batch),
        ("running_var", "running_var", batch),
    ):
        if having:
            owners = tuple(m for m, _ in having for _ in range(lane.cells[m].width))
            entries = [Entry(m, lane.cells[m].norm_prefix + name, start, (lane.cells[m].width,), 1) for m, start in having]
            parts.append((Block(lane.slot, role, 0, owners, 1), entries))
    return parts
