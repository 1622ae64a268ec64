"""What the learning controllers share, and the laws that hold for all of them because of it."""

import json
import math

import numpy as np
import pytest

from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Draft, Space, TaskShape
from metanas.strategies import Brief, actor_critic, make_strategy, q_learning, reinforce
from metanas.strategies.controller import Ranks, Weights, admitted, draw, entropy_slope, softmax

NAMES = {"reinforce": reinforce.Reinforce, "actor-critic": actor_critic.ActorCriticWalk, "q-learning": q_learning.QLearning}


def letters(decisions: int = 6) -> Space:
    draft = Draft()
    for position in range(decisions):
        draft.decide(f"d{position}", ("a", "b", "c"))
    return draft.space("letters", TaskShape("table", (3,), 2, numeric=3), {})


def asked(name: str, space: Space, scale: float, shift: float, count: int = 60) -> list[Proposal]:
    strategy = make_strategy(name, Brief(space, Objective.of("score"), (Fidelity(1),), seed=4))
    done: list[Proposal] = []
    while len(done) < count:
        proposals = strategy.ask(3)
        for p in proposals:
            goal = sum((i + 1) * ("abc".index(str(option)) - 1) for i, (_, option) in enumerate(p.architecture.choices))
            reason = "diverged" if p.id % 5 == 4 else None
            strategy.tell([Evaluation(p, metrics={} if reason else {"score": scale * goal + shift}, reason=reason)])
        done += proposals
    return done


@pytest.mark.parametrize("name", NAMES)
def test_scale_and_offset_of_the_metric_do_not_matter(name: str) -> None:
    assert asked(name, letters(), 1.0, 0.0) == asked(name, letters(), 256.0, -4096.0)


@pytest.mark.parametrize("name", NAMES)
def test_architectures_outside_a_short_list_are_never_asked_for(name: str) -> None:
    rng = np.random.default_rng(0)
    space = letters(12)
    listed = {a.key: a for a in (space.sample(rng) for _ in range(200))}
    assert {p.architecture.key for p in asked(name, space.only(list(listed.values())), 1.0, 0.0)} <= set(listed)


def test_adam_finds_the_bottom_of_a_bowl_and_goes_on_identically_from_its_state() -> None:
    weights, other = (Weights({"m": (2, 3), "b": (2,)}, np.random.default_rng(seed), 0.05) for seed in (0, 1))
    goal = np.arange(8.0) / 8
    for step in range(600):
        if step == 50:
            other.load(json.loads(json.dumps(weights.state())))
        weights.descend(weights.vector - goal)
        if step >= 50:
            other.descend(other.vector - goal)
    assert np.allclose(weights.vector, goal, atol=1e-2)
    assert np.array_equal(weights.vector, other.vector)
    assert np.array_equal(weights.named["b"], weights.vector[6:])


def test_a_long_gradient_is_shortened() -> None:
    steps = []
    for factor in (1.0, 1000.0):
        weights = Weights({"b": (2,)}, np.random.default_rng(0), 0.1, clip=1.0)
        weights.descend(factor * np.array([3.0, 4.0]))
        weights.descend(np.array([0.1, -0.1]))
        steps.append(weights.vector.copy())
    assert np.allclose(steps[0], steps[1])


def test_rewards_are_cubed_shares_of_worse_values_and_failures_rank_last() -> None:
    ranks = Ranks()
    ranks.add([3.0, -math.inf, 1.0, 3.0])
    assert [ranks.reward(v) for v in (-math.inf, 1.0, 3.0, 9.0)] == [0.125**3, 0.375**3, 0.75**3, 1.0]


def test_draws_follow_the_probabilities_and_never_take_what_has_none() -> None:
    """The bound on the frequency is five standard errors wide: with a fixed seed there is no false alarm."""
    rng = np.random.default_rng(0)
    chances = softmax(np.array([-np.inf, math.log(3.0), 0.0, -np.inf]))
    drawn = [draw(chances, rng) for _ in range(2000)]
    assert set(drawn) == {1, 2}
    assert abs(drawn.count(1) / 2000 - 0.75) < 5 * math.sqrt(0.75 * 0.25 / 2000)


def test_the_slope_of_the_entropy_is_that_of_finite_differences() -> None:
    logits = np.array([0.3, -1.0, 2.0])
    entropy, slope = entropy_slope(softmax(logits))
    raised = [float(entropy_slope(softmax(logits + 1e-6 * row))[0][0]) for row in np.eye(3)]
    assert np.allclose((np.array(raised) - entropy) / 1e-6, slope, atol=1e-5)
    assert float(entropy_slope(softmax(np.zeros(4)))[0][0]) == pytest.approx(math.log(4))


def test_what_is_never_admitted_becomes_a_similar_listed_architecture() -> None:
    space = letters(4)
    near, far, wanted = (space.architecture({f"d{i}": letter for i, letter in enumerate(word)}) for word in ("aaab", "ccca", "aaaa"))
    assert admitted(space.only([far, near]), lambda: wanted, np.random.default_rng(0)) == near
