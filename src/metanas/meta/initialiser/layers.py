"""Weights as layers that do not depend on the exact candidate, and their way into a network of another width, depth or kernel.

A layer is known by node, operation and weight (``stage1.block1.op/conv/weight``), since a space's nodes keep their names and roles in all
of its candidates. Narrower networks take the first channels, as slimmable ones do (Yu et al., ICLR 2019), larger kernels are zero around
smaller ones, as in once-for-all (Cai et al., ICLR 2020), and what a wider network has beside is fresh, with nothing flowing from there
into the known units, so that those compute what they did (Chen et al., ICLR 2016, Net2Net). What depends on the task alone (tables'
first layers, word embeddings, the head) is never matched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from metanas.meta.initialiser.channels import NOBODY, Parts, channels
from metanas.networks.network import weight_name
from metanas.spaces.graph import Graph, Node

Axes = tuple[int | None, int | None]
"""The axes of a weight that run over the channels made here, and over those of the input."""
AXES: Mapping[str, Mapping[str, Axes]] = {
    "dense": {"weight": (0, 1), "bias": (0, None)},
    "conv": {"weight": (0, 1), "bias": (0, None)},
    "sep_conv": {"depthwise.weight": (None, 0), "pointwise.weight": (0, 1), "pointwise.bias": (0, None)},
    "residual": {"projection.weight": (0, 1)},
    **{op: dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (None, 0)) for op in ("batch_norm", "layer_norm")},
}
"""By operation and weight. Weights of other operations (gates, attention) fit networks of the same shape alone."""
NORMS = frozenset({"batch_norm", "layer_norm"})
ALONE = frozenset({"embedding", "periodic"})
"""Operations whose weights belong to the words and columns of one task."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One weight, bias or average of a trained network.

    Args:
        value: float32, as the network has it.
        parts: of the input's channels; empty where no axis runs over them.
    """

    value: Tensor
    parts: Parts = ()


Layers = Mapping[str, Layer]
"""By ``node/operation/weight``."""


def layers_of(graph: Graph, state: Mapping[str, Tensor]) -> dict[str, Layer]:
    """The layers of a trained network that may mean something to another one.

    Args:
        graph: of the network.
        state: weights and buffers by name.
    """
    return {key: Layer(state[name].detach().float(), parts) for key, name, _, parts in _places(graph, state)}


def fitted_layers(graph: Graph, known: Layers, fresh: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``known`` gives for the network of ``graph``, by the network's names; what it doesn't know is absent.

    Args:
        graph: of the network.
        known: layers, of a network of any width, depth and kernels.
        fresh: the network's state before training, whose numbers stand where a layer is wider than the known one.
    """
    found: dict[str, Tensor] = {}
    makers: set[str] = set()
    for key, name, axes, parts in _places(graph, fresh):
        node, op, _ = key.split("/")
        if op in NORMS and not makers.issuperset(maker for maker, _ in parts):
            continue  # averages of channels that are fresh here
        if (layer := known.get(key)) is not None and (value := _fitted(layer, axes, parts, fresh[name])) is not None:
            found[name] = value
            makers.add(node)
    return found


def _places(graph: Graph, state: Mapping[str, Tensor]) -> Iterator[tuple[str, str, Axes | None, Parts]]:
    """Key, name in the network, axes (None: the same shape alone) and the input's parts of all weights that can be matched."""
    known = channels(graph)
    for node in graph.nodes[:-1]:
        if node.op in ALONE:
            continue
        prefix = f"nodes.{weight_name(node.name)}.{weight_name(node.op)}."
        for name in state:
            if not name.startswith(prefix):
                continue
            weight = name.removeprefix(prefix)
            axes = AXES.get(node.op, {}).get(weight)
            parts = _read(node, known)
            if any(maker != NOBODY for maker, _ in parts):
                yield f"{node.name}/{node.op}/{weight}", name, axes, parts if axes and axes[1] is not None else ()


def _read(node: Node, known: Mapping[str, Parts]) -> Parts:
    """The parts that a node's weights read: a projection's are those of the shortcut."""
    return known[node.inputs[1 if node.op == "residual" else 0]]


def _fitted(layer: Layer, axes: Axes | None, parts: Parts, fresh: Tensor) -> Tensor | None:
    value = layer.value
    if axes is None:
        return value.clone() if value.shape == fresh.shape else None
    if value.dim() != fresh.dim():
        return None
    value = _kernel(value, fresh)
    made, read = axes
    result = fresh.detach().float().clone()
    rows = None if made is None else min(value.shape[made], fresh.shape[made])
    if read is None:
        assert made is not None
        result.narrow(made, 0, rows or 0).copy_(value.narrow(made, 0, rows or 0))
        return result
    pairs = list(_pairs(layer.parts, parts))
    if not pairs:
        return None
    if made is not None:
        for here, count in _columns(parts):
            result.narrow(made, 0, rows or 0).narrow(read, here, count).zero_()
    for here, there, count, width in pairs:
        source, target = value.narrow(read, there, count), result.narrow(read, here, count)
        if made is None:
            target.copy_(source)
        else:  # fewer inputs give sums of the same size with larger weights (He et al. 2015)
            target.narrow(made, 0, rows or 0).copy_(source.narrow(made, 0, rows or 0) * (width / count) ** 0.5)
    return result


def _pairs(known: Parts, wanted: Parts) -> Iterator[tuple[int, int, int, int]]:
    """Where channels that mean the same begin here and there, how many, and how many there are there in all.

    Single parts always match, unless one is of the task alone: a chain's layer reads what comes before it, whoever that is.
    """
    there, start = dict[str, tuple[int, int]](), 0
    for maker, width in known:
        there.setdefault(maker, (start, width))
        start += width
    here = 0
    for maker, width in wanted:
        single = len(known) == len(wanted) == 1 and not _outer(maker) and not _outer(known[0][0])
        if maker != NOBODY and (found := (0, known[0][1]) if single else there.get(maker)) is not None:
            yield here, found[0], min(width, found[1]), found[1]
        here += width


def _columns(parts: Parts) -> Iterator[tuple[int, int]]:
    """Where channels begin that are not the task's own, and how many; the others' weights stay fresh."""
    here = 0
    for maker, width in parts:
        if maker != NOBODY:
            yield here, width
        here += width


def _outer(maker: str) -> bool:
    """Whether channels are the task's own, of which one does not stand for another."""
    return maker == NOBODY or maker.rstrip("0123456789") in ("image", "series", "sound")


def _kernel(value: Tensor, fresh: Tensor) -> Tensor:
    """``value`` with the spatial size of ``fresh``: its middle, or zeros around it."""
    for axis in range(2, value.dim()):
        have, want = value.shape[axis], fresh.shape[axis]
        if have > want:
            value = value.narrow(axis, (have - want) // 2, want)
        elif have < want:
            padded = torch.zeros([*value.shape[:axis], want, *value.shape[axis + 1 :]])
            padded.narrow(axis, (want - have) // 2, have).copy_(value)
            value = padded
    return value
