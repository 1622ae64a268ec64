"""Zeros."""

from __future__ import annotations

from torch import Tensor, nn

from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings


class Zero(nn.Module):
    """Zeros of the input's shape; no gradient passes."""

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, ...)`` of zeros."""
        return x.new_zeros(x.shape)


@builds("zero")
def zero(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``zero``."""
    return Zero()
