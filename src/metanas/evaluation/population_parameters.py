"""The parameters of a population: flat buffers over all members, clipping per member, one AdamW update for all.

Notation: ``N`` numbers in all blocks together, ``P`` members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from metanas.evaluation.population_cells import Slot
from metanas.evaluation.population_plan import STATISTICS, Block, Plan, Rows, Run
from metanas.evaluation.recipe import BETAS, EPSILON, Recipe

_CHUNK = 1 << 15
"""Numbers that one pass of the update works on: all of its arrays then stay in a core's cache."""

_LINE = 16
"""Numbers in a cache line."""

Key = tuple[Slot, str, int]


class Parameters:
    """Weights, gradients, moments and running statistics of all members.

    Args:
        plan: of the population.
        recipes: one per member.
        clip: largest norm of a member's gradient; a larger one is scaled down to it.
    """

    def __init__(self, plan: Plan, recipes: Sequence[Recipe], clip: float) -> None:
        trained = [b for b in plan.blocks if b.role not in STATISTICS]
        statistics = [b for b in plan.blocks if b.role in STATISTICS]
        self._trained, size = _offsets(trained)
        self._statistics, statistics_size = _offsets(statistics)
        self.members = len(recipes)
        self.clip = clip
        self.weights, self.gradients, self.first_moments, self.second_moments = (torch.zeros(size) for _ in range(4))
        self.rates, self.decays = torch.zeros(size), torch.zeros(size)
        self.statistics = torch.zeros(statistics_size)
        self._gradients = {key: self._view(self.gradients, offset, block) for key, (offset, block) in self._trained.items()}
        for offset, block in self._trained.values():
            mine = [recipes[m] for m in block.run.members]
            self._view(self.rates, offset, block).copy_(_column([r.learning_rate for r in mine], block))
            if len(block.shape) > 1:
                self._view(self.decays, offset, block).copy_(_column([-r.weight_decay for r in mine], block))
        self._update = _Update(self)

    @staticmethod
    def _view(flat: Tensor, offset: int, block: Block) -> Tensor:
        return flat[offset : offset + block.size].view(len(block.run), *block.shape)

    def weight(self, run: Run, role: str) -> Tensor:
        """A block of weights or running statistics ``(members of the run, ...)``: a view."""
        key = (run.slot, role, run.first)
        flat, table = (self.statistics, self._statistics) if role in STATISTICS else (self.weights, self._trained)
        return self._view(flat, *table[key])

    def gradient(self, run: Run, role: str) -> Tensor:
        """The gradient of a block of weights: a view."""
        return self._gradients[(run.slot, role, run.first)]

    # -- one member ----------------------------------------------------------------------------------------------------

    def read(self, member: int, *, moments: bool = False) -> dict[str, Tensor]:
        """A member's weights and running statistics by name, as in its network's ``state_dict``, copied.

        With ``moments`` also those of AdamW, as ``first/<name>`` and ``second/<name>``.
        """
        flats = {"": self.weights, "first/": self.first_moments, "second/": self.second_moments}
        state = {}
        for prefix, flat in flats.items() if moments else [("", self.weights)]:
            state.update({prefix + name: part.clone() for name, part in self._parts(member, flat, self._trained)})
        return state | {name: part.clone() for name, part in self._parts(member, self.statistics, self._statistics)}

    def write(self, member: int, state: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`read` gave, or a network's ``state_dict``."""
        for prefix, flat in {"": self.weights, "first/": self.first_moments, "second/": self.second_moments}.items():
            if prefix and not any(name.startswith(prefix) for name in state):
                continue
            self._fill(member, flat, self._trained, {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)})
        self._fill(member, self.statistics, self._statistics, state)

    def _parts(self, member: int, flat: Tensor, table: Mapping[Key, tuple[int, Block]]) -> list[tuple[str, Tensor]]:
        parts = []
        for offset, block in table.values():
            if member in block.run.members:
                at = member - block.run.first
                parts.append((block.names[at], _own(self._view(flat, offset, block)[at], block.places[at])))
        return parts

    def _fill(self, member: int, flat: Tensor, table: Mapping[Key, tuple[int, Block]], state: Mapping[str, Tensor]) -> None:
        for offset, block in table.values():
            if member in block.run.members:
                at = member - block.run.first
                whole = self._view(flat, offset, block)[at]
                value = state[block.names[at]]
                places = block.places[at]
                if places is None or value.shape == whole.shape:
                    whole.copy_(value)
                else:
                    whole[_mesh(places)] = value

    # -- one step ------------------------------------------------------------------------------------------------------

    def norms(self) -> Tensor:
        """The norm of every member's gradient ``(P,)``."""
        squares = torch.zeros(self.members)
        for (_, _, first), gradient in self._gradients.items():
            squares[first : first + len(gradient)] += gradient.flatten(1).square().sum(1)
        return squares.sqrt()

    def step(self, number: int, factor: float) -> None:
        """Clip gradients and update weights (AdamW: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2).

        Args:
            number: of the step, from 1.
            factor: the share of each member's own learning rate that is due.
        """
        # The norm over all members bounds each member's: mostly one pass shows that none has to be clipped.
        if not float(torch.dot(self.gradients, self.gradients)) <= self.clip**2:
            scale = (self.clip / self.norms()).clamp(max=1.0)
            for (_, _, first), gradient in self._gradients.items():
                gradient.mul_(_spread(scale[first : first + len(gradient)], gradient.dim()))
        self._update(number, factor)


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
            weights, moments = parameters.weights[part], (parameters.first_moments[part], parameters.second_moments[part])
            move = direction[: len(weights)]
            adam = partial(
                torch._fused_adamw_,
                [move],
                [parameters.gradients[part]],
                [moments[0]],
                [moments[1]],
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


def _offsets(blocks: Sequence[Block]) -> tuple[dict[Key, tuple[int, Block]], int]:
    """Where each block begins in a flat buffer, every one on a cache line of its own, and the buffer's length."""
    table: dict[Key, tuple[int, Block]] = {}
    offset = 0
    for block in blocks:
        table[(block.run.slot, block.role, block.run.first)] = (offset, block)
        offset += -(-block.size // _LINE) * _LINE
    return table, offset


def _column(values: Sequence[float], block: Block) -> Tensor:
    return _spread(torch.tensor(values), len(block.shape) + 1)


def _spread(values: Tensor, axes: int) -> Tensor:
    """``(members,)`` as ``(members, 1, ...)`` with that many axes."""
    return values.view(-1, *(1,) * (axes - 1))


def _mesh(places: Sequence[Rows]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(axis) for axis in np.ix_(*places))


def _own(whole: Tensor, places: Sequence[Rows] | None) -> Tensor:
    return whole if places is None else whole[_mesh(places)]
