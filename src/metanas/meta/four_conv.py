"""The network of the few-shot experiments on pictures: four times convolution, batch normalisation, rectifier and halving, and a dense
layer."""

from __future__ import annotations

from typing import Literal

from metanas.errors import InputError
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.shape import TaskShape

Down = Literal["stride", "max_pool"]
BLOCKS = 4


def four_conv(shape: TaskShape, *, width: int = 64, down: Down = "stride") -> Graph:
    """The graph for pictures or series of one task's shape.

    Vinyals et al. 2016 pool (28 x 28 pictures become 64 numbers); Finn et al. 2017 use strides instead on Omniglot and average what is left
    of the positions, which takes a quarter of the arithmetic and is the default here. Lengths are divided by two and rounded up.

    Args:
        shape: with an input of ``(channels, height, width)`` or ``(channels, time)``; as many outputs as ways.
        width: channels of each convolution.
        down: what halves the resolution: the convolution's ``stride``, or ``max_pool`` after the rectifier.

    Raises:
        InputError: for other inputs, a width below 1, or another ``down``.
    """
    if len(shape.input) not in (2, 3):
        raise InputError(f"four-conv takes pictures or series, not inputs of shape {shape.input}; choose another network")
    if width < 1 or down not in ("stride", "max_pool"):
        raise InputError(f"four-conv has a width of at least 1 and halves by 'stride' or 'max_pool', not width {width} and {down!r}")
    nodes, x = [], INPUT
    for block in range(1, BLOCKS + 1):
        settings = {"channels": width, "kernel": 3, "stride": 2 if down == "stride" else 1, "bias": False}
        nodes += [
            Node(f"conv{block}", "conv", tuple(settings.items()), (x,)),
            Node(f"norm{block}", "batch_norm", (), (f"conv{block}",)),
            Node(f"act{block}", "activation", (("kind", "relu"),), (f"norm{block}",)),
        ]
        if down == "max_pool":
            nodes.append(Node(f"pool{block}", "max_pool", (("kernel", 2), ("stride", 2)), (f"act{block}",)))
        x = nodes[-1].name
    nodes += [Node("mean", "global_pool", (("kind", "avg"),), (x,)), Node("head", "dense", (("units", shape.outputs),), ("mean",))]
    return Graph(shape, tuple(nodes))
