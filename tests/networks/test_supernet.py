"""Supernets: paths, mixtures, names, initial weights, transforms."""

from __future__ import annotations

import copy
from dataclasses import replace
from math import prod

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from supernet_examples import GREY, IMAGE, SPACES, examples, linear_space, soft
from torch import nn
from torch.func import functional_call, grad, vmap

from metanas.errors import InputError
from metanas.networks import Supernet, build_network, builds
from metanas.networks.network import weight_name
from metanas.networks.operations.convolution import Conv
from metanas.networks.operations.elementwise import BatchNorm
from metanas.networks.supernet_norm import BatchStatistics
from metanas.spaces import Draft, Operation, TaskShape, make_space, register_operation
from metanas.spaces.operation import same_shape


@pytest.fixture(scope="module")
def nets():
    made = {}

    def get(name):
        if name not in made:
            made[name] = Supernet(SPACES[name](), seed=0)
        return made[name]

    return get


def alone(net, architecture):
    """The network of an architecture with the supernet's weights, by the statistics of the batch."""
    network = build_network(net.space.graph(architecture), seed=1)
    network.load_state_dict(net.inherit(architecture))
    return network.train()


@pytest.mark.parametrize("name", SPACES)
def test_a_path_is_the_network_of_its_own(nets, name):
    net, full, rng = nets(name), SPACES[name](), np.random.default_rng(0)
    net.train()
    x = examples(net.space)
    for architecture in (net.space.baseline, *(net.space.sample(rng) for _ in range(8))):
        full.validate(architecture)
        torch.testing.assert_close(net(x, net.path(architecture)), alone(net, architecture)(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SPACES)
def test_evaluation_is_training(nets, name):
    """Where nothing is random, for averages of batch normalisation are no part of a supernet."""
    net = nets(name)
    x, weights = examples(net.space), soft(net)
    torch.testing.assert_close(net.eval()(x, weights), net.train()(x, weights))
    assert not any("running" in key for key in net.state_dict())


@pytest.mark.parametrize("name", SPACES)
def test_a_mixture_reaches_every_weight(nets, name):
    net = nets(name)
    weights = {key: value.requires_grad_() for key, value in soft(net).items()}
    found = torch.autograd.grad(net(examples(net.space), weights).square().sum(), [*weights.values(), *net.parameters()])
    assert all(g.isfinite().all() for g in found)
    assert [len(d.options) for d in net.decisions] == [len(g) for g in found[: len(weights)]]
    assert all(len(d.options) > 1 for d in net.decisions)


@pytest.mark.parametrize("name", ["cell", "convnet-image", "mlp", "sequence-text"])
def test_weights_begin_as_those_of_networks_of_their_own(nets, name):
    net, rng = nets(name), np.random.default_rng(1)
    if name == "mlp":
        net = Supernet(net.space.narrowed({"connection": ("chain", "residual")}), seed=0)  # else layers have more inputs here
    for _ in range(5):
        architecture = net.space.sample(rng)
        own = build_network(net.space.graph(architecture), seed=0).state_dict()
        inherited = net.inherit(architecture)
        assert own.keys() == inherited.keys()
        assert all(torch.equal(own[key], inherited[key]) for key in own)


def test_the_same_seed_gives_the_same_state_in_the_same_order():
    first, second, third = (Supernet(linear_space(), seed=seed).state_dict() for seed in (0, 0, 1))
    assert list(first) == list(second) == list(third)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], third[key]) for key in first)
    state = torch.random.get_rng_state()
    Supernet(make_space("mlp", TaskShape("table", (3,), 2)), seed=0)
    assert torch.equal(state, torch.random.get_rng_state())


def test_variants_have_names_of_their_own(nets):
    names = dict(nets("convnet-image").named_parameters())
    assert names["nodes.stage1-block1-op.conv@kernel=3.weight"].shape == (16, 16, 3, 3)
    assert names["nodes.stage1-block1-op.conv@kernel=5.weight"].shape == (16, 16, 5, 5)
    assert names["nodes.stage1-block1-norm.layer_norm.weight"].shape == (16,)
    assert "nodes.head.dense.weight" in names


# -- mixtures against computations by hand -----------------------------------------------------------------------------


def test_independent_choices_mix_as_the_mean_over_all_architectures():
    net = Supernet(linear_space(), seed=0).double()
    assert [d.name for d in net.decisions] == ["first", "kernel", "there", "shortcut", "pool", "side"]
    x, weights = examples(net.space).double(), soft(net, dtype=torch.float64)
    mean = torch.zeros(())
    for architecture in net.space.enumerate(1000):
        chance = prod(
            float(weights[d.name][d.options.index(architecture[d.name])]) for d in net.decisions if d.name in architecture.as_dict
        )
        mean = mean + chance * alone(net, architecture).double()(x)
    torch.testing.assert_close(net(x, weights), mean)


