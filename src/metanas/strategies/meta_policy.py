"""A controller that was pre-trained on earlier tasks, knows the task at hand, and is fine-tuned by its results.

When to choose it: to compare with ``meta-bayes``, or where the space is so large that a surrogate's candidates cover little of it; its
first proposals need no candidates at all. With no prior, or one that knows nothing of the space, it is ``reinforce``.
Chen et al. 2020, "CATCH: Context-based Meta Reinforcement Learning for Transferrable Architecture Search"; Zoph and Le 2017, "Neural
Architecture Search with Reinforcement Learning".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.controller import HEAT, admitted
from metanas.strategies.reinforce import Reinforce
from metanas.strategies.targets import on_one_scale

if TYPE_CHECKING:
    from metanas.interfaces import Policy

POINTS = 60
"""Most results that it sees: the best half and the latest half."""
HOTTEST = 8.0
TRUST, RATE = 0.85, 4.0
"""Share of proposals that the policy makes at first, and how fast that follows how good its and the others' turned out."""
DOUBT = 2.0
"""Results in the middle that both count as having had before any."""


@register_strategy("meta-policy")
class MetaPolicy(BaseStrategy):
    """Draws proposals from the learned policy, given all results so far.

    Now and then something else is tried: the plain network, then a change to the best. The less the policy's own are better than that, the
    more often; so one that was taught wrong is let go of. A policy that is sure of one architecture would propose it again and again:
    each time that it does, it is made less sure of everything, until the next result.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._policy: Policy | None = None
        self._temperature = 1.0
        if brief.prior is not None and brief.task is not None:
            self._policy = brief.prior.policy(self.space, brief.task)
        if self._policy is not None:
            self.leave_plain()  # the policy's own proposals come first
        self._untaught = Reinforce(brief) if self._policy is None else None
        self._places: dict[str, list[float]] = {"policy": [], "other": []}  # of results among the earlier ones, by who proposed them
        self._turns: dict[str, str] = {}  # of what is out: who proposed it

    @property
    def trust(self) -> float:
        """Chance that the policy makes the next proposal, in [0, 1]."""
        own, other = ((sum(places) + DOUBT / 2) / (len(places) + DOUBT) for places in self._places.values())
        compared = min(map(len, self._places.values()))
        odds = TRUST / (1 - TRUST) * math.exp(min(RATE * compared * (own - other), 50.0))
        return odds / (1 + odds)

    def propose(self) -> Architecture:
        """Drawn from the policy, or another one."""
        if self._untaught is not None:
            return self._untaught.propose()
        turn = "policy" if self.rng.random() < self.trust else "other"
        found = self._drawn() if turn == "policy" else self._other()
        if found.key not in self._seen:
            self._turns[found.key] = turn
        return found

    def _drawn(self) -> Architecture:
        assert self._policy is not None
        policy, told = self._policy, [self.known[key] for key in self.telling(POINTS)]
        known, values = [k.architecture for k in told], on_one_scale(told) if told else np.zeros(0)
        return admitted(self.space, lambda: policy.propose(known, values, self.rng, self._temperature), self.rng)

    def _other(self) -> Architecture:
        if self.space.baseline.key not in self._seen:
            return self.space.baseline
        good = [k for k in self.known.values() if k.good]
        return self.space.mutate(max(good, key=lambda k: k.value).architecture, self.rng) if good else self.space.sample(self.rng)

    def revisit(self, architecture: Architecture) -> None:
        """Less sure next time."""
        if self._untaught is not None:
            self._untaught.revisit(architecture)
        self._temperature = min(self._temperature * HEAT, HOTTEST)

    def learn(self, told: Sequence[Known]) -> None:
        """As sure as it was taught."""
        if self._untaught is not None:
            self._untaught.learn(told)
        self._temperature = 1.0
        values = dict(zip(self.known, on_one_scale(list(self.known.values())), strict=True))
        for result in told:
            key = result.architecture.key
            if (turn := self._turns.pop(key, None)) and len(values) > 1:
                others = [value for other, value in values.items() if other != key]
                self._places[turn].append(sum((value < values[key]) + 0.5 * (value == values[key]) for value in others) / len(others))

    def memory(self) -> State:
        """How sure it is, what its proposals were worth, and what an untaught policy has learned."""
        worth = {"places": {turn: list(found) for turn, found in self._places.items()}, "turns": dict(self._turns)}
        return {"temperature": self._temperature, **worth, "untaught": None if self._untaught is None else self._untaught.state()}

    def remember(self, state: State) -> None:
        """Take it back."""
        self._temperature = state["temperature"]
        self._places, self._turns = {turn: list(found) for turn, found in state["places"].items()}, dict(state["turns"])
        if self._untaught is not None:
            self._untaught.load(state["untaught"])
