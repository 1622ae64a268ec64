"""Training-free scores: against formulas worked out by hand, on every kind of network, and as an evaluator."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from learning_examples import FOREVER, blobs, candidate, chain, convnet, line, perceptron, stripes, tones, words

from metanas.evaluation.evaluator import TrainingEvaluator
from metanas.evaluation.guard import TrainingSettings, costs_of
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.zero_cost import QUICK, SCORES, ZeroCostEvaluator
from metanas.evaluation.zero_cost.jacob_cov import FLOOR
from metanas.evaluation.zero_cost.naswot import RIDGE
from metanas.evaluation.zero_cost.synflow import LEAST
from metanas.evaluation.zero_cost.zico import PARTS
from metanas.networks import build_network
from metanas.records import Evaluation, Objective
from metanas.spaces import Graph, Node, TaskShape, make_space
from metanas.spaces.operations.elementwise import ACTIVATIONS
from metanas.testing import SHAPES

every_score = pytest.mark.parametrize("name", sorted(SCORES))
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=[s.data for s in SHAPES])


def batch(shape, examples=16, seed=0):
    """Random inputs of a shape, as tasks hold them."""
    rng = np.random.default_rng(seed)
    if shape.data == "text":
        ids = rng.integers(1, shape.vocabulary, (examples, *shape.input))
        ids[np.arange(shape.input[0]) >= rng.integers(1, shape.input[0] + 1, examples)[:, None]] = 0
        return torch.from_numpy(ids.astype(np.int32))
    if shape.data == "image":
        return torch.from_numpy(rng.integers(0, 256, (examples, *shape.input), dtype=np.uint8))
    return torch.from_numpy(rng.normal(size=(examples, *shape.input)).astype(np.float32))


def targets(shape, kind, examples=16, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "regression":
        return torch.from_numpy(rng.normal(size=(examples, shape.outputs)).astype(np.float32))
    return torch.from_numpy(rng.integers(0, shape.outputs, examples))


def linear(outputs=3, features=5, examples=16):
    """A network of one dense layer with its inputs and class numbers; its weights are as large as those of hidden layers."""
    shape = TaskShape("table", (features,), outputs, numeric=features)
    network = build_network(chain(shape), seed=1)
    for parameter in network.parameters():
        parameter.data *= 10
    return network, batch(shape, examples), targets(shape, "classification", examples)


def softmax_gradient(network, x, y):
    """Of the mean cross-entropy by a linear network's weights."""
    (weight, bias) = network.parameters()
    errors = (x @ weight.T + bias).softmax(1) - F.one_hot(y, weight.shape[0])
    return (errors.T @ x / len(x)).detach()


# -- against formulas ----------------------------------------------------------------------------------------------------


def test_grad_norm_of_a_linear_network_is_the_norm_of_its_gradient():
    network, x, y = linear()
    assert SCORES["grad_norm"](network, x, y, "classification") == pytest.approx(float(softmax_gradient(network, x, y).norm()), rel=1e-5)


def test_grad_norm_adds_up_layers():
    data = blobs()
    network = build_network(perceptron(data), seed=0)
    x, y = torch.from_numpy(data.x_train[:32]), torch.from_numpy(data.y_train[:32])
    F.cross_entropy(network(x), y).backward()
    by_hand = sum(float(p.grad.norm()) for p in network.parameters() if p.dim() == 2)
    network.zero_grad()
    assert SCORES["grad_norm"](network, x, y, "classification") == pytest.approx(by_hand, rel=1e-5)


def test_snip_is_the_sum_of_weight_times_gradient():
    network, x, y = linear()
    weight = next(network.parameters()).detach()
    by_hand = float((weight * softmax_gradient(network, x, y)).abs().sum())
    assert SCORES["snip"](network, x, y, "classification") == pytest.approx(by_hand, rel=1e-5)


