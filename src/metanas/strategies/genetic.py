"""A genetic algorithm: generations, parents chosen by tournament or roulette wheel, crossover and mutation, elites that live on.

When to choose it: where good architectures share good parts, so that mixing two of them helps; from about a hundred evaluations on.
Holland 1975; Xie and Yuille 2017, "Genetic CNN" (roulette wheel); Goldberg and Deb 1991 on tournaments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.variation import child


@register_strategy("genetic")
class Genetic(BaseStrategy):
    """A generation is full when ``population`` results are told; it and the ``elites`` of the one before are the next parents.

    Deviation from the textbooks: children are asked one by one while results of the same generation come in, so that workers don't
    wait for each other; the generation changes with the results, not with the questions.
    """

    def __init__(
        self,
        brief: Brief,
        population: int = 20,
        elites: int = 5,
        selection: Literal["tournament", "roulette"] = "tournament",
        tournament: int = 3,
        crossover: float = 0.5,
    ) -> None:
        super().__init__(brief)
        self._size, self._elites, self._selection, self._tournament, self._crossover = population, elites, selection, tournament, crossover
        self._parents: list[str] = []  # keys of known architectures
        self._children: list[str] = []

    def propose(self) -> Architecture:
        """A random architecture until the first generation has been asked for, then a child of two parents."""
        parents = [self.known[key] for key in self._parents or self._children if self.known[key].good]
        if self.drawn < self._size or not parents:
            return self.space.sample(self.rng)
        first, second = self._select(parents), self._select(parents)
        return child(self.space, first.architecture, second.architecture, self.rng, crossover=self._crossover)

    def _select(self, parents: list[Known]) -> Known:
        if self._selection == "tournament":
            return max((parents[int(i)] for i in self.rng.integers(len(parents), size=self._tournament)), key=lambda known: known.value)
        values = np.array([known.value for known in parents])
        share = values - values.min() + 1e-3 * (np.ptp(values) or 1.0)  # the worst keeps a small chance
        return parents[int(self.rng.choice(len(parents), p=share / share.sum()))]

    def learn(self, told: Sequence[Known]) -> None:
        """Results join the generation under way; a full one becomes the parents."""
        for known in told:
            if known.architecture.key not in self._children:
                self._children.append(known.architecture.key)
            if len(self._children) >= self._size:
                elites = sorted(self._parents, key=lambda key: self.known[key].value, reverse=True)[: self._elites]
                self._parents = list(dict.fromkeys([*elites, *self._children]))
                self._children = []

    def memory(self) -> State:
        """Keys of the parents and of the generation under way."""
        return {"parents": list(self._parents), "children": list(self._children)}

    def remember(self, state: State) -> None:
        """Take both back."""
        self._parents, self._children = list(state["parents"]), list(state["children"])
