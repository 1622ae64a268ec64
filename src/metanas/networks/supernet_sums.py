"""Weighted sums of large tensors, and weights that take a factor in: with as few passes over memory as there can be.

A factor of what an affine operation gives is a factor of its weights, which are small: ``c (W x + b) = (c W) x + c b``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from metanas.networks.layout import as_picture, like
from metanas.networks.operations.convolution import Conv, SeparableConv
from metanas.networks.operations.dense import Dense
from metanas.networks.operations.elementwise import EPSILON, LayerNorm
from metanas.networks.supernet_norm import BatchStatistics

Factor = Tensor | float


def _conv(module: Conv, x: Tensor, c: Factor) -> Tensor:
    bias = None if module.bias is None else module.bias * c
    return like(F.conv2d(as_picture(x), module.weight * c, bias, module.stride, module.padding, groups=module.groups), x)


def _separable(module: SeparableConv, x: Tensor, c: Factor) -> Tensor:
    return _conv(module.pointwise, module.depthwise(x), c)


def _dense(module: Dense, x: Tensor, c: Factor) -> Tensor:
    return F.linear(x, module.weight * c, None if module.bias is None else module.bias * c)


def _batch_norm(module: BatchStatistics, x: Tensor, c: Factor) -> Tensor:
    return F.batch_norm(x, None, None, module.weight * c, module.bias * c, True, 0.1, EPSILON)


def _layer_norm(module: LayerNorm, x: Tensor, c: Factor) -> Tensor:
    return F.layer_norm(x.movedim(1, -1), module.weight.shape, module.weight * c, module.bias * c, EPSILON).movedim(-1, 1)


SCALED: dict[type[nn.Module], Callable[[Any, Tensor, Factor], Tensor]] = {
    Conv: _conv,
    SeparableConv: _separable,
    Dense: _dense,
    BatchStatistics: _batch_norm,
    LayerNorm: _layer_norm,
}
"""By kind of module what computes its output times a factor."""


def weighted_sum(tensors: Sequence[Tensor], factors: Sequence[Factor], *, in_place: bool) -> Tensor:
    """The sum of ``factors[i] * tensors[i]``, differentiable any number of times.

    Args:
        tensors: of one shape, at least one.
        factors: numbers, or tensors without axes.
        in_place: whether one result may collect the terms; transforms of ``torch.func`` don't allow it.
    """
    if len(tensors) > 1 and (isinstance(factors[0], Tensor) or factors[0] != 1):  # begin with what needs no factor
        first = next((i for i, factor in enumerate(factors) if isinstance(factor, float) and factor == 1), 0)
        tensors = [tensors[first], *tensors[:first], *tensors[first + 1 :]]
        factors = [factors[first], *factors[:first], *factors[first + 1 :]]
    plain = isinstance(factors[0], float) and factors[0] == 1
    total, fresh = (tensors[0], False) if plain else (_times(tensors[0], factors[0], in_place), True)
    for x, factor in zip(tensors[1:], factors[1:], strict=True):
        if not in_place or torch.result_type(total, x) != total.dtype:
            total = total + (x if isinstance(factor, float) and factor == 1 else x * factor)
        elif isinstance(factor, float):
            total = total.add_(x, alpha=factor) if fresh else torch.add(total, x, alpha=factor)
        else:
            total = _plus(total, x, factor) if fresh else total + _times(x, factor, in_place)
        fresh = True
    return total


def _times(x: Tensor, factor: Factor, in_place: bool) -> Tensor:
    if isinstance(factor, float) or not in_place:
        return x * factor
    scaled: Tensor = _Times.apply(x, factor)  # type: ignore[no-untyped-call]
    return scaled


def _plus(total: Tensor, x: Tensor, factor: Tensor) -> Tensor:
    summed: Tensor = _Plus.apply(total, x, factor)  # type: ignore[no-untyped-call]
    return summed


class _Times(torch.autograd.Function):
    """A large tensor times a number, whose gradient is one product of two long vectors."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(x, factor)
        return x * factor

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (g,) = gradients
        x, factor = ctx.saved_tensors
        return (g * factor if ctx.needs_input_grad[0] else None), (_inner(g, x).to(factor.dtype) if ctx.needs_input_grad[1] else None)


class _Plus(torch.autograd.Function):
    """A large tensor to which another one, times a number, is added in place."""

    @staticmethod
    def forward(ctx: Any, total: Tensor, x: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(x, factor)
        ctx.mark_dirty(total)
        return total.addcmul_(x, factor.to(x.dtype)) if x.dtype == total.dtype else total.add_(x * factor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (g,) = gradients
        x, factor = ctx.saved_tensors
        by_x = (g * factor).to(x.dtype) if ctx.needs_input_grad[1] else None
        return g, by_x, (_inner(g, x).to(factor.dtype) if ctx.needs_input_grad[2] else None)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """The sum of all products, in float32 or wider."""
    if torch.is_grad_enabled() or a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float64) or a.stride() != b.stride():
        return (a * b).sum(dtype=torch.promote_types(a.dtype, torch.float32))
    axes = sorted(range(a.dim()), key=a.stride, reverse=True)
    flat_a, flat_b = a.permute(axes), b.permute(axes)
    if not flat_a.is_contiguous():
        return (a * b).sum()
    return torch.dot(flat_a.reshape(-1), flat_b.reshape(-1))
