"""How a population's cells are lined up in memory: runs of neighbouring members, padded widths, parameter blocks.

Values lie feature-major: the output of a slot is a matrix ``(rows, batch)`` in which every member that has the slot owns ``pad``
rows, members in order. So neighbouring members of equal pads form one contiguous ``(members, pad, batch)`` array, a *run*, and are
computed by one operation. Rows of a member beyond its own width are padding: values and gradients there are always zero, and so are
the weights that touch them. Nothing is padded but dense layers of at most ``floor`` units.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.evaluation.population_cells import HEAD, SOURCE, Cell, Slot
from metanas.networks.network import weight_name

Rows = NDArray[np.int64]
"""Which padded row each feature of a member stands in."""

STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class Run:
    """Members ``first`` to ``last`` (exclusive) of one slot that one operation computes; ``cell`` is the first one's."""

    slot: Slot
    first: int
    last: int
    cell: Cell
    pad: int

    @property
    def members(self) -> range:
        """Positions in the population."""
        return range(self.first, self.last)

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Block:
    """One array of parameters ``(members, *shape)`` of a run.

    Args:
        run: whose it is.
        role: ``weight``, ``bias``, ``norm_weight``, ``norm_bias``, ``running_mean``, ``running_var``.
        shape: of one member, padded.
        names: of each member's own array in its network's state.
        places: for each member and axis, the padded positions of its own entries; None for all.
    """

    run: Run
    role: str
    shape: tuple[int, ...]
    names: tuple[str, ...]
    places: tuple[tuple[Rows, ...] | None, ...]

    @property
    def size(self) -> int:
        """Numbers in the block, padding included."""
        return len(self.run) * int(np.prod(self.shape))


