"""The space around the network of the few-shot experiments: four blocks whose operation and shortcut are open."""

from __future__ import annotations

from metanas.errors import InputError
from metanas.meta.four_conv import BLOCKS
from metanas.spaces.closing import Edge
from metanas.spaces.decision import Decision, Value
from metanas.spaces.draft import Draft
from metanas.spaces.graph import INPUT
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space

OPERATIONS = ("conv3", "sep_conv5", "max_pool3")


def few_shot_space(shape: TaskShape, *, width: int = 64) -> Space:
    """The space for pictures or series of one task's shape.

    Each block halves the resolution by its operation: a convolution with kernel 3, a depthwise separable one with kernel 5, or (where the
    input is as wide as the block) the largest of neighbours. Each of these has a batch normalisation of its own, so that a mixture weighs
    like with like (as in DARTS' cells). Then a shortcut from the block's input may be added (a strided 1 x 1 convolution, normalised, too,
    without which first-order meta-learning fails), and a rectifier follows. The plain network is :func:`~metanas.meta.four_conv`, and no
    network has more than about a ninth more parameters.

    Args:
        shape: with an input of ``(channels, height, width)`` or ``(channels, time)``; as many outputs as ways.
        width: channels of each block.

    Raises:
        InputError: for other inputs or a width below 1.
    """
    if len(shape.input) not in (2, 3):
        raise InputError(f"the few-shot space takes pictures or series, not inputs of shape {shape.input}; choose another space")
    if width < 1:
        raise InputError(f"the few-shot space has a width of at least 1, not {width}")
    draft, x = Draft(), INPUT
    plain: dict[str, Value] = {}
    for block in range(1, BLOCKS + 1):
        fits = block > 1 or shape.input[0] == width
        op = draft.decide(f"block{block}.op", OPERATIONS if fits else OPERATIONS[:-1])
        shortcut = draft.decide(f"block{block}.shortcut", (False, True))
        plain |= {op.name: OPERATIONS[0], shortcut.name: False}
        out = _operation(draft, op, block, x, width)
        aside = draft.node(f"short{block}", "conv", [x], channels=width, kernel=1, stride=2, bias=False)
        aside = draft.node(f"short_norm{block}", "batch_norm", [aside])
        out = draft.node(f"sum{block}", "add", [out, Edge(aside, shortcut.among(True))])
        x = draft.node(f"act{block}", "activation", [out], kind="relu")
    x = draft.node("mean", "global_pool", [x], kind="avg")
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("few_shot", shape, plain)


def _operation(draft: Draft, op: Decision, block: int, x: str, width: int) -> str:
    """One operation and its normalisation: of these nodes those of the chosen one are there, the others pass their input on."""
    convolution: dict[str, Value] = {"channels": width, "stride": 2, "bias": False}
    for option in op.options:
        kind, kernel = str(option)[:-1], int(str(option)[-1])
        name, here = "" if kind == "conv" else f"_{option}", op.among(option)
        x = draft.node(f"conv{block}{name}", kind, [x], here, kernel=kernel, **({"stride": 2} if kind == "max_pool" else convolution))
        x = draft.node(f"norm{block}{name}", "batch_norm", [x], here)
    return x