def test_grasp_of_a_linear_network_with_squared_errors():
    """The Hessian times a matrix G is ``2 / (n * outputs) * G X'X`` there."""
    network, x, _ = linear()
    y = targets(network.graph.shape, "regression")
    weight, bias = (p.detach() for p in network.parameters())
    factor = 2 / y.numel()
    gradient = factor * (x @ weight.T + bias - y).T @ x
    by_hand = -float((weight * (factor * gradient @ x.T @ x)).sum())
    assert SCORES["grasp"](network, x, y, "regression") == pytest.approx(by_hand, rel=1e-4)


def test_synflow_of_a_chain_is_the_product_of_absolute_weights():
    network = build_network(perceptron(blobs()), seed=0)
    first, second = (p.detach().double().abs() for p in network.parameters() if p.dim() == 2)
    flow = float((second @ first).sum())  # every layer passes the whole flow, so each of the two adds it once
    x, y = torch.zeros(2, 5), torch.zeros(2, dtype=torch.int64)
    assert SCORES["synflow"](network, x, y, "classification") == pytest.approx(math.log(2 * flow))
    for parameter in network.parameters():
        parameter.data *= -1
    assert SCORES["synflow"](network, x, y, "classification") == pytest.approx(math.log(2 * flow))


def test_synflow_leaves_normalisation_and_the_kind_of_activation_out():
    shape = TaskShape("image", (1, 6, 6), 2)
    found = set()
    for norm in ((), (("batch_norm", {}),), (("layer_norm", {}),)):
        for kind in ACTIVATIONS:
            parts = (("conv", {"channels": 4, "kernel": 3}), *norm, ("activation", {"kind": kind}), ("global_pool", {"kind": "avg"}))
            graph = chain(shape, *parts)
            renamed = {node.name: "head" if node.op == "dense" else node.op for node in graph.nodes}  # weights depend on a node's name
            nodes = tuple(Node(renamed[n.name], n.op, n.settings, tuple(renamed.get(i, i) for i in n.inputs)) for n in graph.nodes)
            found.add(round(SCORES["synflow"](build_network(Graph(shape, nodes), seed=0), batch(shape), batch(shape), "classification"), 9))
    assert len(found) == 1


def test_synflow_of_a_deep_network_does_not_overflow():
    shape = TaskShape("table", (256,), 256, numeric=256)
    network = build_network(chain(shape, *[("dense", {"units": 256})] * 60), seed=0)
    score = SCORES["synflow"](network, batch(shape), batch(shape), "classification")
    assert 88.7 < score < 709  # beyond the logarithm of the largest float32, within that of float64


def test_naswot_is_the_determinant_of_agreeing_units():
    data = blobs()
    network = build_network(perceptron(data, width=40), seed=0)
    x = torch.from_numpy(data.x_train[:10])
    weight, bias = list(network.parameters())[:2]
    codes = (x @ weight.T + bias > 0).int().numpy()
    kernel = np.array([[np.sum(a == b) for b in codes] for a in codes], float)
    by_hand = np.linalg.slogdet(kernel + RIDGE * np.eye(10))[1]
    assert SCORES["naswot"](network, x, targets(data.shape, "classification", 10), "classification") == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_naswot_is_larger_when_inputs_are_told_apart(kind):
    shape = TaskShape("table", (6,), 2, numeric=6)
    network = build_network(chain(shape, ("dense", {"units": 64}), ("activation", {"kind": kind})), seed=0)
    apart = torch.from_numpy(np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32))
    close = apart[:1] + 0.05 * apart
    y = targets(shape, "classification", 12)
    scores = [SCORES["naswot"](network, x, y, "classification") for x in (apart, close, apart[:1].expand(12, 6))]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3
    assert all(map(math.isfinite, scores))


def test_jacob_cov_of_a_network_that_reacts_to_all_alike():
    """All rows of the correlation matrix are ones: its eigenvalues are the number of examples and zeros."""
    network, x, y = linear()
    n = len(x)
    by_hand = -(math.log(n + FLOOR) + 1 / (n + FLOOR)) - (n - 1) * (math.log(FLOOR) + 1 / FLOOR)
    assert SCORES["jacob_cov"](network, x, y, "classification") == pytest.approx(by_hand, rel=1e-6)


