"""Pooling: windows, and everything at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.layout import as_picture, like, positions
from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer


class Pool(nn.Module):
    """Maximum or average over windows; padding never counts."""

    def __init__(self, kind: str, kernel: int, stride: int, axes: int) -> None:
        super().__init__()
        self.kind = kind
        centred = kernel // 2 if kernel % 2 else 0
        self.kernel = (kernel, kernel) if axes == 2 else (1, kernel)
        self.stride = (stride, stride) if axes == 2 else (1, stride)
        self.padding = (centred, centred) if axes == 2 else (0, centred)
        self.ceil = kernel % 2 == 0

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, ...)``, lengths divided by the stride and rounded up."""
        if self.kind == "max":
            pooled = F.max_pool2d(as_picture(x), self.kernel, self.stride, self.padding, ceil_mode=self.ceil)
        else:
            pooled = F.avg_pool2d(as_picture(x), self.kernel, self.stride, self.padding, ceil_mode=self.ceil, count_include_pad=False)
        return like(pooled, x)


class GlobalPool(nn.Module):
    """One vector of all positions: average, maximum, both side by side, or the last time step; padding never counts."""

    takes_mask = True

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in ("avg", "max", "last", "both"):
            raise ValueError(f"no global pooling {kind!r}; known: avg, max, last, both")
        self.kind = kind

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(batch, channels, ...)`` to ``(batch, channels)``, or ``2 * channels`` for ``both``; zeros where all is padding."""
        if x.dim() == 2:
            return torch.cat([x, x], dim=1) if self.kind == "both" else x
        if self.kind == "last":
            return _last(x, mask)
        if self.kind == "avg":
            return _average(x, mask)
        if self.kind == "max":
            return _maximum(x, mask)
        return torch.cat([_average(x, mask), _maximum(x, mask)], dim=1)


def _average(x: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return positions(x).mean(dim=1)
    kept = mask.unsqueeze(1).to(x.dtype)
    return (x * kept).sum(dim=2) / kept.sum(dim=2).clamp(min=1)


def _maximum(x: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return positions(x).amax(dim=1)
    lowest = torch.finfo(x.dtype).min
    return x.masked_fill(~mask.unsqueeze(1), lowest).amax(dim=2) * mask.any(dim=1, keepdim=True)


def _last(x: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return x[:, :, -1]
    last = (lengths(mask) - 1).clamp(min=0)
    index = last[:, None, None].expand(-1, x.shape[1], 1)
    return x.gather(2, index).squeeze(2) * mask.any(dim=1, keepdim=True)


def lengths(mask: Tensor) -> Tensor:
    """Number of time steps up to the last one that is no padding, int64 ``(batch,)``, of a mask ``(batch, time)``."""
    steps = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (steps * mask).amax(dim=1)


def _windows(kind: str, inputs: Inputs, settings: Settings) -> nn.Module:
    return Pool(kind, integer(settings, "kernel"), integer(settings, "stride", 1), len(inputs[0]) - 1)


@builds("max_pool")
def max_pool(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``max_pool``."""
    return _windows("max", inputs, settings)


@builds("avg_pool")
def avg_pool(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``avg_pool``."""
    return _windows("avg", inputs, settings)


@builds("global_pool")
def global_pool(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``global_pool``.

    Raises:
        ValueError: for an unknown kind.
    """
    return GlobalPool(str(settings["kind"]))
