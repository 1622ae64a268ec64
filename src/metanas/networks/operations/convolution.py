"""Convolutions, ordinary and depthwise separable, on sequences and pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.layout import as_picture, like
from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer


def he_normal(*shape: int, gain: float = 2.0) -> nn.Parameter:
    """Weights of standard deviation ``sqrt(gain / fan_in)``, fan-in being all axes but the first (He et al. 2015, eq. 10)."""
    weight = torch.empty(shape)
    nn.init.normal_(weight, std=(gain / weight[0].numel()) ** 0.5)
    return nn.Parameter(weight)


class Conv(nn.Module):
    """A convolution with an odd kernel, the same on every axis; a sequence is convolved as a picture of height 1."""

    def __init__(
        self, inputs: int, channels: int, kernel: int, strides: tuple[int, ...], *, bias: bool = True, groups: int = 1, gain: float = 2.0
    ) -> None:
        super().__init__()
        size = (kernel, kernel) if len(strides) == 2 else (1, kernel)
        self.weight = he_normal(channels, inputs // groups, *size, gain=gain)
        self.weight.data = self.weight.data.contiguous(memory_format=torch.channels_last)
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None
        self.stride = (strides[0] if len(strides) == 2 else 1, strides[-1])
        self.padding = (size[0] // 2, size[1] // 2)
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs, ...)`` to ``(batch, channels, ...)``, lengths divided by the stride and rounded up."""
        return like(F.conv2d(as_picture(x), self.weight, self.bias, self.stride, self.padding, groups=self.groups), x)


class SeparableConv(nn.Module):
    """A depthwise convolution (one kernel per channel), then a pointwise one (Chollet 2017, without activation in between)."""

    def __init__(self, inputs: int, channels: int, kernel: int, strides: tuple[int, ...], *, bias: bool = True) -> None:
        super().__init__()
        self.depthwise = Conv(inputs, inputs, kernel, strides, bias=False, groups=inputs, gain=1.0)
        self.pointwise = Conv(inputs, channels, 1, (1,) * len(strides), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs, ...)`` to ``(batch, channels, ...)``, lengths divided by the stride and rounded up."""
        out: Tensor = self.pointwise(self.depthwise(x))
        return out


def strides_over(lengths: Sequence[int], stride: int) -> tuple[int, ...]:
    """The stride on each axis: 1 on an axis of length 1, where every stride gives the same.

    A larger one leaves oneDNN's bfloat16 convolution (PyTorch 2.13) with gradients from memory that was never written.
    """
    return tuple(stride if length > 1 else 1 for length in lengths)


def _arguments(inputs: Inputs, settings: Settings) -> tuple[int, int, int, tuple[int, ...]]:
    (shape,) = inputs
    return shape[0], integer(settings, "channels"), integer(settings, "kernel"), strides_over(shape[1:], integer(settings, "stride", 1))


@builds("conv")
def conv(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``conv``."""
    return Conv(*_arguments(inputs, settings), bias=bool(settings.get("bias", True)))


@builds("sep_conv")
def sep_conv(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``sep_conv``."""
    return SeparableConv(*_arguments(inputs, settings), bias=bool(settings.get("bias", True)))
