"""Regularised evolution: an ageing population, parents by tournament, one mutation at a time.

When to choose it: a robust default for any space from some fifty evaluations on; cheap per proposal, happy with many workers.
Real et al. 2019, "Regularized Evolution for Image Classifier Architecture Search", algorithm 1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy


@register_strategy("evolution")
class Evolution(BaseStrategy):
    """Draws ``population`` architectures, then mutates the best of a random ``tournament``; the oldest member dies.

    Deviations from the paper: smaller defaults, for budgets of tens to hundreds of evaluations rather than tens of thousands;
    architectures that were asked before are mutated again instead of being trained again; failed evaluations join the population with
    the worst value, so that they age out.
    """

    def __init__(self, brief: Brief, population: int = 20, tournament: int = 5) -> None:
        super().__init__(brief)
        self._size, self._tournament = population, tournament
        self._population: deque[tuple[tuple[float, ...], Architecture]] = deque(maxlen=population)

    def propose(self) -> Architecture:
        """A random architecture until the first population has been asked for, then a mutated tournament winner."""
        if self.drawn < self._size or not self._population:
            return self.space.sample(self.rng)
        chosen = self.rng.choice(len(self._population), size=min(self._tournament, len(self._population)), replace=False)
        _, parent = max((self._population[int(i)] for i in sorted(chosen)), key=lambda member: member[0])
        return self.space.mutate(parent, self.rng)

    def learn(self, told: Sequence[Known]) -> None:
        """New members join at the young end; the oldest fall out."""
        self._population.extend((k.values, k.architecture) for k in told)

    def memory(self) -> State:
        """The population, oldest first."""
        return {"population": [[list(values), a.to_json()] for values, a in self._population]}

    def remember(self, state: State) -> None:
        """Take the population back."""
        members = ((tuple(values), Architecture.from_json(a)) for values, a in state["population"])
        self._population = deque(members, maxlen=self._size)
