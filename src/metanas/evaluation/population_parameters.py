"""The parameters of a population: flat buffers over all members, clipping per member, one AdamW update for all.

Notation: ``N`` numbers in all blocks together, ``P`` members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from metanas.evaluation.population_cells import Slot
from metanas.evaluation.population_plan import Block, Entry, Plan
from metanas.evaluation.recipe import BETAS, EPSILON, Recipe

_CHUNK = 1 << 15
"""Numbers that one pass of the update works on: all of its arrays then stay in a core's cache."""

_LINE = 16
"""Numbers in a cache line."""
_STATISTICS = ("running_mean", "running_var")

_Key = tuple[Slot, str, int]


class Parameters:
    """Weights, gradients, moments and running statistics of all members.

    Args:
        plan: of the population.
        recipes: one per member.
        clip: largest norm of a member's gradient; a larger one is scaled down to it.
    """

    def __init__(self, plan: Plan, recipes: Sequence[Recipe], clip: float) -> None:
        self.members, self.clip = len(recipes), clip
        trained: dict[_Key, tuple[int, Block]] = {}
        statistics: dict[_Key, tuple[int, Block]] = {}
        self._entries: list[list[tuple[Entry, bool, int]]] = [[] for _ in recipes]
        ends = [0, 0]
        for block, entries in plan.parameters:
            statistic = block.role in _STATISTICS
            (statistics if statistic else trained)[(block.slot, block.role, block.number)] = (ends[statistic], block)
            for entry in entries:
                self._entries[entry.member].append((entry, statistic, ends[statistic] + entry.start))
            ends[statistic] += -(-block.size // _LINE) * _LINE
        self.weights, self.gradients, self.rates, self.decays = (torch.zeros(ends[False]) for _ in range(4))
        self.moments = (torch.zeros(ends[False]), torch.zeros(ends[False]))
        self.statistics = torch.zeros(ends[True])
        self._weights = {key: _view(self.weights, *place) for key, place in trained.items()}
        self._weights |= {key: _view(self.statistics, *place) for key, place in statistics.items()}
        self._gradients = {key: _view(self.gradients, *place) for key, place in trained.items()}
        for recipe, entries_of_one in zip(recipes, self._entries, strict=True):
            for entry, statistic, start in entries_of_one:
                if not statistic:
                    _entry(self.rates, entry, start).fill_(recipe.learning_rate)
                    _entry(self.decays, entry, start).fill_(-recipe.weight_decay if len(entry.shape) > 1 else 0.0)
        self._clipping = _Clipping(self._gradients, {key: block.owners for key, (_, block) in trained.items()}, self.members)
        self._update = _Update(self)

    def weight(self, slot: Slot, role: str, number: int = 0) -> Tensor:
        """A block of weights or running statistics ``(rows, columns)``: a view."""
        return self._weights[(slot, role, number)]

    def gradient(self, slot: Slot, role: str, number: int = 0) -> Tensor:
        """The gradient of a block of weights: a view."""
        return self._gradients[(slot, role, number)]

    def both(self, slot: Slot, role: str, number: int = 0) -> tuple[Tensor, Tensor]:
        """A block of weights and its gradient."""
        return self.weight(slot, role, number), self.gradient(slot, role, number)

    # -- one member ----------------------------------------------------------------------------------------------------

    def _flats(self) -> dict[str, Tensor]:
        return {"": self.weights, "first/": self.moments[0], "second/": self.moments[1]}

    def read(self, member: int, *, moments: bool = False) -> dict[str, Tensor]:
        """A member's weights and running statistics by name, as in its network's ``state_dict``, copied.

        With ``moments`` also those of AdamW, as ``first/<name>`` and ``second/<name>``.
        """
        state = {}
        for entry, statistic, start in self._entries[member]:
            for prefix, flat in ({"": self.statistics} if statistic else self._flats()).items():
                if not prefix or moments:
                    state[prefix + entry.name] = _entry(flat, entry, start).clone()
        return state

    def write(self, member: int, state: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`read` gave, or a network's ``state_dict``."""
        for entry, statistic, start in self._entries[member]:
            for prefix, flat in ({"": self.statistics} if statistic else self._flats()).items():
                if not prefix or prefix + entry.name in state:
                    _entry(flat, entry, start).copy_(state[prefix + entry.name])

    def gradients_of(self, member: int) -> dict[str, Tensor]:
        """A member's gradients by name, copied."""
        return {e.name: _entry(self.gradients, e, start).clone() for e, statistic, start in self._entries[member] if not statistic}

    # -- one step ------------------------------------------------------------------------------------------------------

    def step(self, number: int, factor: float) -> None:
        """Clip gradients and update weights (AdamW: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2).

        Args:
            number: of the step, from 1.
            factor: the share of each member's own learning rate that is due.
        """
        # The norm over all members bounds each member's: often one pass shows that none has to be clipped.
        if not float(torch.dot(self.gradients, self.gradients)) <= self.clip**2:
            self._clipping.clip(self.clip)
        self._update(number, factor)


class _Clipping:
    """Scales down the gradients of those members whose norm is too large."""

    def __init__(self, gradients: Mapping[_Key, Tensor], owners: Mapping[_Key, Sequence[int]], members: int) -> None:
        self._members = members
        self._owners = torch.tensor([owner for key in gradients for owner in owners[key]])
        self._squares = torch.zeros(len(self._owners), 1)
        self._blocks = list(zip(gradients.values(), torch.split(self._squares, [len(block) for block in gradients.values()]), strict=True))

    def clip(self, most: float) -> None:
        """Make every norm at most ``most``."""
        for gradient, squares in self._blocks:
            torch.linalg.vector_norm(gradient, dim=1, keepdim=True, out=squares)
        totals = torch.zeros(self._members).index_add_(0, self._owners, self._squares.square().view(-1))
        scale = most / totals.sqrt()
        if bool((scale >= 1).all()):
            return
        per_row = torch.split(scale.clamp(max=1.0)[self._owners].view(-1, 1), [len(block) for block, _ in self._blocks])
        for (gradient, _), factors in zip(self._blocks, per_row, strict=True):
            gradient.mul_(factors)


class _Update:
    """AdamW over the flat buffers, chunk by chunk.

    PyTorch's fused update takes one learning rate for all numbers. Here it runs with rate 1 on a direction that starts at
    ``-decay * weight``, and the direction then moves every weight by its own member's rate: the same numbers, in three passes.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.number = torch.zeros(())
        direction = torch.empty(_CHUNK)
        self.chunks: list[tuple[Callable[[], object], Callable[[], object], Callable[..., object]]] = []
        for start in range(0, len(parameters.weights), _CHUNK):
            part = slice(start, start + _CHUNK)
            weights, first, second = (flat[part] for flat in (parameters.weights, *parameters.moments))
            move = direction[: len(weights)]
            adam = partial(
                torch._fused_adamw_,
                [move],
                [parameters.gradients[part]],
                [first],
                [second],
                [],
                [self.number],
                lr=1.0,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=0.0,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
            decay = partial(torch.mul, weights, parameters.decays[part], out=move)
            self.chunks.append((decay, adam, partial(weights.addcmul_, move, parameters.rates[part])))

    def __call__(self, number: int, factor: float) -> None:
        self.number.fill_(number)
        for decay, adam, move in self.chunks:
            decay()
            adam()
            move(value=factor)


def _view(flat: Tensor, start: int, block: Block) -> Tensor:
    return flat[start : start + block.size].view(len(block.owners), block.columns)


def _entry(flat: Tensor, entry: Entry, start: int) -> Tensor:
    return flat.as_strided(entry.shape, (entry.stride, 1)[-len(entry.shape) :], start)
