"""Screening: a wrapper that looks at several candidates for every one that is trained, by scores that need no training.

When to choose it: for convolution networks and whatever else takes much longer to train than the tenth of a second that its scores take;
not for small tables, where trainings are short and scores say little. Wraps a strategy of one fidelity, which proposes the candidates and
learns from the trainings.
Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS": moves of a search that scores propose and training decides, and a vote
of three scores.
Deviations from the paper: the vote is a sum of ranks, so that no score's scale counts; NASWOT (Mellor et al. 2021) votes instead of its
forerunner, the Jacobian covariance; candidates compete within rounds; where no scores come (a table knows none) all are passed on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Fidelity, Proposal
from metanas.strategies.base import BaseStrategy, Brief, register_strategy

RATIO = 5
"""Candidates that are scored for every one that is passed on."""
PASSED = 4
"""A round passes on at least so many, so that they keep several workers busy one after the other; more where more are asked at a time."""
SPARE = 1000
"""So many candidates that a round has left are remembered, to be evaluated when the inner strategy has nothing new."""
SCREEN = Fidelity(0)
"""What asks for scores instead of a training."""


@dataclass
class _Round:
    """Candidates that are compared with each other: the inner strategy's proposals by own id, in the order asked."""

    size: int
    candidates: dict[int, Proposal] = field(default_factory=dict)
    scores: dict[int, dict[str, float]] = field(default_factory=dict)  # of those told, empty for a failed one
    trained: list[int] = field(default_factory=list)  # of those told, what was evaluated in full: nothing to decide any more

    @property
    def full(self) -> bool:
        """Whether all its candidates have been asked."""
        return len(self.candidates) >= self.size

    @property
    def complete(self) -> bool:
        """Whether all its candidates have been told."""
        return self.full and len(self.scores) == len(self.candidates)


