"""The training recipe: what is the same however candidates are trained, one at a time or as a population."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class Recipe:
    """The choices of a candidate's recipe; the space decides which are open, the others keep these defaults.

    Args:
        learning_rate: peak step size of AdamW.
        weight_decay: decoupled, on weights of two or more axes only (no biases, no normalisation).
        label_smoothing: share of the target spread evenly over all classes; classification only.
    """

    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0

    @classmethod
    def of(cls, choices: Mapping[str, float]) -> Recipe:
        """The recipe of a candidate; choices that are no part of a recipe are an error."""
        return cls(**choices)


def batch_size(examples: int) -> int:
    """Examples per step for a training set of that size."""
    for most, size in ((500, 16), (2_000, 32), (10_000, 64), (50_000, 128)):
        if examples <= most:
            return size
    return 256


def step_size(step: int, steps: int, warm_up: int) -> float:
    """Share of the peak learning rate at ``step`` (from 0) of ``steps``: linear warm-up, then a cosine down to 0.

    Loshchilov and Hutter 2017, "SGDR", eq. 5, without restarts.
    """
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def warm_up_steps(steps: int, steps_per_epoch: int) -> int:
    """Length of the warm-up: a twentieth of all steps, at most one epoch."""
    return max(1, min(steps // 20, steps_per_epoch))
