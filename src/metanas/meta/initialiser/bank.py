"""The bank: initialisations by the tasks they come from, blended for a new one.

Networks that were trained from one start lie in one basin as a rule, and so does their mean; the mean of networks of different starts is
none (Frankle et al., ICML 2020). So each initialisation says which start it comes from, and only those of one ``origin`` are averaged.
With weights ``w_i`` that sum to 1 over tasks trained from the start ``phi``, ``sum_i w_i W_i = phi + sum_i w_i (W_i - phi)``: the outer
step of Reptile (Nichol et al. 2018, batched) at rate 1, with each task counted as it is like the one at hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from metanas.meta.initialiser.layers import Layer, Layers, fitted_layers
from metanas.meta.prior.embedding import distance
from metanas.meta.prior.form import Floats
from metanas.networks import build_network
from metanas.spaces.graph import Graph

TEMPERATURE = 0.1
"""Of the softmax over distances: a task farther away by so much counts a factor of e less."""
SAME = 0.12
"""Distance below which a task may be another cut of the same data: its network would know rows that are to be validated and tested on."""
LARGEST = 4 * 2**20
"""Bytes of a bank in a file, two per number."""


@dataclass(frozen=True, eq=False)
class Initialisation:
    """Weights to start from, and where they come from.

    Args:
        name: of the task (of tasks that were merged: the first).
        sources: of the tasks it is the mean of: equal for cuts of the same data.
        origin: equal for initialisations that come from the same start.
        data: table, image, series, sound or text.
        embedding: of the task, ``(attributes,)``; the mean of several.
        layers: weights.
    """

    name: str
    sources: tuple[str, ...]
    origin: str
    data: str
    embedding: Floats
    layers: Layers

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return sum(layer.value.numel() for layer in self.layers.values())

    def merged(self, other: Initialisation) -> Initialisation:
        """The mean of two of one origin, by how many tasks each stands for; layers of another shape are the larger one's."""
        mine, theirs = (self, other) if self.numbers >= other.numbers else (other, self)
        share = len(mine.sources) / (len(mine.sources) + len(theirs.sources))
        layers = {**theirs.layers, **mine.layers}
        for key, layer in mine.layers.items():
            same = theirs.layers.get(key)
            if same is not None and same.value.shape == layer.value.shape and same.parts == layer.parts:
                layers[key] = Layer(share * layer.value + (1 - share) * same.value, layer.parts)
        embedding = share * mine.embedding + (1 - share) * theirs.embedding
        return replace(mine, embedding=embedding, layers=layers, sources=(*mine.sources, *theirs.sources))


@dataclass(frozen=True, eq=False)
class Start:
    """Initial weights for one network.

    Args:
        weights: by name, of the network's shapes; what is absent stays fresh.
        origin: of the initialisations they were blended from.
        names: of the tasks these come from, the one that counts most first.
    """

    weights: Mapping[str, Tensor]
    origin: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Bank:
    """Initialisations of one prior, with embeddings of the same attributes."""

    entries: tuple[Initialisation, ...] = ()

    def start(self, graph: Graph, embedding: Floats, source: str = "") -> Start | None:
        """Initial weights for the network of ``graph`` on a task; None where no layer of the bank fits any of its own.

        Nothing is taken from networks that may have seen the task's own data, whatever part of it. Of each origin the entries are weighted
        by ``softmax(-distance / TEMPERATURE)`` and by the share of the network that they know; the origin with the largest sum is taken,
        and of every layer the mean over its entries that know it.

        Args:
            graph: of the network.
            embedding: of the task, of the same attributes as those of the entries.
            source: of the task.
        """
        apart = {entry: distance(entry.embedding, embedding) for entry in self.entries if entry.data == graph.shape.data}
        entries = [entry for entry, far in apart.items() if far > SAME and source not in entry.sources]
        if not entries:
            return None
        fresh = build_network(graph, seed=0).state_dict()
        weights = _softmax([-apart[entry] / TEMPERATURE for entry in entries])
        origins: dict[str, list[tuple[float, Initialisation, dict[str, Tensor]]]] = defaultdict(list)
        for weight, entry in zip(weights, entries, strict=True):
            if found := fitted_layers(graph, entry.layers, fresh):
                known = sum(value.numel() for value in found.values()) / max(1, graph.parameters)
                origins[entry.origin].append((weight * known, entry, found))
        if not origins:
            return None
        origin, group = max(origins.items(), key=lambda item: sum(weight for weight, _, _ in item[1]))
        group.sort(key=lambda item: -item[0])
        return Start(_mean([(weight, found) for weight, _, found in group]), origin, tuple(entry.name for _, entry, _ in group))

    def within(self, numbers: int = LARGEST // 2) -> Bank:
        """A bank of at most so many numbers: of tasks of one origin the most alike are merged, then the first of the entries go."""
        entries = list(self.entries)
        while sum(entry.numbers for entry in entries) > numbers:
            pair = min(_alike(entries), default=None)
            if pair is None:
                entries.pop(0)
            else:
                _, i, j = pair
                entries[j] = entries[i].merged(entries[j])
                del entries[i]
        return Bank(tuple(entries))


def _alike(entries: Sequence[Initialisation]) -> list[tuple[float, int, int]]:
    """Pairs of one origin and kind of data, by distance."""
    each = list(enumerate(entries))
    return [
        (distance(one.embedding, other.embedding), i, j)
        for i, one in each
        for j, other in each[i + 1 :]
        if (one.origin, one.data) == (other.origin, other.data)
    ]


def _softmax(logits: Sequence[float]) -> list[float]:
    exponentials = np.exp(np.array(logits) - max(logits))
    return [float(share) for share in exponentials / exponentials.sum()]


def _mean(found: Sequence[tuple[float, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """By name, over those that have it; one alone is given back as it is."""
    names = dict.fromkeys(name for _, weights in found for name in weights)
    mean: dict[str, Tensor] = {}
    for name in names:
        having = [(share, weights[name]) for share, weights in found if name in weights]
        total = sum(share for share, _ in having)
        if len(having) == 1 or total <= 0:
            mean[name] = having[0][1]
        else:
            mean[name] = sum((share / total * value for share, value in having[1:]), having[0][0] / total * having[0][1])
    return mean
