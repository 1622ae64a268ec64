"""Batch normalisation of several tasks' examples, each task by its own statistics, with a rectifier in the same step if wanted.

Few-shot learning has no running statistics: every batch, support or query, is normalised by its own mean and variance (transductive, as in
MAML's experiments).

For one task and channel, ``m`` being means over its ``n`` values: ``u = r (x - m(x))`` with ``r = 1 / sqrt(var(x) + epsilon)`` and
``y = relu(w u + b)``. With ``g`` the gradient of ``w u + b``, ``a = m(g)`` and ``c = m(g u)`` (Ioffe and Szegedy 2015)::

    gb = n a    gw = n c    gx = k (g - a - c u)    with k = w r

Changed by ``vx``, ``vw``, ``vb``, with ``d = m(u vx)``::

    vr = -r^2 d    vu = r (vx - m(vx) - u d)    vy = w vu + vw u + vb where y > 0
    va = m(vg)     vc = m(vg u) + m(g vu)       m(g vu) = r (m(g vx) - a m(vx) - c d)
    vgx = (vw r + w vr) (g - a - c u) + k (vg - va - vc u - c vu)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metanas.meta.together.trace import Call, Changes, Trace
from metanas.meta.together.ways import rows, unrows
from metanas.networks.operations.elementwise import EPSILON


class BatchNorm:
    """The layer; weights ``(T, C)`` twice: scale and shift."""

    def __init__(self, *, rectified: bool) -> None:
        self.rectified = rectified

    def __call__(self, call: Call) -> Trace:
        """``(T * examples, C, ...)`` to the same shape."""
        return _Normed(call, rectified=self.rectified)


class _Normed(Trace):
    def __init__(self, call: Call, *, rectified: bool) -> None:
        x, self._tasks, self._rectified = call.x[0], call.tasks, rectified
        self._w, b = (w.unsqueeze(1) for w in call.w)
        values = rows(x, call.tasks)
        self._n = values.shape[1]
        u = values - values.mean(1, keepdim=True)
        self._r = (u * u).mean(1, keepdim=True).add_(EPSILON).rsqrt_()
        self._u = u.mul_(self._r)
        y = torch.addcmul(b, u, self._w)
        self._y = y.relu_() if rectified else y
        self.y = unrows(self._y, x)

    def _passed(self, g: Tensor) -> Tensor:
        """What the rectifier lets through."""
        return torch.ops.aten.threshold_backward(g, self._y, 0) if self._rectified else g

    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        self._g = g = self._passed(rows(gy, self._tasks))
        gb, gw = g.sum(1, keepdim=True), (g * self._u).sum(1, keepdim=True)
        self._a, self._c, self._k = gb / self._n, gw / self._n, self._w * self._r
        gx = torch.addcmul(-self._k * self._a, g, self._k).addcmul_(self._u, -self._k * self._c)
        return [unrows(gx, gy)], [gw.squeeze(1), gb.squeeze(1)]

    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        self._vw, vb = (torch.zeros_like(self._k) if v is None else v.unsqueeze(1) for v in vw)
        self._vx = None if vx[0] is None else rows(vx[0], self._tasks)
        self._m = self._d = torch.zeros_like(self._k)
        if self._vx is None:
            vy = torch.addcmul(vb, self._u, self._vw)
        else:
            self._m, self._d = self._vx.mean(1, keepdim=True), (self._u * self._vx).mean(1, keepdim=True)
            vy = torch.addcmul(vb - self._k * self._m, self._vx, self._k).addcmul_(self._u, self._vw - self._k * self._d)
        return unrows(self._passed(vy), self.y)

    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        vg = self._passed(rows(vgy, self._tasks))
        a, c, k, r, m, d = self._a, self._c, self._k, self._r, self._m, self._d
        va, vc = vg.mean(1, keepdim=True), (vg * self._u).mean(1, keepdim=True)
        if self._vx is not None:
            vc += r * ((self._g * self._vx).mean(1, keepdim=True) - a * m - c * d)
        # vgx is a sum of vg, g, u and vx, each times a number for its channel.
        of_g, of_vx = self._vw * r - self._w * r * r * d, -k * c * r
        vgx = torch.addcmul(-(of_g * a + k * va + of_vx * m), vg, k).addcmul_(self._g, of_g)
        vgx.addcmul_(self._u, -(of_g * c + k * vc + of_vx * d))
        if self._vx is not None:
            vgx.addcmul_(self._vx, of_vx)
        into[0].add_(vc.squeeze(1), alpha=scale * self._n)
        into[1].add_(va.squeeze(1), alpha=scale * self._n)
        return [unrows(vgx, vgy)]
