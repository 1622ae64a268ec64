"""Ways to compute a convolution of several tasks' examples, each task with kernels of its own, and its two transposes.

A convolution ``y = f(x, w)`` is linear in both arguments; with its transposes ``f_x(gy, w)`` and ``f_w(x, gy)`` all its derivatives of all
orders are sums of these three. Two ways to compute them, whichever is faster: as products of matrices (:class:`Patches`), or by PyTorch's
kernels, task by task (:class:`Direct`).

Notation: ``C`` channels in, ``U`` out, ``K`` = kernel height x kernel width x ``C``, ``M`` = examples of a task x height x width of the
output. Kernels are matrices ``(T, U, K)``; gradients of the output are rows ``(T, M, U)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Sizes of one convolution, each as (height, width)."""

    kernel: Pair
    stride: Pair
    padding: Pair

    def output(self, size: Pair) -> Pair:
        """Height and width of the output for an input of this height and width."""
        sizes = zip(size, self.kernel, self.stride, self.padding, strict=True)
        height, width = ((n + 2 * padding - kernel) // stride + 1 for n, kernel, stride, padding in sizes)
        return height, width


def by_task(x: Tensor, tasks: int) -> Tensor:
    """``(T * examples, ...)`` as ``(T, examples, ...)``: a view."""
    return x.view(tasks, -1, *x.shape[1:])


def rows(x: Tensor, tasks: int) -> Tensor:
    """``(T * examples, C, ...)`` as ``(T, M, C)``: a view where channels stand innermost in memory."""
    return x.movedim(1, -1).reshape(tasks, -1, x.shape[1])


def unrows(y: Tensor, like: Tensor) -> Tensor:
    """``(T, M, C)`` as ``(T * examples, C, ...)``, with the examples and positions of ``like``."""
    return y.view(len(like), *like.shape[2:], y.shape[-1]).movedim(-1, 1)


class Way(ABC):
    """One way to convolve ``(T * examples, C, height, width)``.

    Args:
        geometry: kernel, stride and padding.
        channels: ``C``.
        size: height and width of the input.
        rounded: whether the factors of the products are rounded to bfloat16 and summed in float32 ("Mixed Precision Training",
            Micikevicius et al. 2018); what goes in and comes out is not.
    """

    def __init__(self, geometry: Geometry, channels: int, size: Pair, *, rounded: bool = False) -> None:
        self.geometry, self.channels, self.size, self.rounded = geometry, channels, size, rounded
        self.out = geometry.output(size)

    @abstractmethod
    def prepared(self, x: Tensor, tasks: int) -> Tensor:
        """The input ``(T * examples, C, height, width)`` as the other methods take it."""

    @abstractmethod
    def output(self, x: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``f(x, w)`` as rows, plus ``f`` of a second pair of inputs and kernels if ``more`` has one."""

    @abstractmethod
    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``f_x(gy, w)``, plus that of a second pair of gradients and kernels if ``more`` has one: ``(T * examples, C, height, width)``."""

    @abstractmethod
    def weight_gradient(self, x: Tensor, gy: Tensor) -> Tensor:
        """``f_w(x, gy)``."""

    def add_weight_gradient(self, x: Tensor, gy: Tensor, into: Tensor, scale: float) -> None:
        """Add ``scale * f_w(x, gy)``."""
        into.add_(self.weight_gradient(x, gy), alpha=scale)

    def factor(self, a: Tensor) -> Tensor:
        """``a`` as a factor of a product."""
        return a.bfloat16() if self.rounded else a


class Patches(Way):
    """By products with the patches that the kernel sees, ``(T, M, K)``: best while these are few."""

    def prepared(self, x: Tensor, tasks: int) -> Tensor:
        """The patches."""
        pictures = self.factor(x).movedim(1, -1)
        if self._pointwise:
            return pictures.reshape(tasks, -1, self.channels)
        ph, pw = self.geometry.padding
        windows = self._windows(torch.nn.functional.pad(pictures, (0, 0, pw, pw, ph, ph)))
        return windows.reshape(tasks, -1, windows.shape[3:].numel())

    def output(self, x: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T, M, U)``."""
        y = torch.bmm(x, self.factor(w).mT)
        if more:
            y.baddbmm_(more[0], self.factor(more[1]).mT)
        return y.to(w.dtype)

    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """Every patch's gradient added to where the patch was."""
        patches = torch.bmm(self.factor(gy), self.factor(w))
        if more:
            patches.baddbmm_(*(self.factor(a) for a in more))
        patches = patches.to(gy.dtype)
        (kh, kw), (ph, pw), (height, width) = self.geometry.kernel, self.geometry.padding, self.size
        if self._pointwise:
            return patches.view(-1, height, width, self.channels).movedim(-1, 1)
        taps = patches.view(-1, *self.out, kh * kw, self.channels)
        padded = patches.new_zeros(len(taps), height + 2 * ph, width + 2 * pw, self.channels)
        places = [place for row in self._windows(padded).unbind(3) for place in row.unbind(3)]
        torch._foreach_add_(places, taps.unbind(3))  # one call: places overlap, and it adds one after the other
        return padded[:, ph : ph + height, pw : pw + width].movedim(-1, 1)

    def weight_gradient(self, x: Tensor, gy: Tensor) -> Tensor:
        """``(T, U, K)``."""
        return torch.bmm(self.factor(gy).mT, x).to(gy.dtype)

    def add_weight_gradient(self, x: Tensor, gy: Tensor, into: Tensor, scale: float) -> None:
        """Add ``scale * f_w(x, gy)``."""
        if self.rounded:
            super().add_weight_gradient(x, gy, into, scale)
        else:
            into.baddbmm_(gy.mT, x, alpha=scale)

    @property
    def _pointwise(self) -> bool:
        return self.geometry == Geometry((1, 1), (1, 1), (0, 0))

    def _windows(self, padded: Tensor) -> Tensor:
        """The view ``(pictures, height, width, kernel height, kernel width, C)`` of padded pictures ``(pictures, ..., ..., C)``."""
        (kh, kw), (sh, sw) = self.geometry.kernel, self.geometry.stride
        n, h, w, c = padded.stride()
        return padded.as_strided((len(padded), *self.out, kh, kw, self.channels), (n, h * sh, w * sw, h, w, c))


class Direct(Way):
    """By PyTorch's kernels, one task after the other: best for many or large pictures of many channels."""

    def prepared(self, x: Tensor, tasks: int) -> Tensor:
        """``(T, examples, C, height, width)``."""
        return by_task(self.factor(x), tasks)

    def output(self, x: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T, M, U)``."""
        stride, padding, tasks = self.geometry.stride, self.geometry.padding, len(w)
        pairs = zip(x, self._kernels(self.factor(w)), strict=True)
        parts = [rows(torch.conv2d(pictures, kernel, None, stride, padding), 1) for pictures, kernel in pairs]
        y = (torch.cat(parts) if tasks > 1 else parts[0]).to(w.dtype)
        return y.add_(self.output(*more)) if more else y

    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T * examples, C, height, width)``."""
        each = self._pictures(self.factor(gy))
        like = each.new_empty(1).expand(each.shape[1], self.channels, *self.size)
        parts = [self._backward(g, like, kernel, 0) for g, kernel in zip(each, self._kernels(self.factor(w)), strict=True)]
        x = (torch.cat(parts) if len(parts) > 1 else parts[0]).to(gy.dtype)
        return x.add_(self.input_gradient(*more)) if more else x

    def weight_gradient(self, x: Tensor, gy: Tensor) -> Tensor:
        """``(T, U, K)``."""
        each = self._pictures(self.factor(gy))
        like = each.new_empty(1).expand(gy.shape[2], self.channels, *self.geometry.kernel)
        parts = [self._backward(g, pictures, like, 1) for g, pictures in zip(each, x, strict=True)]
        return torch.stack([part.movedim(1, -1).flatten(1) for part in parts]).to(gy.dtype)

    def _kernels(self, w: Tensor) -> Tensor:
        """``(T, U, C, *kernel)``."""
        return w.view(*w.shape[:2], *self.geometry.kernel, self.channels).movedim(-1, 2)

    def _pictures(self, gy: Tensor) -> Tensor:
        """Rows as ``(T, examples, U, height, width)``."""
        return gy.view(len(gy), -1, *self.out, gy.shape[2]).movedim(-1, 2)

    def _backward(self, gy: Tensor, x: Tensor, w: Tensor, which: int) -> Tensor:
        sizes = (self.geometry.stride, self.geometry.padding, (1, 1), False, (0, 0), 1)
        return cast(Tensor, torch.ops.aten.convolution_backward(gy, x, w, None, *sizes, [which == 0, which == 1, False])[which])
