"""How much memory training a network takes, predicted from its graph without building it."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from metanas.spaces.decision import Value
from metanas.spaces.graph import Graph
from metanas.spaces.operation import integer
from metanas.spaces.shape import Shape

NUMBER = 4
"""Bytes of a float32."""

COPIES_OF_WEIGHTS = 5
"""Weights, gradients, two moments of AdamW, and the best weights so far."""

COPIES_OF_ACTIVATIONS = 2.5
"""Every output between nodes is kept for the backward pass, its gradient is needed while it is passed back, and some
operations keep copies in a layout of their own."""

_GATES = {"rnn": 1, "gru": 5, "lstm": 10, "sep_conv": 1}
"""Gates and states of recurrent layers, and what stands between the two halves of a separable convolution."""


def training_bytes(graph: Graph, batch: int) -> int:
    """Bytes that training takes besides the data, estimated from the graph.

    Args:
        graph: of the network.
        batch: examples per step.
    """
    kept = graph.activations + sum(kept_inside(n.op, n.options, graph.shapes[n.name]) for n in graph.nodes)
    return bytes_of(graph.parameters, kept, batch)


def bytes_of(parameters: int, activations: int, batch: int) -> int:
    """Bytes of training so many weights, where an example leaves so many numbers between and inside operations."""
    return int(NUMBER * (COPIES_OF_WEIGHTS * parameters + COPIES_OF_ACTIVATIONS * batch * activations))


def kept_inside(op: str, settings: Mapping[str, Value], shape: Shape) -> int:
    """Numbers that an operation keeps for the backward pass besides its output of that shape, for one example."""
    if op == "transformer":
        # Two normalised inputs, query, key and value, what is attended to, the first half's sum, and the wide layer twice.
        return (7 + 2 * integer(settings, "expansion")) * prod(shape)
    return _GATES.get(op, 0) * prod(shape)
