"""Every strategy against the contract of ``metanas.testing``, and what is special to none of them."""

import pytest

from metanas.errors import InputError
from metanas.interfaces import Strategy
from metanas.records import Objective
from metanas.strategies import Brief, make_strategy, strategies
from metanas.testing import STRATEGY_LAWS, STRATEGY_LAWS_ONCE, better_than_random, law_spaces, planted_space
from metanas.testing.strategies import FIDELITIES, Law, MakeStrategy

NAMES = (*strategies(), "hyperband:random")
LEARNED = ("actor-critic", "bananas", "bayes", "bowl", "meta", "reinforce")
"""Take milliseconds per proposal, and tens of them in spaces with many decisions."""
MODELS = ("bananas", "bayes", "bowl", "meta")
"""Refit a model: the most expensive of them, and good after few evaluations."""
COSTLY = {(name, space) for name in LEARNED for space in ("narrow", "large")}


def cases() -> list[object]:
    """Every strategy with every space; the costly ones are for `make test-all`."""
    slow = pytest.mark.slow
    return [pytest.param(n, s, marks=slow if (n, s) in COSTLY else ()) for n in NAMES for s in law_spaces()]


def maker(name: str) -> MakeStrategy:
    def make(brief: Brief) -> Strategy:
        return make_strategy(name, brief)

    return make


@pytest.mark.parametrize("law", STRATEGY_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("name", "space"), cases())
def test_laws(name: str, space: str, law: Law) -> None:
    law(maker(name), law_spaces()[space])


@pytest.mark.parametrize("law", STRATEGY_LAWS_ONCE, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_laws_with_spaces_of_their_own(name: str, law: Law) -> None:
    law(maker(name), planted_space())


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in MODELS else ()) for n in strategies() if n != "random"])
def test_all_but_random_search_beat_random_search(name: str) -> None:
    """At the 1 % level; see :func:`better_than_random` for what that means with fixed seeds."""
    assert better_than_random(maker(name), maker("random"), planted_space()) < 0.01


@pytest.mark.parametrize("name", MODELS)
def test_those_with_models_beat_random_search_in_a_few_short_runs(name: str) -> None:
    """The same with 10 seeds of 40 evaluations, at the 1 % level."""
    assert better_than_random(maker(name), maker("random"), planted_space(), evaluations=40, seeds=10) < 0.01


def test_unknown_strategies_are_named_with_the_nearest_known_one() -> None:
    brief = Brief(planted_space(), Objective.of("accuracy"), FIDELITIES)
    with pytest.raises(InputError, match="no strategy named 'evolutoin'; did you mean 'evolution'"):
        make_strategy("evolutoin", brief)
    with pytest.raises(InputError, match="'random' wraps no other one"):
        make_strategy("random:evolution", brief)
