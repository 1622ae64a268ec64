"""Synflow: how much flows from the input to the output when all weights are positive; needs no data."""

from __future__ import annotations

import math
import sys
from typing import Any

import torch
from torch import Tensor, nn

from metanas.evaluation.zero_cost.common import ACTIVATIONS, weights, working_copy
from metanas.networks import Network
from metanas.networks.operations.elementwise import BatchNorm, LayerNorm
from metanas.networks.operations.embedding import Embedding
from metanas.networks.operations.periodic import Periodic
from metanas.spaces.graph import INPUT
from metanas.tasks.data import Kind

LEAST = math.log(sys.float_info.min)
"""The score of a network through which nothing flows."""


def synflow(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """The logarithm of the sum over all weights of ``|weight * dR/dweight|``, R being the summed output for an input of ones.

    Tanaka et al. 2020, "Pruning neural networks without any data by iteratively conserving synaptic flow", eq. 1 and 2: all weights
    enter with their absolute values. As Abdelfattah et al. 2021 do, in double precision and with normalisations left out, which would
    undo the flow; the logarithm (ours) keeps deep networks in range and changes no ranking. The ones stand behind fixed
    front ends and standardisation. The paper's networks have rectifiers, which let a positive flow pass: so does every activation here,
    of whatever kind. A text is every word at once in equal parts; sines and cosines enter with their bound, 1. Gates of recurrent layers
    and attention keep their own form.

    Args:
        network: any.
        x, y, kind: not looked at.

    Returns:
        The score, at least :data:`LEAST`.
    """
    copied = working_copy(network).double().eval()
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.abs_()
    for module in copied.modules():
        if isinstance(module, BatchNorm | LayerNorm | ACTIVATIONS):
            module.register_forward_hook(_pass)
        elif isinstance(module, Embedding):
            module.register_forward_hook(_all_words)
        elif isinstance(module, Periodic):
            module.register_forward_hook(_bounds)
    parameters = weights(copied)
    flow = copied.rest(_ones(copied)).sum()
    if not parameters or not flow.requires_grad:
        return LEAST
    found = torch.autograd.grad(flow, parameters, allow_unused=True)
    total = sum(float((w.detach() * g).abs().sum()) for w, g in zip(parameters, found, strict=True) if g is not None)
    return max(LEAST, math.log(total)) if total > 0 else LEAST


def _ones(network: Network) -> Tensor:
    """One example of ones as the part of the network behind the front end takes it."""
    device = network.input_mean.device
    if network.graph.shape.data == "text":
        return torch.ones((1, *network.graph.shape.input), dtype=torch.long, device=device)
    return torch.ones((1, *network.graph.shapes[network.cut or INPUT]), dtype=torch.float64, device=device)


def _pass(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Any:
    return inputs[0]


def _all_words(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    assert isinstance(module, Embedding)
    return module.weight.mean(dim=0)[None, :, None].expand_as(output)


def _bounds(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    x: Tensor = inputs[0]
    return torch.cat([x, torch.ones_like(output[:, x.shape[1] :])], dim=1)
