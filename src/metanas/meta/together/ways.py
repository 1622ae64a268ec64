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
    """One way; ``columns`` is what :meth:`columns` made of the input ``(T * examples, C, height, width)``."""

    def __init__(self, geometry: Geometry, channels: int, size: Pair) -> None:
        self.geometry, self.channels, self.size = geometry, channels, size
        self.out = geometry.output(size)

    @abstractmethod
    def columns(self, x: Tensor, tasks: int) -> Tensor:
        """The input as the other methods want it."""

    @abstractmethod
    def output(self, columns: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``f(x, w)`` as rows, plus ``f`` of a second pair of columns and kernels if ``more`` has one."""

    @abstractmethod
    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``f_x(gy, w)``, plus that of a second pair of gradients and kernels if ``more`` has one: ``(T * examples, C, height, width)``."""

    @abstractmethod
    def weight_gradient(self, columns: Tensor, gy: Tensor) -> Tensor:
        """``f_w(x, gy)``."""

    def add_weight_gradient(self, columns: Tensor, gy: Tensor, into: Tensor, scale: float) -> None:
        """Add ``scale * f_w(x, gy)``."""
        into.add_(self.weight_gradient(columns, gy), alpha=scale)


class Patches(Way):
    """By products with the patches that the kernel sees, ``(T, M, K)``: best while these stay in the processor's cache."""

    def columns(self, x: Tensor, tasks: int) -> Tensor:
        """``(T, M, K)``."""
        pictures = x.movedim(1, -1)
        if self._pointwise:
            return pictures.reshape(tasks, -1, self.channels)
        (kh, kw), (ph, pw) = self.geometry.kernel, self.geometry.padding
        padded = torch.nn.functional.pad(pictures, (0, 0, pw, pw, ph, ph))
        return self._windows(padded).reshape(tasks, -1, kh * kw * self.channels)

    def output(self, columns: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T, M, U)``."""
        y = torch.bmm(columns, w.mT)
        return y.baddbmm_(more[0], more[1].mT) if more else y

    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """Every patch's gradient added to where the patch was."""
        patches = torch.bmm(gy, w)
        if more:
            patches.baddbmm_(*more)
        return self._folded(patches.float() if patches.dtype == torch.bfloat16 else patches)

    def _folded(self, patches: Tensor) -> Tensor:
        if self._pointwise:
            return patches.view(-1, *self.size, self.channels).movedim(-1, 1)
        (kh, kw), (ph, pw), (height, width) = self.geometry.kernel, self.geometry.padding, self.size
        taps = patches.view(-1, *self.out, kh * kw, self.channels)
        padded = patches.new_zeros(len(taps), height + 2 * ph, width + 2 * pw, self.channels)
        places = [place for row in self._windows(padded).unbind(3) for place in row.unbind(3)]
        torch._foreach_add_(places, taps.unbind(3))  # one call: places overlap, and it adds one after the other
        return padded[:, ph : ph + height, pw : pw + width].movedim(-1, 1)

    def weight_gradient(self, columns: Tensor, gy: Tensor) -> Tensor:
        """``(T, U, K)``."""
        return torch.bmm(gy.mT, columns)

    def add_weight_gradient(self, columns: Tensor, gy: Tensor, into: Tensor, scale: float) -> None:
        """Add ``scale * f_w(x, gy)``."""
        into.baddbmm_(gy.mT, columns, alpha=scale)

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

    def columns(self, x: Tensor, tasks: int) -> Tensor:
        """``(T, examples, C, height, width)``."""
        return by_task(x, tasks)

    def output(self, columns: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T, M, U)``."""
        stride, padding = self.geometry.stride, self.geometry.padding
        parts = [rows(torch.conv2d(x, kernel, None, stride, padding), 1) for x, kernel in zip(columns, self._kernels(w), strict=True)]
        y = torch.cat(parts) if len(parts) > 1 else parts[0]
        return y.add_(self.output(*more)) if more else y

    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T * examples, C, height, width)``."""
        each = self._pictures(gy)
        like = gy.new_empty(1).expand(each.shape[1], self.channels, *self.size)
        parts = [self._backward(g, like, kernel, 0) for g, kernel in zip(each, self._kernels(w), strict=True)]
        x = torch.cat(parts) if len(parts) > 1 else parts[0]
        return x.add_(self.input_gradient(*more)) if more else x

    def weight_gradient(self, columns: Tensor, gy: Tensor) -> Tensor:
        """``(T, U, K)``."""
        like = gy.new_empty(1).expand(gy.shape[2], self.channels, *self.geometry.kernel)
        parts = [self._backward(g, x, like, 1) for g, x in zip(self._pictures(gy), columns, strict=True)]
        return torch.stack([part.movedim(1, -1).flatten(1) for part in parts])

    def _kernels(self, w: Tensor) -> Tensor:
        """``(T, U, C, *kernel)``."""
        return w.view(*w.shape[:2], *self.geometry.kernel, self.channels).movedim(-1, 2)

    def _pictures(self, gy: Tensor) -> Tensor:
        """Rows as ``(T, examples, U, height, width)``."""
        return gy.view(len(gy), -1, *self.out, gy.shape[2]).movedim(-1, 2)

    def _backward(self, gy: Tensor, x: Tensor, w: Tensor, which: int) -> Tensor:
        sizes = (self.geometry.stride, self.geometry.padding, (1, 1), False, (0, 0), 1)
        return cast(Tensor, torch.ops.aten.convolution_backward(gy, x, w, None, *sizes, [which == 0, which == 1, False])[which])


class Rounded(Way):
    """Another way, with the factors of its products rounded to bfloat16 (which are summed in float32).

    "Mixed Precision Training", Micikevicius et al. 2018: weights and all that stands between the layers stay as they are.

    Args:
        way: that computes the products.
        gradients: that computes gradients of the input, if another one is better at that.
    """

    def __init__(self, way: Way, gradients: Way | None = None) -> None:
        super().__init__(way.geometry, way.channels, way.size)
        self._way, self._gradients = way, gradients or way

    def columns(self, x: Tensor, tasks: int) -> Tensor:
        """As the other way has them, rounded."""
        return self._way.columns(x.bfloat16(), tasks)

    def output(self, columns: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T, M, U)``."""
        return self._way.output(columns, *(a.bfloat16() for a in (w, *more))).to(w.dtype)

    def input_gradient(self, gy: Tensor, w: Tensor, *more: Tensor) -> Tensor:
        """``(T * examples, C, height, width)``."""
        return self._gradients.input_gradient(*(a.bfloat16() for a in (gy, w, *more))).to(w.dtype)

    def weight_gradient(self, columns: Tensor, gy: Tensor) -> Tensor:
        """``(T, U, K)``."""
        return self._way.weight_gradient(columns, gy.bfloat16()).to(gy.dtype)