def test_one_open_decision_is_a_convex_combination():
    net = Supernet(linear_space().narrowed({"there": (True,), "shortcut": (True,), "side": (False,), "pool": ("avg",)}), seed=0).double()
    assert [d.name for d in net.decisions] == ["first", "kernel"]
    x = examples(net.space).double()
    paths = [net(x, net.path(a)) for a in net.space.enumerate(100)]
    w, k = torch.tensor([0.4, 0.3, 0.1, 0.2]).double(), torch.tensor([0.25, 0.75]).double()
    chances = torch.cat([w[0] * k, w[1] * k, w[2:]])
    torch.testing.assert_close(net(x, {"first": w, "kernel": k}), torch.einsum("a,abo->bo", chances, torch.stack(paths)))


def by_hand(net, x, weights):
    """DARTS' mixture of the cell space with one cell per stage, written out."""
    modules = dict(net.named_modules())

    def apply(node, op, x):
        return modules[f"nodes.{weight_name(node)}.{op}"](x)

    def convolution(name, x):
        return apply(f"{name}.norm", "batch_norm", apply(f"{name}.conv", "conv", F.relu(x)))

    def edge(name, x, w):
        pooled = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return w[1] * x + w[2] * convolution(f"{name}.conv1x1", x) + w[3] * convolution(f"{name}.conv3x3", x) + w[4] * pooled

    x = apply("stem.norm", "batch_norm", apply("stem.conv", "conv", x))
    for stage in (1, 2, 3):
        if stage > 1:
            name = f"stage{stage}.reduction"
            shortcut = apply(f"{name}.shortcut", "conv", F.avg_pool2d(x, 2, 2, ceil_mode=True))
            x = convolution(f"{name}.second", convolution(f"{name}.first", x)) + shortcut
        outputs = [x]
        for to in (1, 2, 3):
            edges = [edge(f"stage{stage}.cell1.edge{s}-{to}", outputs[s], weights[f"edge{s}-{to}"]) for s in range(to)]
            outputs.append(sum(edges))
        x = outputs[-1]
    return apply("head", "dense", F.relu(apply("last.norm", "batch_norm", x)).mean(dim=(2, 3)))


@pytest.mark.parametrize("hard", [False, True])
def test_the_cell_is_that_of_darts(hard):
    net = Supernet(make_space("cell", GREY).narrowed({"cells": (1,)}), seed=0).double()
    x, weights = examples(net.space).double(), soft(net, dtype=torch.float64)
    if hard:
        weights = {key: F.one_hot(value.argmax(), 5).double() for key, value in weights.items()}
    weights = {key: value.requires_grad_() for key, value in weights.items()}
    leaves = [*weights.values(), *net.parameters()]
    ours, theirs = net(x, weights), by_hand(net, x, weights)
    torch.testing.assert_close(ours, theirs)
    found = torch.autograd.grad(ours.square().sum(), leaves, allow_unused=True)
    expected = torch.autograd.grad(theirs.square().sum(), leaves, allow_unused=True)
    for name, g, e in zip([*weights, *(n for n, _ in net.named_parameters())], found, expected, strict=True):
        if name in weights and hard:  # what has the weight zero is not computed: only the chosen option has a gradient
            e = e * weights[name].detach()
        torch.testing.assert_close(torch.zeros_like(e) if g is None else g, e, msg=name)


def test_a_cells_wiring_mixes_as_the_mean_over_all_architectures():
    """Of EC-NAS with linear operations: what a later node refers to again must not be summed out before."""
    from metanas.spaces.ecnas import CONV1, Cell, _cell

    draft = Draft()
    cell = Cell.decide(draft, 4)
    nothing = draft.node("nothing", "zero", ["input"])
    x = draft.node("stem", "conv", ["input"], channels=6, kernel=1, bias=0)
    x = _cell(draft, "cell.", x, nothing, cell, 6)
    draft.node("head", "dense", [draft.node("flat", "flatten", [x])], units=2)
    space = draft.space("wiring", TaskShape("image", (2, 3, 3), 2), {"vertices": 4, "vertex1.op": CONV1})
    linear = {"batch_norm": "identity", "activation": "identity", "max_pool": "avg_pool"}
    nodes = [
        replace(node, op=linear.get(str(node.op), node.op), options={linear.get(op, op): s for op, s in node.options.items()})
        for node in space.nodes
    ]
    net = Supernet(replace(space, nodes=tuple(nodes)), seed=0).double()
    x, weights = examples(net.space).double(), soft(net, dtype=torch.float64)
    mean, total = torch.zeros(()), 0.0
    for architecture in net.space.enumerate(1000):
        chance = prod(float(weights[d.name][d.options.index(architecture[d.name])]) for d in net.space.active(architecture))
        mean, total = mean + chance * alone(net, architecture).double()(x), total + chance
    assert total == pytest.approx(1)
    assert net.space.count() > 50
    torch.testing.assert_close(net(x, weights), mean)


