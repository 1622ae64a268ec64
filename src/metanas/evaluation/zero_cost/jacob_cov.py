"""Jacobian covariance: whether a fresh network reacts to different examples in different ways."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from metanas.evaluation.zero_cost.common import working_copy
from metanas.networks import Network
from metanas.networks.operations.embedding import Embedding
from metanas.tasks.data import Kind

FLOOR = 1e-5
"""The paper's k: keeps the logarithm and the quotient finite."""


def jacob_cov(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """``-sum over i of (log(s_i + k) + 1 / (s_i + k))``, ``s_i`` being the eigenvalues of the Jacobians' correlation matrix.

    Mellor et al. 2020, the first version of "Neural Architecture Search without Training" (arXiv:2006.04647v1, section 3). An example's
    Jacobian is the gradient of the sum of all outputs by that example; it is taken behind standardisation and fixed front ends, and for
    texts by the embedded words. It does not grow with the network: only correlations enter.

    Args:
        network: any; one that does not react at all gets about minus ``1e5`` per example.
        x: one example per row and column of the matrix.
        y, kind: not looked at.

    Returns:
        The score; NaN for texts that pass no embedding.
    """
    copied = working_copy(network)
    embedded: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        embedded.append(output)

    if copied.graph.shape.data == "text":
        for module in copied.modules():
            if isinstance(module, Embedding):
                module.register_forward_hook(keep)
        outputs, points = copied(x), embedded
    else:
        points = [copied.front(x).detach().requires_grad_()]
        outputs = copied.rest(points[0])
    if not points:
        return math.nan
    found = torch.autograd.grad(outputs.sum(), points, allow_unused=True, materialize_grads=True)
    rows = torch.cat([g.reshape(len(x), -1) for g in found], dim=1).double()
    rows = rows - rows.mean(dim=1, keepdim=True)
    rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-30)
    values = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0)
    return -float((torch.log(values + FLOOR) + 1 / (values + FLOOR)).sum())
