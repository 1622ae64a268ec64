"""Weights that a supernet gives away and takes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from supernet_examples import SPACES, examples, soft

from metanas.errors import InputError
from metanas.networks import Supernet, build_network
from metanas.networks.network import weight_name


@pytest.mark.parametrize("name", ["cell", "convnet-dense", "mlp", "sequence-recurrent"])
def test_what_was_inherited_and_changed_is_absorbed(name):
    net, rng = Supernet(SPACES[name](), seed=0), np.random.default_rng(0)
    x = examples(net.space)
    for _ in range(4):
        architecture = net.space.sample(rng)
        before = {key: value.detach().clone() for key, value in net.named_parameters()}
        changed = {key: value + 0.1 if value.is_floating_point() else value for key, value in net.inherit(architecture).items()}
        changed |= {key: value for key, value in net.inherit(architecture).items() if key.startswith("input_") or "running" in key}
        net.absorb(architecture, changed)
        network = build_network(net.space.graph(architecture), seed=1)
        network.load_state_dict(changed)
        torch.testing.assert_close(net(x, net.path(architecture)), network.train()(x), rtol=1e-4, atol=1e-5)
        assert all(torch.equal(changed[key], value) for key, value in net.inherit(architecture).items())
        touched = sum(int((before[key] != value).sum()) for key, value in net.named_parameters())
        assert touched == sum(p.numel() for p in network.parameters())


def test_inherited_weights_are_copies_and_averages_are_fresh():
    net = Supernet(SPACES["cell"](), seed=0)
    state, before = net.inherit(net.space.baseline), net.state_dict()
    for value in state.values():
        value.fill_(7.0)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    fresh = net.inherit(net.space.baseline)
    assert all((value == key.endswith("var")).all() for key, value in fresh.items() if "running" in key)


def test_statistics_of_the_inputs_are_inherited():
    mean, std = np.array([1.0, 2.0, 3.0], np.float32), np.array([4.0, 5.0, 6.0], np.float32)
    net = Supernet(SPACES["convnet-image"](), input_mean=mean, input_std=std, seed=0)
    state = net.inherit(net.space.baseline)
    assert state["input_mean"].tolist() == mean.tolist()
    assert state["input_std"].tolist() == std.tolist()


def test_channels_that_are_not_there_are_left_out():
    net = Supernet(SPACES["mlp"](), seed=0)
    choices = {"depth": 3, "connection": "sparse", "layer2.join.from0": False, "layer3.join.from0": True, "layer3.join.from1": False}
    closed = {d.name: d.options[0] for d in net.space.decisions}
    architecture = net.space.architecture({**closed, **choices})
    shared = dict(net.named_parameters())["nodes.layer3-dense.dense.weight"]
    features = net.space.shape.input[0]
    assert shared.shape == (64, 64 + features + 64)  # of the layer before, of the input, of the first layer
    inherited = net.inherit(architecture)[f"nodes.{weight_name('layer3.dense')}.dense.weight"]
    assert torch.equal(inherited, shared[:, : 64 + features])


def test_states_of_other_architectures_are_refused():
    net = Supernet(SPACES["cell"](), seed=0)
    other = net.space.architecture({**net.space.baseline.as_dict, "edge0-1": "nor_conv_1x1"})
    with pytest.raises(InputError, match="is of another architecture"):
        net.absorb(other, net.inherit(net.space.baseline))
    assert net(examples(net.space), soft(net)).isfinite().all()