# -- what is computed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cell", "convnet-image", "ecnas"])
def test_a_path_computes_what_a_network_of_its_own_does(nets, name):
    net, rng = nets(name), np.random.default_rng(2)
    called = []
    owners = {module: key.split(".")[1] for key, module in net.named_modules() if list(module.parameters(recurse=False))}
    hooks = [module.register_forward_hook(lambda module, *_: called.append(owners[module])) for module in owners]
    for _ in range(4):
        architecture = net.space.sample(rng)
        called.clear()
        net(examples(net.space), net.path(architecture))
        own = build_network(net.space.graph(architecture), seed=0).named_modules()
        assert sorted(called) == sorted(key.split(".")[1] for key, module in own if list(module.parameters(recurse=False)))
    for hook in hooks:
        hook.remove()


def test_a_chosen_option_has_a_gradient_though_its_weight_is_one(nets):
    """As GDAS needs it."""
    net = nets("cell")
    architecture = net.space.architecture(
        {**net.space.baseline.as_dict, **{d.name: "skip_connect" for d in net.decisions if "edge" in d.name}}
    )
    weights = {key: value.requires_grad_() for key, value in net.path(architecture).items()}
    found = torch.autograd.grad(net(examples(net.space), weights).square().sum(), list(weights.values()))
    assert all(g[w == 1].abs() > 0 and (g[w == 0] == 0).all() for w, g in zip(weights.values(), found, strict=True))


def test_nothing_chosen_gives_zeros(nets):
    net = nets("cell")
    architecture = net.space.architecture({**net.space.baseline.as_dict, **{d.name: "none" for d in net.decisions if "edge" in d.name}})
    x = examples(net.space)
    torch.testing.assert_close(net(x, net.path(architecture)), alone(net, architecture)(x))


# -- as a function -----------------------------------------------------------------------------------------------------


def test_it_is_differentiable_twice_through_functional_call():
    net = Supernet(
        make_space("cell", TaskShape("image", (1, 4, 4), 2)).narrowed({"cells": (1,), "edge0-3": ("none", "nor_conv_1x1")}), seed=0
    )
    net.double()
    x = examples(net.space).double()
    name = f"nodes.{weight_name('stage1.cell1.edge0-3.conv1x1.norm')}.batch_norm.weight"
    fixed = {key: value.detach() for key, value in net.named_parameters()}

    def loss(weight, *mixture):
        weights = dict(zip([d.name for d in net.decisions], mixture, strict=True))
        return functional_call(net, {**fixed, name: weight}, (x, weights)).square().mean()

    inputs = [fixed[name].clone().requires_grad_(), *(w.requires_grad_() for w in soft(net, dtype=torch.float64).values())]
    assert torch.autograd.gradcheck(loss, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(loss, inputs, fast_mode=True)


@pytest.mark.parametrize("name", ["cell", "convnet-dense", "mlp"])
def test_transforms_compute_the_same(nets, name):
    net = nets(name)
    x = torch.stack([examples(net.space, seed=seed) for seed in (0, 1)])
    params = {key: torch.stack([p.detach(), 1.1 * p.detach()]) for key, p in net.named_parameters()}
    mixtures = {key: torch.stack([soft(net, 0)[key], soft(net, 1)[key]]) for key in soft(net)}

    def loss(params, mixture, x):
        return functional_call(net, params, (x, mixture)).square().sum()

    together = vmap(grad(loss, argnums=(0, 1)))(params, mixtures, x)
    for task in (0, 1):
        own = {key: value[task].clone().requires_grad_() for key, value in params.items()}
        mixture = {key: value[task].clone().requires_grad_() for key, value in mixtures.items()}
        found = torch.autograd.grad(loss(own, mixture, x[task]), [*own.values(), *mixture.values()])
        expected = [value[task] for part in together for value in part.values()]
        for g, e in zip(found, expected, strict=True):
            torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-4)


