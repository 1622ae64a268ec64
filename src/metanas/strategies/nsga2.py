"""NSGA-II: a genetic algorithm for several goals, by non-dominated rank and crowding distance.

When to choose it: for two or three goals at once (accuracy against size or latency), when a whole front of trade-offs is wanted; with a
single goal it is a plain elitist genetic algorithm.
Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II"; in architecture search Lu et al. 2019, "NSGA-Net".
"""

from __future__ import annotations

from collections.abc import Sequence

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.variation import by_rank_and_crowding, child


@register_strategy("nsga2")
class Nsga2(BaseStrategy):
    """Parents by binary tournament; the best ``population`` of parents and children together survive.

    Deviation from the paper: a child competes with the survivors as soon as it is told, not once per generation, which serves small
    budgets and workers that finish at different times (a steady state).
    """

    def __init__(self, brief: Brief, population: int = 20, crossover: float = 0.5) -> None:
        super().__init__(brief)
        self._size, self._crossover = population, crossover
        self._survivors: list[str] = []  # keys of known architectures, from the best to the worst

    def propose(self) -> Architecture:
        """A random architecture until the first population has been asked for, then a child of two parents."""
        if self.drawn < self._size or not self._survivors:
            return self.space.sample(self.rng)
        first, second = self._parent(), self._parent()
        return child(self.space, first, second, self.rng, crossover=self._crossover)

    def _parent(self) -> Architecture:
        """The better of two: survivors are in order, so it is the one that comes first."""
        position = int(self.rng.integers(len(self._survivors), size=2).min())
        return self.known[self._survivors[position]].architecture

    def learn(self, told: Sequence[Known]) -> None:
        """Children compete with the survivors; failed ones only take part while there are too few others."""
        keys = list(dict.fromkeys([*self._survivors, *(known.architecture.key for known in told)]))
        order = by_rank_and_crowding([self.known[key].values for key in keys])
        self._survivors = [keys[i] for i in order[: self._size]]

    def memory(self) -> State:
        """Keys of the survivors."""
        return {"survivors": list(self._survivors)}

    def remember(self, state: State) -> None:
        """Take them back."""
        self._survivors = list(state["survivors"])
