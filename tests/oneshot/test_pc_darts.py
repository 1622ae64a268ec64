"""Partial channels and edge normalisation, as rewritings of the space."""

import numpy as np
import pytest
import torch

from metanas.errors import InputError
from metanas.networks import build_network
from metanas.networks.supernet import Supernet
from metanas.oneshot import OneShotBrief
from metanas.oneshot.partial import ChannelJoin, ChannelPart, partial_channels
from metanas.oneshot.pc_darts import PcDarts, normalised_edges
from metanas.spaces import Space, TaskShape, make_space
from metanas.spaces.operation import operation
from metanas.testing.oneshot import oneshot_tasks, tiny_cell

CELL = make_space("cell", TaskShape("image", (1, 8, 8), 10)).narrowed({"cells": (1,)})


def test_parts_joined_unchanged_are_the_channels_in_another_order() -> None:
    x = torch.arange(2 * 8 * 3 * 3.0).view(2, 8, 3, 3)
    part = ChannelPart(2)(x)
    joined = ChannelJoin(4)(part, x)
    assert part.shape == (2, 2, 3, 3)
    assert joined.shape == x.shape
    order = [int(torch.nonzero((joined[0, i] == x[0]).flatten(1).all(1))) for i in range(8)]
    assert sorted(order) == list(range(8))
    assert order[:4] == [0, 2, 4, 6]  # of every quarter one


@pytest.mark.parametrize("space", [CELL, tiny_cell(), oneshot_tasks()["planted"][0]], ids=lambda space: space.name)
def test_decisions_and_shapes_stay_and_operations_work_on_a_quarter(space: Space) -> None:
    narrow = partial_channels(space, 4)
    assert narrow.decisions == space.decisions
    rng = np.random.default_rng(0)
    for _ in range(10):
        architecture = space.sample(rng)
        before, after = space.graph(architecture), narrow.graph(narrow.architecture(architecture.as_dict))
        kept = {n.name: n for n in after.nodes}
        assert after.shapes[after.nodes[-1].name] == before.shapes[before.nodes[-1].name]
        for node in before.nodes:
            ruled = "edge" in node.name or node.name == "op"
            if operation(node.op).flops(before.input_shapes(node), node.options) and ruled:
                assert after.shapes[node.name][0] * 4 == before.shapes[node.name][0]
                assert kept[node.name].options["channels"] * 4 == node.options["channels"]  # type: ignore[operator]
            elif node.name in kept and not ruled:
                assert after.shapes[node.name] == before.shapes[node.name]
        network = build_network(after, seed=0).eval()
        assert network(torch.zeros(2, *space.shape.input)).shape == (2, space.shape.outputs)


def test_one_part_and_what_can_not_be_divided_stay_as_they_are() -> None:
    assert partial_channels(CELL, 1) is CELL
    assert partial_channels(tiny_cell(), 3).nodes == tiny_cell().nodes  # 4 channels
    table = oneshot_tasks()["regression"][0]
    assert partial_channels(table, 4).nodes == table.nodes


def test_edges_that_meet_share_a_decision() -> None:
    for space in (CELL, partial_channels(CELL, 4)):
        groups = {d.options for d in normalised_edges(space).decisions[len(space.decisions) :]}
        assert groups == {("edge0-2", "edge1-2"), ("edge0-3", "edge1-3", "edge2-3")}
    assert normalised_edges(oneshot_tasks()["planted"][0]).decisions == oneshot_tasks()["planted"][0].decisions


def test_edge_shares_weigh_the_edges_of_a_sum() -> None:
    """A mixture of edges of a single-path cell against the sum done by hand: skips alone make a cell a multiple of its input."""
    space = normalised_edges(tiny_cell())
    net = Supernet(space, seed=0)
    share = torch.tensor([0.3, 0.7])
    skip = torch.tensor([0.0, 1.0, 0.0])
    none = torch.tensor([1.0, 0.0, 0.0])
    x = torch.randint(0, 255, (3, 1, 8, 8)).float()
    edges = {"edges into node2": share}
    both = net(x, {"edge0-1": skip, "edge0-2": skip, "edge1-2": skip, **edges})
    first = net(x, {"edge0-1": skip, "edge0-2": skip, "edge1-2": none, **edges})
    second = net(x, {"edge0-1": skip, "edge0-2": none, "edge1-2": skip, **edges})
    zero = net(x, {"edge0-1": skip, "edge0-2": none, "edge1-2": none, **edges})
    assert torch.allclose(first - zero, 0.3 * (both - zero), rtol=1e-3, atol=1e-4)
    assert torch.allclose(second - zero, 0.7 * (both - zero), rtol=1e-3, atol=1e-4)


def test_logits_of_edges_are_learned_but_choose_nothing() -> None:
    method = PcDarts(OneShotBrief.of(*oneshot_tasks()["cell"]))
    state = method.init(0)
    assert set(state["choices"]["logits"]) == {"edge0-1", "edge0-2", "edge1-2", "edges into node2"}
    assert {d.name for d in method.decisions} == {"edge0-1", "edge0-2", "edge1-2"}
    for architecture in method.decode(state, 3):
        method.space.validate(architecture)


def test_networks_of_the_space_inherit_only_where_no_channels_are_divided() -> None:
    divided, whole = (PcDarts(OneShotBrief.of(*oneshot_tasks()[task])) for task in ("planted", "regression"))
    with pytest.raises(InputError, match=r"^this method's shared weights are not for the networks of space planted"):
        divided.inherit(divided.init(0), divided.space.baseline)
    state = whole.init(0)
    inherited = whole.inherit(state, whole.space.baseline)
    assert torch.equal(inherited["nodes.first.dense.weight"], state["weights"]["nodes.first.dense.weight"])
