"""Scores with inherited weights against the stand-alone network that inherits them."""

import time

import numpy as np
import pytest
import torch

from metanas.evaluation.learner import precision_for
from metanas.evaluation.supernet import SupernetEvaluator
from metanas.evaluation.tensors import Tensors
from metanas.networks import build_network
from metanas.networks.supernet import Supernet
from metanas.records import Candidate, Fidelity, Proposal
from metanas.spaces import Architecture, Space
from metanas.tasks.metrics import compute
from metanas.testing.oneshot import oneshot_tasks


def prepared(task: str) -> tuple[Space, Tensors, Supernet, dict[str, torch.Tensor]]:
    """A supernet, and weights that are not its own."""
    space, data = oneshot_tasks()[task]
    net = Supernet(space, input_mean=data.input_mean, input_std=data.input_std, seed=0)
    other = Supernet(space, input_mean=data.input_mean, input_std=data.input_std, seed=1)
    return net.space, Tensors.of(data), net, dict(other.named_parameters())


def candidate(space: Space, architecture: Architecture, number: int = 0) -> Candidate:
    return Candidate(Proposal(number, architecture, Fidelity(0)), space.graph(architecture), {}, seed=0)


@pytest.mark.parametrize("task", ["cell", "regression", "planted"])
def test_metrics_are_those_of_the_network_that_inherits_the_weights(task: str) -> None:
    space, tensors, net, weights = prepared(task)
    data, rng = tensors.data, np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(4)]
    evaluator = SupernetEvaluator(net, weights, tensors, batch=40)
    found = list(evaluator.evaluate([candidate(space, a, i) for i, a in enumerate(architectures)], time.monotonic() + 60))
    owner = Supernet(oneshot_tasks()[task][0], input_mean=data.input_mean, input_std=data.input_std, seed=1)
    parts = max(1, round(len(data.y_val) / 40))
    for evaluation, architecture in zip(found, architectures, strict=True):
        graph = space.graph(architecture)
        network = build_network(graph, input_mean=data.input_mean, input_std=data.input_std, seed=5)
        network.load_state_dict(owner.inherit(architecture))
        network.train()  # statistics of the batch
        with torch.no_grad(), precision_for(candidate(space, architecture), tensors):
            raw = torch.cat([network(x) for x in tensors.x_val.tensor_split(parts)]).float()
        outputs = raw.softmax(1) if data.kind == "classification" else raw * tensors.target_std + tensors.target_mean
        assert evaluation.metrics == pytest.approx(compute(data.kind, data.y_val, outputs.numpy()), abs=1e-4)
        assert evaluation.costs["parameters"] == graph.parameters
        assert not evaluation.failed


def test_nothing_is_learned_or_changed() -> None:
    space, tensors, net, weights = prepared("cell")
    before = {name: value.detach().clone() for name, value in weights.items()}
    own = {name: value.detach().clone() for name, value in net.state_dict().items()}
    evaluator = SupernetEvaluator(net, weights, tensors)
    first, second = (list(evaluator.evaluate([candidate(space, space.baseline)], time.monotonic() + 60)) for _ in range(2))
    assert first[0].metrics == second[0].metrics
    assert all(torch.equal(before[name], weights[name]) for name in before)
    assert all(torch.equal(own[name], value) for name, value in net.state_dict().items())


def test_failures_are_reasons_and_the_deadline_ends_it() -> None:
    space, tensors, net, weights = prepared("cell")
    broken = {name: torch.full_like(value, float("nan")) for name, value in weights.items()}
    (failed,) = SupernetEvaluator(net, broken, tensors).evaluate([candidate(space, space.baseline)], time.monotonic() + 60)
    assert failed.reason == "gave numbers that are not finite with inherited weights"
    (stranger,) = SupernetEvaluator(net, weights, tensors).evaluate(
        [Candidate(Proposal(0, Architecture("other", ()), Fidelity(0)), space.graph(space.baseline), {}, 0)], time.monotonic() + 60
    )
    assert stranger.failed
    assert not list(SupernetEvaluator(net, weights, tensors).evaluate([candidate(space, space.baseline)], time.monotonic() - 1))
