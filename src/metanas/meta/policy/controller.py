"""A recurrent controller that emits an architecture's decisions one by one, knowing the task and what was seen on it.

pi(a | s, f(T)): the state s is what has been chosen so far of an architecture, kept by an LSTM (Zoph and Le, ICLR 2017); beside it stand
the task's embedding f(T) and a context, the mean over the (architecture, result) pairs seen on the task of what a small network makes of
them (CATCH: Chen et al., ECCV 2020, "CATCH: Context-based Meta Reinforcement Learning for Transferrable Architecture Search").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from metanas.spaces import Space

Named = Mapping[str, Tensor]
Rows = NDArray[np.int64]
CLOSED = -1
"""Stands for the option of a decision that is not active."""
HIDDEN, CONTEXT = 32, 16


@dataclass(frozen=True)
class Controller:
    """Pure functions over weights, for one space.

    Args:
        options: of every decision, in order.
        gates: for every decision the earlier decisions that open it, each with the ranks of the options that do.
        task: length of a task's embedding.
    """

    options: tuple[int, ...]
    gates: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
    task: int

    @classmethod
    def of(cls, space: Space, task: int) -> Controller:
        """The controller of a space."""
        place = {d.name: k for k, d in enumerate(space.decisions)}
        gates = tuple(
            tuple((place[name], tuple(space.decisions[place[name]].options.index(o) for o in among)) for name, among in d.when.terms)
            for d in space.decisions
        )
        return cls(tuple(len(d.options) for d in space.decisions), gates, task)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where the options of each decision begin among all."""
        return tuple(int(k) for k in np.cumsum([0, *self.options]))

    def init(self, seed: int) -> dict[str, Tensor]:
        """Fresh weights; the policy begins almost uniform."""
        generator, total = torch.Generator().manual_seed(seed), self.starts[-1]

        def drawn(rows: int, columns: int, gain: float = 1.0) -> Tensor:
            return torch.randn(rows, columns, generator=generator) * math.sqrt(gain / columns)

        return {
            "chosen": drawn(total + 1, HIDDEN),
            "gates.x": drawn(4 * HIDDEN, HIDDEN + self.task + CONTEXT + 1),
            "gates.h": drawn(4 * HIDDEN, HIDDEN),
            "gates.bias": torch.zeros(4 * HIDDEN),
            "heads": drawn(total, HIDDEN, 0.01),
            "heads.bias": torch.zeros(total),
            "seen.first": drawn(2 * CONTEXT, total + 1),
            "seen.second": drawn(CONTEXT, 2 * CONTEXT),
        }

    def context(self, weights: Named, rows: Tensor, values: Tensor) -> Tensor:
        """What was seen: ``(batch, seen, decisions)`` ranks of options and ``(batch, seen)`` results to ``(batch, CONTEXT + 1)``.

        The order in which it was seen does not matter; the last number says how much was seen.
        """
        batch, seen = values.shape
        if not seen:
            return torch.zeros(batch, CONTEXT + 1)
        pairs = torch.cat([self._one_hot(rows), values[..., None]], -1)
        made = F.linear(F.silu(F.linear(pairs, weights["seen.first"])), weights["seen.second"])
        return torch.cat([made.mean(1), torch.full((batch, 1), math.log1p(seen) / 4)], 1)

    def emit(
        self, weights: Named, task: Tensor, context: Tensor, generator: torch.Generator, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw an architecture for each of a batch: ranks of options ``(batch, decisions)`` (:data:`CLOSED` where a decision is not open),
        the logarithm of its probability and the mean entropy of the decisions, ``(batch,)`` each."""

        def draw(k: int, log_chances: Tensor) -> Tensor:
            return torch.multinomial((log_chances.detach() / temperature).softmax(1), 1, generator=generator)[:, 0]

        return self._run(weights, task, context, draw)

    def log_chance(self, weights: Named, task: Tensor, context: Tensor, rows: Tensor) -> Tensor:
        """The logarithm of the probability of given architectures ``(batch, decisions)``, ``(batch,)``."""
        return self._run(weights, task, context, lambda k, _: rows[:, k].clamp(min=0))[1]

    def _run(self, weights: Named, task: Tensor, context: Tensor, pick: Callable[[int, Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Decision after decision, each picked given the logarithms of its options' chances."""
        batch = len(task)
        rows = torch.full((batch, len(self.options)), CLOSED)
        h = c = torch.zeros(batch, HIDDEN)
        last = torch.full((batch,), self.starts[-1])
        logs, entropy, opened = torch.zeros(batch), torch.zeros(batch), torch.zeros(batch)
        for k, count in enumerate(self.options):
            is_open = self._is_open(k, rows)
            x = torch.cat([weights["chosen"][last], task, context], 1)
            i, f, g, o = (F.linear(x, weights["gates.x"], weights["gates.bias"]) + F.linear(h, weights["gates.h"])).chunk(4, 1)
            fresh = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            there = is_open[:, None].float()
            c, h = there * fresh + (1 - there) * c, there * torch.sigmoid(o) * torch.tanh(fresh) + (1 - there) * h
            own = slice(self.starts[k], self.starts[k] + count)
            log_chances = F.log_softmax(F.linear(h, weights["heads"][own], weights["heads.bias"][own]), 1)
            picked = pick(k, log_chances)
            rows[:, k] = torch.where(is_open, picked, CLOSED)
            last = torch.where(is_open, self.starts[k] + picked, last)
            logs = logs + is_open * log_chances.gather(1, picked[:, None])[:, 0]
            entropy = entropy - is_open * (log_chances.exp() * log_chances).sum(1) / math.log(max(2, count))
            opened = opened + is_open
        return rows, logs, entropy / opened.clamp(min=1)

    def _is_open(self, k: int, rows: Tensor) -> Tensor:
        """Which of a batch have decision ``k`` open, ``(batch,)``."""
        is_open = torch.ones(len(rows), dtype=torch.bool)
        for earlier, among in self.gates[k]:
            is_open &= torch.isin(rows[:, earlier], torch.tensor(among))
        return is_open

    def _one_hot(self, rows: Tensor) -> Tensor:
        """``(..., decisions)`` ranks to ``(..., options of all)``; nothing where a decision is closed."""
        there = (rows != CLOSED).float()
        flat = torch.zeros(*rows.shape[:-1], self.starts[-1])
        return flat.scatter(-1, rows.clamp(min=0) + torch.tensor(self.starts[:-1]), there)
