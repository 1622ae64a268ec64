"""From logits to weights of options and to architectures.

A *mixture* maps every open decision of a supernet to the weights of its options, in their order.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from metanas.spaces import Architecture, Decision, Space
from metanas.spaces.decision import Value

Mixture = Mapping[str, Tensor]
"""Decision name to the weights of its options, ``(options,)``."""
Scores = Mapping[str, Sequence[float]]
"""Decision name to a number per option, larger is better."""

_TRIES = 20_000


def softmax_mixture(logits: Mapping[str, Tensor], temperature: float = 1.0) -> dict[str, Tensor]:
    """Every option weighted by the softmax of its decision's logits (DARTS, eq. 2); colder is nearer to one-hot."""
    return {name: torch.softmax(value / temperature, dim=0) for name, value in logits.items()}


def annealed(progress: float, start: float, end: float, *, linear: bool = False) -> float:
    """A temperature on its way from ``start`` to ``end``: geometric, or ``linear``; ``progress`` is the share of the way in [0, 1]."""
    return start + (end - start) * progress if linear else start * (end / start) ** progress


def entropies(logits: Mapping[str, Tensor]) -> dict[str, float]:
    """Entropy of every decision's softmax, in nats."""
    chances = {name: torch.softmax(value.detach().double(), dim=0) for name, value in logits.items()}
    return {name: float(-torch.special.xlogy(p, p).sum()) for name, p in chances.items()}


def ranked(space: Space, scores: Scores, n: int) -> list[Architecture]:
    """The ``n`` architectures of the space that give up least, best first: the sum, over the active decisions, of how far the chosen
    option's score is below its decision's best.

    With log-probabilities as scores the first takes the most probable option of every decision, as DARTS derives its cell (section 2.4).
    Within the limits; of a listed space those of the list. Fewer than ``n`` only if there are no more (or, with very tight limits,
    if no more are found among the 20,000 best).
    """
    if space.listed:
        return sorted(space.listed, key=lambda a: _given_up(space, scores, a))[:n]
    found: list[Architecture] = []
    for architecture in _best_first(space, scores):
        if space.admits(architecture):
            found.append(architecture)
        if len(found) == n:
            break
    return found or [space.baseline]


def _best_first(space: Space, scores: Scores) -> Iterator[Architecture]:
    """Architectures by rising loss of score, the first :data:`_TRIES`. What a partial choice has given up is what its best completion
    gives up, so that nothing is expanded in vain; of equals the longest goes first."""
    tables = [_losses(decision, scores) for decision in space.decisions]
    waiting: list[tuple[float, int, int, dict[str, Value]]] = [(0.0, 0, 0, {})]
    number = given = 0
    while waiting and given < _TRIES:
        lost, depth, _, active = heapq.heappop(waiting)
        depth = -depth
        while depth < len(space.decisions) and not space.decisions[depth].when.holds(active):
            depth += 1
        if depth == len(space.decisions):
            given += 1
            yield Architecture(space.name, tuple(active.items()))
            continue
        decision = space.decisions[depth]
        for option, loss in zip(decision.options, tables[depth], strict=True):
            number += 1
            heapq.heappush(waiting, (lost + loss, -depth - 1, number, {**active, decision.name: option}))


def _losses(decision: Decision, scores: Scores) -> list[float]:
    """By how much each option is below the best one; of a decision without scores only the first option is free."""
    given = scores.get(decision.name)
    if given is None:
        return [0.0 if i == 0 else math.inf for i in range(len(decision.options))]
    return [max(given) - score for score in given]


def _given_up(space: Space, scores: Scores, architecture: Architecture) -> float:
    lost = 0.0
    for decision in space.active(architecture):
        if decision.name in scores:
            lost += _losses(decision, scores)[decision.options.index(architecture[decision.name])]
    return lost
