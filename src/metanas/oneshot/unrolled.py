"""The gradient of DARTS' second order: through one step of the weights.

Liu et al. 2019, eq. 7 and 8. With w' = w0 - S grad_w L_train(w, a), S the step sizes (the paper has one for all weights, xi; here each
weight may have its own, as Adam's do) and w0 where momentum alone would lead (the paper: w):

    d/da L_val(w', a) = grad_a L_val(w', a) - (d^2/(da dw) L_train(w, a)) S grad_w' L_val(w', a)

Losses are functions of weights ``w`` and logits ``a``, both by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from metanas.oneshot.optimisers import Named

Loss = Callable[[Named, Named], Tensor]

DIFFERENCE = 1e-2
"""Euclidean length of the step to either side in a finite difference (the paper's footnote 2)."""


def through_the_step(train: Loss, val: Loss, w: Named, a: Named, start: Named, sizes: Mapping[str, Tensor | float]) -> tuple[Named, Tensor]:
    """The exact gradient in ``a``, differentiated through the step, and L_val(w', a).

    Args:
        train: L_train.
        val: L_val.
        w: weights.
        a: logits.
        start: w0.
        sizes: S, by weight: a number, or a tensor of its shape.
    """
    w, a = _leaves(w), _leaves(a)
    slopes = torch.autograd.grad(train(w, a), list(w.values()), create_graph=True, materialize_grads=True)
    stepped = {name: start[name] - sizes[name] * slope for name, slope in zip(w, slopes, strict=True)}
    loss = val(stepped, a)
    found = torch.autograd.grad(loss, list(a.values()), materialize_grads=True)
    return dict(zip(a, found, strict=True)), loss.detach()


def by_differences(train: Loss, val: Loss, w: Named, a: Named, start: Named, sizes: Mapping[str, Tensor | float]) -> tuple[Named, Tensor]:
    """The same with the product of the mixed second derivative and a vector by a central finite difference (eq. 8).

    Costs four passes forward and backward and no second derivatives of the network's operations; in float32 the difference of two sums of
    millions of products has few digits. Arguments as for :func:`through_the_step`.
    """
    w, a = _leaves(w), _leaves(a)
    slopes = torch.autograd.grad(train(w, _plain(a)), list(w.values()), materialize_grads=True)
    stepped = _leaves({name: start[name] - sizes[name] * slope for name, slope in zip(w, slopes, strict=True)})
    loss = val(stepped, a)
    found = torch.autograd.grad(loss, [*a.values(), *stepped.values()], materialize_grads=True)
    direct, behind = found[: len(a)], found[len(a) :]
    with torch.no_grad():
        vector = [sizes[name] * slope for name, slope in zip(w, behind, strict=True)]
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(vector)))
        if float(length) == 0.0:
            return dict(zip(a, direct, strict=True)), loss.detach()
        step = torch._foreach_mul(vector, DIFFERENCE / length)
        sides = [dict(zip(w, torch._foreach_add(list(w.values()), step, alpha=sign), strict=True)) for sign in (1.0, -1.0)]
    above, below = (torch.autograd.grad(train(side, a), list(a.values()), materialize_grads=True) for side in sides)
    factor = length / (2 * DIFFERENCE)
    return {name: d - (p - m) * factor for name, d, p, m in zip(a, direct, above, below, strict=True)}, loss.detach()


def _leaves(values: Named) -> Named:
    return {name: value.detach().requires_grad_() for name, value in values.items()}


def _plain(values: Named) -> Named:
    return {name: value.detach() for name, value in values.items()}
