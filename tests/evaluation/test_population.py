"""Population training: the same computations, gradients and results as one network at a time."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_examples import FOREVER, blobs, candidate, chain, line, perceptron, stripes
from sklearn.datasets import load_breast_cancer

from metanas.evaluation import population
from metanas.evaluation.fast_convolution import bfloat16_is_fast
from metanas.evaluation.guard import TrainingSettings
from metanas.evaluation.learner import CLIP
from metanas.evaluation.loss import loss_function
from metanas.evaluation.population import batchable, partition, train_population
from metanas.evaluation.population_buckets import BUCKET_MEMBERS, BUCKET_PARAMETERS
from metanas.evaluation.population_cells import HEAD, SOURCE, NotBatchableError, cells_of
from metanas.evaluation.population_dropout import Dropout
from metanas.evaluation.population_learner import Member, PopulationLearner, Vectors
from metanas.evaluation.population_loss import CrossEntropy, SquaredError
from metanas.evaluation.population_operations import prepare
from metanas.evaluation.population_parameters import LARGE, Parameters
from metanas.evaluation.population_plan import Plan
from metanas.evaluation.population_update import Update
from metanas.evaluation.recipe import Recipe
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train
from metanas.networks import build_network
from metanas.records import Evaluation, Fidelity
from metanas.spaces import Graph, Node, TaskShape
from metanas.spaces.graph import prune
from metanas.spaces.mlp import mlp
from metanas.spaces.operations.elementwise import ACTIVATIONS

FEATURES, OUTPUTS, BATCH = 5, 3, 16
SHAPE = TaskShape("table", (FEATURES,), OUTPUTS, numeric=4)


@st.composite
def graphs(draw, dropout=False):
    """Random graphs of all operations that can be batched: any operation on any earlier values."""
    nodes, widths = [], {"input": FEATURES}
    kinds = ["dense", "dense", "activation", "batch_norm", "layer_norm", "residual", "add", "concat", "identity", "flatten", "periodic"]
    for number in range(draw(st.integers(1, 9))):
        op = draw(st.sampled_from(kinds + ["dropout"] * dropout))
        inputs, options, name = [draw(st.sampled_from(sorted(widths)))], {}, f"n{number}"
        width = widths[inputs[0]]
        if op == "dense":
            options = {"units": draw(st.sampled_from([1, 3, 8, 16, 20])), "bias": draw(st.booleans())}
            width = options["units"]
        elif op == "activation":
            options = {"kind": draw(st.sampled_from(ACTIVATIONS))}
        elif op == "dropout":
            options = {"rate": draw(st.sampled_from([0.0, 0.25, 0.5]))}
        elif op == "residual":
            inputs.append(draw(st.sampled_from(sorted(widths))))
        elif op == "add":
            equal = sorted(n for n, w in widths.items() if w == width)
            inputs += draw(st.lists(st.sampled_from(equal), max_size=2))
        elif op == "concat":
            inputs += draw(st.lists(st.sampled_from(sorted(widths)), max_size=2))
            width = sum(widths[i] for i in inputs)
        elif op == "periodic":
            options = {"numeric": draw(st.integers(1, 4)), "frequencies": draw(st.sampled_from([1, 3])), "sigma": 0.3}
            inputs, width = ["input"], FEATURES + 2 * options["numeric"] * options["frequencies"]
        nodes.append(Node(name, op, tuple(options.items()), tuple(inputs)))
        widths[name] = width
    nodes.append(Node("head", "dense", (("units", OUTPUTS),), (draw(st.sampled_from(sorted(widths))),)))
    ending = draw(st.sampled_from(["", "", "activation", "layer_norm", "identity", "add"]))
    if ending:
        twice = ("head", "head") if ending == "add" else ("head",)
        nodes.append(Node("end", ending, (("kind", "tanh"),) if ending == "activation" else (), twice))
    return Graph(SHAPE, prune(nodes))


def networks_of(population_graphs):
    """A network for each graph, with weights that are nowhere 0, so that every term counts."""
    made = []
    for seed, graph in enumerate(population_graphs):
        network = build_network(graph, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for tensor in (*network.parameters(), *(b for n, b in network.named_buffers() if "running" in n)):
                tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.2)
        made.append(network)
    return made


def lined_up(population_graphs, made, floor):
    plan = Plan([cells_of(graph) for graph in population_graphs], FEATURES, floor)
    parameters = Parameters(plan)
    for position, network in enumerate(made):
        parameters.write(position, network.state_dict())
    return plan, parameters


def close(mine, theirs, tolerance=1e-4):
    scale = max(1.0, float(theirs.abs().max()))
    torch.testing.assert_close(mine, theirs, atol=tolerance * scale, rtol=tolerance)


many_graphs = st.lists(graphs(), min_size=1, max_size=5)


@settings(max_examples=80, deadline=None)
@given(st.lists(graphs(dropout=True), min_size=1, max_size=5), st.sampled_from([1, 8, 16]))
def test_evaluation_equals_every_single_network(population_graphs, floor):
    made = networks_of(population_graphs)
    plan, parameters = lined_up(population_graphs, made, floor)
    program = prepare(plan, parameters, BATCH, None)
    program.x.copy_(torch.randn(BATCH, FEATURES, generator=torch.Generator().manual_seed(0)))
    program.forward()
    for position, network in enumerate(made):
        network.eval()
        with torch.inference_mode():
            close(program.outputs[position].T, network(program.x.clone()))


@settings(max_examples=80, deadline=None)
@given(many_graphs, st.sampled_from([1, 8, 16]))
def test_gradients_and_running_statistics_equal_every_single_network(population_graphs, floor):
    made = networks_of(population_graphs)
    plan, parameters = lined_up(population_graphs, made, floor)
    program = prepare(plan, parameters, BATCH, Dropout(0))
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):  # the second pass must not see what the first left behind
        x, sent = torch.randn(BATCH, FEATURES, generator=generator), torch.randn(len(made), OUTPUTS, BATCH, generator=generator)
        program.x.copy_(x)
        program.forward()
        program.outputs_gradient.copy_(sent)
        program.backward()
        for position, network in enumerate(made):
            network.train()
            network.zero_grad()
            out = network(x)
            out.backward(sent[position].T)
            close(program.outputs[position].T, out.detach())
            mine = parameters.read_gradients(position)
            assert set(mine) == {name for name, _ in network.named_parameters()}
            for name, weight in network.named_parameters():
                close(
                    mine[name], torch.zeros_like(weight) if weight.grad is None else weight.grad, 5e-3
                )  # a layer norm of one unit magnifies rounding
            state = parameters.read(position)
            for name, buffer in network.named_buffers():
                if "running" in name:
                    close(state[name], buffer)


def test_rounding_is_small_and_leaves_the_users_setting():
    population_graphs = [chain(SHAPE, ("dense", {"units": 128}), ("activation", {"kind": "relu"}), ("dense", {"units": 128}))] * 8
    made = networks_of(population_graphs)
    plan, parameters = lined_up(population_graphs, made, 8)
    precision = torch.get_float32_matmul_precision()
    outputs, gradients = [], []
    for rounding in (False, True):
        program = prepare(plan, parameters, 64, Dropout(0), rounding=rounding)
        program.x.copy_(torch.randn(64, FEATURES, generator=torch.Generator().manual_seed(0)))
        program.forward()
        assert torch.get_float32_matmul_precision() == precision
        program.outputs_gradient.fill_(1.0)
        program.backward()
        assert torch.get_float32_matmul_precision() == precision
        outputs.append(program.outputs.clone())
        gradients.append(parameters.gradients.clone())
    for exact, rounded in (outputs, gradients):
        assert float((exact - rounded).norm() / exact.norm()) < 0.01
    assert torch.equal(*outputs) != bfloat16_is_fast()


@given(graphs())
def test_weights_come_back_as_they_were_given(graph):
    (network,) = networks_of([graph])
    _, parameters = lined_up([graph], [network], 16)
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("input_")}
    read = parameters.read(0)
    assert set(read) == set(state)
    assert all(torch.equal(read[name], state[name]) for name in state)
    assert sum(tensor.numel() for _, tensor in parameters.arrays(parameters.weights)) == graph.parameters


def test_cells_of_different_networks_stand_in_the_same_slots():
    dense, relu = ("dense", {"units": 8}), ("activation", {"kind": "relu"})
    plain = cells_of(chain(SHAPE, dense, relu, dense, relu))
    dressed = cells_of(chain(SHAPE, dense, ("layer_norm", {}), relu, ("dropout", {"rate": 0.5}), dense, ("batch_norm", {}), relu))
    assert list(plain.by_slot) == list(dressed.by_slot) == [(1, 0, 0), (2, 0, 0), HEAD]
    assert plain.by_slot[(1, 0, 0)].inputs == ((SOURCE,),)
    assert plain.output == (HEAD,)


@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 3.0)])
def test_cross_entropy_equals_each_members_own(smoothing, weights):
    generator = torch.Generator().manual_seed(0)
    raw, y = torch.randn(2, OUTPUTS, BATCH, generator=generator), torch.randint(0, OUTPUTS, (BATCH,), generator=generator)
    class_weights = None if weights is None else torch.tensor(weights)
    gradient = torch.empty_like(raw)
    losses = CrossEntropy([Recipe(label_smoothing=s) for s in smoothing], class_weights)(raw, y, gradient)
    for position, share in enumerate(smoothing):
        mine = raw[position].T.clone().requires_grad_()
        loss = loss_function("classification", share, class_weights)(mine, y)
        loss.backward()
        torch.testing.assert_close(losses[position], loss.detach())
        torch.testing.assert_close(gradient[position].T, mine.grad)


def test_squared_error_equals_each_members_own():
    generator = torch.Generator().manual_seed(0)
    raw, y = torch.randn(2, 4, BATCH, generator=generator), torch.randn(BATCH, 4, generator=generator)
    gradient = torch.empty_like(raw)
    losses = SquaredError()(raw, y, gradient)
    for position in range(2):
        mine = raw[position].T.clone().requires_grad_()
        loss = F.mse_loss(mine, y)
        loss.backward()
        torch.testing.assert_close(losses[position], loss.detach())
        torch.testing.assert_close(gradient[position].T, mine.grad)


def test_updates_equal_pytorchs_for_every_member():
    """Own learning rates and decays, clipping of one member only, arrays below and above the size that is updated by itself."""
    wide = chain(SHAPE, ("dense", {"units": 128}), ("batch_norm", {}), ("dense", {"units": 128}))
    population_graphs = [wide, perceptron(replace(blobs(), shape=SHAPE)), wide, chain(SHAPE, ("dense", {"units": 7}))]
    recipes = [Recipe(1e-2, 0.3), Recipe(1e-3, 0.0), Recipe(3e-4, 1e-2), Recipe(3e-3, 5e-2)]
    made = networks_of(population_graphs)
    _, parameters = lined_up(population_graphs, made, 16)
    assert parameters.small < len(parameters.weights)
    assert any(block.share < LARGE for _, block in parameters.blocks.values())
    update = Update(parameters, recipes, CLIP)
    optimisers = []
    for network, recipe in zip(made, recipes, strict=True):
        groups = [
            {"params": [p for p in network.parameters() if p.dim() > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in network.parameters() if p.dim() < 2], "weight_decay": 0.0},
        ]
        optimisers.append(torch.optim.AdamW(groups, lr=recipe.learning_rate))
    generator = torch.Generator().manual_seed(0)
    for number, factor in enumerate((0.5, 1.0, 0.1), start=1):
        program_gradients = {}
        for position, network in enumerate(made):
            size = 1.0 if position == 1 else 0.01
            for name, weight in network.named_parameters():
                weight.grad = size * torch.randn(weight.shape, generator=generator)
                program_gradients[name] = weight.grad.clone()
            for (_, flat), (name, _) in zip(
                [pair for pair in parameters.arrays(parameters.gradients) if pair[0] == position],
                [item for item in parameters.read(position).items() if "running" not in item[0]],
                strict=True,
            ):
                flat.copy_(program_gradients[name])
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            assert (float(norm) > CLIP) == (position == 1)
            for group in optimisers[position].param_groups:
                group["lr"] = factor * recipes[position].learning_rate
            optimisers[position].step()
        update(number, factor)
    for position, network in enumerate(made):
        mine = parameters.read(position)
        for name, weight in network.named_parameters():
            torch.testing.assert_close(mine[name], weight.detach(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_keeps_the_share_and_the_mean(rate):
    """Within 5 standard deviations of a binomial: a false alarm in fewer than one of a million draws."""
    dropout, shape = Dropout(3), (1, 200, 100)
    first, second = torch.empty(shape), torch.empty(shape)
    for masks in (first, second):
        dropout.number += 1
        dropout.draw((1, 0, 0), torch.full((1, 1, 1), rate), masks)
        deviation = math.sqrt(rate * (1 - rate) / masks.numel())
        assert abs(float((masks == 0).float().mean()) - rate) < 5 * deviation
        torch.testing.assert_close(masks[masks > 0].unique(), torch.tensor([1 / (1 - rate)]))
    assert not torch.equal(first, second)


def test_dropout_masks_do_not_depend_on_the_others():
    dropout = Dropout(0)
    alone, among = torch.empty(1, 4, BATCH), torch.empty(2, 9, BATCH)
    dropout.draw((1, 0, 0), torch.full((1, 1, 1), 0.5), alone)
    dropout.draw((1, 0, 0), torch.tensor([0.2, 0.5]).view(2, 1, 1), among)
    assert torch.equal(alone[0], among[1, :4])


def learner(candidates, data, floor=8):
    members = [Member(cells_of(c.graph), Recipe.of(c.recipe), build_network(c.graph, seed=c.seed).state_dict()) for c in candidates]
    return PopulationLearner(members, Vectors.of(Tensors.of(data)), share=1.0, floor=floor, seed=0)


def members(data, dropout=0.25):
    """Four different networks."""
    hidden, relu = ("dense", {"units": 12}), ("activation", {"kind": "relu"})
    normed = chain(data.shape, hidden, ("batch_norm", {}), ("activation", {"kind": "tanh"}), hidden, ("layer_norm", {}), relu)
    dropped = perceptron(data, 20, dropout=dropout)
    recipes = [{"weight_decay": 0.1}, {"learning_rate": 3e-3}, {}, {"label_smoothing": 0.1 * (data.kind == "classification")}]
    made = [perceptron(data, 8), normed, dropped, perceptron(data, 150)]
    return [candidate(graph, number=i, seed=i, **recipe) for i, (graph, recipe) in enumerate(zip(made, recipes, strict=True))]


@pytest.mark.parametrize("make", [blobs, line])
def test_steps_equal_each_candidates_own(make):
    """One at a time, on the same batches."""
    from metanas.evaluation.learner import Learner

    data = make()
    candidates = members(data, dropout=0.0)
    together = learner(candidates, data)
    alone = [Learner(c, Tensors.of(data)) for c in candidates]
    for one in alone:
        one._generator.manual_seed(0)
    for step in range(together.steps_per_epoch + 2):  # into the next epoch's order
        for one in (together, *alone):
            one.step(1 / (1 + step))
    outputs, losses = together.validate()
    for position, one in enumerate(alone):
        seen = one.validate()
        torch.testing.assert_close(outputs[position], seen.outputs, atol=5e-3 * float(seen.outputs.abs().max()), rtol=0)
        assert losses[position] == pytest.approx(seen.loss, rel=5e-3, abs=1e-4)
    assert together.mean_losses() == pytest.approx([one.mean_loss() for one in alone], rel=1e-3)


def test_those_that_stay_go_on_as_if_nobody_had_left():
    data = blobs()
    whole, less = learner(members(data), data), learner(members(data), data)
    for step in range(20):
        if step == 7:
            less.keep([3, 1])
        whole.step(0.5)
        less.step(0.5)
    outputs, remaining = whole.validate()[0], less.validate()[0]
    torch.testing.assert_close(remaining, outputs[[3, 1]], atol=1e-3, rtol=1e-3)


def evaluations(candidates, data, **others):
    return {e.proposal.id: e for e in train_population(candidates, data, **{"deadline": FOREVER, **others})}


@pytest.mark.parametrize("make", [blobs, line, stripes])
def test_results_are_complete_and_good(make):
    """Tables, targets with a large unit, and pictures, of which only vectors are computed."""
    data = make()
    flat = [("flatten", {})] if data.shape.data == "image" else []
    made = [chain(data.shape, *flat, ("dense", {"units": w}), ("activation", {"kind": "relu"})) for w in (8, 16)]
    found = evaluations([candidate(g, epochs=30, number=i, seed=i) for i, g in enumerate(made)], data)
    for number, graph in enumerate(made):
        result = found[number]
        assert not result.failed
        assert result.metrics.get("accuracy", 1 - result.metrics.get("rmse", 0.0) / 20) > 0.5
        assert (result.costs["parameters"], result.costs["flops"]) == (graph.parameters, graph.flops)
        scores = [point["score"] for point in result.curve]
        best = min(scores) if data.kind == "regression" else max(scores)
        assert result.curve[result.epochs - 1]["score"] == best == pytest.approx(result.metrics[data.metric], rel=1e-6)
        assert Evaluation.from_json(result.to_json()) == result
    assert sum(result.duration for result in found.values()) > 0


def test_the_same_twice_bit_for_bit():
    data = blobs()
    first, second = (evaluations(members(data), data) for _ in range(2))
    assert [(e.metrics, e.curve) for e in first.values()] == [(e.metrics, e.curve) for e in second.values()]


def test_who_else_trains_matters_for_rounding_only():
    data = blobs()
    together = evaluations(members(data), data)
    for one in members(data):
        (alone,) = train_population([one], data, deadline=FOREVER)
        losses = [[point["loss"] for point in e.curve] for e in (alone, together[one.proposal.id])]
        assert losses[0] == pytest.approx(losses[1], rel=0.02)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_who_diverges_fails_alone(metric):
    data = replace(blobs(), metric=metric)
    candidates = members(data)
    diverging = candidate(perceptron(data, 8), number=9, learning_rate=1e30)
    found = evaluations([candidates[0], diverging, *candidates[1:]], data)
    assert found[9].reason is not None
    assert found[9].reason.startswith("diverged: the loss was not finite at epoch ")
    assert not found[9].metrics
    undisturbed = evaluations(candidates, data)
    for number, result in undisturbed.items():
        losses = [[point["loss"] for point in e.curve] for e in (found[number], result)]
        assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_members_stop_early_one_by_one():
    data = blobs()
    still = candidate(perceptron(data), epochs=12, number=0, learning_rate=1e-12)
    moving = candidate(perceptron(data), epochs=12, number=1, learning_rate=1e-3)
    found = evaluations([still, moving], data, settings=TrainingSettings(patience=3))
    assert len(found[0].curve) < len(found[1].curve)
    assert len(found[0].curve) == found[0].epochs + 3


def test_looks_at_the_validation_part_as_often_as_allowed():
    (found,) = train_population(
        [candidate(perceptron(blobs()), epochs=10)], blobs(), deadline=FOREVER, settings=TrainingSettings(evaluations=4)
    )
    assert [point["epoch"] for point in found.curve] == [3, 6, 9, 10]


def test_unfinished_members_give_nothing():
    assert not evaluations(members(blobs()), blobs(), deadline=time.monotonic())


def test_limits_of_memory_and_time_are_reasons():
    data = blobs()
    small, large = candidate(perceptron(data, 8)), candidate(perceptron(data, 200), number=1)
    found = evaluations([small, large], data, settings=TrainingSettings(memory=100_000))
    assert not found[0].failed
    assert found[1].reason is not None
    assert "more than the 100.0 kB allowed" in found[1].reason
    (late,) = train_population([small], data, deadline=FOREVER, settings=TrainingSettings(seconds=0.0))
    assert late.reason == "took longer than 0 s"


def test_too_little_memory_for_all_is_enough_for_fewer(monkeypatch):
    data = blobs()
    whole = PopulationLearner.__init__

    def limited(self, some, *others, **settings):
        if len(some) > 2:
            raise RuntimeError("not enough memory: you tried to allocate 1 bytes")
        whole(self, some, *others, **settings)

    monkeypatch.setattr(population.PopulationLearner, "__init__", limited)
    assert sorted(evaluations(members(data), data)) == [0, 1, 2, 3]
    monkeypatch.setattr(population.PopulationLearner, "__init__", lambda *_, **__: (_ for _ in ()).throw(MemoryError))
    assert {e.reason for e in evaluations(members(data), data).values()} == {"ran out of memory"}


def test_partition_puts_every_candidate_in_one_place():
    data, rng = blobs(), np.random.default_rng(0)
    space = mlp(data.shape)
    candidates = [candidate(space.graph(space.sample(rng)), epochs=1 + i % 2, number=i) for i in range(40)]
    pictures = candidate(chain(SHAPE, ("embedding", {"size": 4, "vocabulary": 9}), ("global_pool", {"kind": "max"})), number=40)
    huge = candidate(chain(SHAPE, *[("dense", {"units": 1024})] * 3), number=41)
    buckets, rest = partition([*candidates, pictures, huge])
    assert [c.proposal.id for c in rest] == [40, 41]
    assert sorted(c.proposal.id for bucket in buckets for c in bucket) == list(range(40))
    for bucket in buckets:
        assert len({c.proposal.fidelity for c in bucket}) == 1
        assert len(bucket) == 1 or sum(c.graph.parameters for c in bucket) <= BUCKET_PARAMETERS
    assert len(buckets) < 20
    singles, _ = partition(candidates, memory=1)
    assert [len(bucket) for bucket in singles] == [1] * 40
    assert max(map(len, partition(candidates * 4)[0])) <= BUCKET_MEMBERS


def test_the_operations_of_a_graph_decide():
    hidden, series = ("dense", {"units": 4}), TaskShape("series", (2, 9), 3)
    assert batchable(chain(SHAPE, hidden))
    assert batchable(chain(series, ("flatten", {}), hidden))
    assert not batchable(chain(series, ("conv", {"channels": 3, "kernel": 3}), ("flatten", {})))
    assert not batchable(chain(series, ("batch_norm", {}), ("flatten", {})))
    assert not batchable(chain(series, hidden))  # impossible at all
    assert not batchable(Graph(SHAPE, (Node("n", "identity", (), ("input",)),)))
    assert not batchable(chain(TaskShape("text", (6,), 3, vocabulary=9)))


def test_unknown_uses_of_known_operations_are_refused():
    hidden = Node("n0", "dense", (("units", 4),), ("input",))
    late = Node("p", "periodic", (("numeric", 1), ("frequencies", 2), ("sigma", 1.0)), ("n0",))
    head = Node("head", "dense", (("units", OUTPUTS),), ("p",))
    with pytest.raises(NotBatchableError, match="periodic"):
        cells_of(Graph(SHAPE, (hidden, late, head)))
    sequence = Graph(TaskShape("series", (2, 9), 3), (Node("n", "layer_norm", (), ("input",)), Node("f", "flatten", (), ("n",))))
    with pytest.raises(NotBatchableError, match="more than vectors"):
        cells_of(sequence)


def test_a_population_has_one_fidelity():
    data = blobs()
    one, two = candidate(perceptron(data), epochs=1), candidate(perceptron(data), epochs=2)
    with pytest.raises(ValueError, match="one fidelity"):
        list(train_population([one, two], data, deadline=FOREVER))
    assert one.proposal.fidelity == Fidelity(1)


def test_accuracy_is_that_of_one_at_a_time_within_noise():
    """Mean difference over candidates of the space, in standard errors; seeds are fixed, so that the outcome is."""
    x, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    x, y = x[order].astype(np.float32), y[order].astype(np.int64)
    shape = TaskShape("table", (x.shape[1],), 2, numeric=0)
    data = replace(blobs(), shape=shape, x_train=x[:380], y_train=y[:380], x_val=x[380:], y_val=y[380:])
    data = replace(data, input_mean=x[:380].mean(0), input_std=x[:380].std(0), target_mean=np.zeros(2, "f"), target_std=np.ones(2, "f"))
    space = mlp(shape)
    architectures = [space.sample(rng) for _ in range(16)]
    candidates = [candidate(space.graph(a), 6, number=i, seed=i, **space.recipe(a)) for i, a in enumerate(architectures)]
    found = evaluations(candidates, data)
    alone = [train(c, data, deadline=FOREVER).metrics["cross_entropy"] for c in candidates]
    differences = np.array([found[i].metrics["cross_entropy"] for i in range(16)]) - alone
    assert abs(differences.mean()) < 3 * differences.std(ddof=1) / 4
    assert np.mean([e.metrics["accuracy"] for e in found.values()]) > 0.94
