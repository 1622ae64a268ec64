"""The walk edits one choice at a time, starts from the baseline, stays in the space; the update's gradient is exact."""

import numpy as np

from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.strategies import Brief
from metanas.strategies.actor_critic import ActorCritic, ActorCriticWalk, Batch
from metanas.testing import SHAPES


def space() -> Space:
    draft = Draft()
    depth = draft.decide("depth", (1, 2, 3), ordered=True)
    for position in range(4):
        draft.decide(f"d{position}", (0, 1, 2), ordered=True, when=depth.at_least(2) if position == 3 else depth.at_least(1))
    return draft.space("walk", TaskShape("table", (3,), 2, numeric=3), {"depth": 1})


def walk(of: Space, **settings: int) -> ActorCriticWalk:
    return ActorCriticWalk(Brief(of, Objective.of("accuracy"), (Fidelity(1),), seed=3), **settings)


def good(proposal: Proposal) -> Evaluation:
    return Evaluation(proposal, metrics={"accuracy": float(sum(v for _, v in proposal.architecture.choices))})


def test_the_walk_begins_at_the_baseline_and_every_step_is_one_edit() -> None:
    strategy, of = walk(space()), space()
    assert strategy.ask(1)[0].architecture == of.baseline
    for _ in range(30):
        (proposal,) = strategy.ask(1)
        step = strategy._steps[-1]
        assert step.after == proposal.architecture
        assert step.after == of.edit(step.before, *strategy._net.edits[step.edit])
        strategy.tell([good(proposal)])
    assert strategy._restart() in [k.architecture for k in sorted(strategy.known.values(), key=lambda k: -k.value)[:3]]


def test_with_no_results_the_walk_returns_to_the_baseline_when_it_has_lost_patience() -> None:
    strategy, of = walk(space(), patience=2), space()
    strategy.ask(1)
    starts = []
    for _ in range(6):
        strategy.propose()
        starts.append(strategy._steps[-1].before)
    assert starts[0] == starts[2] == starts[4] == of.baseline
    assert of.baseline not in (starts[1], starts[3])


def test_an_episode_that_improved_goes_on_from_there() -> None:
    strategy = walk(space(), patience=1)
    strategy.tell([good(p) for p in strategy.ask(1)])
    (proposal,) = strategy.ask(1)
    strategy.tell([Evaluation(proposal, metrics={"accuracy": 100.0})])
    strategy.propose()
    assert strategy._steps[-1].before == proposal.architecture


def test_edits_that_leave_the_space_are_closed_and_another_one_is_drawn() -> None:
    of = make_space("mlp", SHAPES[0]).within(parameters=300)
    strategy = walk(of)
    closed = 0
    for _ in range(60):
        architecture = strategy.propose()
        of.validate(architecture)
        closed += len(strategy._steps[-1].closed)
    assert closed > 0


def test_results_that_never_come_do_not_stop_the_learning() -> None:
    strategy = walk(space())
    strategy.tell([good(p) for p in strategy.ask(1)])
    before = strategy._net.weights.vector.copy()
    for position in range(40):
        proposals = strategy.ask(1)
        if position != 3:
            strategy.tell([good(p) for p in proposals])
    assert not np.array_equal(before, strategy._net.weights.vector)
    assert len(strategy._steps) <= 64


def test_the_policy_learns_which_edits_pay() -> None:
    """The probability of raising a choice, from the middle, is above one half for every choice after sixty results."""
    strategy, of = walk(space()), space()
    middle = of.architecture({"depth": 2, "d0": 1, "d1": 1, "d2": 1, "d3": 1})

    def share_of_raises() -> float:
        logits = strategy._net.forward(of.encode(middle)[None])[1][0]
        powers = np.where(strategy._net.open(middle), np.exp(logits), 0.0)
        return float(sum(p for p, (name, option) in zip(powers, strategy._net.edits, strict=True) if option > middle[name]) / powers.sum())

    before = share_of_raises()
    for _ in range(60):
        strategy.tell([good(p) for p in strategy.ask(1)])
    assert before < 0.6
    assert share_of_raises() > 0.75


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng, of = np.random.default_rng(0), space()
    net = ActorCritic(of, rng, hidden=4, rate=0.1)
    net.weights.vector[:] = rng.normal(size=net.weights.vector.shape)
    architectures = [of.sample(rng) for _ in range(6)]
    closed = np.stack([~net.open(a) for a in architectures])
    edits = np.array([int(rng.choice(np.flatnonzero(~row))) for row in closed])
    encoded = np.stack([of.encode(a) for a in architectures])
    logs = np.log(rng.uniform(0.02, 0.5, 6))
    batch = Batch(encoded, closed, edits, logs, rng.normal(size=6), rng.normal(size=6))
    _, gradient = net.gradient(batch, clip=0.2, entropy=0.1)
    vector, slopes = net.weights.vector, np.zeros_like(gradient)
    for index in range(len(vector)):
        ends = []
        for offset in (1e-6, -2e-6):
            vector[index] += offset
            ends.append(net.gradient(batch, clip=0.2, entropy=0.1)[0])
        vector[index] += 1e-6
        slopes[index] = (ends[0] - ends[1]) / 2e-6
    assert np.allclose(slopes, gradient, atol=1e-6)


def test_a_gain_beyond_the_clip_no_longer_counts() -> None:
    rng, of = np.random.default_rng(0), space()
    net = ActorCritic(of, rng, hidden=4, rate=0.1)
    net.weights.vector[:] = 0.0
    baseline = of.baseline
    closed = ~net.open(baseline)[None]
    edit = np.flatnonzero(~closed[0])[:1]
    chance = 1.0 / (~closed).sum()
    for factor, moves in ((1.0, True), (0.5, False)):  # recorded with half the probability it has now: it has risen enough
        batch = Batch(of.encode(baseline)[None], closed, edit, np.log([factor * chance]), np.ones(1), np.zeros(1))
        assert bool(np.abs(net.gradient(batch, clip=0.2, entropy=0.0)[1]).sum() > 0) == moves
