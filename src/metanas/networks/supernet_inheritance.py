"""Weights on their way from a supernet to a network of its own, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from metanas.errors import InputError
from metanas.networks.network import build_network, weight_name
from metanas.networks.supernet_gaps import INPUT_AXES, channels
from metanas.networks.supernet_plan import Call, Variant
from metanas.spaces.graph import Graph

Pair = tuple[str, str, int, list[tuple[int, int]]]
"""Weight in the network, weight in the supernet, axis of the input channels, and which of them (first and number); none for all."""


def pairs(graph: Graph, calls: Mapping[str, Call], names: Mapping[Variant, str], shared: Mapping[str, Tensor]) -> Iterator[Pair]:
    """Which weights of ``graph``'s network are which of the supernet's.

    Args:
        graph: of the architecture.
        calls: of the supernet on the architecture's path, by node.
        names: of the supernet's modules, by variant.
        shared: the supernet's weights, by name.
    """
    for node in graph.nodes:
        call = calls.get(node.name)
        if call is None or call.step.variant not in names:
            continue
        prefix = f"{names[call.step.variant]}."
        kept = _kept(call, graph.input_shapes(node)[0][0]) if call.step.parts else []
        for name in shared:
            if name.startswith(prefix):
                weight = name.removeprefix(prefix)
                own = f"nodes.{weight_name(node.name)}.{weight_name(node.op)}.{weight}"
                axis = INPUT_AXES.get(node.op, {}).get(weight)
                yield own, name, axis or 0, kept if axis is not None else []


def _kept(call: Call, width: int) -> list[tuple[int, int]]:
    """First and number of the channels that are there; where all of them are zeros, a network has one part of that width."""
    sizes = call.step.parts
    places = [(sum(sizes[:i]), size) for i, size in enumerate(sizes)]
    there = [place for place, n in zip(places, call.sources[0], strict=True) if n is not None]
    return there or [place for place in places if place[1] == width][:1]


def inherited(graph: Graph, found: Sequence[Pair], shared: Mapping[str, Tensor], mean: Tensor, std: Tensor) -> dict[str, Tensor]:
    """The state of ``graph``'s network: the supernet's weights, and fresh averages of batch normalisation."""
    state = build_network(graph, seed=0).state_dict()
    state |= {"input_mean": mean.clone(), "input_std": std.clone()}
    for own, name, axis, kept in found:
        weight = shared[name].detach()
        part = channels(weight, axis, kept) if kept else weight
        if own not in state or state[own].shape != part.shape:
            raise InputError(f"weight {own!r} of the network has no counterpart of its shape in the supernet")
        state[own] = part.clone()
    return state


def absorb(found: Sequence[Pair], shared: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Write a network's weights into the supernet's."""
    with torch.no_grad():
        for own, name, axis, kept in found:
            if own not in state:
                raise InputError(f"the state has no weight {own!r}: it is of another architecture")
            value, first = state[own], 0
            for start, number in kept or [(0, shared[name].shape[axis])]:
                shared[name].narrow(axis, start, number).copy_(value.narrow(axis, first, number))
                first += number
