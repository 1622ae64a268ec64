"""The network behind the deep kernel: pure functions over named weights that give a mean and a point for the kernel to compare."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from metanas.meta.surrogate.history import Floats

Named = Mapping[str, Tensor]
LATENT, HIDDEN = 8, 64
"""Numbers of a point that the kernel sees, and of a layer."""
FIXED = ("x.", "e.", "unit")
"""Weights that are set from the data, not learned by gradients."""


def initial(features: int, task: int, seed: int) -> dict[str, Tensor]:
    """Fresh float64 weights for so many numbers of an architecture and of a task's embedding."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=generator, dtype=torch.float64) * math.sqrt(1.0 / columns)

    def filled(value: float, *shape: int) -> Tensor:
        return torch.full(shape, value, dtype=torch.float64)

    return {
        "first.x": drawn(HIDDEN, features),
        "first.e": 0.3 * drawn(HIDDEN, task),
        "first.bias": filled(0.0, HIDDEN),
        "second.weight": drawn(HIDDEN, HIDDEN),
        "second.bias": filled(0.0, HIDDEN),
        "mean.weight": 0.1 * drawn(1, HIDDEN),
        "mean.bias": filled(0.0, 1),
        "latent.weight": drawn(LATENT, HIDDEN),
        "length": filled(0.0, LATENT),
        "variance": filled(math.log(0.5)),
        "noise": filled(math.log(0.1)),
    }


def scales(name: str, values: Floats) -> dict[str, Tensor]:
    """Mean and deviation of every feature; constant ones stay as they are."""
    width = values.std(axis=0)
    width[width < 1e-9] = 1.0
    return {f"{name}.middle": torch.as_tensor(values.mean(axis=0)), f"{name}.width": torch.as_tensor(width)}


def mean_and_latent(weights: Named, x: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``(n,)`` and the point of the kernel's space ``(n, LATENT)`` of architectures on a task."""
    x = (x - weights["x.middle"]) / weights["x.width"]
    e = ((e - weights["e.middle"]) / weights["e.width"]).clamp(-3, 3)
    h = F.silu(F.linear(x, weights["first.x"]) + F.linear(e, weights["first.e"]) + weights["first.bias"])
    h = F.silu(F.linear(h, weights["second.weight"], weights["second.bias"]))
    return F.linear(h, weights["mean.weight"], weights["mean.bias"])[:, 0], F.linear(h, weights["latent.weight"])


def covariance(weights: Named, a: Tensor, b: Tensor) -> Tensor:
    """Matern 5/2 over the latent points, ``(len(a), len(b))``."""
    lengths = weights["length"].exp()
    distance = ((a / lengths)[:, None] - (b / lengths)[None]).square().sum(-1).clamp(min=1e-12).sqrt() * math.sqrt(5)
    found: Tensor = weights["variance"].exp() * (1 + distance + distance.square() / 3) * (-distance).exp()
    return found
