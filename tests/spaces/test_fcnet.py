"""The spaces of FCNet and the OpenML multilayer perceptrons."""

from collections.abc import Callable

import numpy as np
import pytest

from metanas.evaluation.recipe import Recipe
from metanas.networks import build_network
from metanas.spaces import Space, TaskShape
from metanas.spaces.fcnet import fcnet, fcnet_choices
from metanas.spaces.openml_mlp import openml_mlp, openml_mlp_choices

SHAPE = TaskShape("table", (7,), 3, numeric=4)
Make = Callable[[TaskShape], Space]
every_pair = pytest.mark.parametrize(("make", "choices"), [(fcnet, fcnet_choices), (openml_mlp, openml_mlp_choices)])


@every_pair
def test_sampled_networks_are_valid_built_as_counted_and_trainable(make: Make, choices: Make) -> None:
    space, rng = make(SHAPE), np.random.default_rng(0)
    for architecture in (space.baseline, *(space.sample(rng) for _ in range(15))):
        space.validate(architecture)
        graph = space.graph(architecture)
        network = build_network(graph, seed=0)
        assert sum(p.numel() for p in network.parameters()) == graph.parameters
        assert Recipe.of(space.recipe(architecture)).learning_rate == architecture["recipe.learning_rate"]


@every_pair
def test_the_tables_space_opens_the_same_choices_and_those_that_are_not_trained(make: Make, choices: Make) -> None:
    trained, table = make(SHAPE), choices(SHAPE)
    assert table.decisions[: len(trained.decisions)] == trained.decisions
    further = {d.name for d in table.decisions[len(trained.decisions) :]}
    assert "batch_size" in further
    assert further <= {"batch_size", "schedule"}
    assert not table.nodes
    table.validate(table.sample(np.random.default_rng(1)))


def test_the_spaces_are_as_large_as_published() -> None:
    assert (fcnet_choices(SHAPE).count(), openml_mlp_choices(SHAPE).count()) == (62_208, 30_000)


def test_parameters_follow_from_units_depth_and_width() -> None:
    space = fcnet(SHAPE)
    chosen = space.architecture({**space.baseline.as_dict, "layer1.units": 16, "layer2.units": 32, "layer1.dropout": 0.3})
    assert space.graph(chosen).parameters == 7 * 16 + 16 + 16 * 32 + 32 + 32 * 3 + 3
    assert [node.op for node in space.graph(chosen).nodes] == ["dense", "activation", "dropout", "dense", "activation", "dense"]
    space = openml_mlp(SHAPE)
    chosen = space.architecture({**space.baseline.as_dict, "depth": 3, "width": 25})
    assert space.graph(chosen).parameters == 7 * 25 + 25 + 2 * (25 * 25 + 25) + 25 * 3 + 3
