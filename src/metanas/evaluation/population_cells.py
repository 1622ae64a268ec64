"""Graphs of vector operations as cells: what population training lines up between different networks.

A *cell* computes a vector and what is done to it row by row: a source (a dense layer, a sum, a periodic encoding), then a
normalisation, an activation, dropout, each of which may be absent. Vectors side by side (``concat``) are no cell: their reader reads
several.

A cell's *slot* ``(layer, step, number)`` says where in a network it stands. The second dense layers of a chain, of a residual network
and of one with normalisation stand in one slot and are computed together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from metanas.networks.network import weight_name
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.operation import integer

Slot = tuple[int, int, int]
SOURCE: Slot = (0, 0, 0)
"""The slot of the task's input, which all networks share."""
HEAD: Slot = (1 << 30, 0, 0)
"""The slot of a network's last layer, however deep the network."""

_DENSE_STEP, _PERIODIC_STEP = 0, 1
_ALIASES = ("identity", "flatten")
_JOINS = ("add", "concat", "residual")
_NORMS = ("batch_norm", "layer_norm")
_ACTIVATIONS = ("relu", "sigmoid", "tanh", "silu", "gelu")


class NotBatchableError(ValueError):
    """The graph has an operation, or a use of one, that population training does not know."""


@dataclass(frozen=True)
class Cell:
    """One source and what is done to its output row by row.

    Args:
        op: ``dense``, ``periodic``, or ``sum`` (of one input or more).
        inputs: for each summand (others than sums have one) the slots whose vectors, side by side, are read.
        width: numbers in the output.
        weight: name of the source's weight in the network's state, or "".
        bias: name of its bias, or "".
        frequencies: periodic only: numbers that are encoded, and frequencies for each.
        norm: the normalisation, "" for none.
        norm_prefix: of the names of its weights.
        activation: its kind, "" for none.
        rate: of dropout, 0 for none.
    """

    op: Literal["dense", "periodic", "sum"]
    inputs: tuple[tuple[Slot, ...], ...]
    width: int
    weight: str = ""
    bias: str = ""
    frequencies: tuple[int, int] = (0, 0)
    norm: str = ""
    norm_prefix: str = ""
    activation: str = ""
    rate: float = 0.0

    @property
    def bare(self) -> bool:
        """Whether nothing is done to the source's output."""
        return not (self.norm or self.activation or self.rate)


@dataclass(frozen=True)
class Cells:
    """A network's cells by slot, in an order in which they can be computed, and the slots whose vectors side by side are its output."""

    by_slot: dict[Slot, Cell]
    output: tuple[Slot, ...]


def cells_of(graph: Graph) -> Cells:
    """The cells of a graph.

    Raises:
        NotBatchableError: if some operation is not one of those on vectors that population training knows.
    """
    if graph.shape.data == "text":
        raise NotBatchableError("tokens are not numbers")
    reader = _Reader(graph)
    for node in graph.nodes:
        reader.read(node)
    return reader.finish()


Parts = tuple[int, ...]
"""Cells by position whose vectors stand side by side; -1 is the input."""


