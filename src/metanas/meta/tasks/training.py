"""Teaches a task encoder which tasks are alike, from nothing but how the same architectures did on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from metanas.meta.tasks.encoder import FIXED, Named, TaskBatch, TaskEncoder, join
from metanas.meta.tasks.graph import FIRST_ATTRIBUTE, TaskGraph

Floats = NDArray[np.float64]
FEWEST_COMMON = 8
"""Architectures that two tasks must have in common for their correlation to be known."""
TELLING = 0.2
"""Weight of telling the attributes that were hidden, beside the similarity of tasks."""
MOST_HIDDEN = 0.25
"""Share of the attributes that may be hidden; how many are is drawn for each task."""
JITTER = 0.05
"""Standard deviation of what is added to attributes and statistics: about as much as those of another sample of the task would differ."""

DECAY = 0.1
"""Weight decay."""
LEAST_DEVIATION = 0.25
"""Attributes that vary less over the tasks than that are not blown up."""


def rank_correlations(scores: Floats) -> Floats:
    """How alike tasks are: the rank correlation of the same architectures' scores.

    Args:
        scores: ``(tasks, architectures)``, more is better (or less, for all tasks alike); NaN where an architecture was not measured.

    Returns:
        ``(tasks, tasks)``: the correlation, over architectures that both have, of their ranks in each task (Spearman's where neither lacks
        any); NaN where fewer than ``FEWEST_COMMON`` are common, or either task has all of them equal.
    """
    from scipy.stats import rankdata

    there = np.isfinite(scores)
    ranks = np.where(there, rankdata(np.where(there, scores, np.nan), axis=1, nan_policy="omit"), 0.0)
    ranks = np.where(there, ranks / np.maximum(there.sum(1, keepdims=True), 1) - 0.5, 0.0)
    mask = there.astype(np.float64)
    count = mask @ mask.T
    common = np.maximum(count, 1)
    mean, square, product = ranks @ mask.T / common, ranks**2 @ mask.T / common, ranks @ ranks.T / common
    variance = square - mean**2
    spread = variance * variance.T
    known = (count >= FEWEST_COMMON) & (variance > 1e-9) & (variance.T > 1e-9)
    correlations = (product - mean * mean.T) / np.sqrt(np.where(known, spread, 1.0))
    return np.where(known, np.clip(correlations, -1.0, 1.0), np.nan)


def train_encoder(
    graphs: Sequence[TaskGraph],
    similarities: Floats,
    seed: int,
    *,
    encoder: TaskEncoder | None = None,
    steps: int = 300,
    batch: int = 48,
    rate: float = 3e-3,
) -> Named:
    """Weights with which the inner product of two tasks' embeddings tells how alike the tasks are.

    Two losses are added up: the squared difference of the inner product and the known similarity, over pairs of tasks; and, weighted by
    ``TELLING``, how badly a linear map of the embedding tells the attributes that were hidden from the encoder (as in Hu et al., ICLR 2020,
    "Strategies for pre-training graph neural networks"), which no performance is needed for.

    Args:
        graphs: of the tasks.
        similarities: ``(tasks, tasks)`` in [-1, 1], symmetric, e.g. of :func:`rank_correlations`; NaN where unknown. The diagonal does not
            count.
        seed: of weights, batches, and what is hidden.
        encoder: whose weights; None takes the default.
        steps: of AdamW, the rate falling along half a cosine.
        batch: tasks per step.
        rate: of the first step.

    Raises:
        ValueError: if there is no task, or the similarities are of other tasks.
    """
    if similarities.shape != (len(graphs), len(graphs)):
        raise ValueError(f"there are similarities of shape {similarities.shape} for {len(graphs)} tasks")
    encoder = encoder or TaskEncoder()
    weights = encoder.init(seed) | standardisation(graphs)
    trained = [value.requires_grad_() for name, value in weights.items() if name not in FIXED]
    target = torch.from_numpy(np.asarray(similarities, np.float32))
    generator = torch.Generator().manual_seed(seed + 1)
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randperm(len(graphs), generator=generator)[:batch]
        whole = join([graphs[row] for row in rows.tolist()])
        seen, hidden = _hide(whole, generator)
        vectors = encoder.encode(weights, seen)
        loss = _metric_loss(vectors, target[rows][:, rows]) + TELLING * _telling_loss(weights, vectors, whole, hidden)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return {name: value.detach() for name, value in weights.items()}


def standardisation(graphs: Sequence[TaskGraph]) -> Named:
    """The weights that bring attributes to mean 0 and deviation 1 over the tasks that have them."""
    attributes = np.stack([graph.features[graph.types >= FIRST_ATTRIBUTE, :2] for graph in graphs]).astype(np.float64)
    value, there = attributes[:, :, 0], attributes[:, :, 1]
    count = np.maximum(there.sum(0), 1)
    centre = (value * there).sum(0) / count
    deviation = np.sqrt(((value - centre) ** 2 * there).sum(0) / count)
    scale = 1 / np.maximum(deviation, LEAST_DEVIATION)
    return {name: torch.from_numpy(v.astype(np.float32)) for name, v in (("plain.centre", centre), ("plain.scale", scale))}


def _hide(batch: TaskBatch, generator: torch.Generator) -> tuple[TaskBatch, Tensor]:
    """The batch with some attributes marked as absent and all numbers jittered, and which nodes were hidden."""
    attribute = batch.types >= FIRST_ATTRIBUTE
    rates = MOST_HIDDEN * torch.rand(batch.graphs, generator=generator)
    hidden = attribute & (torch.rand(len(attribute), generator=generator) < rates[batch.owner]) & (batch.features[:, 1] > 0)
    jittered = batch.features + JITTER * torch.randn(batch.features.shape, generator=generator)
    jittered[attribute, 0] *= batch.features[attribute, 1]
    jittered[attribute, 1:] = batch.features[attribute, 1:]
    return replace(batch, features=torch.where(hidden[:, None], 0.0, jittered)), hidden


def _metric_loss(vectors: Tensor, target: Tensor) -> Tensor:
    known = torch.isfinite(target) & ~torch.eye(len(target), dtype=torch.bool)
    difference = (vectors @ vectors.T - target.nan_to_num())[known]
    return difference.square().mean() if len(difference) else vectors.sum() * 0


def _telling_loss(weights: Named, vectors: Tensor, batch: TaskBatch, hidden: Tensor) -> Tensor:
    told = F.linear(vectors, weights["told.weight"], weights["told.bias"])
    guess = told[batch.owner[hidden], batch.types[hidden] - FIRST_ATTRIBUTE]
    return F.smooth_l1_loss(guess, batch.features[hidden, 0]) if bool(hidden.any()) else vectors.sum() * 0