@register_strategy("screen")
class Screen(Strategy):
    """Asks ``inner`` for candidates in rounds, has them scored, and passes the best fifth on to the fidelity that it wanted.

    The default scores look at a network from three sides: whether its units tell examples apart (``naswot``: inputs alone), how much can
    flow through it (``synflow``: no data at all), and how much the loss hangs on its weights (``snip``: inputs and targets). On pictures
    the sum of their ranks goes with accuracy better than size does (``benchmarks/zero_cost_correlation.py``).

    The first proposal is the plain network, unscreened, if the brief wants it. The inner strategy is told of full evaluations only;
    candidates that are left in a round no longer count as pending, and are evaluated when it has nothing new. If the first complete
    round brings no scores, candidates are passed on in the order asked, and what follows is not screened.

    Args:
        brief, inner: as for every wrapper; not for an inner strategy that chooses fidelities itself (hyperband), which would wait in vain
            for candidates that were screened out.
        scores: metrics of an evaluation of no epochs that are ranked; of all of them larger is better.
    """

    def __init__(self, brief: Brief, inner: Callable[[Brief], Strategy], scores: Sequence[str] = ("naswot", "synflow", "snip")) -> None:
        self.brief, self._names = brief, tuple(scores)
        self._inner = inner(brief)
        self._asked = 0
        self._sighted: bool | None = None  # whether scores come at all; None until a round is complete
        self._rounds: list[_Round] = []
        self._queue: list[Proposal] = []  # the inner's proposals that are passed on and wait to be asked
        self._spare: list[Proposal] = []  # the inner's proposals that were left, the best of each round first
        self._full: dict[int, Proposal] = {}  # own id -> the inner's proposal, asked in full and not yet told

    # -- asking --------------------------------------------------------------------------------------------------------

    def ask(self, n: int) -> list[Proposal]:
        """What was passed on first, then candidates to score."""
        proposals: list[Proposal] = []
        while len(proposals) < n and (more := self._next(n, n - len(proposals))):
            proposals += more
        return proposals

    def _next(self, n: int, room: int) -> list[Proposal]:
        """Up to ``room`` proposals for an ``ask(n)``, none if there is nothing to ask now."""
        if self._queue:
            waiting, self._queue = self._queue[:room], self._queue[room:]
            return [self._in_full(p) for p in waiting]
        plain = self._asked == 0
        if plain or self._sighted is False:
            return [self._in_full(p) for p in self._inner.ask(1 if plain else room)] or self._leftover(room)
        at = next((r for r in self._rounds if not r.full), None) or _Round(RATIO * max(PASSED, n))
        fresh = self._inner.ask(min(room, at.size - len(at.candidates)))
        if not fresh:
            self._close()  # nothing new: the round ends with what it has
            return self._next(n, room) if self._queue else self._leftover(room)
        if not at.candidates:
            self._rounds.append(at)
        return [self._to_score(p, at) for p in fresh]

    def _leftover(self, room: int) -> list[Proposal]:
        """Candidates that were screened out, once nothing else is to come."""
        if self._rounds or self._full:
            return []
        waiting, self._spare = self._spare[:room], self._spare[room:]
        return [self._in_full(p) for p in waiting]

    def _in_full(self, proposal: Proposal) -> Proposal:
        own = self._own(proposal, proposal.fidelity)
        self._full[own.id] = proposal
        return own

    def _to_score(self, proposal: Proposal, at: _Round) -> Proposal:
        own = self._own(proposal, SCREEN)
        at.candidates[own.id] = proposal
        return own

    def _own(self, proposal: Proposal, fidelity: Fidelity) -> Proposal:
        self._asked += 1
        return replace(proposal, id=self._asked - 1, fidelity=fidelity, proposer=f"screen:{proposal.proposer}")

    # -- telling -------------------------------------------------------------------------------------------------------

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Complete rounds pass on their best; full evaluations, also others', are told to the inner strategy."""
        told = [e for e in map(self._take, evaluations) if e is not None]
        if told:
            self._inner.tell(told)
        self._settle()

    def _take(self, evaluation: Evaluation) -> Evaluation | None:
        """What the inner strategy is told of an evaluation."""
        own, trained = evaluation.proposal, evaluation.proposal.fidelity.epochs > 0
        proposal = self._full.get(own.id)
        if proposal is not None and proposal.architecture == own.architecture:
            del self._full[own.id]
            return replace(evaluation, proposal=replace(proposal, fidelity=own.fidelity))
        at = next((r for r in self._rounds if own.id in r.candidates), None)
        if at is None or at.candidates[own.id].architecture != own.architecture:
            return evaluation if trained else None
        at.scores[own.id] = {} if evaluation.failed else {n: evaluation.metrics[n] for n in self._names if n in evaluation.metrics}
        if not trained:
            return None
        at.trained.append(own.id)  # an outer wrapper has chosen another fidelity
        return replace(evaluation, proposal=replace(at.candidates[own.id], fidelity=own.fidelity))

    def _close(self) -> None:
        """No round takes any more candidates."""
        for at in self._rounds:
            at.size = len(at.candidates)
        self._settle()

    def _settle(self) -> None:
        """Decide rounds that are complete, in the order they were opened."""
        while self._rounds and self._rounds[0].complete:
            done = self._rounds.pop(0)
            seen = any(done.scores.values())
            self._sighted = self._sighted or seen
            undecided = [i for i in done.candidates if i not in done.trained]
            if not self._sighted:
                self._queue += [done.candidates[i] for i in undecided]
                self._close()
                continue
            ranked = sorted(undecided, key=_votes(done.scores, self._names).__getitem__, reverse=True)
            sound = [i for i in ranked if done.scores[i]][: math.ceil(len(done.candidates) / RATIO)]
            self._queue += [done.candidates[i] for i in sound]
            self._leave([done.candidates[i] for i in ranked if i not in sound])

    def _leave(self, proposals: Sequence[Proposal]) -> None:
        """Give candidates up: their place is in the reserve, and the inner strategy doesn't wait for them."""
        self._spare = [*self._spare, *proposals][:SPARE]
        if isinstance(self._inner, BaseStrategy):
            for proposal in proposals:
                self._inner.pending.pop(proposal.id, None)

    # -- state ---------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Rounds, what waits, and the inner strategy's state."""
        rounds = [
            {
                "size": r.size,
                "candidates": [[i, p.to_json()] for i, p in r.candidates.items()],
                "scores": [[i, found] for i, found in r.scores.items()],
                "trained": list(r.trained),
            }
            for r in self._rounds
        ]
        waiting = {"queue": [p.to_json() for p in self._queue], "spare": [p.to_json() for p in self._spare]}
        full = [[i, p.to_json()] for i, p in self._full.items()]
        return {"asked": self._asked, "sighted": self._sighted, "rounds": rounds, **waiting, "full": full, "inner": self._inner.state()}

    def load(self, state: State) -> None:
        """Go on from :meth:`state`."""
        self._asked, self._sighted = state["asked"], state["sighted"]
        self._rounds = [_round(record) for record in state["rounds"]]
        self._queue, self._spare = ([Proposal.from_json(p) for p in state[name]] for name in ("queue", "spare"))
        self._full = {i: Proposal.from_json(p) for i, p in state["full"]}
        self._inner.load(state["inner"])


def _round(record: dict[str, Any]) -> _Round:
    candidates = {i: Proposal.from_json(p) for i, p in record["candidates"]}
    return _Round(record["size"], candidates, dict(record["scores"]), list(record["trained"]))


def _votes(scores: dict[int, dict[str, float]], names: Sequence[str]) -> dict[int, float]:
    """By id the sum over scores of the rank: how many others have less, and half of those that have as much; a missing score is least."""
    votes = dict.fromkeys(scores, 0.0)
    for name in names:
        values = {i: found.get(name, -math.inf) for i, found in scores.items()}
        for i, value in values.items():
            votes[i] += sum(v < value for v in values.values()) + 0.5 * sum(v == value for v in values.values())
    return votes
