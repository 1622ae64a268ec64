"""Sums of values, each task with factors of its own: ``y = sum over j of c_j x_j``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metanas.meta.together.trace import Call, Changes, Trace


class WeightedSum:
    """The layer. Inputs: factors ``(T, factors)``, then the values ``(T * examples, ...)``, channels innermost in memory.

    Args:
        columns: which factor belongs to which value.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        self.columns = list(columns)

    def __call__(self, call: Call) -> Trace:
        """To the shape of the values."""
        return _Summed(call, self.columns)


class _Summed(Trace):
    def __init__(self, call: Call, columns: list[int]) -> None:
        self._call, self._all = call, call.x[0]
        self._columns = torch.tensor(columns, device=self._all.device)
        self._c = self._all[:, columns].unsqueeze(2).unbind(1)
        self._like = call.x[1].movedim(1, -1)
        self._x = [self._flat(x) for x in call.x[1:]]
        y = self._x[0] * self._c[0]
        for x, c in zip(self._x[1:], self._c[1:], strict=True):
            y.addcmul_(x, c)
        self.y = self._unflat(y)

    def _flat(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1).reshape(self._call.tasks, -1)

    def _unflat(self, y: Tensor) -> Tensor:
        return y.view(self._like.shape).movedim(-1, 1)

    def _factors(self, found: Sequence[Tensor]) -> Tensor:
        return torch.zeros_like(self._all).index_add_(1, self._columns, torch.stack(list(found), 1))

    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        self._g = g = self._flat(gy)
        gx = [self._unflat(g * c) if needed else None for c, needed in zip(self._c, self._call.needed[1:], strict=True)]
        return [self._factors([torch.linalg.vecdot(g, x) for x in self._x]) if self._call.needed[0] else None, *gx], []

    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        self._vc = None if vx[0] is None else vx[0][:, self._columns].unsqueeze(2).unbind(1)
        self._vx = [None if v is None else self._flat(v) for v in vx[1:]]
        parts = [] if self._vc is None else list(zip(self._x, self._vc, strict=True))
        parts += [(v, c) for v, c in zip(self._vx, self._c, strict=True) if v is not None]
        if not parts:
            return None
        vy = parts[0][0] * parts[0][1]
        for v, c in parts[1:]:
            vy.addcmul_(v, c)
        return self._unflat(vy)

    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        vg, changed = self._flat(vgy), self._vc or [None] * len(self._c)
        vgx: list[Tensor | None] = []
        for c, vc, needed in zip(self._c, changed, self._call.needed[1:], strict=True):
            own = vg * c if needed else None
            vgx.append(None if own is None else self._unflat(own if vc is None else own.addcmul_(self._g, vc)))
        if not self._call.needed[0]:
            return [None, *vgx]
        along = (torch.linalg.vecdot(vg, x) for x in self._x)
        across = (0.0 if v is None else torch.linalg.vecdot(self._g, v) for v in self._vx)
        return [self._factors([a + b for a, b in zip(along, across, strict=True)]), *vgx]
