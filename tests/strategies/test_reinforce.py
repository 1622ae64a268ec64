"""The LSTM controller is a distribution over a space, its gradient is exact, and it moves towards what was good."""

import math
from collections import Counter

import numpy as np
import pytest

from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Architecture, Draft, Space, TaskShape
from metanas.strategies import Brief
from metanas.strategies.reinforce import Controller, Reinforce


def conditional() -> Space:
    draft = Draft()
    depth = draft.decide("depth", (1, 2, 3), ordered=True)
    draft.decide("single", ("only",))
    draft.decide("second", ("x", "y"), when=depth.at_least(2))
    draft.decide("third", ("x", "y", "z"), when=depth.at_least(3))
    return draft.space("conditional", TaskShape("table", (3,), 2, numeric=3), {})


def controller(seed: int = 0) -> Controller:
    made = Controller(conditional(), np.random.default_rng(seed), hidden=5, rate=0.1)
    made.weights.vector[:] = np.random.default_rng(seed + 1).normal(size=made.weights.vector.shape) * 0.7
    return made


def result(architecture: Architecture, accuracy: float) -> Evaluation:
    return Evaluation(Proposal(999, architecture, Fidelity(1)), metrics={"accuracy": accuracy})


def probability(made: Controller, architecture: Architecture) -> float:
    return math.exp(-made.gradient(architecture, advantage=1.0, entropy=0.0)[0])


def test_probabilities_of_all_architectures_sum_to_one_and_emissions_follow_them() -> None:
    """Frequencies within five standard errors; with a fixed seed there is no false alarm."""
    made, rng, count = controller(), np.random.default_rng(2), 3000
    chances = {a.key: probability(made, a) for a in conditional().enumerate(most=10)}
    assert len(chances) == 1 + 2 + 6
    assert sum(chances.values()) == pytest.approx(1.0)
    seen = Counter(made.emit(rng).key for _ in range(count))
    assert set(seen) <= set(chances)
    for key, chance in chances.items():
        assert abs(seen[key] / count - chance) < 5 * math.sqrt(chance * (1 - chance) / count)


@pytest.mark.parametrize(("advantage", "entropy"), [(1.0, 0.0), (-0.7, 0.3), (0.0, 1.0)])
def test_the_gradient_is_that_of_finite_differences(advantage: float, entropy: float) -> None:
    made = controller()
    architecture = conditional().architecture({"depth": 3, "single": "only", "second": "y", "third": "z"})
    _, gradient = made.gradient(architecture, advantage, entropy)
    vector, slopes = made.weights.vector, np.zeros_like(gradient)
    for index in range(len(vector)):
        ends = []
        for offset in (1e-5, -2e-5):
            vector[index] += offset
            ends.append(made.gradient(architecture, advantage, entropy)[0])
        vector[index] += 1e-5
        slopes[index] = (ends[0] - ends[1]) / 2e-5
    assert np.allclose(slopes, gradient, atol=1e-7)


def test_the_lstm_is_that_of_pytorch() -> None:
    import torch

    made = controller()
    n, named = 5, made.weights.named
    order = np.r_[n : 2 * n, 0:n, 3 * n : 4 * n, 2 * n : 3 * n]  # PyTorch's gates: in, forget, fresh, out
    cell = torch.nn.LSTMCell(n, n, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(named["gates"][order, :n]))
        cell.weight_hh.copy_(torch.tensor(named["gates"][order, n:]))
        cell.bias_ih.copy_(torch.tensor(named["gates_bias"][order]))
        cell.bias_hh.zero_()
        state = (torch.zeros(1, n, dtype=torch.float64),) * 2
        output, memory = np.zeros(n), np.zeros(n)
        for row in (8, 0, 4):
            state = cell(torch.tensor(named["inputs"][row])[None], state)
            _, output, memory = made._step(row, output, memory)
            assert np.allclose(output, state[0].numpy()[0])
            assert np.allclose(memory, state[1].numpy()[0])


def test_a_hot_policy_emits_more_freely() -> None:
    made, rng = controller(), np.random.default_rng(0)
    cold, hot = ({made.emit(rng, temperature).key for _ in range(300)} for temperature in (0.05, 20.0))
    assert len(cold) < len(hot) == 9


def test_the_policy_moves_towards_what_was_good() -> None:
    strategy = Reinforce(Brief(conditional(), Objective.of("accuracy"), (Fidelity(1),), seed=0))
    architectures = list(conditional().enumerate(most=10))
    best = architectures[4]
    before = probability(strategy._controller, best)
    for _ in range(10):
        for architecture in architectures:
            strategy.tell([result(architecture, float(architecture == best))])
    assert before < 0.2
    assert probability(strategy._controller, best) > 0.5


def test_equal_results_do_not_move_a_policy_without_entropy_bonus() -> None:
    strategy = Reinforce(Brief(conditional(), Objective.of("accuracy"), (Fidelity(1),), seed=0), entropy=0.0)
    before = strategy._controller.weights.vector.copy()
    for architecture in conditional().enumerate(most=10):
        strategy.tell([result(architecture, 0.5)])
    assert np.array_equal(before, strategy._controller.weights.vector)
