"""NAS-BOWL: a Gaussian process that compares networks by the Weisfeiler-Lehman labels of their graphs.

When to choose it: for spaces of wirings and operations, from some twenty to a few hundred evaluations of more than a second each; the
fewest evaluations to the best of a cell space. Where the decisions are mostly numbers, ``bayes`` learns better which of them matter.
Ru et al. 2021, "Interpretable Neural Architecture Search via Bayesian Optimisation with Weisfeiler-Lehman Kernels"; the acquisition
after Srinivas et al. 2010, "Gaussian Process Optimization in the Bandit Setting"; pending ones after Ginsbourger et al. 2010.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.spaces.encoding import subtrees
from metanas.spaces.graph import Graph
from metanas.strategies.base import BaseStrategy, Brief, register_strategy
from metanas.strategies.graph_process import GraphProcess, fit
from metanas.strategies.pool import DEPTH, Pool, Vector, pool_of, search, spread

POINTS = 300
"""Most evaluations in the model: the best half and the latest half."""
_TIE = 1e-9


@register_strategy("bowl")
class Bowl(BaseStrategy):
    """Starts with ``start`` random architectures, then proposes the candidate of largest optimistic value: mean plus deviations.

    Deviations from the paper: the kernel is an exponential of two distances, that of the Weisfeiler-Lehman labels and that of the choices
    themselves (which knows the training recipe, and which of two copies of a graph did better); optimism instead of expected
    improvement, which on noisy tables stays too long where it is; the targets are logarithms of the regret.

    Args:
        brief: what every strategy is given.
        start: random architectures before the model.
        refit: the hyper-parameters are fitted anew after so many results.
        optimism: how many standard deviations are added to the mean.
    """

    def __init__(self, brief: Brief, start: int = 10, refit: int = 10, optimism: float = 2.0) -> None:
        super().__init__(brief)
        self._start, self._refit, self._optimism = start, refit, optimism
        self._logs: list[float] | None = None  # hyper-parameters
        self._fitted_at = 0  # results when they were fitted
        self._order: list[str] = []  # what the model is conditioned on, by architecture key, in the order of its factor
        self._block = 0  # how many of them it began with
        self._process: GraphProcess | None = None

    @cached_property
    def _pool(self) -> Pool:
        return pool_of(self.space, _encode)

    def propose(self) -> Architecture:
        """Random at first, then the most promising candidate."""
        good = [k for k in self.known.values() if k.good]
        if self._asked < self._start or len(good) < 2:
            return self.space.sample(self.rng)
        process = self._condition()
        targets = self._targets(process)
        asked = {*self.known, *(a.key for a in self.pending.values())}
        if self._pool.whole is None:
            parents = [k.architecture for k in sorted(good, key=lambda k: (k.effort, k.value), reverse=True)]

            def promise(candidates: Any) -> Vector:
                return self._optimistic(*process.predict(targets, self._pool.add(candidates)))

            return search(self.space, parents, promise, self.rng, asked)
        values = self._optimistic(*process.predict(targets))
        values[[self._pool.rows[key] for key in asked if key in self._pool.rows]] = -np.inf
        equals = np.flatnonzero(values >= values.max() - _TIE)
        equals = equals[equals < len(self._pool.whole)]
        return self._pool.whole[int(equals[self.rng.integers(len(equals))])]

    def _optimistic(self, mean: Vector, deviation: Vector) -> Vector:
        return np.asarray(mean + self._optimism * deviation)

    def _targets(self, process: GraphProcess) -> Vector:
        """Targets of what the model is conditioned on; what is pending counts as what the model expects of it."""
        told = np.array([key in self.known for key in self._order])
        targets = np.zeros(len(self._order))
        targets[told] = spread([self.known[key] for key in self._order if key in self.known])
        return process.with_expected(targets, told)

    def _condition(self) -> GraphProcess:
        """The model, fitted when it is time, given all that was told or asked."""
        if self._logs is None or len(self.known) >= self._fitted_at + self._refit:
            self._order, self._fitted_at = self.telling(POINTS), len(self.known)
            self._block, self._process = len(self._order), None
            told = [self.known[key] for key in self._order]
            self._logs = fit(self._pool, self._rows(self._order), spread(told), self._logs)
        if self._process is None:
            self._process = GraphProcess(self._pool, self._logs, self._rows(self._order[: self._block]))
            for row in self._rows(self._order[self._block :]):
                self._process.add(int(row))
        waiting = [a.key for a in self.pending.values()]
        fresh = [key for key in (*list(self.known)[self._fitted_at :], *waiting) if key not in set(self._order)]
        for key in dict.fromkeys(fresh):
            self._order.append(key)
            self._process.add(int(self._rows([key])[0]))
        return self._process

    def _rows(self, keys: list[str]) -> Any:
        waiting = {a.key: a for a in self.pending.values()}
        return self._pool.add([self.known[key].architecture if key in self.known else waiting[key] for key in keys])

    def memory(self) -> State:
        """The hyper-parameters and the order of the model's points, from which the same model is computed again."""
        return {"logs": self._logs, "fitted_at": self._fitted_at, "order": list(self._order), "block": self._block}

    def remember(self, state: State) -> None:
        """Take them back."""
        self._logs, self._fitted_at = state["logs"], state["fitted_at"]
        self._order, self._block, self._process = list(state["order"]), state["block"], None


def _encode(graph: Graph) -> Counter[str]:
    return subtrees(graph, DEPTH)
