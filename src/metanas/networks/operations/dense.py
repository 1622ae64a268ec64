"""Dense layers and what makes vectors for them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.operations.convolution import he_normal
from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer


class Dense(nn.Module):
    """A matrix product, and a bias that starts at 0."""

    def __init__(self, features: int, units: int, *, bias: bool = True, gain: float = 2.0) -> None:
        super().__init__()
        self.weight = he_normal(units, features, gain=gain)
        self.bias = nn.Parameter(torch.zeros(units)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """``(..., features)`` to ``(..., units)``."""
        return F.linear(x, self.weight, self.bias)


@builds("dense")
def dense(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``dense``."""
    return Dense(inputs[0][0], integer(settings, "units"), bias=bool(settings.get("bias", True)))


@builds("flatten")
def flatten(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``flatten``: the order of the numbers is that of the axes, whatever the memory layout."""
    return nn.Flatten()
