"""The parameters of a population: blocks in flat buffers over all members, and each member's own arrays in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from metanas.evaluation.population_cells import Slot
from metanas.evaluation.population_plan import Block, Entry, Plan

LARGE = 1 << 14
"""Numbers from which on a member's array is updated by itself; blocks of such arrays stand behind all others."""

_LINE = 16
"""Numbers in a cache line: every block begins with one."""
_STATISTICS = ("running_mean", "running_var")

Key = tuple[Slot, str, int]


class Parameters:
    """Weights, gradients, moments and running statistics of all members.

    Args:
        plan: of the population.

    Attributes:
        weights, gradients: flat float32 buffers of one length.
        moments: AdamW's first and second ones, likewise.
        blocks: where in these each block begins.
        small: where the blocks of large arrays begin.
    """

    def __init__(self, plan: Plan) -> None:
        self._entries: list[list[tuple[Entry, bool, int]]] = [[] for _ in plan.members]
        self.blocks: dict[Key, tuple[int, Block]] = {}
        statistics: dict[Key, tuple[int, Block]] = {}
        ends = {False: 0, True: 0}
        self.small = 0
        for block, entries in sorted(plan.parameters, key=lambda part: part[0].share >= LARGE):
            statistic = block.role in _STATISTICS
            (statistics if statistic else self.blocks)[(block.slot, block.role, block.number)] = (ends[statistic], block)
            for entry in entries:
                self._entries[entry.member].append((entry, statistic, ends[statistic] + entry.start))
            ends[statistic] += -(-block.size // _LINE) * _LINE
            if block.share < LARGE:
                self.small = ends[False]
        self.weights, self.gradients = torch.zeros(ends[False]), torch.zeros(ends[False])
        self.moments = (torch.zeros(ends[False]), torch.zeros(ends[False]))
        self._statistics = torch.zeros(ends[True])
        self._weights = {key: _view(self.weights, *place) for key, place in self.blocks.items()}
        self._weights |= {key: _view(self._statistics, *place) for key, place in statistics.items()}
        self._gradients = {key: _view(self.gradients, *place) for key, place in self.blocks.items()}

    def weight(self, slot: Slot, role: str, number: int = 0) -> Tensor:
        """A block of weights or running statistics ``(rows, columns)``: a view."""
        return self._weights[(slot, role, number)]

    def gradient(self, slot: Slot, role: str, number: int = 0) -> Tensor:
        """The gradient of a block of weights: a view."""
        return self._gradients[(slot, role, number)]

    def both(self, slot: Slot, role: str, number: int = 0) -> tuple[Tensor, Tensor]:
        """A block of weights and its gradient."""
        return self.weight(slot, role, number), self.gradient(slot, role, number)

    def arrays(self, flat: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Every array of every member in a buffer laid out like the weights, with the member."""
        for member, entries in enumerate(self._entries):
            for entry, statistic, start in entries:
                if not statistic:
                    yield member, _entry(flat, entry, start)

    def _flats(self, statistic: bool) -> dict[str, Tensor]:
        if statistic:
            return {"": self._statistics}
        return {"": self.weights, "first/": self.moments[0], "second/": self.moments[1]}

    def read(self, member: int, *, moments: bool = False) -> dict[str, Tensor]:
        """A member's weights and running statistics by name, as in its network's ``state_dict``, copied.

        With ``moments`` also those of AdamW, as ``first/<name>`` and ``second/<name>``.
        """
        state = {}
        for entry, statistic, start in self._entries[member]:
            for prefix, flat in self._flats(statistic).items():
                if moments or not prefix:
                    state[prefix + entry.name] = _entry(flat, entry, start).clone()
        return state

    def read_gradients(self, member: int) -> dict[str, Tensor]:
        """A member's gradients by name, copied."""
        return {e.name: _entry(self.gradients, e, start).clone() for e, statistic, start in self._entries[member] if not statistic}

    def write(self, member: int, state: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`read` gave, or a network's ``state_dict``."""
        for entry, statistic, start in self._entries[member]:
            for prefix, flat in self._flats(statistic).items():
                if not prefix or prefix + entry.name in state:
                    _entry(flat, entry, start).copy_(state[prefix + entry.name])


def _view(flat: Tensor, start: int, block: Block) -> Tensor:
    return flat[start : start + block.size].view(len(block.owners), block.columns)


def _entry(flat: Tensor, entry: Entry, start: int) -> Tensor:
    return flat.as_strided(entry.shape, (entry.stride, 1)[-len(entry.shape) :], start)
