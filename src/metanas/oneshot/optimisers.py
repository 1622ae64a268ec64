"""Adam as a pure function on dictionaries of tensors: new weights and new moments out, nothing changed in place.

Tensors without a gradient (of options that a step did not compute) keep their values and moments, as in PyTorch's optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from metanas.interfaces import State

Named = dict[str, Tensor]
"""Tensors by name."""


def clipped(gradients: Mapping[str, Tensor], most: float) -> Named:
    """``gradients``, scaled down together where their common Euclidean norm is above ``most``."""
    if not gradients:
        return {}
    values = list(gradients.values())
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    return dict(zip(gradients, torch._foreach_mul(values, factor), strict=True))


def adam(
    weights: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    moments: State,
    *,
    rate: float,
    betas: tuple[float, float],
    decay: float = 0.0,
    decoupled: bool = False,
    epsilon: float = 1e-8,
) -> tuple[Named, State]:
    """Adam (Kingma and Ba 2015, algorithm 1) with an L2 penalty, or AdamW (Loshchilov and Hutter 2019, algorithm 2).

    Args:
        weights: by name.
        gradients: of some of them.
        moments: from the last step, or empty.
        rate: step size.
        betas: shares of the first and second moment that are kept.
        decay: weight decay: added to the gradient, or if ``decoupled`` taken off the weights of two or more axes.
        decoupled: AdamW.
        epsilon: added to the root of the second moment.
    """
    if not gradients:
        return dict(weights), moments
    names, slopes = list(gradients), list(gradients.values())
    old = [weights[name] for name in names]
    if decay and not decoupled:
        slopes = list(torch._foreach_add(slopes, old, alpha=decay))
    counts = {name: moments.get("counts", {}).get(name, 0) + 1 for name in names}
    first = _blend(moments.get("first", {}), names, slopes, betas[0])
    second = _blend(moments.get("second", {}), names, list(torch._foreach_mul(slopes, slopes)), betas[1])
    roots = torch._foreach_sqrt(second)
    torch._foreach_div_(roots, [(1 - betas[1] ** counts[name]) ** 0.5 for name in names])
    torch._foreach_add_(roots, epsilon)
    moves = torch._foreach_div(first, roots)
    torch._foreach_mul_(moves, [-rate / (1 - betas[0] ** counts[name]) for name in names])
    if decay and decoupled:
        old = list(torch._foreach_mul(old, [1 - rate * decay if value.dim() >= 2 else 1.0 for value in old]))
    new = torch._foreach_add(old, moves)
    fresh = {
        "first": {**moments.get("first", {}), **dict(zip(names, first, strict=True))},
        "second": {**moments.get("second", {}), **dict(zip(names, second, strict=True))},
        "counts": {**moments.get("counts", {}), **counts},
    }
    return {**weights, **dict(zip(names, new, strict=True))}, fresh


def adam_step(
    weights: Mapping[str, Tensor], moments: State, *, rate: float, betas: tuple[float, float], decay: float = 0.0, epsilon: float = 1e-8
) -> tuple[Named, dict[str, Tensor]]:
    """The next step of decoupled :func:`adam` as a linear function of its gradient: from where, and by how much per unit of the gradient.

    The second moments count as constants; a weight that has none yet moves by ``rate`` times its gradient. Arguments as for :func:`adam`.
    """
    first, second, counts = (moments.get(name, {}) for name in ("first", "second", "counts"))
    start, sizes = {}, {}
    for name, value in weights.items():
        start[name] = value * (1 - rate * decay) if decay and value.dim() >= 2 else value
        sizes[name] = torch.full_like(value, rate)
        if name in second:
            root = (second[name] / (1 - betas[1] ** counts[name])).sqrt() + epsilon
            slow = rate / (1 - betas[0] ** (counts[name] + 1)) / root
            start[name] = start[name] - slow * betas[0] * first[name]
            sizes[name] = slow * (1 - betas[0])
    return start, sizes


def _blend(kept: Mapping[str, Tensor], names: list[str], new: list[Tensor], share: float) -> list[Tensor]:
    """Moving means: ``share`` of what is kept and the rest of the new values."""
    old = [kept[name] if name in kept else torch.zeros_like(value) for name, value in zip(names, new, strict=True)]
    return list(torch._foreach_lerp(old, new, 1 - share))
