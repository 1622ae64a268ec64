"""Warm start: the prior's shortlist first, for any strategy, and the strategy learns how it went."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

from metanas.errors import StrategyError
from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal, TaskDescription
from metanas.spaces import Architecture, Space, TaskShape
from metanas.strategies import Brief, make_strategy, register_strategy
from metanas.strategies.random import RandomSearch
from metanas.strategies.warm_start import SHORTLIST, WarmStart
from metanas.testing import STRATEGY_LAWS, STRATEGY_LAWS_ONCE, drive, law_spaces, planted, planted_space

TASK = TaskDescription("t", "classification", TaskShape("table", (4,), 3), 100, "accuracy")


class Listing:
    """A prior with nothing but a shortlist: the first architectures of the space, or those that it is given."""

    def __init__(self, listed: Sequence[Architecture] | None = None) -> None:
        self._listed = listed

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        if self._listed is not None:
            return list(self._listed)[:n]
        rng = np.random.default_rng(77)
        return list({a.key: a for a in (space.sample(rng) for _ in range(n)) if a != space.baseline}.values())

    def surrogate(self, space: Space, task: TaskDescription) -> None:
        return None

    def policy(self, space: Space, task: TaskDescription) -> None:
        return None

    def director(self, space: Space, task: TaskDescription) -> None:
        return None

    def initial_weights(self, graph: Any, task: TaskDescription) -> None:
        return None


class Recorder(Strategy):
    """Written against the interface alone: asks for what it was given, in that order, and notes what it is told."""

    def __init__(self, brief: Brief, order: Sequence[Architecture] = ()) -> None:
        self.order, self._fidelity, self.told, self._asked = list(order), brief.fidelities[-1], list[Evaluation](), 0

    def ask(self, n: int) -> list[Proposal]:
        wanted, self.order = self.order[:n], self.order[n:]
        self._asked += len(wanted)
        return [Proposal(self._asked + i, a, self._fidelity, proposer="recorder") for i, a in enumerate(wanted)]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self.told += evaluations

    def state(self) -> State:
        return {}

    def load(self, state: State) -> None:
        pass


def brief_of(space: Space, prior: Listing | None, seed: int = 0) -> Brief:
    return Brief(space, Objective.of("accuracy"), (Fidelity(1), Fidelity(3)), seed, TASK, prior)


def architectures(n: int, space: Space) -> list[Architecture]:
    return list(islice(space.enumerate(most=1000), n))


@pytest.mark.parametrize("inner", ["random", "evolution", "hyperband:random", "screen:evolution", "genetic"])
def test_the_plain_network_then_the_shortlist_then_the_rest(inner: str) -> None:
    space = planted_space(4, 5)
    prior = Listing()
    asked = [e.proposal for e in drive(make_strategy(f"warm-start:{inner}", brief_of(space, prior)), 30)]
    assert asked[0].architecture == space.baseline
    shortlist = prior.shortlist(space, TASK, SHORTLIST)
    assert [p.architecture for p in asked[1 : 1 + len(shortlist)]] == shortlist
    assert {p.proposer for p in asked[1 : 1 + len(shortlist)]} == {"warm-start"}
    assert all(p.fidelity == Fidelity(3) for p in asked[: 1 + len(shortlist)])
    assert all(p.proposer.startswith("warm-start:") for p in asked[1 + len(shortlist) :])


@pytest.mark.parametrize("inner", ["evolution", "hyperband:random"])
def test_with_no_prior_it_is_what_it_wraps(inner: str) -> None:
    space = planted_space(4, 5)
    for prior in (None, Listing([])):
        wrapped, alone = (drive(make_strategy(name, brief_of(space, prior)), 40) for name in (f"warm-start:{inner}", inner))
        assert [(e.proposal.id, e.proposal.architecture, e.proposal.fidelity) for e in wrapped] == [
            (e.proposal.id, e.proposal.architecture, e.proposal.fidelity) for e in alone
        ]


def test_a_strategy_named_alone_begins_from_nothing() -> None:
    space = planted_space(4, 5)
    with_prior, without = (drive(make_strategy("evolution", brief_of(space, prior)), 30) for prior in (Listing(), None))
    assert [e.proposal for e in with_prior] == [e.proposal for e in without]


def test_any_strategy_learns_of_the_shortlist_and_gets_no_result_twice() -> None:
    """It wants two of the shortlist's itself: one whose result is there by then, and one that is still out."""
    space = planted_space(2, 4)
    first, early, late, other = architectures(4, space)
    made: list[Recorder] = []

    def inner(brief: Brief) -> Strategy:
        made.append(Recorder(brief, [first]))
        return made[0]

    strategy = WarmStart(brief_of(space, Listing([early, late])), inner)
    plain, one, two = strategy.ask(3)
    assert [p.architecture for p in (plain, one, two)] == [first, early, late]
    strategy.tell([planted(plain), planted(one)])
    made[0].order = [early, late, other]
    (last,) = strategy.ask(2)
    assert last.architecture == other
    strategy.tell([planted(two), planted(last)])
    told = [(e.proposal.architecture, e.proposal.proposer) for e in made[0].told]
    expected = [(first, "recorder"), (early, "warm-start"), (early, "recorder"), (late, "recorder"), (other, "recorder")]
    assert told == expected
    assert all(e.metrics == planted(e.proposal).metrics for e in made[0].told)


def test_what_a_prior_should_not_have_listed_is_left_out() -> None:
    space = planted_space(3, 4).only(architectures(20, planted_space(3, 4)))
    strange = replace(planted_space(3, 4).baseline, choices=(("a0", 3), ("a1", 3), ("a2", 3)))
    asked = drive(make_strategy("warm-start:random", brief_of(space, Listing([strange, strange, space.baseline]))), 12)
    assert len({e.proposal.architecture for e in asked}) == 12
    assert all(space.admits(e.proposal.architecture) for e in asked)


def test_the_users_own_strategy_can_be_wrapped() -> None:
    @register_strategy("own-for-warm-start")
    class Own(RandomSearch):
        """Of the user's."""

    space = planted_space(4, 5)
    asked = drive(make_strategy("warm-start:own-for-warm-start", brief_of(space, Listing())), 20)
    assert [e.proposal.proposer for e in asked[1:3]] == ["warm-start"] * 2

    @register_strategy("failing-for-warm-start")
    class Failing(RandomSearch):
        """Of the user's, too."""

        def propose(self) -> Architecture:
            raise ValueError("no idea")

    with pytest.raises(StrategyError, match="no idea"):
        drive(make_strategy("warm-start:failing-for-warm-start", brief_of(space, Listing())), 20)


@pytest.mark.parametrize("law", [*STRATEGY_LAWS, *STRATEGY_LAWS_ONCE], ids=lambda law: law.__name__)
@pytest.mark.parametrize("inner", ["evolution", "hyperband:random"])
def test_with_a_prior_the_laws_hold(law: Any, inner: str) -> None:
    def make(brief: Brief) -> Strategy:
        return make_strategy(f"warm-start:{inner}", replace(brief, task=TASK, prior=Listing()))

    law(make, law_spaces()["mixed"])


@pytest.mark.parametrize("outer", ["hyperband", "screen"])
def test_it_can_be_wrapped(outer: str) -> None:
    space = planted_space(4, 5)
    asked = drive(make_strategy(f"{outer}:warm-start:random", brief_of(space, Listing())), 40)
    assert {a.key for a in Listing().shortlist(space, TASK, SHORTLIST)} <= {e.proposal.architecture.key for e in asked}
