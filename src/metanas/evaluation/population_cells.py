"""Graphs of vector operations as cells: what population training lines up between different networks.

A *cell* is one source operation (dense, a join, a periodic encoding) with the row-wise operations behind it, in this order: a
normalisation, an activation, dropout. Its *slot* says where it stands: ``(layer, step, number)``, so that the second dense layers of
a chain, of a residual network and of one with normalisation stand in one slot and are computed together. The network's last cell is
always in the slot :data:`HEAD`, however deep the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.operation import integer

Slot = tuple[int, int, int]
SOURCE: Slot = (0, 0, 0)
"""The slot of the task's input, which all networks share."""
HEAD: Slot = (1 << 30, 0, 0)

_ALIASES = ("identity", "flatten")
_JOINS = ("add", "concat", "residual")
_NORMS = ("batch_norm", "layer_norm")
_ACTIVATIONS = ("relu", "sigmoid", "tanh", "silu", "gelu")


class NotBatchable(ValueError):
    """The graph has an operation, or a use of one, that population training does not know."""


@dataclass(frozen=True)
class Cell:
    """One source operation and the row-wise operations behind it.

    Args:
        op: ``dense``, ``periodic``, ``add``, ``concat``, ``residual``, or ``copy`` (row-wise operations on what others need too).
        inputs: slots of the inputs, in order.
        width: features of the output.
        source: name of the source's node, or "".
        bias: dense only: whether it has one.
        projected: residual only: whether the shortcut passes a projection.
        frequencies: periodic only: features that are encoded, and frequencies for each.
        norm: ``batch_norm``, ``layer_norm`` or "".
        norm_node: name of the normalisation's node.
        activation: its kind, or "".
        rate: of dropout, 0 for none.
    """

    op: str
    inputs: tuple[Slot, ...]
    width: int
    source: str = ""
    bias: bool = False
    projected: bool = False
    frequencies: tuple[int, int] = (0, 0)
    norm: str = ""
    norm_node: str = ""
    activation: str = ""
    rate: float = 0.0

    @property
    def bare(self) -> bool:
        """Whether nothing stands behind the source."""
        return not (self.norm or self.activation or self.rate)


def cells_of(graph: Graph) -> dict[Slot, Cell]:
    """The cells of a graph by slot, in an order in which they can be computed.

    Raises:
        NotBatchable: if some operation is not one of those on vectors that population training knows.
    """
    reader = _Reader(graph)
    for node in graph.nodes:
        reader.read(node)
    return reader.finish()


class _Reader:
    """Reads a graph node by node; cells refer to each other by position (-1 for the input) until the end gives them slots."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.cells: list[Cell] = []
        self.sources: list[tuple[int, ...]] = []
        self.at: dict[str, int] = {INPUT: -1}
        self.uses: dict[str, int] = {}
        self._count_uses()

    def _count_uses(self) -> None:
        stands_for = {INPUT: INPUT}
        for node in self.graph.nodes:
            alias = self._is_alias(node)
            stands_for[node.name] = stands_for[node.inputs[0]] if alias else node.name
            for name in () if alias else node.inputs:
                self.uses[stands_for[name]] = self.uses.get(stands_for[name], 0) + 1
        self.stands_for = stands_for

    @staticmethod
    def _is_alias(node: Node) -> bool:
        alone = node.op in _JOINS and len(node.inputs) == 1
        return node.op in _ALIASES or alone or (node.op == "dropout" and not float(node.options["rate"]))

    def read(self, node: Node) -> None:
        if node.op != "flatten" and any(len(shape) != 1 for shape in self.graph.input_shapes(node)):
            raise NotBatchable(f"{node.op!r} of node {node.name!r} works on more than vectors")
        if self._is_alias(node):
            self.at[node.name] = self.at[node.inputs[0]]
        elif node.op in _NORMS or node.op in ("activation", "dropout"):
            self._behind(node)
        else:
            self._add(self._source(node), node)

    def _source(self, node: Node) -> Cell:
        width = self.graph.shapes[node.name][0]
        shapes = self.graph.input_shapes(node)
        if node.op == "dense":
            return Cell("dense", (), width, node.name, bias=bool(node.options.get("bias", True)))
        if node.op == "residual":
            return Cell("residual", (), width, node.name, projected=shapes[0] != shapes[1])
        if node.op in _JOINS:
            return Cell(node.op, (), width, node.name)
        if node.op == "periodic" and self.at[node.inputs[0]] == -1:
            pair = (integer(node.options, "numeric"), integer(node.options, "frequencies"))
            return Cell("periodic", (), width, node.name, frequencies=pair)
        raise NotBatchable(f"{node.op!r} of node {node.name!r} is not among the operations that can be batched")

    def _add(self, cell: Cell, node: Node) -> None:
        self.cells.append(cell)
        self.sources.append(tuple(self.at[name] for name in node.inputs))
        self.at[node.name] = len(self.cells) - 1

    def _behind(self, node: Node) -> None:
        """A row-wise operation joins the cell before it if nothing else needs that cell's output so far and the order allows."""
        before = node.inputs[0]
        at = self.at[before]
        alone = self.uses[self.stands_for[before]] == 1
        if at < 0 or not alone or not self._fits(self.cells[at], node):
            self._add(Cell("copy", (), self.graph.shapes[node.name][0]), node)
            at = self.at[node.name]
        cell = self.cells[at]
        if node.op in _NORMS:
            cell = replace(cell, norm=node.op, norm_node=node.name)
        elif node.op == "dropout":
            cell = replace(cell, rate=float(node.options["rate"]))
        elif node.options["kind"] in _ACTIVATIONS:
            cell = replace(cell, activation=str(node.options["kind"]))
        else:
            raise NotBatchable(f"activation {node.options['kind']!r} of node {node.name!r} is not among those that can be batched")
        self.cells[at] = cell
        self.at[node.name] = at

    @staticmethod
    def _fits(cell: Cell, node: Node) -> bool:
        if node.op in _NORMS:
            return cell.bare
        return not cell.rate and (node.op == "dropout" or not cell.activation)

    def finish(self) -> dict[Slot, Cell]:
        """Slots: a dense layer stands one layer behind its input, any other cell one step behind the last of its inputs."""
        last = self.at[self.graph.nodes[-1].name] if self.graph.nodes else -1
        if last != len(self.cells) - 1 or last < 0 or self.cells[last].width != self.graph.shape.outputs:
            raise NotBatchable("the network's output is not the last thing computed, or not one number per output")
        slots: list[Slot] = []
        for position, (cell, sources) in enumerate(zip(self.cells, self.sources, strict=True)):
            behind = max(slots[i][:2] if i >= 0 else SOURCE[:2] for i in sources)
            layer, step = (behind[0] + 1, 0) if cell.op == "dense" else (behind[0], behind[1] + 1)
            number = sum(slot[:2] == (layer, step) for slot in slots)
            slots.append(HEAD if position == last else (layer, step, number))
        placed = {
            slot: replace(cell, inputs=tuple(slots[i] if i >= 0 else SOURCE for i in sources))
            for slot, cell, sources in zip(slots, self.cells, self.sources, strict=True)
        }
        return dict(sorted(placed.items()))


def trains_together(graph: Graph) -> bool:
    """Whether a network of this graph can train with others as a population: by its operations alone."""
    try:
        cells_of(graph)
    except NotBatchable:
        return False
    return True
