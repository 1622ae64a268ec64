"""The two ways of choosing parents; the rest is in the contract of all strategies."""

from collections import Counter
from typing import Literal

import pytest

from metanas.interfaces import Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.strategies import Brief
from metanas.strategies.genetic import Genetic
from metanas.strategies.random import RandomSearch
from metanas.testing import STRATEGY_LAWS, better_than_random, law_spaces, planted_space
from metanas.testing.strategies import Law

Selection = Literal["tournament", "roulette"]


def roulette(brief: Brief) -> Strategy:
    return Genetic(brief, selection="roulette")


@pytest.mark.parametrize("law", STRATEGY_LAWS, ids=lambda law: law.__name__)
def test_the_roulette_wheel_keeps_the_contract(law: Law) -> None:
    law(roulette, law_spaces()["mixed"])


def test_the_roulette_wheel_beats_random_search() -> None:
    assert better_than_random(roulette, RandomSearch, planted_space()) < 0.01


def chosen(selection: Selection, values: list[float], draws: int = 4000) -> list[float]:
    """How often each of parents with these values is chosen, as shares."""
    space = planted_space(3)
    strategy = Genetic(Brief(space, Objective.of("accuracy"), (Fidelity(1),)), selection=selection, tournament=2)
    architectures = list(space.enumerate(most=64))[: len(values)]
    proposals = (Proposal(i, architecture, Fidelity(1)) for i, architecture in enumerate(architectures))
    strategy.tell([Evaluation(proposal, {"accuracy": value}) for proposal, value in zip(proposals, values, strict=True)])
    parents = list(strategy.known.values())
    counts = Counter(strategy._select(parents).value for _ in range(draws))
    return [counts[value] / draws for value in values]


def test_the_wheel_has_shares_of_what_is_above_the_worst_and_tournaments_of_ranks() -> None:
    """Within four standard errors of a share over 4,000 draws."""
    values = [0.0, 1.0, 3.0]
    for selection, expected in (("roulette", [0.0, 1 / 4, 3 / 4]), ("tournament", [1 / 9, 3 / 9, 5 / 9])):
        assert chosen(selection, values) == pytest.approx(expected, abs=0.03)  # type: ignore[arg-type]
