"""The outer step: from the gradient of a batch of tasks to new meta-parameters, as pure functions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch

from metanas.interfaces import State
from metanas.meta.together import Named


class Outer(ABC):
    """An optimiser of the meta-parameters."""

    @abstractmethod
    def init(self, theta: Named) -> State:
        """Its state before the first step."""

    @abstractmethod
    def step(self, theta: Named, gradient: Named, state: State, rate: float) -> tuple[Named, State]:
        """New meta-parameters and state."""


class Adam(Outer):
    """Kingma and Ba 2015, algorithm 1."""

    betas = (0.9, 0.999)
    epsilon = 1e-8

    def init(self, theta: Named) -> State:
        """Moments of zero."""
        return {"step": 0, **{moment: {name: torch.zeros_like(p) for name, p in theta.items()} for moment in ("mean", "square")}}

    def step(self, theta: Named, gradient: Named, state: State, rate: float) -> tuple[Named, State]:
        """New meta-parameters and moments."""
        step, (first, second) = state["step"] + 1, self.betas
        g, p, mean, square = ([tensors[name] for name in theta] for tensors in (gradient, theta, state["mean"], state["square"]))
        means = torch._foreach_lerp(mean, g, 1 - first)
        squares = torch._foreach_mul(square, second)
        torch._foreach_addcmul_(squares, g, g, 1 - second)
        sizes = torch._foreach_sqrt(torch._foreach_div(squares, 1 - second**step))
        torch._foreach_add_(sizes, self.epsilon)
        moved = torch._foreach_addcdiv(p, means, sizes, -rate / (1 - first**step))
        new, mean_of, square_of = (dict(zip(theta, tensors, strict=True)) for tensors in (moved, means, squares))
        return new, {"step": step, "mean": mean_of, "square": square_of}


class Plain(Outer):
    """Steps along the gradient."""

    def init(self, theta: Named) -> State:
        """Nothing."""
        return {}

    def step(self, theta: Named, gradient: Named, state: State, rate: float) -> tuple[Named, State]:
        """New meta-parameters."""
        moved: Any = torch._foreach_add(list(theta.values()), [gradient[name] for name in theta], alpha=-rate)
        return dict(zip(theta, moved, strict=True)), state


def annealed(rate: float, end: float, progress: float) -> float:
    """``rate`` falling along half a cosine to ``end * rate`` at ``progress`` 1 (Loshchilov and Hutter 2017, without restarts)."""
    return rate * (end + (1 - end) * (1 + math.cos(math.pi * min(1.0, max(0.0, progress)))) / 2)
