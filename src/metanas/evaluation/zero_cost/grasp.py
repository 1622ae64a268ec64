"""GraSP: whether removing weights would hold up the flow of gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from metanas.evaluation.zero_cost.common import gradients, weights, working_copy
from metanas.networks import Network
from metanas.tasks.data import Kind


def grasp(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """Minus the sum over all weights of ``weight * (H g)``, with the loss's gradient g and Hessian H.

    Wang et al. 2020, "Picking Winning Tickets Before Training by Preserving Gradient Flow", eq. 8 (without a temperature), summed as by
    Abdelfattah et al. 2021 (eq. 1 and 2). The product with the Hessian is exact, by differentiating twice.

    Returns:
        The score, or NaN where an operation can't be differentiated twice.
    """
    copied = working_copy(network)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            first = gradients(copied, x, y, kind, differentiable=True)
            product = sum(((g.detach() * g).sum() for g in first), x.new_zeros((), dtype=torch.float32))
            if not product.requires_grad:  # a linear loss, or nothing to train
                return 0.0
            second = torch.autograd.grad(product, weights(copied), allow_unused=True)
    except RuntimeError as error:
        if "not implemented" in str(error) or "double backward" in str(error):
            return math.nan
        raise
    pairs = zip(weights(copied), second, strict=True)
    return -float(sum(float((w.detach() * h).sum()) for w, h in pairs if h is not None))
