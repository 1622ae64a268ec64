"""The strategy that is led by a policy over strategies: uses what it was taught, lets go of what misleads, goes on learning."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from taught_examples import Told

from metanas.interfaces import Director, Policy
from metanas.records import Evaluation, Fidelity, Objective, Proposal, TaskDescription
from metanas.spaces import Architecture, Graph, Space, TaskShape
from metanas.strategies import Brief, make_strategy
from metanas.strategies.director import ARMS, DEFAULT, Weights
from metanas.strategies.meta import LED, Meta
from metanas.testing import STRATEGY_LAWS, drive, law_spaces, planted, planted_space

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # when GPyTorch is imported

TASK = TaskDescription("t", "classification", TaskShape("table", (4,), 3), 100, "accuracy")
Vector = NDArray[np.float64]


class Stubborn:
    """A policy that proposes the same architecture until it is heated."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(self, architectures: Sequence[Architecture], values: Vector, rng: Any, temperature: float = 1.0) -> Architecture:
        return self._space.sample(rng) if temperature > 1.5 else self._space.baseline


class Taught:
    """A prior made of such parts."""

    def __init__(
        self, sign: float | None, director: Director | None = None, listed: Sequence[Architecture] = (), policy: bool = False
    ) -> None:
        self._sign, self._director, self._listed, self._policy = sign, director, listed, policy

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        return list(self._listed[:n])

    def surrogate(self, space: Space, task: TaskDescription) -> Told | None:
        return None if self._sign is None else Told(self._sign)

    def policy(self, space: Space, task: TaskDescription) -> Policy | None:
        return Stubborn(space) if self._policy else None

    def director(self, space: Space, task: TaskDescription) -> Director | None:
        return self._director

    def initial_weights(self, graph: Graph, task: TaskDescription) -> Mapping[str, Any] | None:
        return None


def brief(space: Space, seed: int = 0, prior: Taught | None = None) -> Brief:
    return Brief(space, Objective.of("accuracy"), (Fidelity(1),), seed, TASK, prior)


def values(strategy: Meta, evaluations: int) -> list[float]:
    return [e.metrics["accuracy"] for e in drive(strategy, evaluations, batch=1)]


def only(arm: str) -> Weights:
    """A director that knows one arm, and chance."""
    table = np.full_like(DEFAULT.table, 0.0)
    table[:, 0] = -60.0
    table[ARMS.index(arm), 0], table[ARMS.index("random"), 0] = 60.0, 0.0
    return Weights(table, np.zeros_like(DEFAULT.shared))


@pytest.mark.parametrize("space", [planted_space(4, 5), planted_space(12, 4)], ids=["small", "large"])
def test_what_the_prior_knows_is_proposed_first_and_the_plain_network_soon(space: Space) -> None:
    """Random architectures of the larger space reach half of it: the best of 4 ** 12 within three proposals is knowledge."""
    best = {625: 16.0, 4**12: 36.0}[space.count()]
    done = drive(Meta(brief(space, prior=Taught(1.0))), LED + 1, batch=1)
    assert max(e.metrics["accuracy"] for e in done[:3]) >= 0.9 * best
    assert space.baseline in [e.proposal.architecture for e in done]


def test_the_plain_network_leads_a_group() -> None:
    space = planted_space(4, 5)
    asked = [p.architecture for p in Meta(brief(space, prior=Taught(1.0))).ask(16)]
    assert asked[0] == space.baseline
    assert planted(Proposal(0, asked[1], Fidelity(1))).metrics["accuracy"] >= 14


