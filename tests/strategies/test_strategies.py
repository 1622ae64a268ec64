"""One suite for all strategies: the contract of ``metanas.interfaces.Strategy``."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from metanas.errors import InputError
from metanas.interfaces import Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.strategies import Brief, make_strategy
from metanas.testing import SHAPES

NAMES = ("random", "evolution", "hyperband", "hyperband:random")
FIDELITIES = (Fidelity(1), Fidelity(3), Fidelity(9))
every_strategy = pytest.mark.parametrize("name", NAMES)


def toy() -> Space:
    draft = Draft()
    steps = [draft.decide(f"a{i}", (0, 1, 2, 3), ordered=True) for i in range(4)]
    draft.decide("b", ("x", "y", "z"), when=steps[0].at_least(2))
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("toy", TaskShape("table", (3,), 2, numeric=3), {})


def quality(proposal: Proposal) -> float:
    """Planted: the sum of the ordered choices, seen a little better with more epochs."""
    choices = proposal.architecture.as_dict
    return sum(float(v) for k, v in choices.items() if k.startswith("a")) + 0.01 * proposal.fidelity.epochs


def brief(space: Space, seed: int = 0) -> Brief:
    return Brief(space, Objective.of("accuracy"), FIDELITIES, seed=seed)


def run(strategy: Strategy, evaluations: int, judge: Callable[[Proposal], Evaluation], batch: int = 3) -> list[Evaluation]:
    done: list[Evaluation] = []
    while len(done) < evaluations and (proposals := strategy.ask(min(batch, evaluations - len(done)))):
        told = [judge(p) for p in proposals]
        strategy.tell(told)
        done += told
    return done


def good(proposal: Proposal) -> Evaluation:
    return Evaluation(proposal, metrics={"accuracy": quality(proposal)})


@every_strategy
@pytest.mark.parametrize("shape", SHAPES, ids=[s.data for s in SHAPES])
def test_proposals_are_valid_numbered_and_begin_with_the_plain_network(name: str, shape: TaskShape) -> None:
    space = make_space(None, shape)
    done = run(make_strategy(name, brief(space)), 40, lambda p: Evaluation(p, metrics={"accuracy": float(p.id % 7)}))
    assert [e.proposal.id for e in done] == list(range(40))
    assert done[0].proposal.architecture == space.baseline
    assert done[0].proposal.fidelity == FIDELITIES[-1]
    for evaluation in done:
        space.validate(evaluation.proposal.architecture)


@every_strategy
def test_the_same_seed_asks_the_same_and_another_seed_something_else(name: str) -> None:
    runs = [[e.proposal for e in run(make_strategy(name, brief(toy(), seed)), 60, good)] for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@every_strategy
def test_state_in_the_middle_of_a_run_goes_on_identically(name: str) -> None:
    space = toy()
    whole = run(make_strategy(name, brief(space, 5)), 90, good)
    first = make_strategy(name, brief(space, 5))
    half = run(first, 45, good)
    waiting = first.ask(2)  # asked, not yet told
    second = make_strategy(name, brief(space, 5))
    second.load(json.loads(json.dumps(first.state())))
    for strategy in (first, second):
        strategy.tell([good(p) for p in waiting])
    rest = [run(strategy, 30, good) for strategy in (first, second)]
    assert rest[0] == rest[1]
    assert [e.proposal for e in half] == [e.proposal for e in whole[:45]]


@every_strategy
def test_look_ahead_of_several_batches_is_allowed(name: str) -> None:
    strategy, waiting, told = make_strategy(name, brief(toy())), [], 0
    for _ in range(60):
        waiting += strategy.ask(2)
        if len(waiting) > 8:
            strategy.tell([good(p) for p in waiting[:3]])
            told += 3
            del waiting[:3]
    assert told > 80


@every_strategy
def test_failures_and_strangers_do_no_harm(name: str) -> None:
    space = toy()
    strategy = make_strategy(name, brief(space, 3))
    stranger = Proposal(10_000, space.sample(np.random.default_rng(0)), Fidelity(2))
    strategy.tell([good(stranger)])
    done = run(strategy, 90, lambda p: Evaluation(p, reason="diverged") if p.id % 2 else good(p))
    assert len(done) == 90
    survivors = [e for e in run(strategy, 20, lambda p: Evaluation(p, reason="diverged")) if e.failed]
    assert len(survivors) == 20


@every_strategy
def test_a_tiny_space_is_exhausted_and_the_strategy_ends(name: str) -> None:
    draft = Draft()
    draft.decide("a", (1, 2, 3), ordered=True)
    draft.decide("b", ("x", "y"))
    draft.node("head", "dense", ["input"], units=2)
    space = draft.space("tiny", TaskShape("table", (3,), 2, numeric=3), {})
    strategy = make_strategy(name, brief(space))
    done = run(strategy, 1000, lambda p: Evaluation(p, metrics={"accuracy": 1.0}))
    assert {e.proposal.architecture.key for e in done} == {a.key for a in space.enumerate(most=10)}
    assert len(done) < 100
    assert strategy.ask(5) == []


@every_strategy
def test_hard_limits_of_the_space_hold(name: str) -> None:
    space = make_space("mlp", SHAPES[0]).within(parameters=900)
    for evaluation in run(make_strategy(name, brief(space)), 80, lambda p: Evaluation(p, metrics={"accuracy": float(p.id % 5)})):
        assert space.graph(evaluation.proposal.architecture).parameters <= 900


@pytest.mark.parametrize("name", ["evolution", "hyperband"])
def test_metrics_of_which_less_is_better_are_minimised(name: str) -> None:
    space, objective = make_space("mlp", SHAPES[0]), Objective.of("rmse")

    def worse_if_wide(proposal: Proposal) -> Evaluation:
        return Evaluation(proposal, metrics={"rmse": float(np.log(space.graph(proposal.architecture).parameters))})

    done = run(make_strategy(name, Brief(space, objective, FIDELITIES, seed=1)), 240, worse_if_wide)
    early, late = (np.median([e.metrics["rmse"] for e in part]) for part in (done[1:60], done[-60:]))
    assert late < early


def test_evolution_beats_random_search_on_a_planted_space() -> None:
    """Mann-Whitney over 20 seeds each, one-sided at 1 %: with a fixed list of seeds there are no false alarms."""
    from scipy.stats import mannwhitneyu

    def best(name: str, seed: int) -> float:
        draft = Draft()
        for i in range(12):
            draft.decide(f"a{i}", (0, 1, 2, 3), ordered=True)
        draft.node("head", "dense", ["input"], units=2)
        space = draft.space("planted", TaskShape("table", (3,), 2, numeric=3), {})
        return max(e.metrics["accuracy"] for e in run(make_strategy(name, brief(space, seed)), 150, good))

    scores = {name: [best(name, seed) for seed in range(20)] for name in ("evolution", "random")}
    assert mannwhitneyu(scores["evolution"], scores["random"], alternative="greater").pvalue < 0.01


def test_hyperband_promotes_the_best_third_to_the_next_fidelity() -> None:
    strategy = make_strategy("hyperband:random", brief(toy(), 4))
    done = run(strategy, 13, good, batch=1)
    first = [e for e in done[1:] if e.proposal.fidelity == FIDELITIES[0]][:9]
    ranked = sorted(first, key=lambda e: -e.metrics["accuracy"])
    strategy = make_strategy("hyperband:random", brief(toy(), 4))
    done = run(strategy, 40, good, batch=1)
    promoted = [e.proposal.architecture for e in done if e.proposal.fidelity == FIDELITIES[1]][:3]
    assert {quality_of(a.as_dict) for a in promoted} == {quality_of(e.proposal.architecture.as_dict) for e in ranked[:3]}


def quality_of(choices: object) -> float:
    return sum(float(v) for k, v in dict(choices).items() if str(k).startswith("a"))  # type: ignore[call-overload]


def test_unknown_strategies_are_named_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match="no strategy named 'evolutoin'; did you mean 'evolution'"):
        make_strategy("evolutoin", brief(toy()))
    with pytest.raises(InputError, match="'random' wraps no other one"):
        make_strategy("random:evolution", brief(toy()))
