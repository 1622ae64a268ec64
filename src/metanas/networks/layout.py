"""Channels last: in memory the channels of pictures and sequences stand innermost, whatever the order of the axes says.

On CPUs this is the layout in which small convolutions are fastest. Sequences ``(batch, channels, time)`` pass convolutions,
pooling and normalisation as pictures of height 1, which takes about half the time of PyTorch's one-dimensional operations.
"""

from __future__ import annotations

import torch
from torch import Tensor


def channels_last(x: Tensor) -> Tensor:
    """``x`` ``(batch, channels, ...)`` with channels innermost in memory; vectors unchanged.

    A single channel is said to be innermost, too: where strides leave it open, PyTorch's convolutions take channels to be outermost, and
    all that follows would mix layouts.
    """
    if x.dim() < 3:
        return x
    inner = x.movedim(1, -1).contiguous()
    if x.shape[1] == 1:
        inner = torch.unflatten(inner.flatten(-2), -1, inner.shape[-2:])
    return inner.movedim(-1, 1)


def as_picture(x: Tensor) -> Tensor:
    """``(batch, channels, time)`` as ``(batch, channels, 1, time)``; pictures unchanged."""
    return x.unsqueeze(2) if x.dim() == 3 else x


def positions(x: Tensor) -> Tensor:
    """``(batch, channels, ...)`` as ``(batch, positions, channels)``.

    Reducing this over the positions passes gradients back with channels innermost; PyTorch's reduction of several axes doesn't, and all
    layers before it would then work on mixed layouts.
    """
    return x.movedim(1, -1).flatten(1, -2)


def like(picture: Tensor, x: Tensor) -> Tensor:
    """``picture`` with the number of axes of ``x``: undoes :func:`as_picture`."""
    return picture.squeeze(2) if x.dim() == 3 else picture
