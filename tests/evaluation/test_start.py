"""Trainings from learned weights: who wins the check goes on, the loser leaves no trace, and it costs next to nothing."""

import math
import time
from pathlib import Path

import pytest
import torch
from learning_examples import FOREVER, blobs, candidate, convnet, learning_data, line, perceptron, stripes
from safetensors.torch import save_file

from metanas.evaluation import TrainingEvaluator
from metanas.evaluation.guard import TrainingSettings
from metanas.evaluation.learner import Learner
from metanas.evaluation.start import FRESH, LEARNED, SHARE, from_learned
from metanas.evaluation.training import train, train_final
from metanas.networks import build_network
from metanas.records import Evaluation, Fidelity, Proposal
from metanas.spaces import Architecture

DATA = blobs()
"""200 examples in batches of 16, so 12 steps in an epoch; a check takes 3 % of the steps, and 4 at least."""


def same(one, other) -> bool:
    return all(torch.equal(value, other.state[name]) for name, value in one.state.items())


def nonsense(graph, scale=30.0):
    generator = torch.Generator().manual_seed(0)
    state = build_network(graph, seed=0).state_dict()
    return {n: scale * torch.randn(v.shape, generator=generator) for n, v in state.items() if n.startswith("nodes.")}


@pytest.mark.parametrize("data", [blobs(), line(), stripes()], ids=["classes", "values", "pictures"])
def test_nonsense_is_refused_and_leaves_no_trace(data):
    """Bit for bit the training from fresh weights, dropout and augmentation included."""
    graph = perceptron(data, dropout=0.3) if data.shape.data == "table" else convnet(data)
    asked = candidate(graph, epochs=20)
    fresh = train(asked, data, deadline=FOREVER)
    tried = train(asked, data, deadline=FOREVER, weights=nonsense(graph))
    assert same(fresh, tried)
    assert (fresh.epochs, dict(fresh.metrics)) == (tried.epochs, dict(tried.metrics))
    first = {n: v for n, v in tried.curve[0].items() if n not in (FRESH, LEARNED)}
    assert (first, tried.curve[1:]) == (fresh.curve[0], fresh.curve[1:])
    assert tried.curve[0][FRESH] < tried.curve[0][LEARNED]


def test_weights_that_help_are_gone_on_from_and_the_same_again():
    asked = candidate(perceptron(DATA), epochs=20)
    trained = train(asked, DATA, deadline=FOREVER).state
    once, twice = (train(asked, DATA, deadline=FOREVER, weights=trained) for _ in range(2))
    assert same(once, twice)
    assert once.curve == twice.curve
    assert once.curve[0][LEARNED] < once.curve[0][FRESH]
    assert once.curve[0]["validation_loss"] < train(asked, DATA, deadline=FOREVER).curve[0]["validation_loss"]


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"nodes.n0.dense.weight": torch.ones(2, 2), "nodes.nobody.dense.weight": torch.ones(3)},
        {"nodes.n0.dense.bias": torch.full((16,), math.nan)},
    ],
    ids=["none", "of another shape", "no numbers"],
)
def test_what_does_not_fit_is_not_tried(weights):
    asked = candidate(perceptron(DATA), epochs=20)
    fresh, tried = train(asked, DATA, deadline=FOREVER), train(asked, DATA, deadline=FOREVER, weights=weights)
    assert same(fresh, tried)
    assert fresh.curve == tried.curve


def test_trainings_too_short_for_a_check_start_fresh():
    asked = candidate(perceptron(DATA), epochs=3)
    trained = train(candidate(perceptron(DATA), epochs=20), DATA, deadline=FOREVER).state
    assert same(train(asked, DATA, deadline=FOREVER), train(asked, DATA, deadline=FOREVER, weights=trained))


def test_few_validation_examples_decide_nothing():
    small = learning_data(DATA.shape, DATA.x_train[:60], DATA.y_train[:60])
    asked = candidate(perceptron(small), epochs=60)
    trained = train(asked, small, deadline=FOREVER).state
    assert FRESH not in train(asked, small, deadline=FOREVER, weights=trained).curve[0]


def test_the_check_costs_a_twentieth_at_most(monkeypatch):
    """In steps of training; an example that is looked at costs a third of one that is learned from."""
    steps, looked = [], []
    step, loss_on = Learner.step, Learner.loss_on
    monkeypatch.setattr(Learner, "step", lambda self, size: steps.append(1) or step(self, size))
    monkeypatch.setattr(Learner, "loss_on", lambda self, rows: looked.append(len(rows) / self.batch / 3) or loss_on(self, rows))
    asked, settings = candidate(perceptron(DATA), epochs=20), TrainingSettings(patience=100)
    train(asked, DATA, deadline=FOREVER, settings=settings)
    alone = len(steps)
    train(asked, DATA, deadline=FOREVER, settings=settings, weights=nonsense(asked.graph))
    assert looked
    assert len(steps) - 2 * alone + sum(looked) <= SHARE * alone


def test_a_final_training_takes_the_weights_without_a_check():
    asked = candidate(perceptron(DATA), epochs=20)
    trained = train(asked, DATA, deadline=FOREVER).state
    few = 0.1  # of an epoch: the state is near where it began
    found, fresh = (train_final(asked, DATA.joined(), epochs=few, deadline=FOREVER, weights=w).state for w in (trained, None))
    name = "nodes.n0.dense.weight"
    assert (found[name] - trained[name]).norm() < 0.2 * (fresh[name] - trained[name]).norm()


def test_who_went_on_from_learned_weights():
    proposal = Proposal(0, Architecture("test", ()), Fidelity(2))
    curves = [
        (),
        ({"epoch": 1.0},),
        ({FRESH: 1.0, LEARNED: 0.5},),
        ({FRESH: 1.0, LEARNED: 1.0},),
        ({FRESH: 1.0},),
        ({FRESH: 1.0, LEARNED: math.inf},),
    ]
    assert [from_learned(Evaluation(proposal, curve=curve)) for curve in curves] == [None, None, True, False, False, False]


def offered(graph, name: str | None, epochs: int = 20):
    one = candidate(graph, epochs)
    return type(one)(Proposal(0, one.proposal.architecture, one.proposal.fidelity, weights_from=name), graph, one.recipe, one.seed)


def evaluated(data, asked, folder: Path | None) -> Evaluation:
    [evaluation] = TrainingEvaluator(data, starts=folder).evaluate([asked], time.monotonic() + 60)
    return evaluation


def test_the_evaluator_reads_what_was_offered(tmp_path):
    data = stripes()
    graph = convnet(data)
    save_file(train(candidate(graph, 20), data, deadline=FOREVER).state, tmp_path / "prior-1.safetensors")
    assert from_learned(evaluated(data, offered(graph, "prior-1"), tmp_path)) is True
    assert from_learned(evaluated(data, offered(graph, None), tmp_path)) is None
    assert from_learned(evaluated(data, offered(graph, "prior-1"), None)) is None
    assert from_learned(evaluated(data, offered(graph, "a strategy's own"), tmp_path)) is None


def test_weights_that_are_gone_or_damaged_are_a_reason_and_not_fresh_ones(tmp_path):
    data = stripes()
    graph = convnet(data)
    (tmp_path / "prior-2.safetensors").write_bytes(b"\x00" * 20)
    for name in ("prior-1", "prior-2"):
        assert evaluated(data, offered(graph, name), tmp_path).reason == f"its initial weights {name} could not be read"
