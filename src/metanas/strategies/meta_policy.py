"""A controller that was pre-trained on earlier tasks, knows the task at hand, and is fine-tuned by its results.

When to choose it: to compare with ``meta-bayes``, or where the space is so large that a surrogate's candidates cover little of it; its
first proposals need no candidates at all. With no prior, or one that knows nothing of the space, it is ``reinforce``.
Chen et al. 2020, "CATCH: Context-based Meta Reinforcement Learning for Transferrable Architecture Search"; Zoph and Le 2017, "Neural
Architecture Search with Reinforcement Learning".
"""

from __future__ import annotations

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


@register_strategy("meta-policy")
class MetaPolicy(BaseStrategy):
    """Draws every proposal from the learned policy, given all results so far.

    A policy that is sure of one architecture would propose it again and again: each time that it does, it is made less sure of everything,
    until the next result.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._policy: Policy | None = None
        self._temperature = 1.0
        if brief.prior is not None and brief.task is not None:
            self._policy = brief.prior.policy(self.space, brief.task)
        if self._policy is not None:
            self._first = []  # the policy's own proposals come first
        self._untaught = Reinforce(brief) if self._policy is None else None

    def propose(self) -> Architecture:
        """Drawn from the policy."""
        if self._untaught is not None:
            return self._untaught.propose()
        assert self._policy is not None
        policy, told = self._policy, [self.known[key] for key in self.telling(POINTS)]
        known, values = [k.architecture for k in told], on_one_scale(told) if told else np.zeros(0)
        return admitted(self.space, lambda: policy.propose(known, values, self.rng, self._temperature), self.rng)

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

    def memory(self) -> State:
        """How sure it is, and what an untaught policy has learned."""
        return {"temperature": self._temperature, "untaught": None if self._untaught is None else self._untaught.state()}

    def remember(self, state: State) -> None:
        """Take it back."""
        self._temperature = state["temperature"]
        if self._untaught is not None:
            self._untaught.load(state["untaught"])
