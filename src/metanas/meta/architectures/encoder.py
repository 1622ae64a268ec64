"""A graph network that maps architectures of any space to vectors.

Messages pass along and against the edges with weights of their own for each direction: a relational graph convolution (Schlichtkrull et
al., ESWC 2018) on a computation graph that is read both ways (D-VAE, Zhang et al., NeurIPS 2019), residual, with layer normalisation. The
vector is read from mean, sum over the square root of the number, and maximum of the nodes and the
whole graph's numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from metanas.meta.architectures.arrays import FEATURES, TOTALS, GraphBatch

Named = dict[str, Tensor]


@dataclass(frozen=True)
class ArchitectureEncoder:
    """Pure functions: weights are an argument, tensors by name.

    Args:
        width: features of a node within.
        size: of the vector.
        layers: rounds of messages.

    Example:
        >>> from metanas.meta.architectures.arrays import stack
        >>> from metanas.spaces import TaskShape, make_space
        >>> space = make_space("mlp", TaskShape("table", (4,), 3))
        >>> encoder = ArchitectureEncoder()
        >>> encoder.encode(encoder.init(seed=0), stack([space.graph(space.baseline)])).shape
        torch.Size([1, 32])
    """

    width: int = 48
    size: int = 32
    layers: int = 3

    def init(self, seed: int) -> Named:
        """Fresh weights, He et al.'s for the widths; the same seed gives the same."""
        generator = torch.Generator().manual_seed(seed)

        def drawn(rows: int, columns: int, gain: float = 2.0) -> Tensor:
            return torch.randn(rows, columns, generator=generator) * math.sqrt(gain / columns)

        weights = {"in.weight": drawn(self.width, FEATURES), "in.bias": torch.zeros(self.width)}
        for layer in range(self.layers):
            for part in ("self", "forwards", "backwards"):
                weights[f"layer{layer}.{part}"] = drawn(self.width, self.width, 2.0 / 3.0)
            weights[f"layer{layer}.bias"] = torch.zeros(self.width)
        weights["out.weight"] = drawn(self.size, 3 * self.width + TOTALS, 1.0)
        weights["out.bias"] = torch.zeros(self.size)
        return weights

    def encode(self, weights: Named, batch: GraphBatch) -> Tensor:
        """Vectors ``(graphs, size)``; the order in which a graph lists its nodes does not matter."""
        kind = weights["in.weight"].dtype
        x, (to, source) = torch.as_tensor(batch.nodes, dtype=kind), torch.as_tensor(batch.edges).T
        h = F.relu(F.linear(x, weights["in.weight"], weights["in.bias"]))
        for layer in range(self.layers):
            parts = {"self": h, "forwards": _means(h, source, to, len(h)), "backwards": _means(h, to, source, len(h))}
            sent = sum((F.linear(value, weights[f"layer{layer}.{part}"]) for part, value in parts.items()), weights[f"layer{layer}.bias"])
            h = h + F.relu(F.layer_norm(sent, (self.width,)))
        owners = torch.as_tensor(batch.owners)
        mean = _means(h, torch.arange(len(h)), owners, len(batch))
        n = torch.as_tensor(np.diff(batch.starts), dtype=kind)[:, None]
        highest = h.new_zeros(len(batch), self.width).scatter_reduce(0, owners[:, None].expand_as(h), h, "amax", include_self=False)
        return F.linear(
            torch.cat([mean, mean * n.sqrt(), highest, torch.as_tensor(batch.totals, dtype=kind)], 1),
            weights["out.weight"],
            weights["out.bias"],
        )


def _means(h: Tensor, source: Tensor, to: Tensor, number: int) -> Tensor:
    """For each of so many places the mean of ``h[source]`` over what goes there; zeros where nothing does."""
    count = h.new_zeros(number).index_add(0, to, h.new_ones(len(to)))
    return h.new_zeros(number, h.shape[1]).index_add(0, to, h[source]) / count.clamp(min=1)[:, None]
