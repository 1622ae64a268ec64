import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.delivery import describe_graph
from metanas.delivery.description import _folded
from metanas.spaces import Graph, Node, TaskShape, make_space

IMAGE = TaskShape("image", (1, 28, 28), 10)
SHAPES = [
    IMAGE,
    TaskShape("table", (12,), 3, numeric=10),
    TaskShape("series", (2, 100), 4),
    TaskShape("sound", (1, 8000), 10, rate=8000),
    TaskShape("text", (40,), 4, vocabulary=8000),
]


def node(name, op, inputs, **settings):
    return Node(name, op, tuple(settings.items()), tuple(inputs.split()))


def test_a_small_network_in_words():
    graph = Graph(
        IMAGE,
        (
            node("stem", "conv", "input", channels=16, kernel=3, stride=2),
            node("norm", "batch_norm", "stem"),
            node("act", "activation", "norm", kind="relu"),
            node("a", "conv", "act", channels=16, kernel=3),
            node("b", "conv", "a", channels=16, kernel=3),
            node("sum", "residual", "b act"),
            node("pool", "global_pool", "sum", kind="avg"),
            node("drop", "dropout", "pool", rate=0.25),
            node("head", "dense", "drop", units=10),
        ),
    )
    assert describe_graph(graph) == [
        "input: grey pictures of 28 x 28 pixels",
        "convolution 3x3, 16 channels, size halved, batch norm, ReLU",
        "2 x convolution 3x3, 16 channels",
        "shortcut around the last 2 layers added",
        "average of each channel, dropout 25 %",
        "dense, 10 outputs",
    ]


def test_repeated_blocks_are_told_once():
    nodes, last = [], "input"
    for k in range(3):
        nodes += [node(f"c{k}", "conv", last, channels=8, kernel=3), node(f"p{k}", "max_pool", f"c{k}", kernel=2, stride=2)]
        last = f"p{k}"
    nodes += [node("flat", "flatten", last), node("head", "dense", "flat", units=10)]
    lines = describe_graph(Graph(IMAGE, tuple(nodes)))
    assert lines[1:4] == ["3 times:", "  convolution 3x3, 8 channels", "  maximum 2x2, size halved"]


def test_joins_say_what_they_join():
    graph = Graph(
        TaskShape("table", (6,), 2, numeric=6),
        (
            node("a", "dense", "input", units=6),
            node("b", "dense", "a", units=6),
            node("both", "concat", "a b"),
            node("c", "dense", "both", units=6),
            node("sum", "add", "c a input"),
            node("skip", "dense", "a", units=2),
        ),
    )
    assert describe_graph(graph) == [
        "input: 6 numbers per row",
        "2 x dense, 6 units",
        "joined with the output 1 layer before",
        "dense, 6 units",
        "added to the network's input and the output 2 layers before",
        "dense, 2 outputs (reads the output 2 layers before)",
    ]


def test_an_operation_of_a_user_keeps_its_name_and_settings():
    graph = Graph(IMAGE, (node("x", "my_layer", "input", width=3, kind="odd"), node("head", "flatten", "x")))
    object.__setattr__(graph, "shapes", {"input": (1, 28, 28), "x": (1, 28, 28), "head": (784,)})
    assert describe_graph(graph)[1] == "my layer (width 3, kind odd)"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.data)
def test_every_architecture_can_be_told(shape):
    rng = np.random.default_rng(0)
    for name in ("mlp", "convnet", "sequence"):
        try:
            space = make_space(name, shape)
        except ValueError:
            continue
        for _ in range(40):
            graph = space.graph(space.sample(rng))
            lines = describe_graph(graph)
            assert lines[0].startswith("input: ")
            assert lines[-1].startswith("dense, ")
            assert f"{shape.outputs} output" in lines[-1]
            assert len(lines) <= len(graph.nodes) + 2
            assert not any("_" in line or "  " in line.strip() for line in lines)


def unfolded(lines):
    """The lines before folding, by an independent reading of what was told."""
    told, at = [], 0
    while at < len(lines):
        head = lines[at]
        at += 1
        if head.endswith(" times:"):
            block = []
            while at < len(lines) and lines[at].startswith("  "):
                block.append(lines[at][2:])
                at += 1
            told += unfolded(block) * int(head.split()[0])
        elif " x " in head:
            times, line = head.split(" x ", 1)
            told += [line] * int(times)
        else:
            told.append(head)
    return told


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=30))
def test_folding_loses_nothing_and_never_lengthens(lines):
    folded = _folded(lines)
    assert unfolded(folded) == lines
    assert len(folded) <= len(lines)
