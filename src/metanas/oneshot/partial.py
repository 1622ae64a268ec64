"""Partial channels: a space rewritten so that one in ``k`` channels passes an open operation, and the others pass it by.

Xu et al. 2020 (PC-DARTS), eq. 1, and the channel shuffle of the authors' code, by which other channels are the first ones next time. A
rewriting of the open graph, so that the supernet needs to know nothing of it: the decisions stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from metanas.networks.registry import builds
from metanas.oneshot.structure import computed, rulers, ruling
from metanas.spaces import Space
from metanas.spaces.closing import Edge, OpenNode
from metanas.spaces.decision import Condition, Decision, Value
from metanas.spaces.operation import Inputs, Operation, Settings, integer, operation, register_operation
from metanas.spaces.shape import Shape
from metanas.spaces.steps import Apply

_WIDTHS = ("channels", "units")


def partial_channels(space: Space, k: int) -> Space:
    """``space`` with every run of nodes that one open decision rules working on the first of ``k`` equal parts of the channels.

    Runs that change the shape of what passes them, or whose operations refuse so few channels, stay as they are.

    Args:
        space: narrowed to what a supernet can leave open.
        k: 1 changes nothing.
    """
    if k == 1:
        return space
    steps = computed(space)
    readers = Counter(edge.source for node in space.nodes for edge in node.inputs)
    nearest = rulers(space)
    nodes: list[OpenNode] = []
    stands_for: dict[str, str] = {}
    waiting = list(space.nodes)
    while waiting:
        first = replace(waiting[0], inputs=tuple(Edge(stands_for.get(e.source, e.source), e.when) for e in waiting[0].inputs))
        ruler = nearest.get(first.name, "")
        length = _length(waiting, ruler, readers, space) if ruler else 0
        narrow = _narrowed([first, *waiting[1:length]], ruler, steps, k) if length else None
        if narrow:
            stands_for[waiting[length - 1].name] = narrow[-1].name
        nodes += narrow or [first]
        del waiting[: length if narrow else 1]
    return replace(space, nodes=tuple(nodes), motif=())


def _length(nodes: Sequence[OpenNode], ruler: str, readers: Mapping[str, int], space: Space) -> int:
    """How many nodes from the first on have one input, each the one before and read by nobody else, and are ruled by that decision."""
    for length, node in enumerate(nodes):
        follows = not length or (node.inputs[0].source == nodes[length - 1].name and readers[nodes[length - 1].name] == 1)
        if len(node.inputs) != 1 or ruler not in ruling(node, space) or not follows:
            return length
    return len(nodes)


def _narrowed(nodes: Sequence[OpenNode], ruler: str, steps: Mapping[str, list[Apply]], k: int) -> list[OpenNode] | None:
    """The run on a part of the channels, with what divides them before it and joins them after it; None if it can't be."""
    shapes = {shape for node in nodes for step in steps.get(node.name, ()) for shape in (*step.shapes, step.shape)}
    whole = shapes.pop() if len(shapes) == 1 else ()
    if len(whole) < 2 or whole[0] % k:
        return None
    source, channels = nodes[0].inputs[0].source, whole[0]
    part: Shape = (channels // k, *whole[1:])
    kept = []
    for node in nodes:
        options = {op: {n: channels // k if n in _WIDTHS and v == channels else v for n, v in s.items()} for op, s in node.options.items()}
        kept.append(replace(node, options=options))
        try:
            if any(operation(op).shape([part], _first(settings)) != part for op, settings in options.items()):
                return None
        except ValueError:
            return None
    shared = (t for t in nodes[0].when.terms if t[0] != ruler and all(t in node.when.terms for node in nodes))
    here = Condition(tuple(shared))
    settings: dict[str, Value | Decision] = {"parts": k}
    before = OpenNode(f"{nodes[0].name}.part", "channel_part", {"channel_part": settings}, (Edge(source),), here)
    kept[0] = replace(kept[0], inputs=(Edge(before.name),))
    edges = (Edge(kept[-1].name), Edge(source))
    return [before, *kept, OpenNode(f"{nodes[-1].name}.whole", "channel_join", {"channel_join": settings}, edges, here)]


def _first(settings: Mapping[str, Value | Decision]) -> dict[str, Value]:
    """Settings with the first option of what is open."""
    return {name: value.options[0] if isinstance(value, Decision) else value for name, value in settings.items()}


# -- the operations ----------------------------------------------------------------------------------------------------


class ChannelPart(nn.Module):
    """The first channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels * parts, ...)`` to ``(batch, channels, ...)``."""
        return x[:, : self.channels]


class ChannelJoin(nn.Module):
    """What was made of the first channels beside the untouched others, shuffled so that every part gets some of either."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, made: Tensor, whole: Tensor) -> Tensor:
        """``(batch, channels / parts, ...)`` and ``(batch, channels, ...)`` to the shape of the latter."""
        x = torch.cat([made, whole[:, made.shape[1] :]], dim=1)
        return torch.unflatten(x, 1, (self.parts, -1)).transpose(1, 2).flatten(1, 2)


def _part(inputs: Inputs, settings: Settings) -> Shape:
    return (inputs[0][0] // integer(settings, "parts"), *inputs[0][1:])


def _join(inputs: Inputs, settings: Settings) -> Shape:
    return inputs[1]


register_operation(Operation("channel_part", _part))
register_operation(Operation("channel_join", _join))


@builds("channel_part")
def channel_part(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``channel_part``."""
    return ChannelPart(inputs[0][0] // integer(settings, "parts"))


@builds("channel_join")
def channel_join(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``channel_join``."""
    return ChannelJoin(integer(settings, "parts"))
