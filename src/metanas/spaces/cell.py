"""``cell``: the topology space of NAS-Bench-201, for images.

Dong and Yang 2020, "NAS-Bench-201": a cell of four nodes, each pair of them joined by one of five operations; the same cell is
stacked in three stages of 16, 32 and 64 channels, with a residual block that halves the resolution between them. As in the paper a
convolution is ReLU, convolution, batch normalisation. Here the number of cells per stage is open, too, so that the networks can be as
small as a task needs; :func:`cell_choices` has the six decisions of the paper alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from metanas.spaces.decision import ALWAYS, Condition, Decision, Value
from metanas.spaces.draft import Draft
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""From node, to node, in the order of the benchmark's tables."""
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the order of the benchmark's tables."""
CELLS = (1, 2, 3, 5)
"""Cells per stage; the paper has five."""
WIDTHS = (16, 32, 64)
"""Channels of the stages."""
RESIDUAL = {(0, 1): "nor_conv_3x3", (1, 2): "nor_conv_3x3", (0, 3): "skip_connect", (2, 3): "skip_connect"}
"""The plain cell: two convolutions and a shortcut."""

Edges = Mapping[tuple[int, int], Decision]


@register_space("cell", "image")
def cell(shape: TaskShape) -> Space:
    """The space for images ``(channels, height, width)``."""
    draft = Draft()
    cells = draft.decide("cells", CELLS, ordered=True)
    edges = _edges(draft)
    _network(draft, shape, edges, [cells.at_least(number + 1) for number in range(max(CELLS))])
    draft.recipe(label_smoothing=True)
    plain: dict[str, Value] = {_name(edge): RESIDUAL.get(edge, "none") for edge in EDGES}
    plain |= {"cells": 1, "recipe.learning_rate": 1e-2, "recipe.weight_decay": 1e-2, "recipe.label_smoothing": 0.0}
    return draft.space("cell", shape, plain, motif=_motif(edges))


def cell_choices(shape: TaskShape) -> Space:
    """The paper's 15,625 architectures: five cells per stage, the six edges open and nothing else; its baseline says nothing."""
    draft = Draft()
    edges = _edges(draft)
    _network(draft, shape, edges, [ALWAYS] * max(CELLS))
    return draft.space("cell", shape, {}, motif=_motif(edges))


def _name(edge: tuple[int, int]) -> str:
    return f"edge{edge[0]}-{edge[1]}"


def _edges(draft: Draft) -> Edges:
    return {edge: draft.decide(_name(edge), OPERATIONS) for edge in EDGES}


def _network(draft: Draft, shape: TaskShape, edges: Edges, present: list[Condition]) -> None:
    """Stem, stages of cells with reductions between them, and the head; ``present`` says which cells of a stage are there."""
    x = draft.node("stem.conv", "conv", ["input"], channels=WIDTHS[0], kernel=3, bias=0)
    x = draft.node("stem.norm", "batch_norm", [x])
    for stage, width in enumerate(WIDTHS):
        if stage:
            x = _reduction(draft, f"stage{stage + 1}.reduction", x, width)
        for number, here in enumerate(present):
            x = _cell(draft, f"stage{stage + 1}.cell{number + 1}.", x, edges, here, width)
    x = draft.node("last.norm", "batch_norm", [x])
    x = draft.node("last.activation", "activation", [x], kind="relu")
    x = draft.node("pool", "global_pool", [x], kind="avg")
    draft.node("head", "dense", [x], units=shape.outputs)


def _reduction(draft: Draft, name: str, x: str, width: int) -> str:
    """The residual block between stages: two convolutions, the first of stride 2, beside pooling and a 1x1 convolution."""
    main = _convolution(draft, f"{name}.first", x, width, 3, stride=2)
    main = _convolution(draft, f"{name}.second", main, width, 3)
    pooled = draft.node(f"{name}.pool", "avg_pool", [x], kernel=2, stride=2)
    shortcut = draft.node(f"{name}.shortcut", "conv", [pooled], channels=width, kernel=1, bias=0)
    return draft.node(f"{name}.add", "add", [main, shortcut])


def _cell(draft: Draft, name: str, x: str, edges: Edges, here: Condition, width: int) -> str:
    """Four nodes, each the sum of what its edges bring from the earlier ones; an absent cell passes its input on."""
    nodes = [x]
    for to in (1, 2, 3):
        brought = [_edge(draft, f"{name}{_name((source, to))}", nodes[source], edges[source, to], here, width) for source in range(to)]
        nodes.append(draft.node(f"{name}node{to}", "add", brought, here))
    return nodes[-1]


def _edge(draft: Draft, name: str, x: str, operation: Decision, here: Condition, width: int) -> str:
    """One operation between two nodes; of these nodes those of the chosen operation are there, the others pass their input on."""
    x = draft.node(f"{name}.zero", "zero", [x], here & operation.among("none"))
    x = _convolution(draft, f"{name}.conv1x1", x, width, 1, here & operation.among("nor_conv_1x1"))
    x = _convolution(draft, f"{name}.conv3x3", x, width, 3, here & operation.among("nor_conv_3x3"))
    return draft.node(f"{name}.pool", "avg_pool", [x], here & operation.among("avg_pool_3x3"), kernel=3, stride=1)


def _convolution(draft: Draft, name: str, x: str, width: int, kernel: int, here: Condition = ALWAYS, stride: int = 1) -> str:
    x = draft.node(f"{name}.activation", "activation", [x], here, kind="relu")
    x = draft.node(f"{name}.conv", "conv", [x], here, channels=width, kernel=kernel, stride=stride, bias=0)
    return draft.node(f"{name}.norm", "batch_norm", [x], here)


def _motif(edges: Edges) -> Draft:
    """The cell with one node per operation."""
    draft = Draft()
    nodes = ["input"]
    for to in (1, 2, 3):
        brought = []
        for source in range(to):
            operation, name = edges[source, to], _name((source, to))
            x = draft.node(f"{name}.zero", "zero", [nodes[source]], operation.among("none"))
            for kind in OPERATIONS[2:]:
                x = draft.node(f"{name}.{kind}", kind, [x], operation.among(kind))
            brought.append(x)
        nodes.append(draft.node(f"node{to}", "add", brought))
    return draft
