"""Periodic encoding of numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer


class Periodic(nn.Module):
    """Appends sine and cosine of the numbers at trained frequencies (Gorishniy et al. 2022, eq. 3) to the features."""

    def __init__(self, numeric: int, frequencies: int, sigma: float) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(numeric, frequencies) * sigma)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, features)`` to ``(batch, features + 2 * numeric * frequencies)``: features, sines, cosines."""
        numbers = x[:, : self.frequencies.shape[0], None]
        angles = (2 * math.pi * self.frequencies * numbers).flatten(1)
        return torch.cat([x, angles.sin(), angles.cos()], dim=1)


@builds("periodic")
def periodic(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``periodic``."""
    return Periodic(integer(settings, "numeric"), integer(settings, "frequencies"), float(settings["sigma"]))
