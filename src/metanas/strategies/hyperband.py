"""Hyperband: a wrapper that evaluates many candidates cheaply and only the promising ones thoroughly.

When to choose it: where one full training is expensive and a short one tells much of a long one; wraps any strategy, which
proposes the candidates and learns from the most thorough evaluation that each of them got.
Li et al. 2018, "Hyperband", algorithm 1: brackets of successive halving that start at different fidelities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Proposal
from metanas.strategies.base import Brief, register_strategy

ETA = 3
"""One in ``ETA`` candidates is promoted to the next fidelity."""


@dataclass
class _Bracket:
    """Successive halving: ``sizes[i]`` candidates at fidelity ``start + i``."""

    start: int
    sizes: list[int]
    rung: int = 0
    asked: int = 0
    results: list[Evaluation] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)  # inner ids of promoted candidates that wait to be asked

    @property
    def full(self) -> bool:
        """Whether every candidate of the rung has been asked."""
        return self.asked >= self.sizes[self.rung]


@register_strategy("hyperband")
class Hyperband(Strategy):
    """Brackets of successive halving around ``inner``; promoted candidates are trained anew at the higher fidelity.

    The first proposal is the inner strategy's first (the plain network) at the highest fidelity, outside of any bracket, so that
    whatever the brackets find is compared with it. While a rung waits for results the next bracket opens: workers don't idle.
    """

    def __init__(self, brief: Brief, inner: Callable[[Brief], Strategy]) -> None:
        self.brief = brief
        self._inner = inner(brief)
        self._top = len(brief.fidelities) - 1
        self._asked = 0
        self._next_start = 0
        self._brackets: list[_Bracket] = []
        self._origin: dict[int, tuple[_Bracket | None, Proposal]] = {}  # own id -> bracket, the inner's proposal
        self._proposals: dict[int, Proposal] = {}  # inner id -> the inner's proposal, while in a bracket

    def ask(self, n: int) -> list[Proposal]:
        """Promotions first, then new candidates of open brackets, then of a new bracket."""
        proposals: list[Proposal] = []
        while len(proposals) < n and (proposal := self._next()) is not None:
            proposals.append(proposal)
        return proposals

    def _next(self) -> Proposal | None:
        if self._asked == 0:
            first = self._inner.ask(1)
            return self._wrap(first[0], None, self._top) if first else None
        for bracket in self._brackets:
            if bracket.queue:
                bracket.asked += 1
                return self._wrap(self._proposals[bracket.queue.pop(0)], bracket, bracket.start + bracket.rung)
        bracket = next((b for b in self._brackets if b.rung == 0 and not b.full), None) or self._open()
        fresh = self._inner.ask(1)
        if not fresh:
            bracket.sizes[0] = bracket.asked  # nothing new: the rung closes with what it has
            if not bracket.asked:
                self._brackets.remove(bracket)
                return None
            self._close_rung(bracket)
            return self._next() if bracket.queue else None
        bracket.asked += 1
        self._proposals[fresh[0].id] = fresh[0]
        return self._wrap(fresh[0], bracket, bracket.start)

    def _open(self) -> _Bracket:
        """The next bracket: the cheapest start first, then round and round."""
        rungs = self._top - self._next_start
        size = -(-(self._top + 1) * ETA**rungs // (rungs + 1))
        bracket = _Bracket(self._next_start, [max(1, size // ETA**i) for i in range(rungs + 1)])
        self._next_start = (self._next_start + 1) % (self._top + 1)
        self._brackets.append(bracket)
        return bracket

    def _wrap(self, proposal: Proposal, bracket: _Bracket | None, fidelity: int) -> Proposal:
        own = replace(proposal, id=self._asked, fidelity=self.brief.fidelities[fidelity], proposer=f"hyperband:{proposal.proposer}")
        self._origin[own.id] = (bracket, proposal)
        self._asked += 1
        return own

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """A finished rung promotes its best; those it leaves behind, and those at the top, are told to the inner strategy."""
        for evaluation in evaluations:
            bracket, proposal = self._origin.pop(evaluation.proposal.id, (None, evaluation.proposal))
            as_inner = replace(evaluation, proposal=replace(proposal, fidelity=evaluation.proposal.fidelity))
            if bracket is None:
                self._inner.tell([as_inner])
                continue
            bracket.results.append(as_inner)
            self._close_rung(bracket)

    def _close_rung(self, bracket: _Bracket) -> None:
        if not bracket.full or len(bracket.results) < bracket.asked:
            return
        objective = self.brief.objective  # what breaks a limit is out like a failure: costs stay as they are in a longer training
        ranked = sorted(filter(objective.feasible, bracket.results), key=objective.values, reverse=True)
        last = bracket.rung + 1 == len(bracket.sizes)
        promoted = [] if last else ranked[: min(bracket.sizes[bracket.rung + 1], max(1, len(bracket.results) // ETA))]
        kept = {e.proposal.id for e in promoted}
        left = [e for e in bracket.results if e.proposal.id not in kept]
        for e in left:
            self._proposals.pop(e.proposal.id, None)
        self._inner.tell(left)
        bracket.results = []
        if not promoted:
            self._brackets.remove(bracket)
            return
        bracket.rung, bracket.asked = bracket.rung + 1, 0
        bracket.sizes[bracket.rung] = len(promoted)
        bracket.queue = [e.proposal.id for e in promoted]

    def state(self) -> State:
        """Brackets by position, proposals by id, and the inner strategy's state."""
        brackets = [{**vars(b), "results": [e.to_json() for e in b.results]} for b in self._brackets]
        positions = {id(b): i for i, b in enumerate(self._brackets)}
        origin = {str(i): [None if b is None else positions[id(b)], p.to_json()] for i, (b, p) in self._origin.items()}
        waiting = {str(i): p.to_json() for i, p in self._proposals.items()}
        counts = {"asked": self._asked, "next_start": self._next_start}
        return {**counts, "brackets": brackets, "origin": origin, "proposals": waiting, "inner": self._inner.state()}

    def load(self, state: State) -> None:
        """Go on from :meth:`state`."""
        self._asked, self._next_start = state["asked"], state["next_start"]
        self._brackets = [_bracket(record) for record in state["brackets"]]
        self._origin = {
            int(i): (None if position is None else self._brackets[position], Proposal.from_json(p))
            for i, (position, p) in state["origin"].items()
        }
        self._proposals = {int(i): Proposal.from_json(p) for i, p in state["proposals"].items()}
        self._inner.load(state["inner"])


def _bracket(record: dict[str, Any]) -> _Bracket:
    lists = {
        "sizes": list(record["sizes"]),
        "queue": list(record["queue"]),
        "results": [Evaluation.from_json(e) for e in record["results"]],
    }
    return _Bracket(**{**record, **lists})
