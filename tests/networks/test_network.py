"""Networks of graphs: costs, initial weights, names, masks, the fixed front, user operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_counting import counted_flops, counted_parameters, example, single
from torch import nn

from metanas.networks import build_network, builds
from metanas.networks.network import weight_name
from metanas.spaces import Graph, Node, Operation, TaskShape, register_operation
from metanas.spaces.operation import same_shape
from metanas.spaces.registry import make_space

TASKS = [
    ("mlp", TaskShape("table", (7,), 3, numeric=4)),
    ("mlp", TaskShape("table", (5,), 2)),
    ("convnet", TaskShape("image", (1, 12, 12), 10)),
    ("convnet", TaskShape("image", (3, 9, 17), 4)),
    ("convnet", TaskShape("series", (2, 50), 4)),
    ("convnet", TaskShape("sound", (1, 900), 4, rate=2000)),
    ("sequence", TaskShape("text", (21,), 6, vocabulary=50)),
    ("sequence", TaskShape("series", (3, 30), 4)),
]


@pytest.mark.parametrize(("name", "shape"), TASKS, ids=lambda v: v if isinstance(v, str) else f"{v.data}{v.input}")
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_counted_costs_are_built_costs(name, shape, seed):
    space = make_space(name, shape)
    graph = space.graph(space.sample(np.random.default_rng(seed)))
    network = build_network(graph, seed=0).eval()
    seen = {}
    for node in graph.nodes:
        module = network.nodes.get_submodule(f"{weight_name(node.name)}.{weight_name(node.op)}")
        module.register_forward_hook(lambda m, i, out, key=node.name: seen.update({key: tuple(out.shape[1:])}))
    flops = counted_flops(network, example(shape, 2))
    assert seen == {node.name: graph.shapes[node.name] for node in graph.nodes}
    assert counted_parameters(network) == graph.parameters
    assert flops == 2 * graph.flops
    assert graph.shapes[graph.nodes[-1].name] == (shape.outputs,)


def wide(width):
    nodes = (
        Node("a", "dense", (("units", 8),), ("input",)),
        Node("b", "dense", (("units", width),), ("a",)),
        Node("c", "dense", (("units", 2),), ("a",)),
        Node("d", "concat", (), ("b", "c")),
    )
    return Graph(TaskShape("table", (4,), width + 2), nodes)


def test_weights_depend_on_seed_and_node_alone():
    first, again, other = (build_network(wide(3), seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["nodes.a.dense.weight"], other["nodes.a.dense.weight"])
    assert not torch.equal(first["nodes.a.dense.weight"][:2, :4], first["nodes.c.dense.weight"][:2, :4])
    wider = build_network(wide(7), seed=5).state_dict()
    assert torch.equal(first["nodes.a.dense.weight"], wider["nodes.a.dense.weight"])
    assert torch.equal(first["nodes.c.dense.weight"], wider["nodes.c.dense.weight"])


def test_the_global_generator_is_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    build_network(wide(3), seed=1)
    assert torch.equal(torch.rand(3), expected)


@given(st.lists(st.text(min_size=0, max_size=8), unique=True, max_size=20))
def test_weight_names_stay_different_and_are_usable(names):
    escaped = [weight_name(name) for name in names]
    assert len(set(escaped)) == len(names)
    for name in escaped:
        assert name
        assert "." not in name
        assert not hasattr(nn.Module(), name)


def test_weight_names_of_ordinary_nodes_are_readable():
    assert weight_name("stage1.block2.op") == "stage1-block2-op"
    nodes = (Node("train", "dense", (("units", 2),), ("input",)), Node("a-b.c", "dense", (("units", 2),), ("train",)))
    names = [name for name, _ in build_network(Graph(TaskShape("table", (4,), 2), nodes), seed=0).named_parameters()]
    assert names == [f"nodes.{node}.dense.{part}" for node in ("train%", "a%2d%b-c") for part in ("weight", "bias")]


def test_inputs_are_standardised_by_channel():
    graph = single("identity", (2, 3, 3))
    x = torch.randint(0, 255, (4, 2, 3, 3), dtype=torch.uint8)
    mean, std = np.array([3.0, 100.0], np.float32), np.array([2.0, 50.0], np.float32)
    network = build_network(graph, input_mean=mean, input_std=std, seed=0)
    expected = (x.float() - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    assert torch.allclose(network(x), expected)
    fresh = build_network(graph, seed=0)
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(x), network(x))


def text_graph(*nodes):
    shape = TaskShape("text", (9,), 3, vocabulary=20)
    embedding = Node("embedding", "embedding", (("size", 4), ("vocabulary", 20)), ("input",))
    return Graph(shape, (embedding, *nodes))


@pytest.mark.parametrize("kind", ["avg", "max", "both", "last"])
@pytest.mark.parametrize("layer", ["transformer", "gru", "lstm"])
def test_padding_changes_nothing(layer, kind):
    options = {"transformer": {"heads": 2, "expansion": 1}, "gru": {"units": 4, "bidirectional": True}, "lstm": {"units": 4}}[layer]
    nodes = (Node("layer", layer, tuple(options.items()), ("embedding",)), Node("pool", "global_pool", (("kind", kind),), ("layer",)))
    graph = text_graph(*nodes)
    short = Graph(TaskShape("text", (5,), 3, vocabulary=20), graph.nodes)
    ids = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 10, 0, 0]])
    padded = torch.cat([ids, torch.zeros(2, 4, dtype=torch.long)], dim=1)
    assert torch.allclose(build_network(graph, seed=0)(padded), build_network(short, seed=0)(ids), atol=1e-5)


def test_masks_follow_strides():
    nodes = (
        Node("conv", "conv", (("channels", 4), ("kernel", 1), ("stride", 2)), ("embedding",)),
        Node("pool", "global_pool", (("kind", "last"),), ("conv",)),
    )
    network = build_network(text_graph(*nodes), seed=0)
    ids = torch.tensor([[1, 2, 3, 4, 5, 0, 0, 0, 0]])
    changed = ids.clone()
    changed[0, 4] = 9
    assert not torch.allclose(network(ids), network(changed))
    changed = ids.clone()
    changed[0, 3] = 9
    assert torch.allclose(network(ids), network(changed))


@pytest.mark.parametrize("op", ["transformer", "gru"])
def test_a_text_of_padding_alone_gives_numbers(op):
    options = {"heads": 1, "expansion": 1} if op == "transformer" else {"units": 4, "bidirectional": True}
    nodes = (Node("layer", op, tuple(options.items()), ("embedding",)), Node("pool", "global_pool", (("kind", "both"),), ("layer",)))
    network = build_network(text_graph(*nodes), seed=0)
    out = network(torch.zeros(2, 9, dtype=torch.int32))
    assert torch.isfinite(out).all()
    out.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_the_fixed_front_splits_the_network():
    space = make_space("convnet", TaskShape("sound", (1, 900), 4, rate=2000))
    network = build_network(space.graph(space.baseline), input_mean=np.ones(1, np.float32), seed=0).eval()
    x = torch.randn(3, 1, 900)
    assert network.cut == "front"
    assert torch.equal(network.rest(network.front(x)), network(x))
    assert network.front(x).shape[1:] == network.graph.shapes["front"]


def test_flattening_is_no_front_worth_keeping():
    nodes = (Node("flat", "flatten", (), ("input",)), Node("head", "dense", (("units", 2),), ("flat",)))
    assert build_network(Graph(TaskShape("image", (1, 3, 3), 2), nodes), seed=0).cut is None


def test_a_front_beside_a_path_from_the_raw_input_is_not_cut():
    nodes = (
        Node("front", "log_spectrogram", (("window", 16), ("hop", 8)), ("input",)),
        Node("pool", "global_pool", (("kind", "avg"),), ("front",)),
        Node("raw", "global_pool", (("kind", "avg"),), ("input",)),
        Node("both", "concat", (), ("pool", "raw")),
    )
    assert build_network(Graph(TaskShape("sound", (1, 64), 2, rate=100), nodes), seed=0).cut is None


def test_a_users_operation_is_built():
    register_operation(Operation("test_scale", same_shape, lambda inputs, _: inputs[0][0]))

    class Scale(nn.Module):
        def __init__(self, features):
            super().__init__()
            self.scale = nn.Parameter(torch.rand(features))

        def forward(self, x):
            return x * self.scale

    @builds("test_scale")
    def scale(inputs, options):
        return Scale(inputs[0][0])

    graph = single("test_scale", (4,))
    network, again = build_network(graph, seed=2), build_network(graph, seed=2)
    assert counted_parameters(network) == graph.parameters == 4
    assert torch.equal(network.nodes.only.test_scale.scale, again.nodes.only.test_scale.scale)
    with pytest.raises(ValueError, match="has a builder already"):
        builds("test_scale")(lambda inputs, options: nn.Identity())


def test_an_operation_without_builder_is_named():
    register_operation(Operation("test_unbuilt", same_shape))
    with pytest.raises(ValueError, match="test_unbuilt"):
        build_network(single("test_unbuilt", (4,)), seed=0)


def test_overwriting_rectifiers_change_no_gradient():
    """A rectifier may overwrite the output of a convolution or normalisation, but not one that others read."""
    nodes = (
        Node("a", "conv", (("channels", 3), ("kernel", 3)), ("input",)),
        Node("b", "batch_norm", (), ("a",)),
        Node("c", "activation", (("kind", "relu"),), ("b",)),
        Node("d", "conv", (("channels", 3), ("kernel", 3)), ("c",)),
        Node("e", "activation", (("kind", "relu"),), ("d",)),
        Node("f", "residual", (), ("d", "e")),
        Node("g", "activation", (("kind", "tanh"),), ("f",)),
        Node("h", "activation", (("kind", "relu"),), ("g",)),
        Node("i", "global_pool", (("kind", "both"),), ("h",)),
    )
    network = build_network(Graph(TaskShape("image", (2, 5, 5), 6), nodes), seed=0)
    rectifiers = {name: network.nodes.get_submodule(f"{name}.activation") for name in "ceh"}
    assert {name: module.inplace for name, module in rectifiers.items()} == {"c": True, "e": False, "h": False}
    x = torch.randn(4, 2, 5, 5)
    gradients = []
    for inplace in (True, False):
        rectifiers["c"].inplace = inplace
        network.zero_grad()
        network(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("kind", ["avg", "max", "both"])
def test_gradients_keep_channels_innermost(kind):
    """Else every layer before the global pooling works on mixed layouts, several times slower."""
    module = build_network(single("global_pool", (4, 5, 6), kind=kind), seed=0).nodes.only.global_pool
    x = torch.randn(3, 4, 5, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    seen = []
    doubled = x * 2
    doubled.register_hook(lambda gradient: seen.append(gradient.is_contiguous(memory_format=torch.channels_last)))
    module(doubled).sum().backward()
    assert seen == [True]
