"""The loop: asks the strategy, has candidates evaluated, records, and tells results in the order asked."""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from metanas.experience import training_key
from metanas.interfaces import Executor, Observer, Strategy
from metanas.records import Candidate, Evaluation, Objective, Proposal
from metanas.search.journal import Journal
from metanas.spaces import Space
from metanas.spaces.architecture import digest

if TYPE_CHECKING:
    from metanas.search.starts import Starts  # as it needs PyTorch

CONFIRMING = 1_000_000
"""Ids from here on are of evaluations that confirm: the number of the cut times this, plus the id that is confirmed."""
EARLIER = 4
"""A group that grows is one in so many of what was asked so far."""
HEARTBEAT = 5.0
"""Longest time in seconds between two signs of life to the observers."""
KNOWN_IN_A_ROW = 200
"""So many proposals in a row that this search has answered already end it: the strategy has nothing new."""


@dataclass
class _Group:
    """Candidates asked together; told together when all are answered."""

    candidates: list[Candidate]
    answers: dict[int, Evaluation] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.answers) == len(self.candidates)


class Loop:
    """Drives one strategy until its budget is spent or it has nothing left.

    The look-ahead is fixed and results are told in the order asked, so the proposals don't depend on how many workers there are.

    Args:
        space: of the proposals.
        strategy: that proposes.
        objective: that orders.
        executor: that evaluates what the journal doesn't know.
        journal: that remembers.
        seed: of the candidates' weights and batches.
        group: proposals per group.
        first: proposals of the first groups; later ones have a quarter of what was asked so far, up to ``group``. What comes early tells
            most, and should be heard of early. None: all groups have as many.
        lookahead: groups in flight.
        trials: most evaluations; None allows any. Proposals that this search has answered before don't count.
        trial_seconds: longest time for one candidate; None allows any.
        observers: told of every evaluation.
        starts: offers initial weights to the candidates; None draws fresh ones.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        space: Space,
        strategy: Strategy,
        objective: Objective,
        executor: Executor,
        journal: Journal,
        *,
        seed: int,
        group: int = 1,
        first: int | None = None,
        lookahead: int = 1,
        trials: int | None = None,
        trial_seconds: float | None = None,
        observers: Sequence[Observer] = (),
        starts: Starts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._space, self._strategy, self._objective, self._executor, self._journal = space, strategy, objective, executor, journal
        self._seed, self._group_size, self._lookahead, self._trials = seed, group, lookahead, trials
        self._first = group if first is None else first
        self._trial_seconds, self._observers, self._starts, self._clock = trial_seconds, observers, starts, clock
        self._asked = 0
        self._known_in_a_row = 0
        self._groups: deque[_Group] = deque()
        self._running: dict[str, list[tuple[_Group, Candidate]]] = {}  # training key -> who waits for it; the first one trains
        self._answered: dict[str, Evaluation] = {}
        self._restored: set[int] = set()
        self.evaluations: list[Evaluation] = []
        self.best: Evaluation | None = None

    @property
    def trials(self) -> int:
        """Evaluations that count: scores of untrained networks don't."""
        return sum(not e.proposal.fidelity.training_free for e in self.evaluations)

    def restore(self, finished: Sequence[Evaluation]) -> None:
        """Begin with what an earlier sitting has evaluated; the strategy is told again when it asks again."""
        self.evaluations = list(finished)
        self.best = answer(self._objective, self.evaluations)
        self._restored = {e.proposal.id for e in finished}
        for evaluation in finished:
            for observer in self._observers:
                observer.on_evaluation(evaluation, self.best)

    def run(self, deadline: float) -> None:
        """Search until the deadline (on the clock), the trials, or the strategy's proposals are used up."""
        self._drive(lambda: self._ask(deadline), deadline)

    def confirm(self, most: int, folds: int, deadline: float) -> None:
        """Evaluate the ``most`` best architectures again on ``folds`` other cuts between training and validation rows.

        What was best of many on one small validation part is partly luck; the mean over several cuts is less so.
        """
        searched = [e for e in self.evaluations if not e.proposal.fidelity.fold]  # a resumed search may have confirmed some already
        best = ranked(self._objective, searched)[:most]
        cuts = iter(range(1, folds + 1))

        def ask() -> bool:
            fold = next(cuts, 0)
            proposals = [_confirming(e.proposal, fold) for e in best]
            return bool(fold and proposals) and self._begin(proposals, deadline)

        self._groups.clear()
        self._running.clear()
        self._drive(ask, deadline)
        self._groups.clear()
        self.best = answer(self._objective, self.evaluations)

    def _drive(self, ask: Callable[[], bool], deadline: float) -> None:
        while self._clock() < deadline:
            # What was asked when must not depend on how fast results come, nor on who has them: so one group is told at a time.
            if len(self._groups) < self._lookahead and ask():
                continue
            if not self._groups:
                return
            while not self._groups[0].complete and self._clock() < deadline:
                self._collect(min(deadline - self._clock(), HEARTBEAT))
                for observer in self._observers:
                    observer.on_progress(min(1.0, self.trials / self._trials) if self._trials else 0.0)
            if self._groups[0].complete:
                self._tell()
        self._collect(0.0)

    def _collect(self, timeout: float) -> None:
        for evaluation in self._executor.results(max(0.0, timeout)):
            self._take(evaluation)

    def _ask(self, deadline: float) -> bool:
        size = min(self._group_size, max(self._first, self._asked // EARLIER))
        wanted = size if self._trials is None else min(size, self._trials - self._asked)
        proposals = self._strategy.ask(wanted) if wanted > 0 and self._known_in_a_row < KNOWN_IN_A_ROW else []
        if not proposals:
            return False
        return self._begin(proposals, deadline)

    def _begin(self, proposals: Sequence[Proposal], deadline: float) -> bool:
        group = _Group([self._candidate(p) for p in proposals])
        self._groups.append(group)
        to_train: list[Candidate] = []
        known: list[tuple[Evaluation, Candidate]] = []
        for candidate in group.candidates:
            key = training_key(candidate)
            if key in self._answered or key in self._running:
                self._known_in_a_row += 1
                if key in self._running:
                    self._running[key].append((group, candidate))
                else:
                    group.answers[candidate.proposal.id] = self._answered[key].for_proposal(candidate.proposal)
                continue
            self._asked += not candidate.proposal.fidelity.training_free
            self._known_in_a_row = 0
            if (answer := self._journal.find(candidate)) is not None:
                known.append((answer, candidate))
            else:
                to_train.append(candidate)
            self._running[key] = [(group, candidate)]
        self._record(known)
        if to_train:
            self._executor.submit(to_train, deadline, self._trial_seconds)
        return True

    def _candidate(self, proposal: Proposal) -> Candidate:
        architecture = proposal.architecture
        seed = int(digest([self._seed, architecture.key])[:8], 16)
        candidate = Candidate(proposal, self._space.graph(architecture), self._space.recipe(architecture), seed)
        return candidate if self._starts is None else self._starts.offered(candidate)

    def _take(self, evaluation: Evaluation) -> None:
        candidate = next((c for g in self._groups for c in g.candidates if c.proposal.id == evaluation.proposal.id), None)
        if candidate is not None:
            costs = {"parameters": candidate.graph.parameters, "flops": candidate.graph.flops, **evaluation.costs}
            self._record([(replace(evaluation, costs=costs), candidate)])

    def _record(self, finished: list[tuple[Evaluation, Candidate]]) -> None:
        self._journal.record(finished)
        for evaluation, candidate in finished:
            key = training_key(candidate)
            self._answered[key] = evaluation
            for group, waiting in self._running.pop(key, []):
                same = waiting.proposal.id == evaluation.proposal.id
                group.answers[waiting.proposal.id] = evaluation if same else evaluation.for_proposal(waiting.proposal)
            if evaluation.proposal.id in self._restored:
                continue
            self.evaluations.append(evaluation)
            if self._better(evaluation, self.best):
                self.best = evaluation
            for observer in self._observers:
                observer.on_evaluation(evaluation, self.best)

    def _better(self, evaluation: Evaluation, best: Evaluation | None) -> bool:
        value = self._objective.values(evaluation)[0]
        fidelity = evaluation.proposal.fidelity
        if fidelity.fold or fidelity.training_free or not self._objective.feasible(evaluation) or not math.isfinite(value):
            return False
        if best is None:
            return True
        known = (best.proposal.fidelity.effort, self._objective.values(best)[0], -best.proposal.id)
        return (evaluation.proposal.fidelity.effort, value, -evaluation.proposal.id) > known  # of equals the first asked wins

    def _tell(self) -> None:
        group = self._groups.popleft()
        told = [group.answers[c.proposal.id] for c in group.candidates]
        self._strategy.tell([e for e in told if e.proposal.id < CONFIRMING])


def _confirming(proposal: Proposal, fold: int) -> Proposal:
    fidelity = replace(proposal.fidelity, fold=fold)
    return replace(proposal, id=CONFIRMING * fold + proposal.id, fidelity=fidelity, proposer="confirm")


def ranked(objective: Objective, evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """One evaluation per architecture, the best first, by validation alone.

    Those of the highest fidelity count that any feasible one has reached; where some were confirmed on other cuts, only those, by the
    mean over the cuts that the most of them have.
    """
    trained = [e for e in evaluations if not e.proposal.fidelity.training_free]
    feasible = [e for e in trained if objective.feasible(e) and math.isfinite(objective.values(e)[0])]
    if not feasible:
        return []
    feasible.sort(key=lambda e: e.proposal.id)  # of equals the first asked wins, whichever finished first
    effort = max(e.proposal.fidelity.effort for e in feasible)
    cuts: dict[str, dict[int, Evaluation]] = {}
    for evaluation in feasible:
        if evaluation.proposal.fidelity.effort == effort:
            cuts.setdefault(evaluation.proposal.architecture.key, {})[evaluation.proposal.fidelity.fold] = evaluation
    held = Counter(fold for found in cuts.values() for fold in found if fold)
    common = {0, *(fold for fold, count in held.items() if count == max(held.values()))}
    means = [(statistics.fmean(objective.values(found[f])[0] for f in common), found[0]) for found in cuts.values() if common <= set(found)]
    return [evaluation for _, evaluation in sorted(means, key=lambda pair: pair[0], reverse=True)]


def answer(objective: Objective, evaluations: Sequence[Evaluation]) -> Evaluation | None:
    """The first of :func:`ranked`, or None."""
    return next(iter(ranked(objective, evaluations)), None)