@pytest.mark.parametrize("name", ["meta", "meta-bayes", "meta-policy"])
def test_under_hyperband_the_plain_network_is_trained_wholly_and_first(name: str) -> None:
    """Of a search with a prior, too, the answer is at least as good as the plain network: its bug was that the favourite stood there."""
    space = planted_space(4, 5)
    given = replace(brief(space, prior=Taught(1.0, policy=True)), fidelities=(Fidelity(1), Fidelity(3), Fidelity(9)))
    first, second = drive(make_strategy(f"hyperband:{name}", given), 2, batch=1)
    assert first.proposal.architecture == space.baseline
    assert [e.proposal.fidelity.epochs for e in (first, second)] == [9, 1]
    if name != "meta-policy":
        assert second.metrics["accuracy"] >= 14


@pytest.mark.parametrize("wrapper", ["screen", "warm-start"])
@pytest.mark.parametrize("name", ["meta", "meta-bayes", "meta-policy"])
def test_every_wrapper_of_a_taught_strategy_begins_with_the_plain_network(wrapper: str, name: str) -> None:
    space = planted_space(4, 5)
    given = brief(space, prior=Taught(1.0, policy=True, listed=[space.sample(np.random.default_rng(1))]))
    assert make_strategy(f"{wrapper}:{name}", given).ask(1)[0].architecture == space.baseline


def test_without_a_surrogate_the_plain_network_and_the_shortlist_come_first() -> None:
    space = planted_space(4, 5)
    listed = [space.sample(np.random.default_rng(k)) for k in range(3)]
    asked = [p.architecture for p in Meta(brief(space, prior=Taught(None, listed=listed))).ask(4)]
    assert asked == [space.baseline, *listed]


@pytest.mark.parametrize("seed", range(3))
def test_a_hostile_prior_is_let_go_of(seed: int) -> None:
    """With all scores upside down the optimum of 625 is found within 60 evaluations (at random: one run in ten)."""
    strategy = Meta(brief(planted_space(4, 5), seed, Taught(-1.0)))
    found = values(strategy, 60)
    assert strategy.chances["transferred"] < 0.1
    assert max(found) >= 16.0


@pytest.mark.slow
def test_a_hostile_prior_does_no_harm_in_the_end() -> None:
    """Median best of 9 seeds after 60 evaluations, beside no prior at all: no more than one step of one decision of twelve worse."""
    space = planted_space(12, 4)
    hostile, none = (np.median([max(values(Meta(brief(space, seed, prior)), 60)) for seed in range(9)]) for prior in (Taught(-1.0), None))
    assert hostile >= none - 1.0


@pytest.mark.parametrize("arm", ["transferred", "cold", "local", "random", "policy"])
def test_the_director_of_the_prior_leads(arm: str) -> None:
    """Each arm alone works, in a space with conditions; a policy that insists on one architecture is made to look elsewhere."""
    prior = Taught(None if arm == "policy" else 1.0, only(arm), policy=arm == "policy")

    class Scored(Told):
        def _score(self, asked: Sequence[Architecture]) -> Vector:
            return np.array([int(a.key[:6], 16) / 16**6 for a in asked])

    prior.surrogate = lambda space, task: None if arm == "policy" else Scored(1.0)  # type: ignore[assignment, method-assign]
    strategy = Meta(brief(law_spaces()["mixed"], prior=prior), start=4)
    done = drive(strategy, 30, batch=2)
    assert len({e.proposal.architecture.key for e in done}) == 30
    if arm not in ("random", "policy"):
        assert strategy.chances[arm] > 0.999


def test_arms_that_bring_nothing_are_asked_less() -> None:
    """Two arms of equal weight, of which chance brings nothing here: its share of the chances falls."""
    table = np.full_like(DEFAULT.table, 0.0)
    table[:, 0] = -60.0
    table[[ARMS.index("transferred"), ARMS.index("random")], 0] = 0.0
    strategy = Meta(brief(planted_space(12, 4), prior=Taught(1.0, Weights(table, np.array([0.0, 1.0])))))
    assert strategy.chances["random"] == pytest.approx(0.5)
    drive(strategy, 40, batch=1)
    assert strategy.chances["random"] < 0.25


