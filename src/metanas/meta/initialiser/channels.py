"""What the channels of a value mean: which node made them. Weights are matched by that, not by their place in the tensor."""

from __future__ import annotations

from collections.abc import Mapping

from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.shape import TaskShape

Parts = tuple[tuple[str, int], ...]
"""Who made the channels, and how many, in order. :data:`NOBODY` made those whose meaning is the task's own."""
NOBODY = ""
PASSING = frozenset(
    {"activation", "dropout", "identity", "batch_norm", "layer_norm", "max_pool", "avg_pool", "global_pool", "add", "residual"}
)
"""Operations whose output channels are those of their first input."""
OWN = frozenset({"periodic", "flatten"})
"""Operations that keep what they are given in an order that the task alone decides."""


def channels(graph: Graph) -> Mapping[str, Parts]:
    """The parts of every value of a graph, the input's included."""
    known: dict[str, Parts] = {INPUT: ((_meaning(graph.shape), graph.shape.input[0]),)}
    for node in graph.nodes:
        known[node.name] = _parts(node, graph.shapes[node.name][0], known)
    return known


def _parts(node: Node, width: int, known: Mapping[str, Parts]) -> Parts:
    inputs = [known[name] for name in node.inputs]
    if node.op == "concat":
        return tuple(part for parts in inputs for part in parts)
    if node.op in PASSING and sum(count for _, count in inputs[0]) == width:
        return inputs[0]
    return ((NOBODY if node.op in OWN else node.name, width),)


def _meaning(shape: TaskShape) -> str:
    """Grey and colour pictures, and single series, mean the same on every task; columns of tables and several series don't."""
    if shape.data == "image" or (shape.data in ("series", "sound") and shape.input[0] == 1):
        return f"{shape.data}{shape.input[0]}"
    return NOBODY
