"""Global average pooling, which is linear."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from metanas.meta.together.each import Plain
from metanas.meta.together.trace import Call, Changes, Trace
from metanas.networks.layout import positions
from metanas.networks.operations.pooling import GlobalPool


class Average:
    """The layer; padded sequences take the module's own way."""

    def __init__(self, module: GlobalPool) -> None:
        self._module = Plain(module, masked=True)

    def __call__(self, call: Call) -> Trace:
        """``(T * examples, C, ...)`` to ``(T * examples, C)``."""
        return _Averaged(call.x[0]) if call.mask is None and call.x[0].dim() > 2 else self._module(call)


class _Averaged(Trace):
    def __init__(self, x: Tensor) -> None:
        self._x, self._number = x, x.shape[2:].numel()
        self.y = positions(x).mean(1)

    def _spread(self, gy: Tensor) -> Tensor:
        each = (gy / self._number).unsqueeze(1).expand(-1, self._number, -1)
        return each.reshape(self._x.movedim(1, -1).shape).movedim(-1, 1)

    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        return [self._spread(gy)], []

    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        return None if vx[0] is None else positions(vx[0]).mean(1)

    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        return [self._spread(vgy)]
