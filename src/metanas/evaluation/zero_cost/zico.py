"""ZiCo: large gradients that agree from batch to batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from metanas.evaluation.zero_cost.common import gradients, working_copy
from metanas.networks import Network
from metanas.tasks.data import Kind

PARTS = 4
"""Into so many batches the batch is cut; the paper takes two whole batches and finds that more hardly change the ranking."""


def zico(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """The sum over weight tensors of ``log(sum over weights of mean |gradient| / deviation of the gradient)`` over batches.

    Li et al. 2023, "ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients", the definition of section 3; as in the
    authors' program the deviation is that of the signed gradient, and weights (or whole tensors) whose gradient never changes are left
    out.

    Args:
        network, kind: as for every score.
        x, y: at least four examples; they are dealt out into :data:`PARTS` batches, or fewer of at least two examples.

    Returns:
        The score; NaN for fewer than four examples.
    """
    parts = min(PARTS, len(x) // 2)
    if parts < 2:
        return math.nan
    copied = working_copy(network)
    batches = [gradients(copied, x[i::parts], y[i::parts], kind) for i in range(parts)]
    total = 0.0
    for over_batches in zip(*batches, strict=True):
        stacked = torch.stack(over_batches).double()
        deviation, size = stacked.std(dim=0, correction=0), stacked.abs().mean(dim=0)
        ratio = float((size[deviation > 0] / deviation[deviation > 0]).sum())
        total += math.log(ratio) if ratio > 0 else 0.0
    return total
