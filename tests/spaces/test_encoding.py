"""Encodings: what they see of a graph, and what they are blind to."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.spaces.encoding import Path, Vocabulary, choice_vector, paths, subtrees
from metanas.spaces.graph import Graph, Node
from metanas.testing import SHAPES

SHAPE = TaskShape("table", (3,), 2, numeric=3)


def graph(*nodes: tuple[str, str, tuple[str, ...]]) -> Graph:
    return Graph(SHAPE, tuple(Node(name, op, (), inputs) for name, op, inputs in nodes))


def features(of: Graph) -> tuple[Counter[str], Counter[Path]]:
    return subtrees(of, 3), paths(of)


def renamed(of: Graph) -> Graph:
    names = {node.name: f"n{position}" for position, node in enumerate(of.nodes)}
    return Graph(of.shape, tuple(Node(names[n.name], n.op, n.settings, tuple(names.get(i, i) for i in n.inputs)) for n in of.nodes))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.data)
def test_the_names_of_nodes_do_not_matter(shape: TaskShape) -> None:
    space, rng = make_space(None, shape), np.random.default_rng(0)
    for _ in range(10):
        of = space.motif_graph(space.sample(rng))
        assert features(of) == features(renamed(of))


def test_graphs_of_one_key_have_the_same_features() -> None:
    space, rng = make_space("cell", SHAPES[1]), np.random.default_rng(0)
    seen: dict[str, tuple[Counter[str], Counter[Path]]] = {}
    shared = 0
    for _ in range(1000):
        of = space.motif_graph(space.sample(rng))
        shared += of.key in seen
        assert seen.setdefault(of.key, features(of)) == features(of)
    assert shared > 50


def test_the_order_of_inputs_matters_where_it_does_for_the_operation() -> None:
    def joined(op: str, *order: str) -> Graph:
        return graph(("a", "left", ("input",)), ("b", "right", ("input",)), ("c", op, order))

    assert subtrees(joined("add", "a", "b"), 1) == subtrees(joined("add", "b", "a"), 1)
    for op in ("concat", "unheard of"):
        assert subtrees(joined(op, "a", "b"), 1) != subtrees(joined(op, "b", "a"), 1)
        assert subtrees(joined(op, "a", "b"), 0) == subtrees(joined(op, "b", "a"), 0)


def test_each_round_sees_one_edge_further() -> None:
    near, far = (graph(("a", op, ("input",)), ("b", "x", ("a",)), ("c", "y", ("b",)), ("d", "z", ("c",))) for op in ("p", "q"))
    different = [sum((subtrees(near, depth) - subtrees(far, depth)).values()) for depth in range(5)]
    assert different == [1, 3, 6, 10, 14]  # depth r adds the node itself and the r that follow, but there are no more than four


def test_settings_are_part_of_a_label() -> None:
    wide, narrow = (Graph(SHAPE, (Node("a", "dense", (("units", units),), ("input",)),)) for units in (8, 16))
    assert not subtrees(wide, 1) & subtrees(narrow, 1)
    assert not paths(wide) & paths(narrow)


def test_paths_lead_from_the_input_to_the_output() -> None:
    diamond = graph(("a", "x", ("input",)), ("b", "y", ("a",)), ("c", "y", ("a",)), ("d", "add", ("b", "c", "input")))
    assert paths(diamond) == {("x", "y", "add"): 2, ("add",): 1}


def test_long_paths_count_in_stretches_and_many_paths_are_bounded() -> None:
    letters = [chr(ord("a") + i) for i in range(6)]
    chain = graph(*((here, here, (before,)) for before, here in pairwise(["input", *letters])))
    assert paths(chain, longest=4) == {tuple("bcde"): 1, tuple("cdef"): 1}
    ladder = [("0a", "x", ("input",)), ("0b", "y", ("input",))]
    for step in range(1, 30):
        ladder += [(f"{step}a", "x", (f"{step - 1}a", f"{step - 1}b")), (f"{step}b", "y", (f"{step - 1}a", f"{step - 1}b"))]
    many = paths(graph(*ladder, ("out", "add", ("29a", "29b"))), longest=40, most=16)
    assert 0 < len(many) <= 16


def conditional() -> Space:
    draft = Draft()
    depth = draft.decide("depth", (1, 2, 3), ordered=True)
    draft.decide("kind", ("x", "y"), when=depth.at_least(2))
    draft.recipe()
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("conditional", SHAPE, {})


def test_distances_of_choice_vectors_count_differences() -> None:
    space = conditional()
    base = {"depth": 2, "kind": "x", "recipe.learning_rate": 3e-4, "recipe.weight_decay": 1e-2}

    def distance(**changes: object) -> float:
        one, other = (choice_vector(space, space.architecture({**base, **more})) for more in ({}, changes))  # type: ignore[dict-item]
        return float(np.square(one - other).sum())

    assert distance() == 0
    assert distance(kind="y") == pytest.approx(1)
    assert distance(depth=3) == pytest.approx(1 / 2)
    assert distance(depth=1) == pytest.approx(1 / 2 + 1)
    assert distance(**{"recipe.learning_rate": 1e-2}) == pytest.approx(1)
    assert distance(**{"recipe.learning_rate": 1e-3}) == pytest.approx(1 / 3)


def test_a_vocabulary_grows_and_keeps_its_columns() -> None:
    vocabulary = Vocabulary()
    first = vocabulary.matrix([Counter("aab"), Counter("c")])
    assert first.toarray().tolist() == [[2, 1, 0], [0, 0, 1]]
    assert vocabulary.matrix([Counter("da")], grow=False).toarray().tolist() == [[1, 0, 0]]
    assert vocabulary.matrix([Counter("da")]).toarray().tolist() == [[1, 0, 0, 1]]
    assert vocabulary.tokens == ["a", "b", "c", "d"]
    assert vocabulary.matrix([]).shape == (0, 4)
