"""A list of architectures, proposed in order.

What a one-shot method answers is evaluated alone this way, and what a table or a person suggests can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Fidelity, Proposal
from metanas.spaces import Architecture


class Listed(Strategy):
    """Proposes each of ``architectures`` once, the first ones first, and learns nothing.

    Args:
        architectures: without repeats.
        fidelity: of all proposals.
        proposer: who is named in them.
    """

    def __init__(self, architectures: Sequence[Architecture], fidelity: Fidelity, proposer: str) -> None:
        self._architectures, self._fidelity, self._proposer = tuple(architectures), fidelity, proposer
        self._asked = 0

    def ask(self, n: int) -> list[Proposal]:
        """The next ``n`` of the list."""
        first, self._asked = self._asked, min(self._asked + max(0, n), len(self._architectures))
        return [Proposal(i, self._architectures[i], self._fidelity, proposer=self._proposer) for i in range(first, self._asked)]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing depends on them."""

    def state(self) -> State:
        """How many were asked."""
        return {"asked": self._asked}

    def load(self, state: State) -> None:
        """Go on from there."""
        self._asked = state["asked"]