def test_jacob_cov_is_larger_where_examples_are_met_differently():
    shape = TaskShape("table", (30,), 2, numeric=30)
    x, y = batch(shape, 12), targets(shape, "classification", 12)
    deep = build_network(chain(shape, *[("dense", {"units": 64}), ("activation", {"kind": "relu"})] * 2), seed=0)
    alike = build_network(chain(shape, ("dense", {"units": 64})), seed=0)
    assert SCORES["jacob_cov"](deep, x, y, "classification") > SCORES["jacob_cov"](alike, x, y, "classification")


def test_zico_adds_up_steady_gradients():
    network, x, y = linear(examples=24)
    parts = np.stack([softmax_gradient(network, x[i::PARTS], y[i::PARTS]).numpy() for i in range(PARTS)]).astype(float)
    by_hand = math.log(np.sum(np.abs(parts).mean(0) / parts.std(0)))
    assert SCORES["zico"](network, x, y, "classification") == pytest.approx(by_hand, rel=1e-4)
    assert math.isnan(SCORES["zico"](network, x[:3], y[:3], "classification"))


def test_size_is_that_of_the_graph():
    network, x, y = linear()
    assert SCORES["parameters"](network, x, y, "classification") == network.graph.parameters
    assert SCORES["flops"](network, x, y, "classification") == network.graph.flops


# -- laws ----------------------------------------------------------------------------------------------------------------