def test_a_path_under_vmap_over_weights_alone(nets):
    net = nets("cell")
    x, path = examples(net.space), net.path(net.space.baseline)
    params = {key: torch.stack([p.detach(), 1.1 * p.detach()]) for key, p in net.named_parameters()}
    both = vmap(lambda p: functional_call(net, p, (x, path)))(params)
    torch.testing.assert_close(both[0], net(x, path), rtol=1e-4, atol=1e-5)


def test_lower_precision_gives_nearly_the_same(nets):
    net = nets("cell")
    x, weights = examples(net.space), {key: value.requires_grad_() for key, value in soft(net).items()}
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(x, weights)
    torch.testing.assert_close(rough.float(), net(x, weights), rtol=0.1, atol=0.05)
    assert all(g.isfinite().all() for g in torch.autograd.grad(rough.float().square().sum(), list(weights.values())))


def test_copies_are_independent(nets):
    net = nets("mlp")
    x, weights = examples(net.space), soft(net)
    before, other = net(x, weights), copy.deepcopy(net)
    for parameter in other.parameters():
        parameter.data.zero_()
    assert not torch.equal(other(x, weights), before)
    assert torch.equal(net(x, weights), before)


def test_the_front_is_that_of_the_networks():
    space = SPACES["convnet-sound"]()
    net = Supernet(space, input_mean=np.array([0.5], np.float32), input_std=np.array([2.0], np.float32), seed=0)
    network = build_network(
        net.space.graph(net.space.baseline), input_mean=np.array([0.5], np.float32), input_std=np.array([2.0], np.float32), seed=0
    )
    x, weights = examples(space), soft(net)
    assert net.cut == network.cut == "front"
    assert torch.equal(net.front(x), network.front(x))
    assert torch.equal(net.rest(net.front(x), weights), net(x, weights))


def test_channels_stay_innermost(nets):
    """Also of one channel, whose place strides leave open."""
    net, kept = nets("cell"), []
    hooks = [m.register_forward_hook(lambda m, i, out: kept.append(out)) for m in net.modules() if isinstance(m, Conv | BatchStatistics)]
    net(examples(net.space), net.path(net.space.baseline))
    for hook in hooks:
        hook.remove()
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in kept)


# -- what users bring --------------------------------------------------------------------------------------------------


def test_operations_of_users_take_part():
    register_operation(Operation("test_scaled_norm", same_shape, lambda inputs, settings: 3 * inputs[0][0]))

    class ScaledNorm(nn.Module):
        def __init__(self, features):
            super().__init__()
            self.scale = nn.Parameter(torch.full((features,), 2.0))
            self.inner = nn.ModuleDict({"norm": nn.BatchNorm1d(features), "ours": BatchNorm(features)})

        def forward(self, x):
            return self.inner["ours"](self.inner["norm"](x) * self.scale)

    @builds("test_scaled_norm")
    def scaled_norm(inputs, settings):
        return ScaledNorm(inputs[0][0])

    draft = Draft()
    op = draft.decide("op", ("test_scaled_norm", "identity"))
    x = draft.choose("a", op, {"test_scaled_norm": {}, "identity": {}}, [draft.node("hidden", "dense", ["input"], units=4)])
    draft.node("head", "dense", [x], units=2)
    net = Supernet(draft.space("users", TaskShape("table", (3,), 2), {}), seed=0)
    x = examples(net.space)
    for architecture in net.space.enumerate(10):
        torch.testing.assert_close(net.eval()(x, net.path(architecture)), alone(net, architecture)(x))


def test_wrong_weights_and_architectures_are_refused(nets):
    net, x = nets("cell"), examples(nets("cell").space)
    weights = soft(net)
    with pytest.raises(InputError, match=r"'edge0-1' must have the shape \(5,\).*got none"):
        net(x, {key: value for key, value in weights.items() if key != "edge0-1"})
    with pytest.raises(InputError, match=r"got the shape \(4,\)"):
        net(x, {**weights, "edge0-1": torch.ones(4)})
    with pytest.raises(ValueError, match=r"no option|another space|no decision"):
        net.path(make_space("convnet", IMAGE).baseline)


def test_spaces_in_which_all_choices_change_shapes_are_refused():
    draft = Draft()
    x = draft.node("hidden", "dense", ["input"], units=draft.decide("width", (4, 8), ordered=True))
    draft.recipe()
    draft.node("head", "dense", [x], units=2)
    with pytest.raises(InputError, match="no choice that a supernet could leave open"):
        Supernet(draft.space("widths", TaskShape("table", (3,), 2), {}), seed=0)
