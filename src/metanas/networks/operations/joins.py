"""Where paths meet."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metanas.networks.operations.convolution import Conv, strides_over
from metanas.networks.operations.dense import Dense
from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings
from metanas.spaces.operations.joins import projection_stride


class Add(nn.Module):
    """The sum of all inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Tensors of one shape to one of that shape."""
        for other in others:
            first = first + other
        return first


class Concat(nn.Module):
    """All inputs side by side along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """``(batch, channels_i, ...)`` to ``(batch, sum of channels, ...)``."""
        return torch.cat(inputs, dim=1)


class Residual(nn.Module):
    """The main path plus the shortcut, projected where shapes differ (He et al. 2016, section 3.3, option B)."""

    def __init__(self, projection: nn.Module | None) -> None:
        super().__init__()
        self.projection = projection

    def forward(self, main: Tensor, shortcut: Tensor) -> Tensor:
        """Main and shortcut to a tensor of main's shape."""
        return main + (shortcut if self.projection is None else self.projection(shortcut))


@builds("add")
def add(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``add``."""
    return Add()


@builds("concat")
def concat(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``concat``."""
    return Concat()


@builds("residual")
def residual(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``residual``."""
    main, shortcut = inputs
    if main == shortcut:
        return Residual(None)
    if len(main) == 1:
        return Residual(Dense(shortcut[0], main[0], bias=False, gain=1.0))
    stride = projection_stride(main, shortcut)
    return Residual(Conv(shortcut[0], main[0], 1, strides_over(shortcut[1:], stride), bias=False, gain=1.0))
