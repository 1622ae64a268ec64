"""What screening alone does; the contract of strategies is in ``test_strategies``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Draft, TaskShape
from metanas.strategies import Brief, make_strategy
from metanas.strategies.hyperband import Hyperband
from metanas.strategies.screen import PASSED, RATIO, Screen
from metanas.testing import better_than_random, drive, planted, planted_space
from metanas.testing.strategies import FIDELITIES

ROUND = RATIO * PASSED
INNERS = ("random", "evolution", "local-search")


def brief(**others: object) -> Brief:
    return Brief(**{"space": planted_space(), "objective": Objective.of("accuracy"), "fidelities": FIDELITIES[-1:], **others})  # type: ignore[arg-type]


def worth(proposal: Proposal) -> float:
    return sum(float(option) for _, option in proposal.architecture.choices)


def scored(proposal: Proposal) -> Evaluation:
    """Scores that know the truth, one of them with another scale; for trainings what is planted."""
    if proposal.fidelity.epochs:
        return planted(proposal)
    return Evaluation(proposal, metrics={"naswot": worth(proposal), "synflow": 1e6 * worth(proposal), "snip": 0.0})


class Spy(Strategy):
    """Remembers what passes between a wrapper and the strategy in it."""

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.asked: list[Proposal] = []
        self.told: list[Evaluation] = []

    def ask(self, n: int) -> list[Proposal]:
        fresh = self.inner.ask(n)
        self.asked += fresh
        return fresh

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self.told += evaluations
        self.inner.tell(evaluations)

    def state(self) -> State:
        return self.inner.state()

    def load(self, state: State) -> None:
        self.inner.load(state)


def spied(inner: str = "random", **others: object) -> tuple[Screen, Spy]:
    given = brief(**others)
    spy = Spy(make_strategy(inner, given))
    return Screen(given, lambda _: spy), spy


def screened(inner: str) -> Callable[[Brief], Strategy]:
    return lambda given: Screen(given, lambda same: make_strategy(inner, same))


def test_the_best_fifth_of_a_round_is_trained() -> None:
    done = drive(spied()[0], 1 + 2 * (ROUND + PASSED), scored)
    assert done[0].proposal.fidelity == FIDELITIES[-1]  # the plain network, unscreened
    for start in (1, 1 + ROUND + PASSED):
        asked = [e.proposal for e in done[start : start + ROUND]]
        passed = [e.proposal for e in done[start + ROUND : start + ROUND + PASSED]]
        assert {p.fidelity for p in asked} == {Fidelity(0)}
        assert {p.fidelity for p in passed} == {FIDELITIES[-1]}
        assert [worth(p) for p in passed] == sorted((worth(p) for p in asked), reverse=True)[:PASSED]
        assert {p.architecture for p in passed} <= {p.architecture for p in asked}


def test_scores_count_by_rank_and_a_missing_one_is_the_least() -> None:
    def judge(proposal: Proposal) -> Evaluation:
        if proposal.fidelity.epochs:
            return planted(proposal)
        place = (proposal.id - 1) % (ROUND + PASSED)
        scores = {0: {"naswot": 9e9, "synflow": -1.0}, 1: {"naswot": 3.0, "synflow": 5.0}, 2: {"synflow": 6.0}}
        return Evaluation(proposal, metrics=scores.get(place, {"naswot": place / 100, "synflow": place / 100}))

    done = [e.proposal for e in drive(spied()[0], 1 + ROUND + PASSED, judge)]
    # Ranks of 20: the second has 18 + 18, those after the third about twice their place, the third 0 + 19, the first 19 + 0.
    wanted = [2, ROUND, ROUND - 1, ROUND - 2]
    assert [p.architecture for p in done[-PASSED:]] == [done[i].architecture for i in wanted]


def test_the_inner_strategy_hears_of_trainings_only() -> None:
    strategy, spy = spied("evolution")
    stranger = Proposal(9999, strategy.brief.space.baseline, Fidelity(0))
    strategy.tell([Evaluation(stranger, metrics={"naswot": 1.0})])
    done = drive(strategy, 200, scored)
    trained = [e for e in done if e.proposal.fidelity.epochs]
    assert [e.metrics for e in spy.told] == [e.metrics for e in trained]
    own = {p.id: p for p in spy.asked}
    assert [own[e.proposal.id] for e in spy.told] == [e.proposal for e in spy.told]


def test_groups_are_trained_together_and_look_ahead_is_allowed() -> None:
    """As the search asks where candidates train together: 16 at a time, two groups out."""
    strategy, out, fulls = spied()[0], [], []
    for _ in range(60):
        while len(out) < 2 and (group := strategy.ask(16)):
            out.append(group)
        first = out.pop(0)
        fulls.append(sum(p.fidelity.epochs > 0 for p in first))
        strategy.tell([scored(p) for p in first])
    assert set(fulls[1:]) == {0, 16}
    assert fulls.count(16) == pytest.approx(60 / (RATIO + 1), abs=1)


@pytest.mark.parametrize("judge", [planted, lambda p: planted(p) if p.fidelity.epochs else Evaluation(p, reason="no such fidelity")])
def test_without_scores_candidates_are_passed_on_in_the_order_asked(judge: Callable[[Proposal], Evaluation]) -> None:
    strategy, spy = spied()
    done = [e.proposal for e in drive(strategy, 1 + ROUND + ROUND + 30, judge)]
    assert {p.fidelity for p in done[1 : 1 + ROUND]} == {Fidelity(0)}
    assert {p.fidelity for p in done[1 + ROUND :]} == {FIDELITIES[-1]}
    assert [p.architecture for p in [done[0], *done[1 + ROUND :]]] == [p.architecture for p in spy.asked]


def test_rounds_that_are_open_when_scores_turn_out_to_be_missing_are_passed_on() -> None:
    strategy = spied()[0]
    early = [p for _ in range(8) for p in strategy.ask(5)]  # the plain network, a whole round and nearly another
    strategy.tell([planted(p) for p in early])
    passed = [e.proposal for e in drive(strategy, len(early) - 1)]
    assert [p.architecture for p in passed] == [p.architecture for p in early[1:]]
    assert {p.fidelity for p in passed} == {FIDELITIES[-1]}


def test_what_cannot_be_scored_is_not_trained() -> None:
    def judge(proposal: Proposal) -> Evaluation:
        return Evaluation(proposal, reason="too large") if not proposal.fidelity.epochs and worth(proposal) > 20 else scored(proposal)

    done = drive(spied()[0], 300, judge)
    trained = [e.proposal for e in done[1:] if e.proposal.fidelity.epochs]
    assert len(trained) > 40
    assert max(map(worth, trained)) <= 20


def test_an_exhausted_space_is_trained_to_the_last() -> None:
    draft = Draft()
    draft.decide("a", tuple(range(10)), ordered=True)
    draft.decide("b", tuple(range(5)), ordered=True)
    draft.node("head", "dense", ["input"], units=2)
    space = draft.space("tiny", TaskShape("table", (3,), 2, numeric=3), {})
    done = [e.proposal for e in drive(spied("evolution", space=space)[0], 1000, scored)]
    trained = [p.architecture.key for p in done if p.fidelity.epochs]
    assert sorted(trained) == sorted(a.key for a in space.enumerate(most=100))
    assert len(done) == 50 + 49


@pytest.mark.parametrize("inner", INNERS)
def test_state_goes_on_identically_in_the_middle_of_rounds(inner: str) -> None:
    for evaluations in range(1, 60, 11):
        first, second = (screened(inner)(brief(seed=5)) for _ in range(2))
        drive(first, evaluations, scored)
        waiting = [p for n in (7, 1, 16) for p in first.ask(n)]
        second.load(json.loads(json.dumps(first.state())))
        rest = []
        for strategy in (first, second):
            strategy.tell([scored(p) for p in waiting])
            rest.append(drive(strategy, 60, scored, batch=4))
        assert rest[0] == rest[1]
        assert len(rest[0]) == 60


def test_the_inner_strategy_does_not_wait_for_what_was_left() -> None:
    given = brief()
    inner = make_strategy("local-search", given)
    strategy = Screen(given, lambda _: inner)
    drive(strategy, 400, scored)
    assert len(inner.pending) <= ROUND  # type: ignore[attr-defined]


def test_an_outer_wrapper_may_train_what_should_have_been_scored() -> None:
    given = brief(fidelities=FIDELITIES)
    spies: list[Spy] = []

    def inner(same: Brief) -> Strategy:
        spies.append(Spy(make_strategy("random", same)))
        return Screen(same, lambda _: spies[0])

    done = drive(Hyperband(given, inner), 120)
    assert len(done) == 120
    assert len(spies[0].told) > 40


def test_scores_that_tell_help() -> None:
    """With scores that know the truth, screened random search beats random search with as many trainings; fixed seeds, 1 %."""

    class Told(Strategy):
        """Answers requests for scores itself, so that only trainings are seen and counted."""

        def __init__(self, given: Brief) -> None:
            self._inner = screened("random")(given)
            self._asked = 0

        def ask(self, n: int) -> list[Proposal]:
            while proposals := self._inner.ask(n):
                if not (scores := [p for p in proposals if not p.fidelity.epochs]):
                    return proposals
                self._inner.tell([scored(p) for p in scores])
                if trained := [p for p in proposals if p.fidelity.epochs]:
                    return trained
            return []

        def tell(self, evaluations: Sequence[Evaluation]) -> None:
            self._inner.tell(evaluations)

        def state(self) -> State:
            return self._inner.state()

        def load(self, state: State) -> None:
            self._inner.load(state)

    def random(given: Brief) -> Strategy:
        return make_strategy("random", given)

    assert better_than_random(Told, random, planted_space(), evaluations=30, seeds=8) < 0.01
