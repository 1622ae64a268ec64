"""BANANAS: an ensemble of small networks predicts from a network's paths how good it is, and disagrees where it does not know.

When to choose it: from some fifty to several hundred evaluations of more than a second each, in spaces of wirings and operations; its
work grows slower with their number than that of ``bowl`` and ``bayes``, which need fewer.
White et al. 2021, "BANANAS: Bayesian Optimization with Neural Architectures for Neural Architecture Search".
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.spaces.encoding import paths
from metanas.strategies.base import BaseStrategy, Brief, register_strategy
from metanas.strategies.candidates import search
from metanas.strategies.codes import Rows
from metanas.strategies.ensemble import Ensemble
from metanas.strategies.pool import Pool, Vector, pool_of
from metanas.strategies.targets import spread

POINTS = 500
"""Most evaluations that an ensemble is trained on: the latest."""


@register_strategy("bananas")
class Bananas(BaseStrategy):
    """Starts with ``start`` random architectures; then mutants of the best compete by one draw each from what the ensemble says of them
    (independent Thompson sampling).

    Deviations from the paper: the predictors also see the choices themselves (in which the training recipe is); the targets are logarithms
    of the regret; the ensemble is trained anew every ``refit`` results; mutants of the winners compete as well, and a few random
    architectures.

    Args:
        brief: what every strategy is given.
        start: random architectures before the first ensemble.
        refit: the ensemble is trained anew after so many results.
        boldness: factor on the ensemble's standard deviation.
    """

    def __init__(self, brief: Brief, start: int = 10, refit: int = 5, boldness: float = 1.0) -> None:
        super().__init__(brief)
        self._start, self._refit, self._boldness = start, refit, boldness
        self._fit: tuple[list[str], list[float], int] | None = None  # keys and targets trained on, seed
        self._fitted_at = 0
        self._ensemble: Ensemble | None = None
        self._said = np.empty(0), np.empty(0)  # mean and deviation of the whole space, where it is small

    @cached_property
    def _pool(self) -> Pool:
        return pool_of(self.space, paths)

    def propose(self) -> Architecture:
        """Random at first, then the winner of the draws."""
        good = [k for k in self.known.values() if k.good]
        if self._asked < self._start or len(good) < 2:
            return self.space.sample(self.rng)
        ensemble = self._trained()
        taken = self.taken.values()
        if self._pool.whole is not None:
            worth = self._draw(*self._said)
            worth[self._pool.places(taken)] = -np.inf
            return self._pool.whole[int(worth.argmax())]
        parents = [k.architecture for k in sorted(good, key=lambda k: (k.effort, k.value), reverse=True)]

        def promise(rows: Rows) -> Vector:
            return self._draw(*ensemble.predict(rows))

        return search(self.space, self._pool.codes, parents, promise, self.rng, taken)

    def _draw(self, mean: Vector, deviation: Vector) -> Vector:
        return np.asarray(mean + self._boldness * deviation * self.rng.standard_normal(len(mean)))

    def _trained(self) -> Ensemble:
        if self._fit is None or len(self.known) >= self._fitted_at + self._refit:
            told = list(self.known.values())[-POINTS:]
            seed = int(self.rng.integers(2**31))
            self._fit = [k.architecture.key for k in told], spread(told).tolist(), seed
            self._fitted_at, self._ensemble = len(self.known), None
        if self._ensemble is None:
            keys, targets, seed = self._fit
            rows = self._pool.add(self.known[key].architecture for key in keys)
            self._ensemble = Ensemble(self._pool, rows, np.array(targets), seed)
            if self._pool.whole is not None:
                self._said = self._ensemble.predict(None)
        return self._ensemble

    def memory(self) -> State:
        """What the ensemble was trained on and its seed, from which the same is trained again."""
        return {"fit": self._fit and list(self._fit), "fitted_at": self._fitted_at}

    def remember(self, state: State) -> None:
        """Take them back."""
        self._fit = None if state["fit"] is None else (list(state["fit"][0]), list(state["fit"][1]), state["fit"][2])
        self._fitted_at, self._ensemble = state["fitted_at"], None
