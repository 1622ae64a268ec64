"""Worlds to search in, in which what the transferred surrogate says is right or wrong as wished."""

import numpy as np

from metanas.meta.director import World
from metanas.meta.surrogate import normal_scores
from metanas.strategies.director import ARMS, DEFAULT, Weights


def world(seed: int, truth: float = 1.0, n: int = 60) -> World:
    """A smooth function of a point in a cube, and a surrogate whose mean is ``truth`` times its scores."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 3))
    values = normal_scores(-np.square(x - rng.random(3)).sum(axis=1))
    far = np.abs(x[:, None] - x[None]).sum(axis=2)
    return World(f"s{seed}", values, truth * values, 0.5 * np.exp(-3 * far) + 0.5, 0.1, np.exp(-3 * far))


def weighted(**always: float) -> Weights:
    table = np.zeros_like(DEFAULT.table)
    for name, weight in always.items():
        table[ARMS.index(name), 0] = weight
    return Weights(table, np.zeros_like(DEFAULT.shared))
