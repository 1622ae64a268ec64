"""A convolution of constant pictures with the batch normalisation after it, in one product.

The first layer of a network sees the same pictures in every inner step, and its patches have few numbers (9 for a 3x3 kernel on one
channel), but its output is the largest of all. Its variance follows from that of the patches: with patches ``p`` of mean 0 and covariance
``S`` and kernels ``w``, the output ``p w`` has mean 0 and variance ``w' S w``. So normalisation becomes a factor of the kernels, and
neither it nor its derivatives ever pass over the output.

For one task and output channel, with ``z = S w`` and ``r = 1 / sqrt(w' z + epsilon)``, scale ``a`` and shift ``b`` of the normalisation:
``y = relu(p k + b)`` with ``k = w s`` and ``s = a r``. Then, from the gradient ``gk``::

    gw = gk s - e z    ga = r gs    with gs = w' gk and e = a r^3 gs
    vr = -r^3 z' vw    vs = va r + a vr    vk = vw s + w vs
    vgw = vgk s + gk vs - ve z - e S vw    vga = vr gs + r vgs    with ve = (va r^3 + 3 a r^2 vr) gs + a r^3 vgs
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metanas.meta.together.products import geometry_of
from metanas.meta.together.trace import Call, Changes, Trace
from metanas.meta.together.ways import Geometry, Patches, rows
from metanas.networks.layout import as_picture, like
from metanas.networks.operations.convolution import Conv
from metanas.networks.operations.elementwise import EPSILON

MOST_NUMBERS = 64
"""Patches of more numbers than this are not worth their covariance."""


class FirstConvolution:
    """The layer. Weights: kernels ``(T, U, K)``, perhaps a bias (which cancels out), scale and shift ``(T, U)`` of the normalisation.

    Args:
        conv: the convolution.
        rectified: whether ``relu`` follows.
    """

    def __init__(self, conv: Conv, *, rectified: bool) -> None:
        self.geometry, self.rectified = geometry_of(conv), rectified

    def __call__(self, call: Call) -> Trace:
        """``(T * examples, C, ...)`` to ``(T * examples, U, ...)``."""
        if "patches" not in call.memo:
            call.memo.update(_patches(as_picture(call.x[0]), call.tasks, self.geometry))
        return _First(call, self.geometry, rectified=self.rectified)


def _patches(x: Tensor, tasks: int, geometry: Geometry) -> dict[str, Tensor]:
    """Centred patches ``(T, M, K)``, a column of ones after them, and their covariance ``(T, K, K)``."""
    patches = Patches(geometry, x.shape[1], (x.shape[2], x.shape[3])).prepared(x, tasks)
    centred = patches - patches.mean(1, keepdim=True)
    covariance = torch.bmm(centred.mT, centred).div_(centred.shape[1])
    return {"patches": torch.nn.functional.pad(centred, (0, 1), value=1.0), "covariance": covariance}


class _First(Trace):
    def __init__(self, call: Call, geometry: Geometry, *, rectified: bool) -> None:
        self._call, self._rectified, picture = call, rectified, as_picture(call.x[0])
        self._patches, self._covariance = call.memo["patches"], call.memo["covariance"]
        self._w, self._a = call.w[0].mT, call.w[-2].unsqueeze(1)
        self._z = torch.bmm(self._covariance, self._w)
        self._r = (self._w * self._z).sum(1, keepdim=True).clamp_(min=0).add_(EPSILON).rsqrt_()
        self._s = self._a * self._r
        y = torch.bmm(self._patches, torch.cat([self._w * self._s, call.w[-1].unsqueeze(1)], dim=1))
        self._y = y.relu_() if rectified else y
        self._size = (len(picture), *geometry.output((picture.shape[2], picture.shape[3])), y.shape[2])
        self.y = self._picture(self._y)

    def _picture(self, y: Tensor) -> Tensor:
        return like(y.view(self._size).movedim(-1, 1), self._call.x[0])

    def _of_kernels(self, gy: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of ``k`` and ``b``."""
        g = rows(gy, self._call.tasks)
        if self._rectified:
            g = torch.ops.aten.threshold_backward(g, self._y, 0)
        found = torch.bmm(self._patches.mT, g)
        return found[:, :-1], found[:, -1]

    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        self._gk, gb = self._of_kernels(gy)
        self._gs = (self._w * self._gk).sum(1, keepdim=True)
        self._r3 = self._r**3
        self._e = self._a * self._r3 * self._gs
        gw = (self._gk * self._s).addcmul_(self._e, self._z, value=-1)
        bias = [torch.zeros_like(gb)] * (len(self._call.w) - 3)
        return [None], [gw.mT, *bias, (self._r * self._gs).squeeze(1), gb]

    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        vk = torch.zeros_like(self._w) if vw[0] is None else vw[0].mT
        va, vb = (torch.zeros_like(self._a) if v is None else v.unsqueeze(1) for v in vw[-2:])
        self._vw, self._va = vk, va
        self._vr = (self._z * vk).sum(1, keepdim=True).mul_(-self._r3)
        self._vs = torch.addcmul(va * self._r, self._a, self._vr)
        change = torch.bmm(self._patches, torch.cat([(vk * self._s).addcmul_(self._w, self._vs), vb], dim=1))
        if self._rectified:
            change = torch.ops.aten.threshold_backward(change, self._y, 0)
        return self._picture(change)

    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        vgk, vgb = self._of_kernels(vgy)
        a, r, gs = self._a, self._r, self._gs
        vgs = (self._vw * self._gk).addcmul_(self._w, vgk).sum(1, keepdim=True)
        ve = (self._va * self._r3 + 3 * a * r * r * self._vr) * gs + a * self._r3 * vgs
        vgw = (vgk * self._s).addcmul_(self._gk, self._vs)
        vgw.addcmul_(ve, self._z, value=-1).addcmul_(self._e, torch.bmm(self._covariance, self._vw), value=-1)
        into[0].add_(vgw.mT, alpha=scale)
        into[-2].add_((self._vr * gs + r * vgs).squeeze(1), alpha=scale)
        into[-1].add_(vgb, alpha=scale)
        return [None]
