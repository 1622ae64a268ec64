"""Dropout masks that all members share: random numbers are drawn once for the whole population.

Every dropout of a slot compares the same uniform numbers ``(rows, batch)`` with its members' own rates, so that each member's mask is
as random as ever, and only the masks of different members resemble each other. The numbers are windows into a pool, at places that
depend on the step and the slot alone: a member's masks do not depend on which others are trained beside it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from metanas.evaluation.population_cells import Slot

LARGEST = 1 << 19
"""Numbers in the largest mask, rows times examples."""
_STRIDES = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)
"""Odd multipliers that scatter steps and slots over the pool (the primes of xxHash, 32 bits)."""


class Dropout:
    """Draws masks.

    Args:
        seed: of the pool of random numbers.
    """

    def __init__(self, seed: int) -> None:
        self._pool = torch.rand(2 * LARGEST, generator=torch.Generator().manual_seed(seed))
        self.number = 0

    def draw(self, slot: Slot, rates: Tensor, masks: Tensor) -> None:
        """Masks of the present step.

        Args:
            slot: whose.
            rates: ``(R, 1, 1)``.
            masks: ``(R, rows, batch)``: becomes 0 with the probability of its rate, else ``1 / (1 - rate)``.
        """
        mixed = sum(value * stride for value, stride in zip((self.number, *slot), _STRIDES, strict=True))
        start = (mixed ^ (mixed >> 15)) % LARGEST
        uniform = self._pool[start : start + masks[0].numel()].view(masks.shape[1:])
        # The ceiling of a difference within (-1, 1) is 1 where it is positive: three fast passes, where comparing makes slow bools.
        torch.sub(uniform, rates, out=masks)
        masks.ceil_().mul_(1 / (1 - rates))
