"""``ecnas``: small cells of convolutions and pooling, for images.

The cells of NAS-Bench-101 (Ying et al. 2019) with at most five vertices, as in EC-NAS (Bakhtiarifard et al. 2024): the first vertex is
the cell's input, the last its output, each in between an operation on the sum of what its edges bring. What comes from the cell's input
passes a 1x1 convolution; the vertices that feed the output share its channels evenly and lie side by side there, and an edge from the
input to the output adds to them. The cell is stacked in three stages; channels double between them and the resolution halves.

Here the last vertex in between always feeds the output, and a vertex that no edge reaches takes the cell's input, so that all choices
give a network; a vertex that leads nowhere is absent. Every cell of the paper can be chosen. Channels that can't be shared evenly are
rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metanas.spaces.closing import Edge
from metanas.spaces.decision import Condition, Decision, Value
from metanas.spaces.draft import Draft
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space

CONV3, CONV1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
OPERATIONS = (CONV3, CONV1, POOL)
MOST = 5
"""Vertices of the largest cells, input and output included."""
CELLS = (1, 2, 3)
"""Cells per stage; the paper has three."""
WIDTHS = (24, 48, 96)
"""Channels of the stages; two and three vertices share them evenly."""
PAPER_WIDTHS = (128, 256, 512)


@dataclass(frozen=True)
class Cell:
    """The decisions of a cell and what follows from them; vertices in between count from 1.

    Args:
        vertices: their number, input and output included.
        operations: of vertex 1, 2, ...
        edges: ``(from, to)``, to None is the output; those that are always there have no decision.
    """

    vertices: Decision
    operations: tuple[Decision, ...]
    edges: dict[tuple[int, int | None], Decision]

    @classmethod
    def decide(cls, draft: Draft, most: int) -> Cell:
        """A cell with at most ``most`` vertices, which are at least 3."""
        vertices = draft.decide("vertices", tuple(range(2, most + 1)), ordered=True)
        operations: list[Decision] = []
        edges: dict[tuple[int, int | None], Decision] = {}
        for v in range(1, most - 1):
            here = vertices.at_least(v + 2)
            operations.append(draft.decide(f"vertex{v}.op", OPERATIONS, when=here))
            for source in range(v) if v > 1 else ():
                edges[source, v] = draft.decide(f"edge{source}-{v}", (False, True), when=here)
        for source in range(most - 2):
            edges[source, None] = draft.decide(f"edge{source}-out", (False, True), when=vertices.at_least(source + 3))
        return cls(vertices, tuple(operations), edges)

    @property
    def middle(self) -> range:
        """The vertices in between."""
        return range(1, len(self.operations) + 1)

    def there(self, vertex: int) -> Condition:
        """Where a vertex in between is there."""
        return self.vertices.at_least(vertex + 2)

    def into(self, vertex: int, outputs: Sequence[str]) -> list[Edge]:
        """The edges of a vertex in between; ``outputs`` holds the cell's input and what the earlier vertices give."""
        if vertex == 1:
            return [Edge(outputs[0])]
        decisions = [self.edges[source, vertex] for source in range(vertex)]
        lonely = self.there(vertex)
        for decision in decisions:
            lonely &= decision.among(False)
        chosen = [Edge(output, decision.among(True)) for output, decision in zip(outputs, decisions, strict=True)]
        return [*chosen, Edge(outputs[0], lonely)]

    def feeding(self, vertex: int) -> list[Condition]:
        """Where a vertex in between feeds the output; the conditions exclude each other."""
        last = self.vertices.among(vertex + 2)
        return [last, self.edges[vertex, None].among(True)] if (vertex, None) in self.edges else [last]

    @property
    def bypass(self) -> list[Condition]:
        """Where the input feeds the output; the conditions exclude each other."""
        return [self.vertices.among(2), self.edges[0, None].among(True)]

    def shared_by(self, number: int) -> list[Condition]:
        """Where so many vertices feed the output (one also where none is in between); the conditions exclude each other."""
        found = [self.vertices.among(2)] if number == 1 else []
        for count in self.vertices.options[1:]:
            earlier = [self.edges[v, None] for v in range(1, int(count) - 2)]
            for pattern in range(2 ** len(earlier)):
                if pattern.bit_count() == number - 1:
                    condition = self.vertices.among(count)
                    for position, decision in enumerate(earlier):
                        condition &= decision.among(bool(pattern >> position & 1))
                    found.append(condition)
        return found


@register_space("ecnas", "image")
def ecnas(shape: TaskShape) -> Space:
    """The space for images ``(channels, height, width)``."""
    draft = Draft()
    cells = draft.decide("cells", CELLS, ordered=True)
    cell = Cell.decide(draft, MOST)
    _network(draft, shape, cell, WIDTHS, cells)
    draft.recipe(label_smoothing=True)
    plain: dict[str, Value] = {"cells": 1, "vertices": 4, "vertex1.op": CONV3, "vertex2.op": CONV3, "vertex3.op": CONV3}
    plain |= {"edge0-2": False, "edge1-2": True, "edge2-3": True, "edge0-out": True}
    plain |= {"recipe.learning_rate": 1e-2, "recipe.weight_decay": 1e-2, "recipe.label_smoothing": 0.0}
    return draft.space("ecnas", shape, plain, motif=_motif(cell))


