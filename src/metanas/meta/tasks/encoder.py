"""The task embedding ``f_theta(T) = GCN(G_T; theta)``: a relational graph convolution over task graphs (Schlichtkrull et al., ESWC 2018).

Every relation has weights of its own, messages are averaged over the edges of a relation that end in a node, and a step is residual with
layer normalisation. The vector is read from the task's node, the means of its attributes and classes, and straight from the values of the
attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from metanas.errors import InputError
from metanas.meta.tasks.attributes import ATTRIBUTES
from metanas.meta.tasks.graph import CLASS, FIRST_ATTRIBUTE, RELATIONS, TASK, WIDTH, TaskGraph

Named = dict[str, Tensor]
SMALL = 0.1
"""Size of what comes from the graph in fresh weights, beside what comes straight from the attributes."""
FIXED = ("plain.centre", "plain.scale")
"""Weights that are measured, not trained."""


@dataclass(frozen=True, eq=False)
class TaskBatch:
    """Graphs side by side as one graph.

    Args:
        graphs: how many there are.
        types, features: of all nodes, as in :class:`TaskGraph`.
        owner: int64 ``(nodes,)``: the graph that a node belongs to.
        edges: for each of ``RELATIONS`` sources, targets and weights ``(edges, 1)``, these divided by how many edges of the relation end
            in the target.
    """

    graphs: int
    types: Tensor
    features: Tensor
    owner: Tensor
    edges: tuple[tuple[Tensor, Tensor, Tensor], ...]


def join(graphs: Sequence[TaskGraph]) -> TaskBatch:
    """Graphs as one batch.

    Raises:
        ValueError: if there is none.
    """
    if not graphs:
        raise ValueError("there is no task graph to join")
    sizes = [len(graph.types) for graph in graphs]
    first = np.cumsum(sizes) - sizes
    ends = np.concatenate([graph.edges + start for graph, start in zip(graphs, first, strict=True)], axis=1)
    relations, weights = (np.concatenate([getattr(graph, name) for graph in graphs]) for name in ("relations", "weights"))
    edges = []
    for relation in range(len(RELATIONS)):
        source, target = ends[:, relations == relation]
        share = weights[relations == relation] / np.bincount(target, minlength=sum(sizes))[target]
        edges.append((torch.from_numpy(source), torch.from_numpy(target), torch.from_numpy(share[:, None])))
    return TaskBatch(
        len(graphs),
        torch.from_numpy(np.concatenate([graph.types for graph in graphs])),
        torch.from_numpy(np.concatenate([graph.features for graph in graphs])),
        torch.from_numpy(np.repeat(np.arange(len(graphs)), sizes)),
        tuple(edges),
    )


@dataclass(frozen=True)
class TaskEncoder:
    """Pure functions: weights are an argument, tensors by name.

    Args:
        width: features of a node within.
        size: of the vector.
        layers: rounds of messages.

    Example:
        >>> from metanas.meta.tasks.graph import task_graph
        >>> from metanas.tasks import Task
        >>> encoder = TaskEncoder()
        >>> encoder.encode(encoder.init(seed=0), [task_graph(Task.from_sklearn("iris").describe())]).shape
        torch.Size([1, 32])
    """

    width: int = 24
    size: int = 32
    layers: int = 2

    def init(self, seed: int) -> Named:
        """Fresh weights; the same seed gives the same."""
        generator = torch.Generator().manual_seed(seed)

        def drawn(rows: int, columns: int, gain: float = 1.0) -> Tensor:
            return torch.randn(rows, columns, generator=generator) * math.sqrt(gain / columns)

        weights = {"task": torch.zeros(self.width)}
        for part in ("value", "there", "absent"):
            weights[f"attribute.{part}"] = torch.randn(len(ATTRIBUTES), self.width, generator=generator)
        weights |= {"class.weight": drawn(self.width, WIDTH, 2.0), "class.bias": torch.zeros(self.width)}
        for layer in range(self.layers):
            for part in ("self", *RELATIONS):
                weights[f"layer{layer}.{part}"] = drawn(self.width, self.width)
            weights[f"layer{layer}.bias"] = torch.zeros(self.width)
        weights |= {"out.weight": drawn(self.size, 3 * self.width, SMALL**2), "out.bias": torch.zeros(self.size)}
        weights |= {"plain.weight": drawn(self.size, len(ATTRIBUTES))}
        weights |= {"plain.centre": torch.zeros(len(ATTRIBUTES)), "plain.scale": torch.ones(len(ATTRIBUTES))}
        return weights | {"told.weight": drawn(len(ATTRIBUTES), self.size), "told.bias": torch.zeros(len(ATTRIBUTES))}

    def encode(self, weights: Named, graphs: Sequence[TaskGraph] | TaskBatch) -> Tensor:
        """Vectors ``(graphs, size)`` of length 1; the order of a graph's classes does not matter.

        Raises:
            InputError: if the weights were trained with other attributes than this version knows.
        """
        if weights["attribute.value"].shape[0] != len(ATTRIBUTES) or weights["class.weight"].shape[1] != WIDTH:
            raise InputError("this task encoder was trained with other attributes than this version of metanas knows; run `metanas learn`")
        batch = graphs if isinstance(graphs, TaskBatch) else join(graphs)
        h = self._nodes(weights, batch)
        for layer in range(self.layers):
            sent = F.linear(h, weights[f"layer{layer}.self"], weights[f"layer{layer}.bias"])
            for relation, (source, target, share) in zip(RELATIONS, batch.edges, strict=True):
                message = F.linear(h, weights[f"layer{layer}.{relation}"])
                sent = sent.index_add(0, target, message[source] * share.to(h.dtype))
            h = h + F.relu(F.layer_norm(sent, (self.width,)))
        kinds = (batch.types == TASK, batch.types >= FIRST_ATTRIBUTE, batch.types == CLASS)
        read = torch.cat([_means(h, batch, which) for which in kinds], 1)
        straight = F.linear(_plain(weights, batch), weights["plain.weight"])
        return F.normalize(F.linear(read, weights["out.weight"], weights["out.bias"]) + straight, dim=1)

    def _nodes(self, weights: Named, batch: TaskBatch) -> Tensor:
        """What is known of every node, ``(nodes, width)``: of an attribute its value, and that it has one or lacks it."""
        features = batch.features.to(weights["task"].dtype)
        number = (batch.types - FIRST_ATTRIBUTE).clamp(min=0)
        value, there = features[:, :1], features[:, 1:2]
        attribute = value * weights["attribute.value"][number] + there * weights["attribute.there"][number]
        attribute = attribute + (1 - there) * weights["attribute.absent"][number]
        of_class = F.linear(features, weights["class.weight"], weights["class.bias"])
        types = batch.types[:, None]
        return torch.where(types == TASK, weights["task"], torch.where(types == CLASS, of_class, attribute))


def _plain(weights: Named, batch: TaskBatch) -> Tensor:
    """Standardised attributes, ``(graphs, attributes)``; 0 where a graph lacks one."""
    which = batch.types >= FIRST_ATTRIBUTE
    number, features = batch.types[which] - FIRST_ATTRIBUTE, batch.features[which].to(weights["task"].dtype)
    value = (features[:, 0] - weights["plain.centre"][number]) * weights["plain.scale"][number] * features[:, 1]
    return value.new_zeros(batch.graphs, len(ATTRIBUTES)).index_put((batch.owner[which], number), value)


def _means(h: Tensor, batch: TaskBatch, which: Tensor) -> Tensor:
    """The mean of some nodes of every graph, ``(graphs, width)``; zeros where it has none."""
    owner = batch.owner[which]
    total = h.new_zeros(batch.graphs, h.shape[1]).index_add(0, owner, h[which])
    return total / torch.bincount(owner, minlength=batch.graphs).clamp(min=1)[:, None]
