"""Contexts of open nodes."""

import numpy as np
import pytest

from metanas.errors import InputError
from metanas.spaces import Draft, TaskShape, make_space
from metanas.spaces.closing import Edge, close
from metanas.spaces.contexts import Contexts

TABLE = TaskShape("table", (4,), 2, numeric=4)
IMAGE = TaskShape("image", (3, 8, 8), 4)


@pytest.mark.parametrize("name", ["cell", "convnet", "ecnas"])
def test_contexts_say_what_closing_does(name):
    """In every architecture each node of its graph behaves as the context says in which it is."""
    space, rng = make_space(name, IMAGE), np.random.default_rng(0)
    tables, last = Contexts().tables(space)
    assert last == space.nodes[-1].name
    for _ in range(20):
        chosen = space.sample(rng).as_dict
        closed = {node.name: node for node in close(space.nodes, chosen)}
        for node in space.nodes:
            table = tables[node.name]
            context = tuple((d, chosen[d]) for d in table.refers if d in chosen)
            behaviour = table.rows[context]
            if node.name in closed:
                assert behaviour.present
                assert (behaviour.op, behaviour.settings) == (closed[node.name].op, closed[node.name].settings)
            assert behaviour.present == node.when.holds(chosen)


def test_contexts_assign_only_what_matters():
    tables, _ = Contexts().tables(make_space("cell", IMAGE))
    assert tables["stem.conv"].refers == ()
    assert tables["stage1.cell1.edge0-1.zero"].refers == ("edge0-1",)
    assert tables["stage1.cell2.edge0-1.zero"].refers == ("cells", "edge0-1")
    convnet, _ = Contexts().tables(make_space("convnet", IMAGE))
    rows = [dict(row) for row in convnet["stage1.block1.op"].rows]  # pooling has no kernel
    assert all(("stage1.block1.kernel" in row) == (row["stage1.block1.op"] in ("conv", "sep_conv")) for row in rows)


def test_nodes_that_are_never_there_are_stood_for():
    edges = {f"edge0-{to}": ("skip_connect", "nor_conv_1x1") for to in (1, 2, 3)}
    space = make_space("cell", IMAGE).narrowed({"cells": (1,), **edges})
    tables, _ = Contexts().tables(space)
    assert "stage1.cell1.edge0-1.zero" not in tables
    assert tables["stage1.cell1.edge0-1.conv1x1.activation"].sources == ("stem.norm",)
    assert tables["stage2.reduction.pool"].sources == ("stage1.cell1.node3",)


def test_joins_remember_what_their_readers_refer_to():
    draft = Draft()
    side = draft.decide("side", ("left", "right"))
    left = draft.node("left", "dense", ["input"], units=4)
    chosen = draft.node("chosen", "add", [Edge("input", side.among("left")), Edge(left, side.among("right"))])
    plain = draft.node("plain", "add", [chosen, left])
    other = draft.node("other", "add", [plain, Edge("input", side.among("left"))])
    draft.node("head", "dense", [other], units=2)
    tables, _ = Contexts().tables(draft.space("sides", TABLE, {}))
    assert [tables[name].refers for name in ("chosen", "plain", "other", "head")] == [("side",), ("side",), ("side",), ()]


def test_what_was_worked_out_is_kept():
    contexts, space = Contexts(), make_space("convnet", IMAGE)
    first, _ = contexts.tables(space)
    again, _ = contexts.tables(space.narrowed({"stage1.block1.op": ("conv",)}))
    assert first["stage2.block1.op"].rows is again["stage2.block1.op"].rows
    assert first["stage1.block1.op"].rows is not again["stage1.block1.op"].rows


def test_nodes_with_too_many_contexts_are_refused():
    draft = Draft()
    there = [draft.decide(f"there{i}", (False, True)) for i in range(14)]
    nodes = [draft.node(f"node{i}", "dense", ["input"], units=4) for i in range(14)]
    x = draft.node("sum", "add", ["input", *(Edge(node, d.among(True)) for node, d in zip(nodes, there, strict=True))])
    draft.node("head", "dense", [x], units=2)
    with pytest.raises(InputError, match=r"'sum' refers to too many open choices at once .*narrow the space"):
        Contexts().tables(draft.space("many", TABLE, {}))
