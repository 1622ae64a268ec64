"""Operations whose input channels may be absent: they are applied to those that are there, with the weights of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.layout import as_picture, like
from metanas.networks.operations.convolution import Conv, SeparableConv
from metanas.networks.operations.dense import Dense
from metanas.spaces.shape import Shape
from metanas.spaces.steps import Apply

INPUT_AXES: Mapping[str, Mapping[str, int]] = {
    "conv": {"weight": 1},
    "sep_conv": {"depthwise.weight": 0, "pointwise.weight": 1},
    "dense": {"weight": 1},
    **{op: {"forwards.weight_ih_l0": 1, "backwards.weight_ih_l0": 1} for op in ("rnn", "lstm", "gru")},
}
"""By operation and weight the axis that runs over the input's channels."""


def with_channels(
    step: Apply, module: nn.Module, sources: Sequence[int | None], values: Mapping[int, Tensor], zeros: Callable[[Shape], Tensor]
) -> Tensor:
    """The operation ``step`` on those of its input channels that are there (``sources`` is None for the others)."""
    sizes = step.parts
    there = [i for i, n in enumerate(sources) if n is not None]
    found = [values[n] for n in sources if n is not None]
    if len(there) < len(sizes) and isinstance(module, Conv | SeparableConv | Dense) and there:
        kept = [(sum(sizes[:i]), sizes[i]) for i in there]
        return _narrow(module, found[0] if len(found) == 1 else torch.cat(found, dim=1), kept)
    rest = step.shapes[0][1:]
    filled = [zeros((size, *rest)) if n is None else values[n] for n, size in zip(sources, sizes, strict=True)]
    out: Tensor = module(torch.cat(filled, dim=1))
    return out


def _narrow(module: Conv | SeparableConv | Dense, x: Tensor, kept: Sequence[tuple[int, int]]) -> Tensor:
    if isinstance(module, Dense):
        return F.linear(x, channels(module.weight, 1, kept), module.bias)
    if isinstance(module, Conv):
        return like(F.conv2d(as_picture(x), channels(module.weight, 1, kept), module.bias, module.stride, module.padding), x)
    deep, weight = module.depthwise, channels(module.depthwise.weight, 0, kept)
    hidden = F.conv2d(as_picture(x), weight, None, deep.stride, deep.padding, groups=len(weight))
    return like(F.conv2d(hidden, channels(module.pointwise.weight, 1, kept), module.pointwise.bias), x)


def channels(weight: Tensor, axis: int, kept: Sequence[tuple[int, int]]) -> Tensor:
    """Of ``weight`` the channels ``kept`` (first and number) along ``axis``."""
    parts = [weight.narrow(axis, first, number) for first, number in kept]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=axis)
