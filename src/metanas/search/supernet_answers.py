"""What a trained supernet answers: its best guess, the plain network beside it, more guesses, and now and then one drawn at random."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.interfaces import State
from metanas.records import Objective, lower_is_better
from metanas.spaces import Architecture, Space

if TYPE_CHECKING:
    from metanas.evaluation.tensors import Tensors
    from metanas.oneshot import SupernetMethod

SPARE = 2
"""So many times the answers that are wanted are asked for: some lead to equal networks."""
SETTLING_SHARE = 0.3
"""Share of the time for the answers that comparing the points before a collapse may take."""
DRAWN_EVERY = 6
"""One answer in so many is drawn at random. The others are what the supernet holds for the best, which differ little; how right its
ranking is shows beside others, and they cost a search little that trains so many alone anyway."""
GUESSED, PLAIN, DRAWN = "guessed", "plain", "drawn"
_STREAM = 5
_TRIES = 50

NOTHING: Mapping[str, Any] = {
    **{"answers": [], "learned": False, "diagnosis": {}, "history": [], "messages": [], "steps": 0, "seconds": 0.0, "way_out": None}
}
"""What a supernet answers that has done no step."""

Sourced = tuple[Architecture, str]
"""An architecture and why it is among the answers: :data:`GUESSED`, :data:`PLAIN` or :data:`DRAWN`."""


def answered(
    method: SupernetMethod, state: State, tensors: Tensors, space: Space, n: int, seed: int, goal: Objective, deadline: float
) -> dict[str, Any]:
    """The architectures to be evaluated alone, best guess first, and how the training went.

    Args:
        method: that trained ``state``.
        state: at the end of the training.
        tensors: with the validation rows that judge.
        space: of the answers.
        n: how many, at the most.
        seed: of everything random.
        goal: what is good.
        deadline: seconds on the clock of ``time.monotonic``, at which the answers should be there.

    Returns:
        ``answers``, each an ``architecture``, its ``inherited`` score or None, and ``why`` it is one; ``learned``, whether the guesses are
        more than chance; ``diagnosis``, ``history``, ``messages``, ``steps``; after a collapse the ``way_out``.
    """
    from metanas.oneshot import answers, settled

    now = time.monotonic()
    state = settled(method, state, tensors, objective=goal, deadline=now + SETTLING_SHARE * (deadline - now))
    learned = method.learned(state)
    ranked = answers(method, state, tensors, SPARE * n, objective=goal, deadline=deadline, seed=seed)
    proposed = arranged(space, [r.architecture for r in ranked], n, seed, learned=learned)
    scores = {r.architecture.key: r.inherited for r in ranked if r.inherited is not None}
    scores |= _inherited(method, state, tensors, [a for a, _ in proposed if a.key not in scores], deadline)
    return {
        "answers": [{"architecture": a.to_json(), "inherited": scores.get(a.key), "why": why} for a, why in proposed],
        "learned": learned,
        "diagnosis": method.diagnosis(state),
        "history": method.history(state),
        "messages": method.messages(state),
        "steps": state["step"],
        "way_out": _way_out(method, state),
    }


def arranged(space: Space, guesses: Sequence[Architecture], n: int, seed: int, *, learned: bool) -> list[Sourced]:
    """Up to ``n`` answers that lead to different trainings: the best guess, the plain network, the other guesses, and every
    :data:`DRAWN_EVERY`-th drawn at random. Guesses that have learned nothing come after the plain network.

    Args:
        space: of all of them.
        guesses: best first; there may be none.
        n: how many.
        seed: of the draws.
        learned: whether the guesses are more than chance.
    """
    first, *others = [(a, GUESSED) for a in guesses] or [(space.baseline, PLAIN)]
    pair = [first, (space.baseline, PLAIN)]
    left = iter([*(pair if learned else reversed(pair)), *others])
    drawn = _drawn(space, np.random.default_rng([seed, _STREAM]))
    found: dict[tuple[str, str], Sourced] = {}
    while len(found) < n:
        due = (len(found) + 1) % DRAWN_EVERY == 0
        new = (_new(space, drawn, found) if due else None) or _new(space, left, found)
        if new is None:
            break
        found.update([new])
    return list(found.values())


def _new(space: Space, source: Iterator[Sourced], found: Mapping[tuple[str, str], Sourced]) -> tuple[tuple[str, str], Sourced] | None:
    """The next one of ``source`` that leads to another training than all that were found."""
    keyed = (((space.graph(a).key, str(space.recipe(a))), (a, why)) for a, why in source)
    return next((pair for pair in keyed if pair[0] not in found), None)


def _drawn(space: Space, rng: np.random.Generator) -> Iterator[Sourced]:
    return ((space.sample(rng), DRAWN) for _ in range(_TRIES))


def _inherited(
    method: SupernetMethod, state: State, tensors: Tensors, architectures: Sequence[Architecture], deadline: float
) -> dict[str, float]:
    """Scores by key, of as many as there is time for."""
    from metanas.oneshot import inherited

    sign = -1 if lower_is_better(tensors.data.metric) else 1
    found = inherited(method, state, tensors, architectures, deadline)
    return {a.key: sign * value for a, value in zip(architectures, found, strict=False) if math.isfinite(value)}


def _way_out(method: SupernetMethod, state: State) -> dict[str, Any] | None:
    """The point before a collapse that is taken: its ``step``, ``progress`` and ``inherited`` score (None where it was not compared with
    others), of how many architectures ``compared``, and the ``last`` point's step and score."""
    point = method.way_out(state)
    if point is None:
        return None
    before = method.ways_out(state)
    last = {"step": before[0]["step"], "inherited": before[0].get("inherited")}
    told = {"step": point["step"], "progress": point["progress"], "inherited": point.get("inherited")}
    return {**told, "architectures": len(before), "compared": sum("inherited" in p for p in before), "last": last}
