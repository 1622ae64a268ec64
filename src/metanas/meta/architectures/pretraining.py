"""Teaches an architecture encoder what networks are made of, before anything is known of how good they are.

The vector has to tell a network's size, cost and depth, how often each word and setting occurs in it, and which words follow which, by a
linear map: what is needed to predict how it performs, and no label is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from metanas.meta.architectures.arrays import WORDS, GraphBatch, stack
from metanas.meta.architectures.encoder import ArchitectureEncoder, Named
from metanas.spaces.graph import Graph

PAIRS = 48
"""Random directions in which the words of neighbours are told."""


def facts(batch: GraphBatch) -> NDArray[np.float64]:
    """What the vector is to tell, ``(graphs, facts)``: totals, words and settings summed over the nodes, products of neighbours' words."""
    sums = np.add.reduceat(batch.nodes, batch.starts[:-1])
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(WORDS, PAIRS)) / np.sqrt(WORDS) for _ in range(2))
    to, source = batch.edges.T
    along = (batch.nodes[to, :WORDS] @ left) * (batch.nodes[source, :WORDS] @ right)
    pairs = np.zeros((len(batch), PAIRS))
    np.add.at(pairs, batch.owners[to], along)
    return np.column_stack([batch.totals, np.arcsinh(sums), np.arcsinh(pairs)])


def pretrain(graphs: Sequence[Graph], *, encoder: ArchitectureEncoder | None = None, seed: int = 0, steps: int = 600) -> Named:
    """Weights of an encoder that tells the facts of these graphs.

    Args:
        graphs: of any spaces and tasks; some hundred are enough.
        encoder: whose weights; None takes the default.
        seed: of the weights and batches.
        steps: of Adam, 64 graphs each.

    Returns:
        The encoder's weights, scaled so that over these graphs its vectors have mean 0 and variance 1 in every direction.
    """
    encoder = encoder or ArchitectureEncoder()
    batch = stack(graphs)
    told = facts(batch)
    target = torch.as_tensor((told - told.mean(0)) / np.maximum(told.std(0), 1e-6), dtype=torch.float32)
    weights = {name: value.requires_grad_() for name, value in encoder.init(seed).items()}
    generator = torch.Generator().manual_seed(seed + 1)
    head = (torch.randn(target.shape[1], encoder.size, generator=generator) / encoder.size**0.5).requires_grad_()
    optimiser = torch.optim.Adam([*weights.values(), head], lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(graphs), (min(64, len(graphs)),), generator=generator)
        vectors = encoder.encode(weights, batch.take(rows.numpy()))
        loss = (vectors @ head.T - target[rows]).square().mean() + 1e-3 * vectors.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return whitened(encoder, {name: value.detach() for name, value in weights.items()}, batch)


def whitened(encoder: ArchitectureEncoder, weights: Named, batch: GraphBatch) -> Named:
    """The same weights with the last layer scaled so that the vectors of ``batch`` have mean 0 and variance 1 in every coordinate."""
    with torch.no_grad():
        vectors = encoder.encode(weights, batch)
        middle, width = vectors.mean(0), vectors.std(0, correction=0).clamp(min=1e-6)
    return {
        **weights,
        "out.weight": weights["out.weight"] / width[:, None],
        "out.bias": (weights["out.bias"] - middle) / width,
    }
