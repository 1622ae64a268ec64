"""Architectures as vectors: laws of the encoder, and that it learns what networks are made of."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.meta.architectures import FEATURES, ArchitectureEncoder, pretrain, stack
from metanas.meta.architectures.pretraining import facts
from metanas.spaces import Graph, Node, TaskShape, make_space

SPACES = {
    "mlp": TaskShape("table", (6,), 3, numeric=6),
    "convnet": TaskShape("image", (1, 8, 8), 4),
    "cell": TaskShape("image", (3, 8, 8), 5),
}
ENCODER = ArchitectureEncoder()
WEIGHTS = ENCODER.init(3)


def drawn(name: str, number: int, seed: int = 0) -> list[Graph]:
    space, rng = make_space(name, SPACES[name]), np.random.default_rng(seed)
    if name == "cell":
        space = space.narrowed({"cells": [1, 2]})
    return [space.graph(space.sample(rng)) for _ in range(number)]


def vectors(graphs: Sequence[Graph]) -> torch.Tensor:
    return ENCODER.encode(WEIGHTS, stack(graphs))


def another_order(graph: Graph, rng: np.random.Generator) -> Graph:
    """The same graph with other names, listed in another topological order that ends in the same node."""
    names = {node.name: f"n{k}" for k, node in enumerate(rng.permutation(np.array(graph.nodes, dtype=object)))} | {"input": "input"}
    left, done, listed = list(graph.nodes[:-1]), {"input"}, []
    while left:
        ready = [node for node in left if set(node.inputs) <= done]
        node = ready[int(rng.integers(len(ready)))]
        left.remove(node)
        done.add(node.name)
        listed.append(node)
    nodes = [Node(names[n.name], n.op, n.settings, tuple(names[i] for i in n.inputs)) for n in (*listed, graph.nodes[-1])]
    return Graph(graph.shape, tuple(nodes))


@given(name=st.sampled_from(sorted(SPACES)), seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_names_and_order_of_nodes_do_not_matter(name: str, seed: int) -> None:
    (graph,) = drawn(name, 1, seed)
    other = another_order(graph, np.random.default_rng(seed))
    assert other.key == graph.key
    torch.testing.assert_close(vectors([other]), vectors([graph]), rtol=1e-4, atol=1e-5)


def test_company_does_not_matter() -> None:
    graphs = [graph for name in SPACES for graph in drawn(name, 3)]
    torch.testing.assert_close(vectors(graphs), torch.cat([vectors([g]) for g in graphs]), rtol=1e-4, atol=1e-5)


def test_different_graphs_have_different_vectors() -> None:
    graphs = list({g.key: g for name in SPACES for g in drawn(name, 40)}.values())
    apart = torch.pdist(vectors(graphs).double())
    assert apart.min() > 1e-4


def test_direction_of_edges_counts() -> None:
    shape = TaskShape("table", (6,), 6, numeric=6)
    relu, norm = Node("a", "activation", (("kind", "relu"),), ("input",)), Node("b", "batch_norm", (), ("a",))
    first = Graph(shape, (relu, norm))
    second = Graph(shape, (Node("b", "batch_norm", (), ("input",)), Node("a", "activation", (("kind", "relu"),), ("b",))))
    assert not torch.allclose(vectors([first]), vectors([second]), atol=1e-3)


def test_batches_are_refused_that_are_empty() -> None:
    with pytest.raises(ValueError, match="no graph"):
        stack([])


def test_a_batch_says_what_is_there() -> None:
    graphs = [*drawn("mlp", 2), *drawn("convnet", 2)]
    batch = stack(graphs)
    assert batch.nodes.shape[1] == FEATURES
    assert np.diff(batch.starts).tolist() == [len(g.nodes) + 1 for g in graphs]
    assert np.diff(batch.edge_starts).tolist() == [sum(len(n.inputs) for n in g.nodes) for g in graphs]
    taken, fresh = batch.take([3, 0]), stack([graphs[3], graphs[0]])
    for name in ("nodes", "edges", "starts", "edge_starts"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(fresh, name))


def test_pretrained_vectors_tell_what_unseen_networks_are_made_of() -> None:
    seen, unseen = ([g for name in SPACES for g in drawn(name, number, seed)] for number, seed in ((60, 0), (30, 1)))
    weights, again = (pretrain(seen, steps=400, seed=0) for _ in range(2))
    assert all(torch.equal(value, again[name]) for name, value in weights.items())
    both = [ENCODER.encode(weights, stack(graphs)).numpy() for graphs in (seen, unseen)]
    np.testing.assert_allclose(both[0].mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(both[0].std(0), 1, atol=1e-2)
    known, asked = facts(stack(seen)), facts(stack(unseen))
    solved, *_ = np.linalg.lstsq(np.column_stack([both[0], np.ones(len(seen))]), known, rcond=None)
    left = asked - np.column_stack([both[1], np.ones(len(unseen))]) @ solved
    varied = asked.std(0) > 1e-3
    explained = 1 - left.var(0)[varied] / asked.var(0)[varied]
    assert np.median(explained) > 0.6
    assert explained[0] > 0.6  # the number of parameters


def test_facts_are_numbers() -> None:
    graphs = [*drawn("mlp", 5), *drawn("cell", 5)]
    told = facts(stack(graphs))
    assert len(told) == 10
    assert np.isfinite(told).all()
