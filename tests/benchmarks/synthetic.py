"""Small problems with made-up tables, for the tests of the bench."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from metanas.benchmarks import Level, Problem
from metanas.records import Fidelity
from metanas.spaces import Draft, Space, TaskShape

SHAPE = TaskShape("table", (3,), 2, numeric=3)


@cache
def space(decisions: int, options: int) -> Space:
    draft = Draft()
    for place in range(decisions):
        draft.decide(f"d{place}", tuple(range(options)))
    return draft.space("made-up", SHAPE, {})


@dataclass(frozen=True)
class MadeUp:
    """A table of random numbers that are smooth enough to be searched.

    Args:
        decisions, options: of the space.
        repeats: repetitions per row; 0 makes columns of one number per row.
        levels: epochs of the fidelities.
        metric: that guides.
        clock: whether there are training times.
        tested: whether there are test results.
        failed: share of rows without a result.
        seed: of the numbers.
    """

    decisions: int = 6
    options: int = 5
    repeats: int = 0
    levels: tuple[int, ...] = (9,)
    metric: str = "accuracy"
    clock: bool = False
    tested: bool = True
    failed: float = 0.0
    seed: int = 0

    @property
    def rows(self) -> int:
        return self.options**self.decisions

    def open(self) -> Problem:
        rng = np.random.default_rng(self.seed)
        parts = rng.normal(size=(self.decisions, self.options))
        codes = np.stack(np.unravel_index(np.arange(self.rows), (self.options,) * self.decisions), axis=1)
        smooth = sum(parts[d][codes[:, d]] for d in range(self.decisions))
        quality = 1 / (1 + np.exp(-(smooth + 0.3 * rng.normal(size=self.rows)) / math.sqrt(self.decisions)))
        if self.metric == "mse":
            quality = 1 - quality
        levels = []
        for place, epochs in enumerate(self.levels):
            noise = 0.02 * (len(self.levels) - place) * rng.normal(size=(self.rows, max(1, self.repeats)))
            column = quality[:, None] + noise
            column[rng.random(self.rows) < self.failed] = math.nan
            seconds = np.full(self.rows, 10.0 * epochs) if self.clock else None
            levels.append(Level(Fidelity(epochs), {self.metric: column if self.repeats else column[:, 0]}, seconds))
        test = {self.metric: quality + 0.01 * rng.normal(size=self.rows)} if self.tested else {}
        costs = {"parameters": 100.0 + (codes * 10.0 ** np.arange(self.decisions)).sum(axis=1) % 977}

        def row(architecture: object) -> int:
            chosen = [value for _, value in architecture.choices]  # type: ignore[attr-defined]
            return int(np.ravel_multi_index(chosen, (self.options,) * self.decisions))

        made = space(self.decisions, self.options)
        return Problem("made-up", f"seed{self.seed}", made, row, tuple(levels), self.metric, test, costs, "made-up times")
