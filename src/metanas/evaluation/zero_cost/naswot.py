"""NASWOT: how well a fresh network's units tell examples apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from metanas.evaluation.zero_cost.common import ACTIVATIONS, working_copy
from metanas.networks import Network
from metanas.networks.operations.attention import Transformer
from metanas.networks.operations.recurrent import Recurrent
from metanas.tasks.data import Kind

RIDGE = 1e-3
"""Added to the kernel's diagonal, which counts units: examples that no unit tells apart then cost a finite amount."""


def naswot(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """The logarithm of the determinant of the kernel of activation codes, ``log |K + RIDGE * I|``.

    Mellor et al. 2021, "Neural Architecture Search without Training", eq. 2: K holds for every pair of examples the number of units
    whose codes agree. A rectifier's code says whether its input is positive. For other activations it says the same: on which side
    of its bend (SiLU, GELU) or of its middle (sigmoid, tanh) a unit is; that of a recurrent layer's units is the sign of the hidden state.

    Args:
        network: any; without units it gets the least that the number of examples allows.
        x: one example per row and column of the kernel.
        y, kind: not looked at.
    """
    copied = working_copy(network)
    kernel = torch.zeros(len(x), len(x), dtype=torch.float64, device=x.device)

    def count(numbers: Tensor) -> None:
        # Of codes +1 and -1, (number of units + inner product) / 2 units agree; float32 is exact here up to 2**24 units.
        codes = (numbers.reshape(len(numbers), -1) > 0).float().mul_(2).sub_(1)
        kernel.add_((codes @ codes.T + codes.shape[1]) / 2)

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        count(inputs[0])

    def after(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        count(output)

    for module in copied.modules():
        if isinstance(module, ACTIVATIONS):
            module.register_forward_pre_hook(before)
        elif isinstance(module, Recurrent):
            module.register_forward_hook(after)
        elif isinstance(module, Transformer):
            module.widen.register_forward_hook(after)  # what its GELU gets
    with torch.no_grad():
        copied(x)
    kernel.diagonal().add_(RIDGE)
    return float(torch.linalg.slogdet(kernel).logabsdet)
