"""What a layer remembers of one call, and its derivatives of first and second order.

The outer gradient of MAML needs products of a loss's Hessian with vectors. They are computed forward over reverse (Pearlmutter 1994):
with a direction ``v`` in the weights, one more pass forwards carries the change of every value, one more pass backwards the change of
every gradient. Written out by hand for the layers that matter (:mod:`~metanas.meta.together.products`,
:mod:`~metanas.meta.together.batch_norm`, :mod:`~metanas.meta.together.first`), derived by PyTorch for all others (:class:`Derived`).

Notation in this package: ``T`` tasks; ``x``, ``y``, ``w`` inputs, output and weights of a layer; ``gx``, ``gy``, ``gw`` gradients of the
loss with respect to them; ``vx``, ``vy``, ``vw``, ``vgx``, ``vgy`` and ``vgw`` how all these change in the direction ``v``. Values are
the examples of all tasks one after the other, ``(T * examples, channels, ...)``, with channels innermost in memory; weights are ``(T,
...)``. Where nothing changes, ``vx`` is None.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

Changes = Sequence[Tensor | None]


@dataclass(frozen=True, eq=False)
class Call:
    """What a layer is given.

    Args:
        w: its weights.
        x: its inputs.
        tasks: how many tasks there are.
        needed: for each input, whether its gradient is.
        twice: whether second derivatives will be asked for.
        rounded: whether the factors of large products may be rounded to bfloat16.
        mask: bool ``(T * examples, time)`` for layers that take one, or None.
        memo: what the layer may remember from call to call, where its inputs stay the same.
    """

    w: Sequence[Tensor]
    x: Sequence[Tensor]
    tasks: int
    needed: Sequence[bool]
    twice: bool
    rounded: bool = False
    mask: Tensor | None = None
    memo: dict[str, Any] = field(default_factory=dict)


class Trace(ABC):
    """One call of a layer. Its methods are called in the order below, each at most once for each backward pass.

    Attributes:
        y: the output.
    """

    y: Tensor

    @abstractmethod
    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        """``gx`` (None where not needed) and ``gw``."""

    @abstractmethod
    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        """``vy``."""

    @abstractmethod
    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        """``vgx``; ``scale * vgw`` is added to ``into``, which may be the very tensors given as ``vw``."""


class Layer(Protocol):
    """A function of weights and inputs."""

    def __call__(self, call: Call) -> Trace:
        """The trace of one call."""


class Derived(Trace):
    """The trace of any function that PyTorch can differentiate twice.

    ``gz``, the gradient with respect to inputs and weights ``z``, is linear in ``gy``. So the derivative of ``<gz, vz>`` with respect to
    ``gy`` is ``vy``, and that with respect to ``z`` is how ``gz`` changes with ``z``: both come from one backward pass.
    """

    def __init__(self, call: Call, function: Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]) -> None:
        self._call = call
        needed = [*(True for _ in call.w), *call.needed]
        given = [*call.w, *call.x]
        self._z = [z.detach().requires_grad_(n and z.is_floating_point()) for z, n in zip(given, needed, strict=True)]
        self._free = [i for i, z in enumerate(self._z) if z.requires_grad]
        with torch.enable_grad():
            self._y = function(self._z[: len(call.w)], self._z[len(call.w) :])
        self.y = self._y.detach()

    def backward(self, gy: Tensor) -> tuple[Changes, Sequence[Tensor]]:
        """``gx`` and ``gw``."""
        twice = self._call.twice
        with torch.enable_grad():
            self._gy = gy.detach().requires_grad_(twice)
            self._gz = self._gradients(self._gy, create_graph=twice)
        return self._split([None if g is None else g.detach() for g in self._gz])

    def tangent(self, vw: Changes, vx: Changes) -> Tensor | None:
        """``vy``; the change of ``gz`` with ``z`` is kept for later."""
        pairs = [(g, v) for g, v in zip(self._gz, (*vw, *vx), strict=True) if g is not None and v is not None and g.requires_grad]
        free = [self._z[i] for i in self._free]
        if not pairs:
            self._second: list[Tensor | None] = [None] * len(free)
            return None
        gz, vz = zip(*pairs, strict=True)
        found = torch.autograd.grad(gz, [self._gy, *free], vz, retain_graph=True, allow_unused=True)
        self._second = list(found[1:])
        return found[0]

    def tangent_backward(self, vgy: Tensor, into: Sequence[Tensor], scale: float) -> Changes:
        """``vgx``."""
        vgz = self._gradients(vgy, create_graph=False)
        for i, second in zip(self._free, self._second, strict=True):
            first = vgz[i]
            vgz[i] = second if first is None else first if second is None else first + second
        vgx, vgw = self._split(vgz)
        for total, change in zip(into, vgw, strict=True):
            total.add_(change, alpha=scale)
        return vgx

    def _gradients(self, gy: Tensor, *, create_graph: bool) -> list[Tensor | None]:
        gz: list[Tensor | None] = [None] * len(self._z)
        free = [self._z[i] for i in self._free]
        if free and self._y.requires_grad:
            found = torch.autograd.grad(self._y, free, gy, retain_graph=self._call.twice, create_graph=create_graph, allow_unused=True)
            for i, g in zip(self._free, found, strict=True):
                gz[i] = g
        return gz

    def _split(self, gz: Changes) -> tuple[Changes, Sequence[Tensor]]:
        weights = len(self._call.w)
        return gz[weights:], [torch.zeros_like(w) if g is None else g for w, g in zip(self._call.w, gz[:weights], strict=True)]