class _Reader:
    """Reads a graph node by node; slots are given at the end."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.cells: list[Cell] = []
        self.inputs: list[tuple[Parts, ...]] = []
        self.makers: list[str] = []  # the last node that had a part in each cell
        self.parts: dict[str, Parts] = {INPUT: (-1,)}
        self.uses = _uses(graph)

    def read(self, node: Node) -> None:
        """The next node."""
        if node.op != "flatten" and any(len(shape) != 1 for shape in self.graph.input_shapes(node)):
            raise NotBatchableError(f"{node.op!r} of node {node.name!r} works on more than vectors")
        if _is_alias(node):
            self.parts[node.name] = tuple(part for name in node.inputs for part in self.parts[name])
        elif node.op in _NORMS or node.op in ("activation", "dropout"):
            self._row_by_row(node)
        elif node.op in ("add", "residual"):
            self.parts[node.name] = self._sum(node)
        elif node.op == "dense":
            bias = _name(node, "bias") if node.options.get("bias", True) else ""
            cell = Cell("dense", (), self._width(node), _name(node, "weight"), bias)
            self.parts[node.name] = self._add(node, cell, self.parts[node.inputs[0]])
        elif node.op == "periodic" and self.parts[node.inputs[0]] == (-1,):
            pair = (integer(node.options, "numeric"), integer(node.options, "frequencies"))
            self.parts[node.name] = self._add(
                node, Cell("periodic", (), self._width(node), _name(node, "frequencies"), frequencies=pair), (-1,)
            )
        else:
            raise NotBatchableError(f"{node.op!r} of node {node.name!r} is not among the operations that can be batched")

    def _width(self, node: Node) -> int:
        return self.graph.shapes[node.name][0]

    def _add(self, node: Node, cell: Cell, *inputs: Parts) -> Parts:
        self.cells.append(cell)
        self.makers.append(node.name)
        self.inputs.append(inputs)
        return (len(self.cells) - 1,)

    def _sum(self, node: Node) -> Parts:
        inputs = [self.parts[name] for name in node.inputs]
        shapes = self.graph.input_shapes(node)
        if node.op == "residual" and shapes[0] != shapes[1]:
            inputs[1] = self._add(node, Cell("dense", (), self._width(node), _name(node, "projection.weight")), inputs[1])
        return self._add(node, Cell("sum", (), self._width(node)), *inputs)

    def _row_by_row(self, node: Node) -> None:
        """The operation joins the cell before it if that cell's output is needed nowhere else and the order allows."""
        before = self.parts[node.inputs[0]]
        alone = len(before) == 1 and before[0] >= 0 and self.uses[self.makers[before[0]]] == 1
        (at,) = before if alone and _fits(self.cells[before[0]], node) else self._add(node, Cell("sum", (), self._width(node)), before)
        cell = self.cells[at]
        if node.op in _NORMS:
            cell = replace(cell, norm=node.op, norm_prefix=_name(node, ""))
        elif node.op == "dropout":
            cell = replace(cell, rate=float(node.options["rate"]))
        elif node.options["kind"] in _ACTIVATIONS:
            cell = replace(cell, activation=str(node.options["kind"]))
        else:
            raise NotBatchableError(f"activation {node.options['kind']!r} of node {node.name!r} is not among those that can be batched")
        self.cells[at], self.makers[at] = cell, node.name
        self.parts[node.name] = (at,)

    def finish(self) -> Cells:
        """Give slots: a dense layer stands one layer behind its input, a sum two steps behind the last of its inputs."""
        output = self.parts[self.graph.nodes[-1].name]
        last = self.cells[output[0]] if len(output) == 1 and output[0] >= 0 else None
        headed = last is not None and last.op == "dense" and last.bare and output[0] == len(self.cells) - 1
        slots: list[Slot] = []
        for position, (cell, inputs) in enumerate(zip(self.cells, self.inputs, strict=True)):
            layer, step = max(slots[i][:2] if i >= 0 else SOURCE[:2] for parts in inputs for i in parts)
            if cell.op == "dense":
                layer, step = layer + 1, _DENSE_STEP
            else:
                step = _PERIODIC_STEP if cell.op == "periodic" else step + 2
            number = sum(slot[:2] == (layer, step) for slot in slots)
            slots.append(HEAD if headed and position == output[0] else (layer, step, number))

        def at(parts: Parts) -> tuple[Slot, ...]:
            return tuple(slots[i] if i >= 0 else SOURCE for i in parts)

        placed = zip(slots, self.cells, self.inputs, strict=True)
        by_slot = {slot: replace(cell, inputs=tuple(at(parts) for parts in inputs)) for slot, cell, inputs in placed}
        return Cells(dict(sorted(by_slot.items())), at(output))


def _is_alias(node: Node) -> bool:
    """Whether a node only passes on what it gets, or puts it side by side."""
    alone = node.op in _JOINS and len(node.inputs) == 1
    return node.op in _ALIASES or node.op == "concat" or alone or (node.op == "dropout" and not float(node.options["rate"]))


def _uses(graph: Graph) -> dict[str, int]:
    """How often the output of each node is needed, by others and as the network's output; aliases pass their uses on."""
    uses = {INPUT: 0, **{node.name: 0 for node in graph.nodes}}
    uses[graph.nodes[-1].name] = 1
    for node in reversed(graph.nodes):
        for name in node.inputs:
            uses[name] += uses[node.name] if _is_alias(node) else 1
    return uses


def _fits(cell: Cell, node: Node) -> bool:
    if node.op in _NORMS:
        return cell.bare
    return not cell.rate and (node.op == "dropout" or not cell.activation)


def _name(node: Node, parameter: str) -> str:
    return f"nodes.{weight_name(node.name)}.{weight_name(node.op)}.{parameter}"
