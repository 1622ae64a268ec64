"""The table holds what Q-learning says, and epsilon follows its stairs."""

import pytest

from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Draft, Space, TaskShape
from metanas.strategies import Brief
from metanas.strategies.q_learning import QLearning


def space() -> Space:
    draft = Draft()
    first = draft.decide("first", ("a", "b"))
    draft.decide("second", ("a", "b"), when=first.among("b"))
    draft.decide("third", ("a", "b", "c"))
    return draft.space("three", TaskShape("table", (3,), 2, numeric=3), {})


def strategy(**settings: float) -> QLearning:
    return QLearning(Brief(space(), Objective.of("accuracy"), (Fidelity(1),), seed=1), **settings)


def result(value: float, **choices: str) -> Evaluation:
    return Evaluation(Proposal(999, space().architecture(choices), Fidelity(1)), metrics={"accuracy": value})


def test_epsilon_is_one_then_falls_in_stairs_to_a_tenth() -> None:
    learner, seen = strategy(explore=10, fall=18), []
    for asked in range(40):
        learner._asked = asked
        seen.append(round(learner.epsilon, 9))
    assert seen[:13] == [1.0] * 10 + [0.9, 0.9, 0.8]
    assert sorted(set(seen), reverse=True) == [round(1 - 0.1 * i, 9) for i in range(10)]
    assert seen[26:] == [0.1] * 14


def test_known_architectures_raise_epsilon_until_a_result_comes() -> None:
    learner = strategy(explore=0, fall=0)
    assert learner.epsilon == pytest.approx(0.1)
    for _ in range(3):
        learner.revisit(space().baseline)
    assert learner.epsilon == pytest.approx(0.25)
    learner.tell([result(1.0, first="a", third="a")])
    assert learner.epsilon == pytest.approx(0.1)


def test_a_choice_is_worth_its_share_of_the_reward_and_the_best_that_is_ahead() -> None:
    learner = strategy(replays=0, order=9)
    learner.tell([result(2.0, first="b", second="a", third="c")])  # alone, it ranks in the middle
    share = 0.5**3 / 3
    assert learner._table[(2, 1, 0)] == ([0.0, 0.0, share], [0, 0, 1])
    assert learner._table[(1, 1)] == ([2 * share, 0.0], [1, 0])
    assert learner._table[(0,)] == ([0.0, 3 * share], [0, 1])


def test_a_state_is_the_decision_that_is_due_and_the_last_choices() -> None:
    choices = {"first": "b", "second": "a", "third": "c"}
    for order, states in ((0, {(0,), (1,), (2,)}), (1, {(0,), (1, 1), (2, 0)}), (9, {(0,), (1, 1), (2, 1, 0)})):
        learner = strategy(order=order)
        learner.tell([result(1.0, **choices)])
        assert set(learner._table) == states


def test_inactive_decisions_have_no_state() -> None:
    learner = strategy()
    learner.tell([result(1.0, first="a", third="c")])
    assert set(learner._table) == {(0,), (2, 0)}


def test_without_exploration_the_best_path_is_taken() -> None:
    learner = strategy(explore=0, fall=0, replays=0)
    for architecture in space().enumerate(most=10):
        goal = float(architecture.as_dict == {"first": "b", "second": "b", "third": "a"})
        learner.tell([Evaluation(Proposal(999, architecture, Fidelity(1)), metrics={"accuracy": goal})])
    for _ in range(20):
        learner.learn(list(learner.known.values()))
    learner._boredom = -0.1  # epsilon 0
    assert learner._emit().as_dict == {"first": "b", "second": "b", "third": "a"}
