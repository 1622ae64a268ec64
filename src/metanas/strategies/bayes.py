"""Bayesian optimisation: a Gaussian process says what is likely to be better than the best so far.

When to choose it: where an evaluation takes more than a second and there are some twenty to three hundred of them: the fewest evaluations
to a good architecture in spaces of up to a few dozen decisions. For many more of either take ``kde`` or ``evolution``.
Jones et al. 1998, "Efficient Global Optimization of Expensive Black-Box Functions"; the logarithm of the expected improvement after
Ament et al. 2023; batches by posterior-mean liars after Ginsbourger et al. 2010, "Kriging Is Well-Suited to Parallelize Optimization".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.spaces.decision import ALWAYS, Decision
from metanas.spaces.space import Limits
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.codes import CLOSED, Codes, Rows
from metanas.strategies.gaussian import Fitted, Matrix, Posterior, Vector, fit, log_expected_improvement

WHOLE = 20_000
"""Up to so many architectures all of them are candidates."""
PARENTS, MUTANTS, DRAWN = 10, 80, 500
"""Else the best so many, so many mutants of each, and so many drawn from anywhere."""
POINTS = 300
"""Most evaluations in the model: the best half and the latest half."""
SOFT = 0.5
"""Added before the logarithm, in units of the median distance to the best: the best is so much out of reach."""
_TIE = 1e-9


@register_strategy("bayes")
class Bayes(BaseStrategy):
    """Starts with ``start`` random architectures, then proposes the candidate of largest expected improvement.

    The model sees the logarithm of how far results are behind the best, in units of the median: differences among the best count most,
    whatever the scale, and those among bad ones hardly. Failures are as bad as the worst result. With several goals the first counts.

    Deviations from the papers: the kernel is a product over decisions, exponential in Hamming or rank distance, as the function is over
    choices, not numbers; the improvement is maximised over a set of candidates; hyper-parameters are the most probable ones.

    Args:
        brief: what every strategy is given.
        start: random architectures before the model.
        refit: the hyper-parameters are fitted anew after so many results.
    """

    def __init__(self, brief: Brief, start: int = 10, refit: int = 10) -> None:
        super().__init__(brief)
        self._start, self._refit = start, refit
        self._codes = Codes(self.space)
        self._group, self._share = _groups(self.space.decisions)
        self._fitted: Fitted | None = None
        self._told_then = 0  # results when it was fitted
        self._order: list[str] = []  # what the model is conditioned on, by architecture key, in the order of its factor
        self._block = 0  # how many of them it began with
        self._posterior: Posterior | None = None
        self._all: tuple[list[Architecture], dict[str, int], Matrix] | None = None

    def propose(self) -> Architecture:
        """Random at first, then the most promising candidate."""
        if self._asked < self._start or sum(k.good for k in self.known.values()) < 2:
            return self.space.sample(self.rng)
        posterior = self._condition()
        told = np.array([key in self.known for key in self._order])
        y = np.zeros(len(self._order))
        y[told] = self._scores([key for key in self._order if key in self.known])
        best = float(y[told].max())
        y = posterior.with_liars(y, told)
        if self._whole():
            return self._best_of_all(log_expected_improvement(*posterior.predict(y), best))
        rows = self._candidates()
        return self._best_admitted(rows, log_expected_improvement(*posterior.predict(y, self._encode(rows)), best))

    # -- the model -----------------------------------------------------------------------------------------------------

    def _condition(self) -> Posterior:
        """The model, fitted when it is time, given all that was told or asked."""
        if self._fitted is None or len(self.known) >= self._told_then + self._refit:
            self._order, self._told_then = self.telling(POINTS), len(self.known)
            self._block, self._posterior = len(self._order), None
            points, scores = self._points(self._order), self._scores(self._order)
            self._fitted = fit(points, scores, self._group, self._fitted)
        if self._posterior is None:
            watched = self._whole()
            self._posterior = Posterior(
                self._fitted, self._group, self._points(self._order[: self._block]), watched[2] if watched else None
            )
            for point in self._points(self._order[self._block :]):
                self._posterior.add(point)
        there = set(self._order)
        waiting = {a.key: a for a in self.pending.values()}
        fresh = [key for key in list(self.known)[self._told_then :] + list(waiting) if key not in there]
        for key in dict.fromkeys(fresh):
            self._posterior.add(self._points([key])[0])
            self._order.append(key)
        return self._posterior

    def _scores(self, keys: list[str]) -> Vector:
        """What the model sees of results: minus the logarithm of how far they are behind the best, of mean 0 and variance 1."""
        values = _on_one_scale([self.known[key] for key in keys])
        behind = values.max() - values
        unit = float(np.median(behind)) or float(behind.mean()) or 1.0
        scores = -np.log(behind / unit + SOFT)
        return np.asarray((scores - scores.mean()) / max(float(scores.std()), 1e-9))

    def _points(self, keys: list[str]) -> Matrix:
        waiting = {a.key: a for a in self.pending.values()}
        return self._encode(self._codes.rows(self.known[key].architecture if key in self.known else waiting[key] for key in keys))

    def _encode(self, rows: Rows) -> Matrix:
        return self._codes.encode(rows) * self._share

    # -- candidates ----------------------------------------------------------------------------------------------------

    def _whole(self) -> tuple[list[Architecture], dict[str, int], Matrix] | None:
        """All architectures with their positions and codes, where they are few enough and admitting them takes no graphs."""
        if self._all is None and (self.space.listed or self.space.limits == Limits()) and self.space.count() <= WHOLE:
            everything = list(self.space.enumerate(most=WHOLE))
            positions = {a.key: i for i, a in enumerate(everything)}
            self._all = everything, positions, self._encode(self._codes.rows(everything))
        return self._all

    def _best_of_all(self, promise: Vector) -> Architecture:
        assert self._all is not None
        everything, positions, _ = self._all
        asked = [*self.known, *(a.key for a in self.pending.values())]
        promise[[positions[key] for key in asked if key in positions]] = -np.inf
        equals = np.flatnonzero(promise >= promise.max() - _TIE)
        return everything[int(equals[self.rng.integers(len(equals))])]

    @cached_property
    def _list(self) -> Rows:
        return self._codes.rows(self.space.listed)

    def _candidates(self) -> Rows:
        """Mutants of the best and rows from anywhere (under limits: far mutants of what is known to keep them)."""
        good = sorted((k for k in self.known.values() if k.good), key=lambda k: k.value, reverse=True)
        parents = self._codes.rows(k.architecture for k in good[:PARENTS])
        if self.space.listed:
            rows = self._list
            near = [np.argpartition((rows != parent).sum(axis=1), MUTANTS)[:MUTANTS] for parent in parents]
            return np.asarray(rows[np.concatenate([*near, self.rng.integers(len(rows), size=DRAWN)])])
        mutants = self._mutate(np.repeat(parents, MUTANTS, axis=0), 0.5)
        if self.space.limits == Limits():
            return np.concatenate([mutants, self._codes.close(self._codes.draw(DRAWN, self.rng))])
        spread = self._codes.rows(k.architecture for k in good)[self.rng.integers(len(good), size=DRAWN)]
        return np.concatenate([mutants, self._mutate(spread, 0.8)])

    def _mutate(self, rows: Rows, more: float) -> Rows:
        """``rows`` with one open choice changed, and another one with probability ``more``, and so on."""
        rows, closed = np.where(rows == CLOSED, self._codes.draw(len(rows), self.rng), rows), rows
        options = np.array(self._codes.options)
        busy = np.arange(len(rows))
        while len(busy):
            weight = self.rng.random((len(busy), len(options))) * ((closed[busy] != CLOSED) & (options > 1))
            column = weight.argmax(axis=1)
            step = self.rng.integers(1, np.maximum(options[column], 2))
            rows[busy, column] = (rows[busy, column] + step) % options[column]
            closed = self._codes.close(rows)
            busy = busy[self.rng.random(len(busy)) < more]
        return closed

    def _best_admitted(self, rows: Rows, promise: Vector) -> Architecture:
        asked = {*self.known, *(a.key for a in self.pending.values())}
        for index in np.argsort(-promise, kind="stable"):
            architecture = self._codes.read(rows[index])
            if architecture.key not in asked and self.space.admits(architecture):
                return architecture
        return self.space.sample(self.rng)

    # -- state ---------------------------------------------------------------------------------------------------------

    def memory(self) -> State:
        """The hyper-parameters and the order of the model's points, from which the same model is computed again."""
        fitted = None if self._fitted is None else self._fitted.to_json()
        return {"fitted": fitted, "told_then": self._told_then, "order": list(self._order), "block": self._block}

    def remember(self, state: State) -> None:
        """Take them back."""
        self._fitted = None if state["fitted"] is None else Fitted.from_json(state["fitted"])
        self._told_then, self._order, self._block = state["told_then"], list(state["order"]), state["block"]
        self._posterior = None


def _groups(decisions: Sequence[Decision]) -> tuple[NDArray[np.int64], Vector]:
    """Of each number of an encoded architecture the decision it belongs to, and a factor that makes two options without order differ by
    one in total; ``(numbers,)`` each."""
    group: list[int] = []
    share: list[float] = []
    for number, d in enumerate(decisions):
        parts = [1.0] if d.ordered else [0.5] * len(d.options)
        parts += [1.0] if d.when != ALWAYS else []
        group += [number] * len(parts)
        share += parts
    return np.array(group, dtype=np.int64), np.array(share)


def _on_one_scale(told: Sequence[Known]) -> Vector:
    """Values of results at any fidelity, ``(told,)``; at least one is good. Failures have the worst.

    What was left behind at a lower fidelity was no better than the promoted, though its values may be shifted: the best of each fidelity
    is put where the median of the next higher one is.
    """
    values = np.array([k.value for k in told])
    efforts = np.array([k.effort for k in told])
    good = np.array([k.good for k in told])
    median: float | None = None
    for effort in sorted(set(efforts[good].tolist()), reverse=True):
        level = good & (efforts == effort)
        if median is not None:
            values[level] += median - values[level].max()
        median = float(np.median(values[level]))
    values[~good] = values[good].min()
    return values
