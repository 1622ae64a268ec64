"""Bayesian optimisation with a Gaussian process: what does not depend on how architectures are compared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known
from metanas.strategies.process import Points, Process, Vector

POINTS = 300
"""Most evaluations in the model: the best half and the latest half."""


class Bayesian(BaseStrategy):
    """Starts with ``start`` random architectures, then has one chosen by a process given all that was told or asked.

    The hyper-parameters are fitted anew now and then, to results alone; in between points are added one by one, so that the same process
    can be computed again from the order of its points.

    Args:
        brief: what every strategy is given.
        start: random architectures before the model.
        refit: the hyper-parameters are fitted anew after so many results.
    """

    def __init__(self, brief: Brief, start: int, refit: int) -> None:
        super().__init__(brief)
        self._start, self._refit = start, refit
        self._fitted_at: int | None = None  # results when the hyper-parameters were fitted
        self._order: dict[str, Architecture] = {}  # what the model is conditioned on, by key, in the order of its factor
        self._block = 0  # how many of them it began with
        self._process: Process | None = None

    @abstractmethod
    def fit(self, architectures: Sequence[Architecture], targets: Vector) -> None:
        """Find the hyper-parameters that suit ``targets``, ``(architectures,)``."""

    @abstractmethod
    def process(self, architectures: Sequence[Architecture]) -> Process:
        """The process of these hyper-parameters, given a first block of points."""

    @abstractmethod
    def points(self, architectures: Sequence[Architecture]) -> Points:
        """What the process takes for ``architectures``."""

    @abstractmethod
    def targets(self, known: Sequence[Known]) -> Vector:
        """What the model is to see of results, at least two of them good: mean 0 and variance 1, ``(known,)``."""

    @abstractmethod
    def choose(self, process: Process, targets: Vector, best: float) -> Architecture:
        """The most promising architecture.

        Args:
            process: given all that was told or asked.
            targets: of its points; what is pending has what the process expects.
            best: largest target of a result.
        """

    def propose(self) -> Architecture:
        """Random at first, then the most promising candidate."""
        if self._asked < self._start or sum(k.good for k in self.known.values()) < 2:
            return self.space.sample(self.rng)
        process = self._conditioned()
        told = np.array([key in self.known for key in self._order])
        targets = np.zeros(len(self._order))
        targets[told] = self.targets([self.known[key] for key in self._order if key in self.known])
        return self.choose(process, process.with_expected(targets, told), float(targets[told].max()))

    def _conditioned(self) -> Process:
        """The model, fitted when it is time, given all that was told or asked."""
        if self._fitted_at is None or len(self.known) >= self._fitted_at + self._refit:
            told = [self.known[key] for key in self.telling(POINTS)]
            self._order, self._fitted_at = {k.architecture.key: k.architecture for k in told}, len(self.known)
            self._block, self._process = len(told), None
            self.fit(list(self._order.values()), self.targets(told))
        held = len(self._order)
        if self._process is None:
            held = self._block
            self._process = self.process(list(self._order.values())[:held])
        latest = [k.architecture for k in list(self.known.values())[self._fitted_at :]]
        for architecture in (*latest, *self.pending.values()):
            self._order.setdefault(architecture.key, architecture)
        for architecture in list(self._order.values())[held:]:
            self._process.add(self.points([architecture]))
        return self._process

    def memory(self) -> State:
        """The order of the model's points, from which the same model is computed again; the hyper-parameters are a subclass's own."""
        return {"fitted_at": self._fitted_at, "order": [a.to_json() for a in self._order.values()], "block": self._block}

    def remember(self, state: State) -> None:
        """Take it back."""
        self._fitted_at, self._block, self._process = state["fitted_at"], state["block"], None
        self._order = {a.key: a for a in map(Architecture.from_json, state["order"])}