def state_of(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@every_shape
@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_every_score_is_finite_repeats_and_leaves_all_as_it_was(shape, kind):
    space, rng = make_space(None, shape), np.random.default_rng(3)
    small = space.within(flops=space.graph(space.baseline).flops)
    x, y = batch(shape, 8), targets(shape, kind, 8)
    for architecture in (small.sample(rng), small.sample(rng)):
        network = build_network(space.graph(architecture), seed=0)
        before, generator = state_of(network), torch.get_rng_state()
        scores = [{name: score(network, x, y, kind) for name, score in SCORES.items()} for _ in range(2)]
        assert scores[0] == scores[1]
        assert all(map(math.isfinite, scores[0].values())), scores[0]
        assert torch.equal(torch.get_rng_state(), generator)
        assert network.training
        assert all(p.grad is None for p in network.parameters())
        assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


@pytest.mark.parametrize(
    "body",
    [
        ("rnn", {"units": 6}),
        ("gru", {"units": 6}),
        ("lstm", {"units": 6, "bidirectional": True}),
        ("transformer", {"heads": 2, "expansion": 2}),
    ],
    ids=lambda body: body[0],
)
def test_recurrent_layers_and_attention_have_all_scores(body):
    shape = TaskShape("text", (9,), 2, vocabulary=30)
    graph = chain(shape, ("embedding", {"vocabulary": 30, "size": 8}), body, ("global_pool", {"kind": "avg"}))
    network = build_network(graph, seed=0)
    x, y = batch(shape), targets(shape, "classification")
    scores = {name: score(network, x, y, "classification") for name, score in SCORES.items()}
    assert all(map(math.isfinite, scores.values())), scores
    assert scores["naswot"] > len(x) * math.log(RIDGE)


@every_score
def test_dropout_plays_no_part(name):
    data = blobs()
    x, y = torch.from_numpy(data.x_train[:32]), torch.from_numpy(data.y_train[:32])
    dry, wet = (build_network(perceptron(data, dropout=rate), seed=0) for rate in (0.0, 0.5))
    wet.load_state_dict(dict(zip(wet.state_dict(), dry.state_dict().values(), strict=True)))
    expected = SCORES[name](dry, x, y, "classification")
    assert SCORES[name](wet, x, y, "classification") == pytest.approx(expected, rel=1e-6)


@every_score
def test_a_network_through_which_nothing_passes_gets_an_answer(name):
    shape = TaskShape("image", (1, 6, 6), 2)
    network = build_network(chain(shape, ("conv", {"channels": 4, "kernel": 3}), ("zero", {}), ("global_pool", {"kind": "avg"})), seed=0)
    score = SCORES[name](network, batch(shape), targets(shape, "classification"), "classification")
    assert not math.isnan(score)
    if name == "synflow":
        assert score == LEAST


# -- the evaluator -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [blobs(), line(), stripes(), tones(), words()], ids=["table", "regression", "image", "sound", "text"])
def test_candidates_of_no_epochs_are_scored(data):
    space = make_space(None, data.shape)
    one = candidate(space.graph(space.baseline), epochs=0, seed=3, number=7)
    (evaluation,) = TrainingEvaluator(data).evaluate([one], FOREVER)
    assert set(evaluation.metrics) == set(QUICK)
    assert (evaluation.proposal, evaluation.seed, evaluation.epochs, evaluation.curve) == (one.proposal, 3, 0, ())
    assert evaluation.costs["parameters"] == one.graph.parameters == evaluation.metrics["parameters"]
    assert evaluation.duration > 0
    assert Objective.of(data.metric).values(evaluation) == (-math.inf,)
    assert Evaluation.from_json(evaluation.to_json()) == evaluation
    (again,) = ZeroCostEvaluator(Tensors.of(data), scores=("naswot", "snip")).evaluate([one], FOREVER)
    assert set(again.metrics) == {"naswot", "snip"}
    assert again.metrics["naswot"] == evaluation.metrics["naswot"]


def test_scored_and_trained_candidates_may_come_together():
    data = blobs()
    group = [candidate(perceptron(data), number=i, epochs=i % 2) for i in range(4)]
    found = {e.proposal.id: e for e in TrainingEvaluator(data).evaluate(group, FOREVER)}
    assert sorted(found) == [0, 1, 2, 3]
    assert ["accuracy" in found[i].metrics for i in range(4)] == [False, True, False, True]


def test_a_candidate_that_cannot_be_scored_has_a_reason():
    data = blobs()
    broken = Graph(data.shape, (Node("a", "dense", (("units", 3),), ("nowhere",)),))
    huge = perceptron(data, width=10**9)
    group = [candidate(g, epochs=0, number=i) for i, g in enumerate((broken, huge, perceptron(data)))]
    found = list(ZeroCostEvaluator(data, TrainingSettings(memory=10**9)).evaluate(group, FOREVER))
    assert [e.failed for e in found] == [True, True, False]
    assert found[0].reason.startswith("could not be scored: ")
    assert "nowhere" in found[0].reason
    assert "would need about" in found[1].reason
    (slow,) = ZeroCostEvaluator(data, TrainingSettings(seconds=0.0)).evaluate(group[2:], FOREVER)
    assert slow.reason == "took longer than 0 s"


def test_the_batch_that_is_scored_must_fit_into_memory():
    data = stripes()
    one = candidate(convnet(data), epochs=0)
    trains = int(costs_of(one, Tensors.of(data))["memory"])  # in batches of 16
    (evaluation,) = ZeroCostEvaluator(data, TrainingSettings(memory=trains + 1)).evaluate([one], FOREVER)
    assert evaluation.reason.startswith("scoring would need about")


def test_what_is_unfinished_at_the_deadline_is_not_scored():
    data = stripes()
    one = candidate(convnet(data), epochs=0)
    assert list(ZeroCostEvaluator(data).evaluate([one], time.monotonic() - 1)) == []


def test_scores_that_are_not_finite_are_left_out():
    data = blobs(examples=3)  # two training examples are too few for batches
    (evaluation,) = ZeroCostEvaluator(data, scores=tuple(SCORES)).evaluate([candidate(perceptron(data), epochs=0)], FOREVER)
    assert not evaluation.failed
    assert "zico" not in evaluation.metrics
    assert "synflow" in evaluation.metrics
