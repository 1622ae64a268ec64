"""Scores of one gradient of the loss: its norm (grad_norm), and what removing weights would cost (SNIP)."""

from __future__ import annotations

from torch import Tensor

from metanas.evaluation.zero_cost.common import gradients, weights, working_copy
from metanas.networks import Network
from metanas.tasks.data import Kind


def grad_norm(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """The sum over weight tensors of the Euclidean norm of the loss's gradient (Abdelfattah et al. 2021, section 3.1).

    Example:
        >>> grad_norm(network, x, y, "classification")                                    # doctest: +SKIP
        4.93
    """
    return float(sum(float(g.norm()) for g in gradients(working_copy(network), x, y, kind)))


def snip(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """The sum over all weights of ``|weight * gradient|``: how much the loss hangs on connections.

    Lee et al. 2019, "SNIP: Single-shot Network Pruning based on Connection Sensitivity", the sensitivity of section 4.1, summed and not
    normalised, as Abdelfattah et al. 2021 (eq. 1 and 2) rank networks with it.
    """
    copied = working_copy(network)
    found = gradients(copied, x, y, kind)
    return float(sum(float((w.detach() * g).abs().sum()) for w, g in zip(weights(copied), found, strict=True)))
