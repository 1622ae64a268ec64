"""Local search: hill climbing over neighbours that differ in one choice, with restarts.

When to choose it: small spaces with little noise, where it is hard to beat; the baseline that White et al. ask every comparison to hold.
White et al. 2021, "Exploring the Loss Landscape in Neural Architecture Search", algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.spaces.decision import Value
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy


@register_strategy("local-search")
class LocalSearch(BaseStrategy):
    """Climbs from a random architecture; where no neighbour is better it starts anew elsewhere.

    Deviations from the paper: moves to the first neighbour that is better instead of the best of all, which takes fewer evaluations;
    neighbours that are known already count at once.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._centre: Known | None = None
        self._changes: list[tuple[str, Value]] = []  # what has not been tried around the centre, in random order

    def propose(self) -> Architecture:
        """The next neighbour of the centre; a random architecture where there is no centre or nothing left around it."""
        while self._centre is not None and self._changes:
            neighbour = self.space.edit(self._centre.architecture, *self._changes.pop())
            if neighbour != self._centre.architecture and self.space.admits(neighbour):
                return neighbour
        if not self.pending:
            self._centre = None  # all neighbours are told and none was better
        return self.space.sample(self.rng)

    def learn(self, told: Sequence[Known]) -> None:
        """Move to what is better than the centre."""
        for known in told:
            self._consider(known)

    def revisit(self, architecture: Architecture) -> None:
        """A neighbour that an earlier climb has seen counts without another evaluation."""
        if architecture.key in self.known and self._centre is not None:
            self._consider(self.known[architecture.key])

    def _consider(self, known: Known) -> None:
        if self._centre is None or known.value > self._centre.value:
            self._centre = known
            active = self.space.active(known.architecture)
            changes = [(d.name, o) for d in active for o in d.options if o != known.architecture[d.name]]
            self._changes = [changes[int(i)] for i in self.rng.permutation(len(changes))]

    def memory(self) -> State:
        """The centre and what is left to try around it."""
        centre = self._centre
        told = None if centre is None else [centre.architecture.to_json(), list(centre.values), centre.effort]
        return {"centre": told, "changes": [list(change) for change in self._changes]}

    def remember(self, state: State) -> None:
        """Take both back."""
        told = state["centre"]
        self._centre = None if told is None else Known(Architecture.from_json(told[0]), tuple(told[1]), told[2])
        self._changes = [(name, option) for name, option in state["changes"]]
