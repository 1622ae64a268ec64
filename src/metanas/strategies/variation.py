"""How strategies that breed make a child of two parents, and how they order what has several goals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture, Space

Values = Sequence[tuple[float, ...]]
"""One tuple per member, a number per goal, larger is better."""


def child(space: Space, first: Architecture, second: Architecture, rng: np.random.Generator, *, crossover: float) -> Architecture:
    """Uniform crossover of two parents with probability ``crossover`` (else the first), then mutation of one choice or more.

    A second, third, ... mutation follows with probability one half each, so that most children stay near and some go far.
    """
    made = space.crossover(first, second, rng) if rng.random() < crossover else first
    made = space.mutate(made, rng)
    while rng.random() < 0.5:
        made = space.mutate(made, rng)
    return made


def fronts(values: Values) -> NDArray[np.int64]:
    """Rank of each member: 0 for those that none dominates, 1 for those that only they dominate, and so on.

    Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", section III-A. One member dominates another that
    it equals or exceeds in every goal and exceeds in one. Members of minus infinity are dominated by all others.
    """
    points = np.asarray(values, dtype=np.float64)
    at_least: NDArray[np.bool_] = np.all(points[:, None] >= points[None], axis=2)
    dominates: NDArray[np.bool_] = at_least & np.any(points[:, None] > points[None], axis=2)
    ranks = np.full(len(points), -1)
    rank = 0
    while (left := ranks < 0).any():
        ranks[left & ~dominates[left].any(axis=0)] = rank
        rank += 1
    return ranks


def crowding(values: Values) -> NDArray[np.float64]:
    """Crowding distance of the members of one front: how far apart the neighbours on both sides are, summed over the goals, each in its
    own range; infinite at the ends (Deb et al. 2002, section III-B)."""
    points = np.asarray(values, dtype=np.float64)
    distance = np.zeros(len(points))
    for goal in points.T:
        order = np.argsort(goal, kind="stable")
        distance[order[[0, -1]]] = np.inf
        if len(points) > 2 and np.isfinite(goal).all() and (span := np.ptp(goal)) > 0:
            distance[order[1:-1]] += (goal[order[2:]] - goal[order[:-2]]) / span
    return distance


def by_rank_and_crowding(values: Values) -> list[int]:
    """Positions of the members from the best to the worst: by front, within a front the least crowded first."""
    ranks = fronts(values)
    distance = np.zeros(len(ranks))
    for rank in np.unique(ranks):
        front = np.flatnonzero(ranks == rank)
        distance[front] = crowding([values[int(i)] for i in front])
    return [int(i) for i in np.lexsort((-distance, ranks))]
