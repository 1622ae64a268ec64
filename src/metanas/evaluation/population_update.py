"""One step of a population's weights: clipping member by member, and one AdamW update for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from metanas.evaluation.population_parameters import LARGE, Parameters
from metanas.evaluation.recipe import BETAS, EPSILON, Recipe

_CHUNK = 1 << 15
"""Numbers that one pass of the update works on: all of its arrays then stay in a core's cache."""


class Update:
    """Clips gradients and updates weights (AdamW: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2).

    PyTorch's fused update takes one learning rate for all numbers. A member's large arrays are updated one by one. For all the small
    ones together it runs with rate 1 on a direction that starts at ``-decay * weight``, and the direction then moves every weight by its
    own member's rate: the same numbers in three passes, chunk by chunk.

    Args:
        parameters: to be updated.
        recipes: one per member.
        clip: largest norm of a member's gradient; a larger one is scaled down to it.
    """

    def __init__(self, parameters: Parameters, recipes: Sequence[Recipe], clip: float) -> None:
        self._gradients, self._clip = parameters.gradients, clip
        self._clipping = _Clipping(parameters, len(recipes))
        self._number = torch.zeros(())
        flats = (parameters.weights, parameters.gradients, *parameters.moments)
        small = parameters.small
        rates, decays = torch.zeros_like(parameters.weights), torch.zeros_like(parameters.weights)
        for (member, rate), (_, decay) in zip(parameters.arrays(rates), parameters.arrays(decays), strict=True):
            rate.fill_(recipes[member].learning_rate)
            decay.fill_(-recipes[member].weight_decay if decay.dim() > 1 else 0.0)
        direction = torch.empty(_CHUNK)
        self._chunks: list[tuple[Callable[[], object], Callable[[], object], Callable[..., object]]] = []
        for start in range(0, small, _CHUNK):
            part = slice(start, min(start + _CHUNK, small))
            weights, *others = (flat[part] for flat in flats)
            move = direction[: len(weights)]
            adam = partial(self._adam(move, *others), lr=1.0, weight_decay=0.0)
            self._chunks.append((partial(torch.mul, weights, decays[part], out=move), adam, partial(weights.addcmul_, move, rates[part])))
        self._large = []
        for member, part in _large_arrays(parameters):
            adam = partial(self._adam(*(flat[part] for flat in flats)), weight_decay=recipes[member].weight_decay)
            self._large.append((adam, recipes[member].learning_rate))

    def _adam(self, *arrays: Tensor) -> Callable[..., object]:
        """PyTorch's fused update of weights by gradients and moments."""
        settings: dict[str, Any] = {"beta1": BETAS[0], "beta2": BETAS[1], "eps": EPSILON, "amsgrad": False, "maximize": False}
        return partial(torch._fused_adamw_, *([array] for array in arrays), [], [self._number], **settings)

    def __call__(self, number: int, factor: float) -> None:
        """Step ``number`` (from 1), at a share ``factor`` of every member's learning rate."""
        # The norm over all members bounds each member's: often one pass shows that none has to be clipped.
        if not float(torch.dot(self._gradients, self._gradients)) <= self._clip**2:
            self._clipping(self._clip)
        self._number.fill_(number)
        for decay, adam, move in self._chunks:
            decay()
            adam()
            move(value=factor)
        for adam, rate in self._large:
            adam(lr=rate * factor)


def _large_arrays(parameters: Parameters) -> list[tuple[int, slice]]:
    """Each member's part, padding included, of every block of large arrays (which are all matrices)."""
    parts = []
    for start, block in parameters.blocks.values():
        if block.share >= LARGE:
            rows = 0
            for member, owned in groupby(block.owners):
                last = rows + len(list(owned))
                parts.append((member, slice(start + rows * block.columns, start + last * block.columns)))
                rows = last
    return parts


class _Clipping:
    """Scales down the gradients of those members whose norm is too large."""

    def __init__(self, parameters: Parameters, members: int) -> None:
        self._members = members
        self._blocks: list[Tensor] = []
        owners: list[int] = []
        for key, (_, block) in parameters.blocks.items():
            runs = [(member, len(list(rows))) for member, rows in groupby(block.owners)]
            even = len({rows for _, rows in runs}) == 1
            gradient = parameters.gradient(*key)
            self._blocks.append(gradient.view(len(runs), -1) if even else gradient)
            owners += [member for member, _ in runs] if even else block.owners
        self._sizes = [len(block) for block in self._blocks]
        self._owners = torch.tensor(owners)
        self._norms = torch.zeros(len(owners), 1)
        self._measures = [
            partial(norms.copy_, block) if block.shape[1] == 1 else partial(torch.linalg.vector_norm, block, dim=1, keepdim=True, out=norms)
            for block, norms in zip(self._blocks, torch.split(self._norms, self._sizes), strict=True)
        ]

    def __call__(self, most: float) -> None:
        """Make every member's norm at most ``most``."""
        for measure in self._measures:
            measure()
        totals = torch.zeros(self._members).index_add_(0, self._owners, self._norms.square_().view(-1))
        scale = most / totals.sqrt()
        if bool((scale >= 1).all()):
            return
        factors = torch.split(scale.clamp(max=1.0)[self._owners].view(-1, 1), self._sizes)
        for block, factor in zip(self._blocks, factors, strict=True):
            if block.shape[1] < LARGE:
                block.mul_(factor)
                continue
            for row, share in enumerate(factor.flatten().tolist()):
                if not share >= 1:
                    block[row].mul_(share)
