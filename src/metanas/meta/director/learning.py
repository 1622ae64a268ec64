"""Pre-training of the policy over strategies on recorded searches: policy gradient, held to its defaults by sources left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metanas.meta.director.replay import Replay, replay
from metanas.meta.director.world import World
from metanas.meta.surrogate.history import Floats
from metanas.strategies.director import DEFAULT, Weights

UPDATES, EPISODES, TOGETHER = 25, 16, 6
"""Steps of Adam, each on so many episodes in each of so many worlds."""
RATE = 0.05
PULL = 0.02
"""Weight of the squared distance to the defaults, for one source; less with more."""
JUDGED = 24
"""Episodes in each world to judge weights by."""
LEAST = 12
"""Architectures of a world to learn from: fewer make no search."""
SHARES = (0.5, 1.0)
"""How far from the defaults to what was learned it may go."""
FEWEST = 6
"""Sources without which nothing can be judged: half of them, with an error."""
MOST_WORLDS = 60
"""More are left out by chance."""


def learn_director(worlds: Sequence[World], seed: int = 0) -> Weights | None:
    """The policy's weights: the same from the same worlds and seed; None where it had better keep to the defaults.

    Learned on half of the sources they are judged on the other half, with the same random numbers as the defaults. Only as far as regret is
    lower there, by more than one standard error over sources, they are let go from the defaults.

    Args:
        worlds: earlier tasks, each with a surrogate that has not seen its source.
        seed: of all draws.
    """
    rng = np.random.default_rng(seed)
    worlds = [world for world in worlds if len(world.values) >= LEAST]
    if len(worlds) > MOST_WORLDS:
        worlds = [worlds[place] for place in sorted(rng.permutation(len(worlds))[:MOST_WORLDS])]
    sources = sorted({world.source for world in worlds})
    if len(sources) < FEWEST:
        return None
    mixed = [sources[place] for place in rng.permutation(len(sources))]
    halves = [set(mixed[::2]), set(mixed[1::2])]
    gains: dict[float, list[float]] = {share: [] for share in SHARES}
    for half in halves:
        learned = policy_gradient([w for w in worlds if w.source not in half], seed)
        for share in SHARES:
            gains[share] += _gains([w for w in worlds if w.source in half], between(DEFAULT, learned, share), seed)
    share = max(SHARES, key=lambda share: _sure(gains[share]))
    return between(DEFAULT, policy_gradient(worlds, seed), share) if _sure(gains[share]) > 0 else None


def policy_gradient(worlds: Sequence[World], seed: int = 0, updates: int = UPDATES, start: Weights = DEFAULT) -> Weights:
    """REINFORCE (Williams 1992) with Adam, from the defaults and drawn back to them.

    What an evaluation is worth is the sum of the regrets from there on (lower is better), against the mean of the world's other episodes
    at that point, so that every world counts the same whatever its scale.

    Args:
        worlds: to search in.
        seed: of all draws.
        updates: steps.
        start: the weights that it begins with and is drawn back to.
    """
    rng = np.random.default_rng(seed)
    vector = start.vector
    first, second = np.zeros_like(vector), np.zeros_like(vector)
    pull = PULL / max(1, len({world.source for world in worlds}))
    for update in range(updates):
        chosen = rng.choice(len(worlds), min(TOGETHER, len(worlds)), replace=False)
        slopes = [_slope(replay(worlds[place], Weights.of(vector), EPISODES, rng)) for place in chosen]
        slope = np.mean(slopes, axis=0) + pull * (vector - start.vector)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        ahead = (first / (1 - 0.9 ** (update + 1))) / (np.sqrt(second / (1 - 0.99 ** (update + 1))) + 1e-8)
        vector = vector - RATE * (1 - update / updates) * ahead
    return Weights.of(vector)


def between(first: Weights, second: Weights, share: float) -> Weights:
    """The way from ``first`` to ``second``, so far along."""
    return Weights.of(first.vector + share * (second.vector - first.vector))


def _slope(found: Replay) -> Floats:
    """Of the expected regret, ``(weights,)``."""
    later = found.regret[:, ::-1].cumsum(axis=1)[:, ::-1]
    others = (later.sum(axis=0) - later) / (len(later) - 1)
    above = (later - others) / max(float(later.std()), 1e-9)
    return np.asarray((above[..., None] * found.slopes).mean(axis=(0, 1)))


def _gains(worlds: Sequence[World], weights: Weights, seed: int) -> list[float]:
    """By how much the mean regret is lower than with the defaults, in parts of that, one number per source."""
    gains: dict[str, list[float]] = {}
    for world in worlds:
        plain, ours = (replay(world, w, JUDGED, np.random.default_rng(seed)).regret.mean() for w in (DEFAULT, weights))
        gains.setdefault(world.source, []).append(float((plain - ours) / max(plain, 1e-9)))
    return [float(np.mean(one)) for one in gains.values()]


def _sure(gains: Sequence[float]) -> float:
    """Their mean less its standard error."""
    return float(np.mean(gains) - np.std(gains, ddof=1) / np.sqrt(len(gains)))
