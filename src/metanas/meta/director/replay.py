"""Searches replayed in a world: many side by side, with the models' hyper-parameters fixed, so that each takes milliseconds.

Notation: ``e`` episodes, ``n`` architectures of the world, ``t`` evaluations, ``a`` arms. Unlike a search, an episode knows the scale of
the task's results, and local search takes any of the untried architectures that are nearest to the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metanas.meta.director.world import World
from metanas.meta.surrogate.history import Floats
from metanas.strategies.cold import SOFT
from metanas.strategies.director import ARMS, SHARPNESS, Record, Weights, chances, states
from metanas.strategies.gaussian import log_expected_improvement
from metanas.strategies.meta_bayes import FEWEST

STEPS = 30
"""Evaluations of an episode, but no more than half of what is recorded."""
NOISE = 0.01
"""Variance of an evaluation in units of the cold model's."""
NEARBY = 0.3
"""Local search takes the nearest after distances have been shortened at random by so much on average: one of the nearest ones."""
LOCAL, RANDOM = ARMS.index("local"), ARMS.index("random")
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Replay:
    """Some episodes in a world.

    Args:
        regret: ``(e, t)``: by how many deviations of the world's values the best so far is behind the best of the world.
        arms: ``(e, t)``: who proposed.
        slopes: ``(e, t, weights)``: of the logarithm of the chance of that, in the policy's weights.
    """

    regret: Floats
    arms: Places
    slopes: Floats


def replay(world: World, weights: Weights, episodes: int, rng: np.random.Generator) -> Replay:
    """Search ``episodes`` times."""
    n, every = len(world.values), np.arange(episodes)
    steps = max(1, min(STEPS, n // 2))
    transferred = _Model(world.mean, world.kernel, world.noise, episodes, steps)
    cold = _Model(np.zeros(n), world.cold, NOISE, episodes, steps)
    values, untried, record = np.empty((episodes, steps)), np.ones((episodes, n), dtype=bool), Record.fresh((episodes,))
    regret, arms = np.empty((episodes, steps)), np.empty((episodes, steps), dtype=np.int64)
    slopes = np.empty((episodes, steps, weights.vector.size))
    best = np.zeros(episodes, dtype=np.int64)
    for t in range(steps):
        told = values[:, :t]
        shown, ready = _promising(told), t >= FEWEST
        said = [transferred.predict(told), cold.predict(shown)] if ready else [transferred.predict(told)]
        stale = (t - 1 - told.argmax(axis=1)) / t if t else np.zeros(episodes)
        chance = chances(weights.logits(t, stale, record.hits, record.gain), np.array([True, ready, t > 0, False, True]))
        arm = (chance.cumsum(axis=1) > rng.random((episodes, 1))).argmax(axis=1)
        wish = _wishes(world, said, (told, shown), best, rng)
        pick = np.where(untried, wish[arm, every], -np.inf).argmax(axis=1)
        found = world.values[pick]
        slopes[:, t] = _slopes(arm, chance, states(t, stale), record)
        if ready:
            place = _place(found, told)
            expected = [_place(mean[every, pick], among) for (mean, _), among in zip(said, (told, shown), strict=True)]
            record = record.placed(np.stack(expected, axis=1), place).rewarded(arm, chance, place**SHARPNESS)
        untried[every, pick], values[:, t], arms[:, t] = False, found, arm
        best = np.where(found > world.values[best], pick, best) if t else pick
        transferred.add(pick)
        cold.add(pick)
        regret[:, t] = world.values.max() - world.values[best]
    return Replay(regret, arms, slopes)


def _wishes(world: World, said: Sequence[tuple[Floats, Floats]], seen: Sequence[Floats], best: Places, rng: np.random.Generator) -> Floats:
    """How much every arm would like every architecture next, ``(a, e, n)``.

    Args:
        world: of the episodes.
        said: mean and deviation of all by each model that says something.
        seen: results as each model sees them.
        best: so far, ``(e,)``.
        rng: draws.
    """
    episodes, n = len(best), len(world.values)
    wish = np.zeros((len(ARMS), episodes, n))
    for model, ((mean, deviation), targets) in enumerate(zip(said, seen, strict=False)):
        wish[model] = log_expected_improvement(mean - targets.max(axis=1, keepdims=True), deviation, 0.0) if targets.size else mean
    wish[RANDOM] = rng.random((episodes, n))
    wish[LOCAL] = np.log(world.cold[best]) + rng.exponential(NEARBY, (episodes, n))
    return wish


def _slopes(arm: Places, chance: Floats, state: Floats, record: Record) -> Floats:
    """Of the logarithm of the chance of ``arm``, ``(e, weights)``."""
    off = (np.arange(len(ARMS)) == arm[:, None]) - chance
    table = off[:, :, None] * state[:, None, :]
    shared = np.stack([(off * record.hits).sum(axis=1), (off * record.gain).sum(axis=1)], axis=1)
    return np.concatenate([table.reshape(len(arm), -1), shared], axis=1)


def _promising(told: Floats) -> Floats:
    """See :func:`metanas.strategies.cold.promising`: for each row, with mean 0 and variance 1."""
    if not told.shape[1]:
        return told
    behind = told.max(axis=1, keepdims=True) - told
    unit = np.median(behind, axis=1, keepdims=True)
    found = -np.log(behind / np.where(unit > 0, unit, 1.0) + SOFT)
    return np.asarray((found - found.mean(axis=1, keepdims=True)) / np.maximum(found.std(axis=1, keepdims=True), 1e-9))


def _place(value: Floats, among: Floats) -> Floats:
    """The share of ``among`` ``(e, t)`` that ``value`` ``(e,)`` is better than, ties counting half."""
    other = value[:, None]
    return np.asarray((among < other).mean(axis=1) + 0.5 * (among == other).mean(axis=1))


class _Model:
    """Processes over the same points, each conditioned on its own."""

    def __init__(self, mean: Floats, kernel: Floats, noise: float, episodes: int, most: int) -> None:
        n = len(mean)
        self._mean, self._kernel, self._noise, self._every = mean, kernel, noise + 1e-6, np.arange(episodes)
        self._rows, self._lower = np.zeros((episodes, most, n)), np.zeros((episodes, most, most))
        self._variance = np.tile(np.diag(kernel), (episodes, 1))
        self._at = np.zeros((episodes, 0), dtype=np.int64)

    def add(self, pick: Places) -> None:
        """Condition every episode's on one more point, ``(e,)``."""
        t = self._at.shape[1]
        row = self._rows[self._every, :t, pick]
        corner = np.sqrt(np.maximum(self._kernel[pick, pick] + self._noise - (row * row).sum(axis=1), 1e-9))
        fresh = (self._kernel[pick] - (row[:, None, :] @ self._rows[:, :t])[:, 0]) / corner[:, None]
        self._lower[:, t, :t], self._lower[:, t, t], self._rows[:, t] = row, corner, fresh
        self._variance -= fresh**2
        self._at = np.concatenate([self._at, pick[:, None]], axis=1)

    def predict(self, targets: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation of all points given targets ``(e, t)``, ``(e, n)`` each."""
        t = self._at.shape[1]
        deviation = np.sqrt(np.maximum(self._variance, 1e-9))
        solved = np.linalg.solve(self._lower[:, :t, :t], (targets - self._mean[self._at])[..., None])
        return self._mean + (solved.transpose(0, 2, 1) @ self._rows[:, :t])[:, 0], deviation