class Plan:
    """The lined-up population.

    Args:
        members: the cells of every network; for few, long runs similar ones should be neighbours, see :func:`alike`.
        features: of the task's input.
        floor: dense layers (but the last) of fewer units are padded to this many.
    """

    def __init__(self, members: Sequence[dict[Slot, Cell]], features: int, floor: int) -> None:
        self.members = members
        self.features = features
        self.slots = sorted({slot for cells in members for slot in cells})
        self._rows: list[dict[Slot, Rows]] = []
        self._pads: list[dict[Slot, int]] = []
        for cells in members:
            rows: dict[Slot, Rows] = {SOURCE: np.arange(features)}
            pads = {SOURCE: features}
            for slot, cell in cells.items():
                rows[slot], pads[slot] = _layout(slot, cell, rows, pads, floor)
            self._rows.append(rows)
            self._pads.append(pads)
        self.starts = {slot: self._starts(slot) for slot in self.slots}

    def _starts(self, slot: Slot) -> list[int]:
        sizes = [pads.get(slot, 0) for pads in self._pads]
        return [0, *np.cumsum(sizes).tolist()]

    def pad(self, member: int, slot: Slot) -> int:
        """Padded width of a member's value."""
        return self._pads[member][slot]

    def layout(self, member: int, slot: Slot) -> Rows:
        """The padded row of each feature of a member's value."""
        return self._rows[member][slot]

    def padded(self, run: Run) -> bool:
        """Whether some member of the run has rows of padding."""
        return any(len(self._rows[m][run.slot]) != run.pad for m in run.members)

    def aligned(self, member: int, slot: Slot, other: Slot) -> bool:
        """Whether two values of equal width have their features in the same padded rows."""
        return self.pad(member, slot) == self.pad(member, other) and np.array_equal(self.layout(member, slot), self.layout(member, other))

    def _runs(self, slot: Slot, signature: Callable[[int, Cell], Hashable]) -> list[Run]:
        """Neighbours of equal signature; None is in no run."""
        runs: list[tuple[int, int, Hashable]] = []
        for m, cells in enumerate(self.members):
            cell = cells.get(slot)
            sign = None if cell is None else signature(m, cell)
            if sign is not None and cell is not None:
                whole = (sign, self.pad(m, slot))
                if runs and runs[-1][1:] == (m, whole):
                    runs[-1] = (runs[-1][0], m + 1, whole)
                else:
                    runs.append((m, m + 1, whole))
        return [Run(slot, first, last, self.members[first][slot], self.pad(first, slot)) for first, last, _ in runs]

    @cached_property
    def sources(self) -> dict[Slot, list[Run]]:
        """Runs that one source operation computes."""

        def signature(m: int, cell: Cell) -> Hashable:
            shapes = tuple((i, self.pad(m, i)) for i in cell.inputs)
            return (cell.op, shapes, cell.bias, cell.projected, cell.frequencies, cell.bare, self.even(m, cell))

        return {slot: self._runs(slot, signature) for slot in self.slots}

    def even(self, member: int, cell: Cell) -> tuple[bool, ...]:
        """For each input but the first of an add or residual without projection: whether it is aligned with the first."""
        if cell.op not in ("add", "residual") or cell.projected:
            return ()
        return tuple(self.aligned(member, cell.inputs[0], other) for other in cell.inputs[1:])

    @cached_property
    def norms(self) -> dict[Slot, list[Run]]:
        """Runs of one normalisation."""

        def signature(m: int, cell: Cell) -> Hashable:
            return (cell.norm, bool(cell.activation or cell.rate)) if cell.norm else None

        return {slot: self._runs(slot, signature) for slot in self.slots}

    @cached_property
    def activations(self) -> dict[Slot, list[Run]]:
        """Runs of one activation."""

        def signature(m: int, cell: Cell) -> Hashable:
            return (cell.activation, bool(cell.norm), bool(cell.rate)) if cell.activation else None

        return {slot: self._runs(slot, signature) for slot in self.slots}

    @cached_property
    def dropouts(self) -> dict[Slot, list[Run]]:
        """Runs of dropout; rates may differ within one."""

        def signature(m: int, cell: Cell) -> Hashable:
            return (bool(cell.norm), bool(cell.activation)) if cell.rate else None

        return {slot: self._runs(slot, signature) for slot in self.slots}

    @cached_property
    def blocks(self) -> list[Block]:
        """All parameters and running statistics, run by run."""
        blocks = []
        for slot in self.slots:
            for run in self.sources[slot]:
                blocks += self._source_blocks(run)
            for run in self.norms[slot]:
                roles = ("weight", "bias", *(STATISTICS if run.cell.norm == "batch_norm" else ()))
                for name in roles:
                    role = name if name in STATISTICS else f"norm_{name}"
                    names = [_name(self.members[m][slot].norm_node, run.cell.norm, name) for m in run.members]
                    blocks.append(Block(run, role, (run.pad,), tuple(names), tuple((self.layout(m, slot),) for m in run.members)))
        return blocks

    def _source_blocks(self, run: Run) -> list[Block]:
        cell = run.cell
        nodes = [self.members[m][run.slot].source for m in run.members]
        if cell.op == "periodic":
            names = tuple(_name(node, "periodic", "frequencies") for node in nodes)
            return [Block(run, "weight", cell.frequencies, names, (None,) * len(run))]
        if cell.op != "dense" and not cell.projected:
            return []
        source = cell.inputs[0] if cell.op == "dense" else cell.inputs[1]
        suffix = "" if cell.op == "dense" else "projection."
        names = tuple(_name(node, cell.op, f"{suffix}weight") for node in nodes)
        places = tuple((self.layout(m, run.slot), self.layout(m, source)) for m in run.members)
        blocks = [Block(run, "weight", (run.pad, self.pad(run.first, source)), names, places)]
        if cell.bias:
            names = tuple(_name(node, cell.op, "bias") for node in nodes)
            blocks.append(Block(run, "bias", (run.pad,), names, tuple((rows,) for rows, _ in places)))
        return blocks


def _name(node: str, op: str, parameter: str) -> str:
    return f"nodes.{weight_name(node)}.{weight_name(op)}.{parameter}"


def _layout(slot: Slot, cell: Cell, rows: dict[Slot, Rows], pads: dict[Slot, int], floor: int) -> tuple[Rows, int]:
    if cell.op == "dense":
        return np.arange(cell.width), cell.width if slot == HEAD else max(cell.width, floor)
    if cell.op == "periodic":
        return np.arange(cell.width), cell.width
    if cell.op == "concat":
        starts = np.cumsum([0, *(pads[i] for i in cell.inputs)])
        return np.concatenate([rows[i] + start for i, start in zip(cell.inputs, starts, strict=False)]), int(starts[-1])
    return rows[cell.inputs[0]], pads[cell.inputs[0]]


def alike(cells: dict[Slot, Cell], floor: int) -> tuple[Hashable, ...]:
    """A sort key that makes neighbours of networks with the longest common runs: connections, then widths, norms, activations."""
    inner = [(slot, cell) for slot, cell in cells.items() if slot != HEAD]
    wiring = tuple((slot, cell.op, cell.inputs, cell.frequencies) for slot, cell in inner)
    widths = tuple(max(cell.width, floor) for _, cell in inner)
    rows = tuple((cell.norm, cell.activation, cell.rate) for _, cell in inner)
    return (wiring, widths, rows)
