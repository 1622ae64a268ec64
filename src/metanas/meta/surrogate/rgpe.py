"""The plain alternative to a learned kernel: a Gaussian process per earlier task, weighted by how well each ranks the new one's results.

When to choose it: with a handful of earlier tasks, or to know what the other surrogates are worth. Nothing is learned across tasks but one
Gaussian process for each; a task that ranks architectures otherwise gets no weight.
Feurer, Letham and Bakshy 2018, "Scalable Meta-Learning for Bayesian Optimization using Ranking-Weighted Gaussian Process Ensembles".
Deviations: models that are best in equal measure share a sample's weight; every model is shifted to the mean of the results there are, so
that a result can be compared with what is expected; before :data:`FEWEST` results all earlier tasks count alike.

Symbols: ``n`` results ``y`` of architectures ``x``, ``S`` samples, ``T`` earlier tasks; the target is the new task, and comes last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.meta.surrogate.history import Floats
from metanas.meta.surrogate.process import Posterior
from metanas.strategies.gaussian import Fitted, fit

FEWEST = 3
"""Results from which on their order tells models apart."""
MOST = 50
"""Results whose order is looked at: more are thinned out evenly by rank."""
SAMPLES = 256
DILUTION = 95.0
"""A model whose median loss is above this percentile of the target's is left out: many poor models would share what a good one deserves."""
LATEST = 4
"""Sets of results for which the weights are remembered."""
STEPS = 30
"""Of fitting a process."""
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class TaskProcess:
    """A Gaussian process over the architectures of one task.

    Args:
        x: encoded architectures ``(n, features)``.
        z: their results with mean 0 and about variance 1 ``(n,)``, larger is better.
        fitted: hyper-parameters.
        group: of each feature ``(features,)``, see :func:`metanas.strategies.gaussian.fit`.
    """

    x: Floats
    z: Floats
    fitted: Fitted
    group: NDArray[np.int64]

    @classmethod
    def learn(cls, x: Floats, z: Floats, group: NDArray[np.int64]) -> TaskProcess:
        """With the most probable hyper-parameters for two results or more."""
        return cls(x, z, fit(x, z, group, None, STEPS), group)

    def joint(self, asked: Floats) -> tuple[Floats, Floats]:
        """Mean ``(m,)`` and covariance ``(m, m)`` at ``asked`` ``(m, features)`` (Rasmussen and Williams 2006, eq. 2.23)."""
        at, known = (self.fitted.stretched(some, self.group) for some in (asked, self.x))
        across = self.fitted.covariance(at, known)
        return across @ self._solved, self.fitted.covariance(at, at) - across @ self._inverse @ across.T

    def predict(self, asked: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of the function at ``asked``, ``(m,)`` each."""
        at, known = (self.fitted.stretched(some, self.group) for some in (asked, self.x))
        across = self.fitted.covariance(at, known)
        left = self.fitted.scale - np.einsum("mi,ij,mj->m", across, self._inverse, across, optimize=True)
        return across @ self._solved, np.maximum(left, _LEAST * self.fitted.scale)

    def without(self, place: int) -> TaskProcess:
        """The same without one of its results."""
        return TaskProcess(np.delete(self.x, place, axis=0), np.delete(self.z, place), self.fitted, self.group)

    @cached_property
    def _inverse(self) -> Floats:
        known = self.fitted.stretched(self.x, self.group)
        return np.asarray(np.linalg.inv(self.fitted.covariance(known, known) + (self.fitted.noise + _LEAST) * np.eye(len(known))))

    @cached_property
    def _solved(self) -> Floats:
        return np.asarray(self._inverse @ self.z)


@dataclass(frozen=True, eq=False)
class RankedEnsemble:
    """Processes of earlier tasks, which together with one of the new task say what is expected there.

    Args:
        earlier: of the earlier tasks, one at least.
        seed: of the samples.
    """

    earlier: tuple[TaskProcess, ...]
    seed: int = 0
    _latest: dict[bytes, tuple[Floats, TaskProcess | None]] = field(default_factory=dict, init=False, repr=False)

    def weights(self, x: Floats, y: Floats) -> Floats:
        """How much each model counts, ``(T + 1,)``, the target's last; they add up to 1.

        Args:
            x: evaluated architectures ``(n, features)``.
            y: their results ``(n,)``, larger is better, all finite.
        """
        return self._seen(x, y)[0]

    def condition(self, x: Floats, y: Floats, asked: Floats) -> Posterior:
        """What is expected of ``asked`` ``(m, features)``, in the unit of ``y``; of no results, in normal scores.

        The mean is ``sum_i w_i mean_i``, the variance ``sum_i w_i^2 variance_i``. Arguments as of :meth:`weights`; ``n`` may be 0.
        """
        weights, target = self._seen(x, y)
        width, middle = (max(float(y.std()), 1e-12), float(y.mean())) if len(y) else (1.0, 0.0)
        mean, variance = np.zeros(len(asked)), np.zeros(len(asked))
        for weight, model in zip(weights, (*self.earlier, target), strict=True):
            if weight <= 0 or model is None:
                continue
            expected, spread = model.predict(asked)
            shift = float(model.predict(x)[0].mean()) if len(y) and model is not target else 0.0
            mean += weight * (expected - shift)
            variance += weight**2 * spread
        return Posterior(middle + width * mean, width * np.sqrt(variance))

    def _seen(self, x: Floats, y: Floats) -> tuple[Floats, TaskProcess | None]:
        """Weights and the target's process; the same results are asked about again and again."""
        key = x.tobytes() + y.tobytes()
        if key not in self._latest:
            target = self._target(x, y)
            self._latest[key] = self._weights(x, y, target), target
            while len(self._latest) > LATEST:
                del self._latest[next(iter(self._latest))]
        return self._latest[key]

    def _target(self, x: Floats, y: Floats) -> TaskProcess | None:
        if len(y) < FEWEST or np.ptp(y) == 0:
            return None
        return TaskProcess.learn(x, (y - y.mean()) / y.std(), self.earlier[0].group)

    def _weights(self, x: Floats, y: Floats, target: TaskProcess | None) -> Floats:
        if target is None:
            return np.array([1.0 / len(self.earlier)] * len(self.earlier) + [0.0])
        rng, places = np.random.default_rng(self.seed), thinned(y)
        losses = [ranking_losses(drawn(*model.joint(x[places]), SAMPLES, rng), y[places]) for model in self.earlier]
        shown = TaskProcess(x[places], target.z[places], target.fitted, target.group)
        return rank_weights(np.stack([*losses, left_out_losses(shown, y[places], SAMPLES, rng)]))


def thinned(y: Floats, most: int = MOST) -> NDArray[np.int64]:
    """Up to ``most`` places of results, evenly over their ranks, in order."""
    if len(y) <= most:
        return np.arange(len(y))
    return np.sort(np.argsort(y, kind="stable")[np.linspace(0, len(y) - 1, most).round().astype(np.int64)])


def drawn(mean: Floats, covariance: Floats, samples: int, rng: np.random.Generator) -> Floats:
    """Samples of a normal distribution ``(samples, n)``, whose covariance may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(mean + rng.standard_normal((samples, len(mean))) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T)


def ranking_losses(samples: Floats, y: Floats) -> NDArray[np.int64]:
    """Pairs that each sample orders otherwise than the results, ``(S,)``: ``sum_j sum_k [(f_j < f_k) xor (y_j < y_k)]`` (eq. 6).

    Args:
        samples: of a model at the results' architectures, ``(S, n)``.
        y: results ``(n,)``.
    """
    wrong = (samples[:, :, None] < samples[:, None, :]) ^ (y[:, None] < y[None, :])
    return np.asarray(wrong.sum(axis=(1, 2)))


def left_out_losses(target: TaskProcess, y: Floats, samples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The target's own, ``(S,)``: pair (j, k) is judged by a process that has not seen result j (section 4.2), as it would be a new one."""
    losses = np.zeros(samples, dtype=np.int64)
    for place in range(len(y)):
        found = drawn(*target.without(place).joint(target.x), samples, rng)
        losses += ((found[:, place, None] < found) ^ (y[place] < y)).sum(axis=1)
    return losses


def rank_weights(losses: NDArray[np.int64]) -> Floats:
    """The share of samples in which each model has the least loss, ``(T + 1,)``, without those that would dilute (section 4.3).

    Args:
        losses: ``(T + 1, S)``, the target's last.
    """
    keep = np.median(losses, axis=1) <= np.percentile(losses[-1], DILUTION)
    keep[-1] = True
    least = losses[keep].min(axis=0)
    best = (losses == least) & keep[:, None]
    return np.asarray((best / best.sum(axis=0)).mean(axis=1))
