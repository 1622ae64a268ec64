"""Spaces survive JSON: the same decisions, graphs, draws and limits."""

import json

import numpy as np
import pytest

from metanas.spaces import Draft, make_space, spaces
from metanas.spaces.serial import space_from_json, space_to_json
from metanas.testing import SHAPES

SPACES = [(name, shape) for shape in SHAPES for name in spaces(shape.data)]


def again(space):
    return space_from_json(json.loads(json.dumps(space_to_json(space))))


@pytest.mark.parametrize(("name", "shape"), SPACES, ids=[f"{n}-{s.data}{len(s.input)}" for n, s in SPACES])
def test_every_space_comes_back_as_it_was(name, shape):
    space = make_space(name, shape)
    read = again(space)
    assert (read.decisions, read.nodes, read.motif, dict(read.plain)) == (space.decisions, space.nodes, space.motif, dict(space.plain))
    assert read.baseline == space.baseline
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(5):
        drawn = space.sample(first)
        assert read.sample(second) == drawn
        assert read.graph(drawn) == space.graph(drawn)
        assert read.motif_graph(drawn) == space.motif_graph(drawn)


def test_limits_and_lists_come_back():
    space = make_space("mlp", SHAPES[0])
    narrow = space.within(parameters=900, flops=10_000)
    assert again(narrow).limits == narrow.limits
    assert again(narrow).baseline == narrow.baseline
    rng = np.random.default_rng(0)
    listed = space.only([space.sample(rng) for _ in range(5)])
    assert again(listed).listed == listed.listed


def test_kinds_of_values_are_kept():
    draft = Draft()
    flag, number = draft.decide("flag", (False, True)), draft.decide("rate", (0.0, 0.5), ordered=True)
    x = draft.node("act", "activation", ["input"], flag.among(True), kind="relu")
    x = draft.node("drop", "dropout", [x], rate=number)
    draft.node("head", "dense", [x], units=SHAPES[0].outputs)
    read = again(draft.space("kinds", SHAPES[0], {}))
    assert [[type(o) for o in d.options] for d in read.decisions] == [[bool, bool], [float, float]]
    assert read.nodes[1].options["dropout"]["rate"] is read.decisions[1]


def test_a_space_of_a_later_version_is_refused():
    with pytest.raises(ValueError, match="newer"):
        space_from_json({**space_to_json(make_space("mlp", SHAPES[0])), "schema": 99})
