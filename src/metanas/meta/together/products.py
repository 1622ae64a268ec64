"""Layers whose output is a product of their input with weights: convolutions and dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from metanas.meta.together.trace import Call, Changes, Trace
from metanas.meta.together.ways import Direct, Geometry, Patches, Way, rows
from metanas.networks.layout import as_picture, like
from metanas.networks.operations.convolution import Conv

MOST_NUMBERS = 400_000
"""Where a task's patches have more numbers, PyTorch's own kernels are faster on a CPU; measured with 64 channels."""


class Convolution:
    """A convolution whose output channels see all input channels. Weights: kernels ``(T, U, K)``, and perhaps a bias ``(T, U)``."""

    def __init__(self, conv: Conv) -> None:
        self.geometry = geometry_of(conv)

    def __call__(self, call: Call) -> Trace:
        """``(T * examples, C, ...)`` to ``(T * examples, U, ...)``."""
        x = as_picture(call.x[0])
        return _Product(call, x, way(self.geometry, x, call.tasks, rounded=call.rounded))


class Dense:
    """A dense layer on vectors. Weights: ``(T, U, C)``, and perhaps a bias ``(T, U)``."""

    def __call__(self, call: Call) -> Trace:
        """``(T * examples, C)`` to ``(T * examples, U)``."""
        x = call.x[0]
        return _Product(call, x[:, :, None, None], Patches(Geometry((1, 1), (1, 1), (0, 0)), x.shape[1], (1, 1)))


def way(geometry: Geometry, x: Tensor, tasks: int, *, rounded: bool = False) -> Way:
    """The faster way to convolve ``x`` ``(T * examples, C, height, width)``; ``rounded`` to bfloat16 if there are channels enough."""
    size, channels = (x.shape[2], x.shape[3]), x.shape[1]
    numbers = len(x) // tasks * prod(geometry.output(size)) * prod(geometry.kernel) * channels
    direct = numbers > MOST_NUMBERS and channels >= 8 and x.device.type == "cpu"
    return (Direct if direct else Patches)(geometry, channels, size, rounded=rounded and channels >= 8)


def geometry_of(conv: Conv) -> Geometry:
    """Kernel, stride and padding of a convolution; a sequence is a picture of height 1."""
    height, width = conv.weight.shape[2:]
    return Geometry((height, width), conv.stride, conv.padding)


class _Product(Trace):
    def __init__(self, call: Call, x: Tensor, way: Way) -> None:
        self._way, self._like, self._tasks, self._needed = way, call.x[0], call.tasks, call.needed[0]
        self._w, *self._bias = call.w
        self._x = way.prepared(x, call.tasks)
        y = way.output(self._x, self._w)
        self.y = self._picture(y.add_(self._bias[0].unsqueeze(1)) if self._bias else y)

    def _picture(self, y: Tensor) -> Tensor:
        pictures = y.view(len(self._like), *self._way.out, y.shape[2]).movedim(-1, 1)
        return pictures.flatten(1) if self._like.dim() == 2 else like(pictures, self._like)

    def _input_gradient(self, *pairs: Tensor) -> Tensor:
        gx = self._way.input_gradient(*pairs)
        return gx.flatten(1) if self._like.dim() == 2 else like(gx, self._like)

    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        self._gy = rows(gy, self._tasks)
        gx = self._input_gradient(self._gy, self._w) if self._needed else None
        gw = self._way.weight_gradient(self._x, self._gy)
        return [gx], [gw, self._gy.sum(1)] if self._bias else [gw]

    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        self._vw, change = vw[0], vx[0]
        self._changed = None
        pairs: list[Tensor] = []
        if change is not None:
            picture = change[:, :, None, None] if change.dim() == 2 else as_picture(change)
            self._changed = self._way.prepared(picture, self._tasks)
            pairs += [self._changed, self._w]
        if self._vw is not None:
            pairs += [self._x, self._vw]
        vy = self._way.output(*pairs) if pairs else None
        if self._bias and vw[1] is not None:
            vy = vw[1].unsqueeze(1).expand_as(self._gy).contiguous() if vy is None else vy.add_(vw[1].unsqueeze(1))
        return None if vy is None else self._picture(vy)

    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        vg, vgx = rows(vgy, self._tasks), None
        if self._needed:
            vgx = self._input_gradient(vg, self._w, *([] if self._vw is None else [self._gy, self._vw]))
        self._way.add_weight_gradient(self._x, vg, into[0], scale)
        if self._changed is not None:
            self._way.add_weight_gradient(self._changed, self._gy, into[0], scale)
        if self._bias:
            torch.add(into[1], vg.sum(1), alpha=scale, out=into[1])
        return [vgx]
