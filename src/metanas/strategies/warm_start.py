"""Warm start: a wrapper that has what earlier tasks lead to try evaluated first, and tells any strategy how it went.

When to choose it: where earlier searches on other data were made in the same space, and a strategy is wanted that does not ask the prior
itself (``meta-bayes``, ``meta-policy`` and ``meta`` do). With no prior, or one that knows nothing of the space, it is the strategy that it
wraps. A prior that misleads costs as many evaluations as are on its shortlist, and no more.
Feurer et al. 2015, "Initializing Bayesian Hyperparameter Optimization via Meta-Learning"; here the shortlist is the prior's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Proposal
from metanas.spaces import Architecture
from metanas.strategies.base import Brief, register_strategy

SHORTLIST = 8
"""Architectures of the prior that are tried."""
FOREIGN = 10**9
"""Added to the ids of the shortlist's proposals when the inner strategy is told of them: none of its own has such an id."""


@register_strategy("warm-start")
class WarmStart(Strategy):
    """The inner strategy's first proposal (the plain network), then the prior's shortlist at the highest fidelity, then ``inner``.

    The inner strategy hears of the shortlist's results as of others' proposals. Where it proposes itself what the shortlist has had
    evaluated at that fidelity, it is given that result.

    Args:
        brief, inner: as for every wrapper; any strategy will do.
    """

    def __init__(self, brief: Brief, inner: Callable[[Brief], Strategy]) -> None:
        self.brief = brief
        self._inner = inner(brief)
        self._asked = 0
        self._shortlist: list[Architecture] = []
        if brief.prior is not None and brief.task is not None:
            found = {a.key: a for a in brief.prior.shortlist(brief.space, brief.task, SHORTLIST)}
            self._shortlist = [a for a in found.values() if brief.space.admits(a)]
        self._passed: dict[int, Proposal] = {}  # own id -> the inner's proposal, asked and not yet told
        self._led: dict[str, Proposal] = {}  # key -> own proposal of the shortlist, asked and not yet told
        self._twins: dict[str, Proposal] = {}  # key -> the inner's proposal of what the shortlist has out
        self._found: dict[str, Evaluation] = {}  # key -> result of the shortlist that the inner has not proposed itself

    def ask(self, n: int) -> list[Proposal]:
        """The plain network, the shortlist, and what the inner strategy asks."""
        proposals: list[Proposal] = []
        if not self._asked and n:
            proposals = [own for p in self._inner.ask(1) if (own := self._pass(p))]
            plain = {p.architecture.key for p in proposals}
            self._shortlist = [a for a in self._shortlist if a.key not in plain]
        while len(proposals) < n and self._shortlist:
            proposals.append(self._lead(self._shortlist.pop(0)))
        while len(proposals) < n and (fresh := self._inner.ask(n - len(proposals))):
            proposals += [own for p in fresh if (own := self._pass(p))]
        return proposals

    def _lead(self, architecture: Architecture) -> Proposal:
        own = Proposal(self._asked, architecture, self.brief.fidelities[-1], proposer="warm-start")
        self._asked += 1
        self._led[architecture.key] = own
        return own

    def _pass(self, proposal: Proposal) -> Proposal | None:
        """The inner strategy's proposal as its own; None where the shortlist has the result, or waits for it."""
        key = proposal.architecture.key
        if (led := self._led.get(key)) and led.fidelity == proposal.fidelity and key not in self._twins:
            self._twins[key] = proposal
            return None
        if (found := self._found.get(key)) and found.proposal.fidelity == proposal.fidelity:
            del self._found[key]
            self._inner.tell([replace(found, proposal=proposal)])
            return None
        own = replace(proposal, id=self._asked, proposer=f"warm-start:{proposal.proposer}")
        self._passed[own.id] = proposal
        self._asked += 1
        return own

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Pass results on: the inner strategy's own, the shortlist's, and others'."""
        if evaluations:
            self._inner.tell([self._as_told(evaluation) for evaluation in evaluations])

    def _as_told(self, evaluation: Evaluation) -> Evaluation:
        own, key = evaluation.proposal, evaluation.proposal.architecture.key
        if (passed := self._passed.get(own.id)) and passed.architecture == own.architecture:
            del self._passed[own.id]
            return replace(evaluation, proposal=replace(passed, fidelity=own.fidelity))
        if (led := self._led.get(key)) and led.id == own.id:
            del self._led[key]
            if twin := self._twins.pop(key, None):
                return replace(evaluation, proposal=replace(twin, fidelity=own.fidelity))
            self._found[key] = evaluation
            return replace(evaluation, proposal=replace(own, id=FOREIGN + own.id))
        return evaluation

    def state(self) -> State:
        """What is left of the shortlist, what is out, and the inner strategy's state."""
        return {
            "asked": self._asked,
            "shortlist": [a.to_json() for a in self._shortlist],
            "passed": [[i, p.to_json()] for i, p in self._passed.items()],
            "led": [p.to_json() for p in self._led.values()],
            "twins": [p.to_json() for p in self._twins.values()],
            "found": [e.to_json() for e in self._found.values()],
            "inner": self._inner.state(),
        }

    def load(self, state: State) -> None:
        """Go on from :meth:`state`."""
        self._asked = state["asked"]
        self._shortlist = [Architecture.from_json(a) for a in state["shortlist"]]
        self._passed = {i: Proposal.from_json(p) for i, p in state["passed"]}
        self._led, self._twins = ({p.architecture.key: p for p in map(Proposal.from_json, state[name])} for name in ("led", "twins"))
        self._found = {e.proposal.architecture.key: e for e in map(Evaluation.from_json, state["found"])}
        self._inner.load(state["inner"])
