"""The memory of supernets, predicted."""

from __future__ import annotations

import pytest
import torch
from supernet_examples import SPACES, examples, soft

from metanas.networks.supernet import Supernet, supernet_bytes
from metanas.spaces import TaskShape, make_space
from metanas.spaces.memory import training_bytes


@pytest.mark.parametrize("name", ["cell", "convnet-image", "ecnas", "sequence-series", "mlp"])
@pytest.mark.parametrize("whole", [True, False])
def test_the_prediction_holds_what_is_kept(name, whole):
    """For the backward pass, beside weights, their gradients and moments; and it is no more than six times that."""
    space, batch = SPACES[name](), 32
    net = Supernet(space, seed=0)
    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in net.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    paths = [soft(net)] if whole else [net.path(net.space.baseline)]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        for mixture in paths:
            net(examples(space, batch), {key: value.requires_grad_() for key, value in mixture.items()})
    total = sum(kept.values()) + 4 * sum(p.numel() * p.element_size() for p in net.parameters())
    assert total <= supernet_bytes(space, batch, whole=whole) <= 6 * total


def test_a_path_takes_less_than_the_whole_and_no_less_than_its_network():
    space = SPACES["cell"]()
    whole, path = (supernet_bytes(space, 64, whole=whole) for whole in (True, False))
    assert path < whole / 1.5
    weights = supernet_bytes(space, 0, whole=True)
    assert path >= training_bytes(space.graph(space.baseline), 64) * 0.8
    assert weights < path
    assert supernet_bytes(space, 128, whole=True) - weights == pytest.approx(2 * (whole - weights), rel=1e-6)


def test_it_is_predicted_without_building(monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "__init__", None)
    assert supernet_bytes(make_space("cell", TaskShape("image", (3, 224, 224), 1000)), 256, whole=True) > 100e9
