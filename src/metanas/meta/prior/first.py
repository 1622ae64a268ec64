"""The first architectures to try on a new task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest

import numpy as np

from metanas.meta.prior.embedding import distance
from metanas.meta.prior.form import Floats
from metanas.meta.prior.memories import EarlierTask, KnownSpace, fitted
from metanas.spaces import Architecture, Space

SAMPLES = 128
"""Architectures that are drawn from the space beside those that were good on earlier tasks."""
PROVEN = 200
"""Most architectures of earlier tasks that are looked at."""
CAUTION = 0.5
"""Deviations by which less is expected of what was never tried: of many expectations the highest is too high by chance."""
APART = 3
"""Choices in which two of the first architectures differ, as long as there are such."""


def nearest_tasks(known: KnownSpace, embedding: Floats) -> list[tuple[float, EarlierTask]]:
    """The earlier tasks with their distances, the nearest first."""
    return sorted(((distance(task.embedding, embedding), task) for task in known.tasks), key=lambda pair: pair[0])


def first_architectures(known: KnownSpace, space: Space, embedding: Floats, attributes: Floats, n: int) -> list[Architecture]:
    """Up to ``n`` architectures that the space admits, the most promising first; the plain network is not among them.

    The portfolio of earlier tasks, whose members make up for each other's failures. With a surrogate that can guide, the one of which it
    expects most leads, of what was good on earlier tasks and of a sample of the space, and after the portfolio come others like that, no
    two alike.

    Args:
        known: of the space.
        space: as it is for the task.
        embedding: of the task, as those of the earlier tasks.
        attributes: of the task, as the surrogate knows them.
        n: how many.
    """
    proven = _admitted(space, islice(_proven(known, space, embedding), PROVEN))
    if known.guide is None:
        return _apart(proven, n)
    rng = np.random.default_rng(0)  # the space and the prior alone decide
    there = {architecture.key for architecture in proven}
    sampled = [a for a in _admitted(space, (space.sample(rng) for _ in range(SAMPLES))) if a.key not in there]
    candidates = [*proven, *sampled]
    if not candidates:
        return []
    x = known.form.among(space.decisions).encode_all(a.as_dict for a in candidates)
    expected = known.guide.condition(np.empty((0, known.form.size)), np.empty(0), attributes, x)
    worth = expected.mean - CAUTION * expected.deviation * (np.arange(len(candidates)) >= len(proven))
    ranked = [candidates[place] for place in np.argsort(-worth, kind="stable")]
    listed = {fitted(space, choices).key for choices in known.portfolio}
    portfolio = [a for a in proven if a.key in listed]  # which leads what is proven
    once = {a.key: a for a in (ranked[0], *portfolio, *_apart(ranked, n))}
    return list(once.values())[:n]


def _proven(known: KnownSpace, space: Space, embedding: Floats) -> Iterable[Architecture]:
    """The portfolio, then the best of the nearest task, of the next, ..., the second best of the nearest, ..."""
    for choices in known.portfolio:
        yield fitted(space, choices)
    for rank in zip_longest(*(task.best for _, task in nearest_tasks(known, embedding))):
        yield from (fitted(space, choices) for choices in rank if choices is not None)


def _admitted(space: Space, architectures: Iterable[Architecture]) -> list[Architecture]:
    """Those that keep the space's limits, without the plain network, each once."""
    once = {a.key: a for a in architectures if a != space.baseline}
    return [a for a in once.values() if space.admits(a)]


def _apart(ranked: Sequence[Architecture], n: int) -> list[Architecture]:
    """The first ``n`` that differ from each other in :data:`APART` choices; where there are not enough, in fewer."""
    chosen: list[Architecture] = []
    for least in range(APART, 0, -1):
        for architecture in ranked:
            if len(chosen) == n:
                return chosen
            if all(_differing(architecture, other) >= least for other in chosen):
                chosen.append(architecture)
    return chosen


def _differing(first: Architecture, second: Architecture) -> int:
    """Choices that only one of two architectures has."""
    one, other = first.as_dict, second.as_dict
    return sum(one.get(name) != other.get(name) for name in {*one, *other})