def ecnas_choices(shape: TaskShape, most: int = MOST) -> Space:
    """The cell alone, with at most ``most`` vertices (3 or more), in the paper's networks: three cells per stage, 128 channels first."""
    draft = Draft()
    cell = Cell.decide(draft, most)
    _network(draft, shape, cell, PAPER_WIDTHS, None)
    return draft.space("ecnas", shape, {}, motif=_motif(cell))


def _network(draft: Draft, shape: TaskShape, cell: Cell, widths: Sequence[int], cells: Decision | None) -> None:
    """Stem, stages of cells (``cells`` of them, or as many as there can be) with pooling between them, and the head."""
    x = _convolution(draft, "stem", "input", widths[0], 3)
    nothing = draft.node("nothing", "zero", ["input"])  # the first input of every join: a vertex may have no other
    for stage, width in enumerate(widths, start=1):
        if stage > 1:
            x = draft.node(f"stage{stage}.down", "max_pool", [x], kernel=2, stride=2)
        for number in CELLS:
            name = f"stage{stage}.cell{number}"
            inside = _cell(draft, f"{name}.", x, nothing, cell, width)
            if cells is not None and number > min(CELLS):
                absent = cells.among(*(n for n in CELLS if n < number))
                inside = draft.node(f"{name}.or_not", "identity", [Edge(inside, cells.at_least(number)), Edge(x, absent)])
            x = inside
    x = draft.node("pool", "global_pool", [x], kind="avg")
    draft.node("head", "dense", [x], units=shape.outputs)


def _cell(draft: Draft, name: str, x: str, nothing: str, cell: Cell, width: int) -> str:
    """The cell once for every number of vertices that may share the output's channels; only one of them leads on."""
    ends: list[str | Edge] = [nothing]
    for number in cell.middle:
        share, prefix = width // number, f"{name}share{number}."
        outputs, feeding = [x], []
        for v in cell.middle:
            projected = _convolution(draft, f"{prefix}vertex{v}.projection", x, share, 1)
            total = draft.node(f"{prefix}vertex{v}.sum", "add", [nothing, *cell.into(v, [projected, *outputs[1:]])])
            outputs.append(_vertex(draft, f"{prefix}vertex{v}", total, cell.operations[v - 1], share))
            feeding += [Edge(outputs[v], condition) for condition in cell.feeding(v)]
        joined = draft.node(f"{prefix}concat", "concat", [nothing, *feeding])
        projected = _convolution(draft, f"{prefix}projection", x, number * share, 1)
        added = draft.node(f"{prefix}sum", "add", [nothing, joined, *(Edge(projected, condition) for condition in cell.bypass)])
        ends += [Edge(added, condition) for condition in cell.shared_by(number)]
    return draft.node(f"{name}out", "add", ends)


def _vertex(draft: Draft, name: str, x: str, operation: Decision, width: int) -> str:
    """The chosen operation; of these nodes those of the others pass their input on."""
    convolved = operation.among(CONV3, CONV1)
    x = draft.node(f"{name}.conv3x3", "conv", [x], operation.among(CONV3), channels=width, kernel=3, bias=0)
    x = draft.node(f"{name}.conv1x1", "conv", [x], operation.among(CONV1), channels=width, kernel=1, bias=0)
    x = draft.node(f"{name}.norm", "batch_norm", [x], convolved)
    x = draft.node(f"{name}.activation", "activation", [x], convolved, kind="relu")
    return draft.node(f"{name}.pool", "max_pool", [x], operation.among(POOL), kernel=3, stride=1)


def _convolution(draft: Draft, name: str, x: str, width: int, kernel: int) -> str:
    x = draft.node(f"{name}.conv", "conv", [x], channels=width, kernel=kernel, bias=0)
    x = draft.node(f"{name}.norm", "batch_norm", [x])
    return draft.node(f"{name}.activation", "activation", [x], kind="relu")


def _motif(cell: Cell) -> Draft:
    """The cell with one node per vertex; sums stand for the paper's concatenation, whose order means nothing."""
    draft = Draft()
    nothing = draft.node("nothing", "zero", ["input"])
    outputs = ["input"]
    for v in cell.middle:
        total = draft.node(f"vertex{v}.sum", "add", [nothing, *cell.into(v, outputs)])
        options: dict[str, dict[str, Value | Decision]] = {name: {} for name in OPERATIONS}
        outputs.append(draft.choose(f"vertex{v}", cell.operations[v - 1], options, [total], cell.there(v)))
    ends = [Edge(outputs[v], condition) for v in cell.middle for condition in cell.feeding(v)]
    draft.node("out", "add", [nothing, *ends, *(Edge("input", condition) for condition in cell.bypass)])
    return draft