def test_how_long_evaluations_took_does_not_matter() -> None:
    """Else a search could not be repeated."""
    space = planted_space(6, 4)

    def asked(seconds: float) -> list[Proposal]:
        done = drive(Meta(brief(space, prior=Taught(1.0))), 20, lambda p: replace(planted(p), duration=seconds * p.id), batch=1)
        return [e.proposal for e in done]

    assert asked(0.1) == asked(7.0)


def test_without_a_prior_it_is_no_worse_than_bayes() -> None:
    """Mean best of 8 seeds after 40 evaluations, paired: within two standard errors of the difference (chance of a false alarm 2.5 %)."""
    space = planted_space(12, 4)

    def best(name: str, seed: int) -> float:
        strategy = make_strategy(name, Brief(space, Objective.of("accuracy"), (Fidelity(1),), seed))
        return max(e.metrics["accuracy"] for e in drive(strategy, 40, batch=1))

    behind = np.array([best("bayes", seed) - best("meta", seed) for seed in range(8)])
    assert behind.mean() <= 2 * behind.std(ddof=1) / np.sqrt(8) + 1e-9


def test_failures_earn_nothing() -> None:
    strategy = Meta(brief(planted_space(6, 4), prior=Taught(1.0)))
    drive(strategy, 12, batch=1)
    before = strategy.chances["transferred"]
    drive(strategy, 20, lambda p: Evaluation(p, reason="diverged"), batch=1)
    assert strategy.chances["transferred"] < before


def test_where_all_that_the_prior_leads_to_is_the_same_it_is_left_for_chance() -> None:
    """Its bug: results that don't differ tell the models nothing, and so a prior that led to networks that all fail alike led on."""
    space = planted_space(12, 4)

    def flat(proposal: Proposal) -> Evaluation:
        """What the prior holds to be good is all alike, and bad."""
        found = planted(proposal).metrics["accuracy"]
        return Evaluation(proposal, {"accuracy": 0.1 if found > 24 else 0.2 + found / 100})

    done = drive(Meta(brief(space, prior=Taught(1.0))), 30, flat, batch=1)
    assert [e.metrics["accuracy"] for e in done[:4]] == [0.1] * 4
    assert done[4].proposal.architecture == space.baseline
    assert max(e.metrics["accuracy"] for e in done) >= 0.35


def test_state_round_trip_with_every_arm() -> None:
    """Saved with proposals out, through JSON; both go on alike, and chances are those saved."""
    space, flat = planted_space(5, 4), Weights(np.zeros_like(DEFAULT.table), DEFAULT.shared)
    first, second = (Meta(brief(space, 5, Taught(1.0, flat, policy=True))) for _ in range(2))
    drive(first, 30, batch=2)
    waiting = first.ask(3)
    second.load(json.loads(json.dumps(first.state())))
    assert first.chances == second.chances
    for strategy in (first, second):
        strategy.tell([planted(p) for p in waiting])
    rest = [[e.proposal for e in drive(strategy, 20, batch=2)] for strategy in (first, second)]
    assert rest[0] == rest[1]


@pytest.mark.parametrize("law", STRATEGY_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("name", "sign"), [("mixed", -1.0), pytest.param("narrow", 1.0, marks=pytest.mark.slow)])
def test_with_a_prior_the_laws_hold(law: Any, name: str, sign: float) -> None:
    if law.__name__ == "the_plain_network_comes_first":
        pytest.skip("asked for one, with a surrogate its best comes first")

    class Constant(Told):
        """Scores that any space has."""

        def _score(self, asked: Sequence[Architecture]) -> Vector:
            return self._sign * np.array([int(a.key[:6], 16) / 16**6 for a in asked])

    class Prior(Taught):
        def surrogate(self, space: Space, task: TaskDescription) -> Told:
            return Constant(sign)

    def make(given: Brief) -> Meta:
        return Meta(replace(given, task=TASK, prior=Prior(sign, policy=True)))

    law(make, law_spaces()[name])
