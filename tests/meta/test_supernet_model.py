"""A supernet as a function of its weights and logits."""

import pytest
import torch
from small_spaces import SPACES, pictures, pictures_space, vectors_space
from torch.func import functional_call

from metanas.meta import make_meta_learner
from metanas.meta.loss import loss_of
from metanas.meta.supernet_model import LOGITS, TEMPERATURE, SupernetModel
from metanas.networks.network import build_network
from metanas.networks.supernet import Supernet


@pytest.fixture(scope="module")
def model():
    return SupernetModel(pictures_space(), dtype=torch.float64)


def weights_of(model, tasks=2, temperature=1.0, seed=0):
    """Different weights and logits for each task."""
    generator = torch.Generator().manual_seed(seed)
    spread = model.spread(model.init(seed), tasks)
    noise = {name: torch.randn(w.shape, generator=generator, dtype=w.dtype) for name, w in spread.items()}
    moved = {name: w + (1.0 if name.startswith(LOGITS) else 0.1) * noise[name] for name, w in spread.items()}
    return {**moved, TEMPERATURE: torch.full((tasks,), temperature, dtype=model.dtype)}


def test_gradients_are_those_of_finite_differences():
    model = SupernetModel(vectors_space(), dtype=torch.float64)
    weights, inputs = weights_of(model), model.inputs(torch.randn(2, 5, 2, dtype=torch.float64))
    g = torch.randn(2, 5, 2, dtype=torch.float64)
    found = model.run(weights, inputs).gradient(g)
    for name in model.names:
        if name == TEMPERATURE:
            assert not found[name].any()
            continue
        direction = torch.randn_like(weights[name])
        ahead, behind = (model.run({**weights, name: weights[name] + h * direction}, inputs).outputs for h in (1e-6, -1e-6))
        torch.testing.assert_close((found[name] * direction).sum(), ((ahead - behind) * g).sum() / 2e-6, rtol=1e-6, atol=1e-8)


def test_at_temperature_0_every_task_runs_its_decoded_network(model):
    weights = weights_of(model, temperature=0.0)
    episodes = pictures()
    outputs = model.run(weights, model.inputs(episodes.x_query)).outputs
    keys = set()
    for t in range(2):
        own = {name: w[t] for name, w in model.gather(weights).items()}
        architecture = model.decode(own)
        keys.add(architecture.key)
        network = build_network(model.space.graph(architecture), seed=0).double()
        network.load_state_dict(model.inherit(own, architecture))
        torch.testing.assert_close(outputs[t], network.train()(episodes.x_query[t].double()).detach())
    assert len(keys) == 2


def test_a_cold_mixture_nears_the_decoded_network(model):
    inputs = model.inputs(pictures().x_query)
    hard = model.run(weights_of(model, temperature=0.0), inputs).outputs
    gaps = [float((model.run(weights_of(model, temperature=t), inputs).outputs - hard).abs().max()) for t in (1.0, 0.1, 1e-5)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-9


@pytest.mark.parametrize("name", SPACES)
def test_outputs_and_gradients_are_those_of_the_supernet(name):
    space, x = SPACES[name]()
    model, net = SupernetModel(space, dtype=torch.float64), Supernet(space, seed=0).double().eval()
    weights = weights_of(model)
    g = torch.randn(2, x.shape[1], space.shape.outputs, dtype=torch.float64)
    ran = model.run(weights, model.inputs(x))
    found = model.gather(ran.gradient(g))
    for t in range(2):
        free = {name: w[t].clone().requires_grad_() for name, w in model.gather(weights).items()}
        mixtures = {d.name: torch.softmax(free[LOGITS + d.name], 0) for d in model.decisions}
        out = functional_call(net, {n: w for n, w in free.items() if n.startswith("nodes.")}, (x[t], mixtures))
        torch.testing.assert_close(ran.outputs[t], out.detach())
        expected = torch.autograd.grad(out, list(free.values()), g[t], allow_unused=True)
        for name, grad in zip(free, expected, strict=True):
            torch.testing.assert_close(found[name][t], torch.zeros_like(free[name]) if grad is None else grad)


def test_curvatures_are_those_of_finite_differences(model):
    weights, inputs, loss = weights_of(model, temperature=0.8), model.inputs(pictures().x_query), loss_of("classification")
    y = pictures().y_query
    direction = {name: torch.randn_like(w) * (name != TEMPERATURE) for name, w in weights.items()}
    ran = model.run(weights, inputs, twice=True)
    ran.gradient(loss.gradient(ran.outputs, y))
    curved = {name: torch.zeros_like(w) for name, w in weights.items()}
    ran.add_curvature(loss.curvature(ran.outputs, ran.tangent(direction)), curved, 1.0)

    def gradient(h):
        moved = model.run({name: w + h * direction[name] for name, w in weights.items()}, inputs)
        return moved.gradient(loss.gradient(moved.outputs, y))

    ahead, behind = gradient(1e-6), gradient(-1e-6)
    for name in model.names:
        torch.testing.assert_close(curved[name], (ahead[name] - behind[name]) / 2e-6, rtol=1e-4, atol=1e-5)


def test_decoding_keeps_the_limits():
    space = pictures_space()
    tight = space.within(parameters=round(0.5 * space.graph(space.baseline).parameters))
    model = SupernetModel(tight)
    weights = model.init(0)
    for name in model.logit_names:
        weights[name] = torch.zeros_like(weights[name])
        weights[name][0] = 5.0  # convolutions everywhere are too many parameters
    assert tight.admits(model.decode(weights))


def test_threads_change_nothing():
    learner = make_meta_learner("t-nas", pictures_space(), inner_steps=2, batching="loop")
    episodes, state = pictures(tasks=4), learner.init(0)
    one = learner.update(state, episodes)["theta"]
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        two = learner.update(state, episodes)["theta"]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one[name], two[name]) for name in one)
