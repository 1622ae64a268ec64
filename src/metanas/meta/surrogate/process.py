"""What surrogates that earlier tasks have taught have in common: a mean and a covariance before any result, conditioned on a new task's.

Gaussian process regression as in Rasmussen and Williams 2006, chapter 2, with a task's own unit: its results are taken to be
``offset + scale * score``, of which the offset is integrated out and the scale is the most probable of some.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from metanas.meta.surrogate.history import Floats, History, normal_scores

JITTER = 1e-6
SHIFT = 0.1
"""Variance of the level of all of a task's normal scores together."""
LEAST = 5
"""Evaluations of a task to learn from."""
SCALES = 15
"""Candidates for how far apart results of a new task lie."""
OUTLIER = 4.0
"""Results so many times as far below the median as the best is above it are moved up to there."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is expected of architectures once the evaluations are known, in the unit of the task.

    Args:
        mean, deviation: ``(architectures,)`` each; the deviation is that of the function, without the noise of an evaluation.
    """

    mean: Floats
    deviation: Floats

    def improvement(self, best: float) -> Floats:
        """Expected improvement over ``best``, larger is better (Mockus 1975)."""
        from scipy.special import ndtr

        z = (self.mean - best) / self.deviation
        found: Floats = self.deviation * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))
        return found


class TaughtProcess(ABC):
    """A Gaussian process over architectures whose mean and covariance were learned on earlier tasks, in normal scores."""

    # -- what each kind of them knows ----------------------------------------------------------------------------------

    @property
    @abstractmethod
    def noise(self) -> float:
        """Variance of an evaluation."""

    @property
    @abstractmethod
    def unit(self) -> tuple[float, float]:
        """Mean and deviation, over earlier tasks, of the logarithm of what a score of 1 is in a task's own results."""

    @abstractmethod
    def look(self, x: Floats, task: Floats) -> tuple[Floats, Floats]:
        """The mean of architectures ``(n,)`` on a task, and the points ``(n, any)`` that the covariance compares.

        Args:
            x: architectures ``(n, features)``.
            task: the task's embedding.
        """

    @abstractmethod
    def covariance(self, a: Floats, b: Floats) -> Floats:
        """Of points, ``(len(a), len(b))``."""

    @abstractmethod
    def variance(self, a: Floats) -> Floats:
        """Of points, ``(len(a),)``; at least the diagonal of their covariance."""

    @abstractmethod
    def without_task(self) -> Self:
        """The same, blind to which task it is: what an embedding adds is the difference."""

    @abstractmethod
    def flat(self) -> Self:
        """The same, expecting the same of all architectures: what earlier tasks lead to expect is the difference."""

    @abstractmethod
    def arrays(self) -> Mapping[str, Floats]:
        """All that it knows, by name, for a file."""

    # -- what they all say ---------------------------------------------------------------------------------------------

    def expect(self, x: Floats, task: Floats) -> Floats:
        """The mean before any evaluation, in normal scores ``(architectures,)``: 0 is the median architecture, 2 one of the best 2.3 %."""
        return self.look(x, task)[0]

    def condition(self, x: Floats, y: Floats, task: Floats, asked: Floats) -> Posterior:
        """What is expected of ``asked`` once ``y`` is known of ``x``: :meth:`told` and asked once.

        Args:
            x, y, task: see :meth:`told`.
            asked: architectures ``(m, features)``.
        """
        return self.told(x, y, task)(asked)

    def told(self, x: Floats, y: Floats, task: Floats) -> Callable[[Floats], Posterior]:
        """What says of architectures ``(m, features)`` what is expected of them once ``y`` is known of ``x``.

        Args:
            x: evaluated architectures ``(n, features)``; ``n`` may be 0: then the unit is that of normal scores.
            y: their results ``(n,)``, larger is better, all finite.
            task: the task's embedding.
        """
        if not len(y):

            def unconditioned(asked: Floats) -> Posterior:
                mean, points = self.look(asked, task)
                return Posterior(mean, np.sqrt(np.maximum(self.variance(points), 1e-9)))

            return unconditioned
        known, at = self.look(x, task)
        factor = cho_factor(self.covariance(at, at) + (self.noise + JITTER) * np.eye(len(y)), lower=True)
        scale, offset, left = self._unit_of(factor, known, _tamed(np.asarray(y, dtype=np.float64)))
        solved = cho_solve(factor, left)

        def expected(asked: Floats) -> Posterior:
            mean, points = self.look(asked, task)
            across = self.covariance(points, at)
            half = solve_triangular(factor[0], across.T, lower=True)
            variance = np.maximum(self.variance(points) - np.square(half).sum(axis=0), 1e-9)
            return Posterior(offset + scale * (mean + across @ solved), scale * np.sqrt(variance))

        return expected

    def evidence(self, x: Floats, y: Floats, task: Floats) -> float:
        """The logarithm of how probable the results are, as normal scores up to a shift of all of them.

        Args:
            x, y, task: see :meth:`told`; two results at least that differ.
        """
        mean, at = self.look(x, task)
        factor = cho_factor(self.covariance(at, at) + SHIFT + (self.noise + JITTER) * np.eye(len(y)), lower=True)
        left = normal_scores(y) - mean
        spread = float(np.log(factor[0].diagonal()).sum())
        return float(-0.5 * left @ cho_solve(factor, left) - spread - 0.5 * len(y) * math.log(2 * math.pi))

    def _unit_of(self, factor: tuple[Floats, bool], known: Floats, y: Floats) -> tuple[float, float, Floats]:
        """The scale and offset of results, and what they leave in units of the scale."""
        one, (middle, width) = np.ones_like(y), self.unit
        toward = cho_solve(factor, one)
        weight = float(one @ toward)
        found = []
        for step in np.linspace(-2.5, 2.5, SCALES):
            scale = math.exp(middle + step * width)
            left = y / scale - known
            offset = float(toward @ left) / weight
            left = left - offset
            fit = -0.5 * float(left @ cho_solve(factor, left)) - (len(y) - 1) * math.log(scale) - 0.5 * step**2
            found.append((fit, scale, offset * scale, left))
        _, scale, offset, left = max(found, key=lambda f: f[0])
        return scale, offset, left


def teachable(histories: Sequence[History]) -> list[History]:
    """Those with :data:`LEAST` evaluations that differ.

    Raises:
        ValueError: if they are not two at least.
    """
    usable = [h for h in histories if len(h.y) >= LEAST and np.ptp(h.y) > 0]
    if len(usable) < 2:
        raise ValueError("learning a surrogate takes two tasks with five evaluations each")
    return usable


def unit_over(results: Sequence[Floats]) -> tuple[float, float]:
    """:attr:`TaughtProcess.unit` of the results ``(n,)`` of earlier tasks."""
    spreads = np.log([_spread(y) for y in results])
    return float(spreads.mean()), max(float(spreads.std()), 0.5)


def _spread(y: Floats) -> float:
    """The unit of results: what corresponds to a deviation of normal scores around the upper half, where searches are."""
    upper = np.quantile(y, [0.5, 0.84])
    return max(float(upper[1] - upper[0]), 1e-9 + 1e-3 * float(np.ptp(y)))


def _tamed(y: Floats) -> Floats:
    """Results with those far below the others moved up."""
    middle = float(np.median(y))
    above = float(y.max()) - middle
    return np.maximum(y, middle - OUTLIER * above) if above > 0 else y
