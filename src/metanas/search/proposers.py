"""What ``--strategy`` names: strategies that are asked and told, and one-shot methods."""

from __future__ import annotations

import difflib

from metanas.errors import InputError
from metanas.interfaces import Strategy
from metanas.oneshot import is_oneshot, oneshots
from metanas.oneshot.registry import source_module
from metanas.records import Fidelity, Objective
from metanas.search.oneshot import Sharing
from metanas.search.proposer import Proposer, Stage
from metanas.spaces import Space
from metanas.strategies import Brief, ChosenStrategy, choose_strategy, make_strategy, strategies
from metanas.tasks.data import LearningData


class Asked(Proposer):
    """A strategy by name: it proposes from the first moment."""

    def __init__(self, name: str) -> None:
        self._name = name

    def check(self, space: Space, data: LearningData, memory: int) -> None:
        """Refuses unknown names."""
        make_strategy(self._name, Brief(space, Objective.of(data.metric), (Fidelity(1),)))

    def strategy(self, brief: Brief, stage: Stage) -> Strategy:
        """The strategy."""
        return make_strategy(self._name, brief)


def choose_proposer(text: str) -> ChosenStrategy:
    """What a user names as a strategy, in a file of theirs or not; the name is one for :func:`proposer_for`.

    Raises:
        InputError: if a file is missing, can't be imported, or registers nothing of the kind.
    """
    return choose_strategy(text, lambda: {name: source_module(name) for name in oneshots()})


def proposer_for(name: str) -> Proposer:
    """The proposer that ``--strategy name`` asks for.

    Raises:
        InputError: if there is nothing of that name, or what is no strategy is to be wrapped.
    """
    outer, *inner = name.split(":")
    known = (*strategies(), *oneshots())
    if outer not in known:
        near = difflib.get_close_matches(outer, known, n=1)
        every = f"choose one of {', '.join(strategies())}, or of the one-shot methods {', '.join(oneshots())}"
        raise InputError(f"there is no strategy named {outer!r}; " + (f"did you mean {near[0]!r}?" if near else every))
    if wrapped := next((part for part in inner if is_oneshot(part)), None):
        raise InputError(f"{wrapped!r} is a one-shot method, which can't be wrapped; say --strategy {wrapped}")
    return Sharing(name) if is_oneshot(outer) else Asked(name)
