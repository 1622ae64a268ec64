"""Depthwise convolutions, all tasks' channels side by side in one call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metanas.meta.together.trace import Call, Derived, Trace
from metanas.networks.layout import as_picture, like
from metanas.networks.operations.convolution import Conv


class Depthwise:
    """A convolution of each channel by itself. Weights: kernels ``(T, C, 1, height, width)``.

    A task's channels are like further channels of one picture, so that PyTorch's kernel runs once and not for each task.
    """

    def __init__(self, conv: Conv) -> None:
        self.stride, self.padding = conv.stride, conv.padding

    def __call__(self, call: Call) -> Trace:
        """``(T * examples, C, ...)`` to ``(T * examples, C, ...)``."""
        return Derived(call, self._together)

    def _together(self, w: Sequence[Tensor], x: Sequence[Tensor]) -> Tensor:
        kernels, picture = w[0], as_picture(x[0])
        tasks, channels = kernels.shape[:2]
        aside = picture.view(tasks, -1, *picture.shape[1:]).movedim(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        y = torch.conv2d(aside, kernels.flatten(0, 1), None, self.stride, self.padding, groups=tasks * channels)
        y = y.view(len(y), tasks, channels, *y.shape[2:]).movedim(1, 0).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return like(y, x[0])
