"""NAS-BOWL: a Gaussian process that compares networks by the Weisfeiler-Lehman labels of their graphs.

When to choose it: for spaces of wirings and operations, from some twenty to a few hundred evaluations of more than a second each; the
fewest evaluations to the best of a cell space. Where the decisions are mostly numbers, ``bayes`` learns better which of them matter.
Ru et al. 2021, "Interpretable Neural Architecture Search via Bayesian Optimisation with Weisfeiler-Lehman Kernels"; the acquisition
after Srinivas et al. 2010, "Gaussian Process Optimization in the Bandit Setting"; pending ones after Ginsbourger et al. 2010.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.spaces.encoding import subtrees
from metanas.spaces.graph import Graph
from metanas.strategies.base import Brief, Known, register_strategy
from metanas.strategies.bayesian import Bayesian
from metanas.strategies.candidates import search
from metanas.strategies.codes import Rows
from metanas.strategies.graph_process import fit, graph_process
from metanas.strategies.pool import DEPTH, Pool, pool_of
from metanas.strategies.process import Points, Process, Vector
from metanas.strategies.targets import spread

_TIE = 1e-9


@register_strategy("bowl")
class Bowl(Bayesian):
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
        super().__init__(brief, start, refit)
        self._optimism = optimism
        self._logs: list[float] | None = None  # hyper-parameters

    @cached_property
    def _pool(self) -> Pool:
        return pool_of(self.space, _encode)

    def fit(self, architectures: Sequence[Architecture], targets: Vector) -> None:
        """From where the last fit ended."""
        self._logs = fit(self._pool, self.points(architectures), targets, self._logs)

    def process(self, architectures: Sequence[Architecture]) -> Process:
        """Over rows of options."""
        assert self._logs is not None
        return graph_process(self._pool, self._logs, self.points(architectures))

    def points(self, architectures: Sequence[Architecture]) -> Points:
        """Rows of options."""
        return self._pool.add(architectures)

    def targets(self, known: Sequence[Known]) -> Vector:
        """Logarithms of the regret."""
        return spread(known)

    def choose(self, process: Process, targets: Vector, best: float) -> Architecture:
        """The architecture of largest optimistic value."""
        taken = self.taken.values()
        if self._pool.whole is None:
            good = [k for k in self.known.values() if k.good]
            parents = [k.architecture for k in sorted(good, key=lambda k: (k.effort, k.value), reverse=True)]

            def promise(rows: Rows) -> Vector:
                return self._optimistic(*process.predict(targets, rows))

            return search(self.space, self._pool.codes, parents, promise, self.rng, taken)
        values = self._optimistic(*process.predict(targets))
        values[self._pool.places(taken)] = -np.inf
        equals = np.flatnonzero(values >= values.max() - _TIE)
        return self._pool.whole[int(equals[self.rng.integers(len(equals))])]

    def _optimistic(self, mean: Vector, deviation: Vector) -> Vector:
        return np.asarray(mean + self._optimism * deviation)

    def memory(self) -> State:
        """With the hyper-parameters."""
        return {**super().memory(), "logs": self._logs}

    def remember(self, state: State) -> None:
        """Take them back."""
        super().remember(state)
        self._logs = state["logs"]


def _encode(graph: Graph) -> Counter[str]:
    return subtrees(graph, DEPTH)
