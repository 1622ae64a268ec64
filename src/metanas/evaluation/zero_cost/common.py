"""What the training-free scores share: a copy of the network to work on, its weights, and gradients of the loss."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from metanas.evaluation.loss import loss_function
from metanas.networks import Network
from metanas.networks.operations.elementwise import BatchNorm
from metanas.tasks.data import Kind

Score = Callable[[Network, Tensor, Tensor, Kind], float]
"""A fresh network, raw inputs ``(batch, *shape.input)``, targets as it learns them, and the kind of task, to a number of which larger is
better; the network stays as it was, no generator is drawn from, and not finite means that there is no answer."""

ACTIVATIONS = nn.ReLU | nn.Sigmoid | nn.Tanh | nn.SiLU | nn.GELU
"""The modules that bend what passes them."""


def working_copy(network: Network) -> Network:
    """A copy that may be changed: without dropout, and with batch normalisation by the batch's own statistics.

    A fresh network's running averages are of no data yet (Abdelfattah et al. 2021 score networks in training mode for that reason);
    dropout would make scores depend on chance.
    """
    copied = copy.deepcopy(network, {id(network.graph): network.graph}).eval().requires_grad_(True)
    for module in copied.modules():
        if isinstance(module, BatchNorm | nn.modules.batchnorm._BatchNorm | nn.RNNBase):
            module.training = True  # cuDNN passes gradients through recurrent layers in training mode only
    return copied


def weights(network: Network) -> list[Tensor]:
    """The weights proper: matrices, kernels and tables; biases and the factors of normalisations don't count, as in pruning."""
    return [p for p in network.parameters() if p.dim() >= 2]


def gradients(network: Network, x: Tensor, y: Tensor, kind: Kind, *, differentiable: bool = False) -> list[Tensor]:
    """Of the batch's mean loss, one per tensor of :func:`weights`, zeros for what has no part in the output.

    Args:
        network: a :func:`working_copy`.
        x, y, kind: as for a :data:`Score`; the loss is that of training, without smoothing or class weights.
        differentiable: whether they may be differentiated again.
    """
    parameters = weights(network)
    if not parameters:
        return []
    loss = loss_function(kind)(network(x), y)
    found = torch.autograd.grad(loss, parameters, create_graph=differentiable, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
