"""The space of EC-NAS."""

import numpy as np
import pytest

from metanas.networks import build_network
from metanas.spaces import Architecture, Space, TaskShape
from metanas.spaces.ecnas import CONV1, CONV3, MOST, POOL, ecnas, ecnas_choices

CIFAR = TaskShape("image", (3, 32, 32), 10)


@pytest.fixture(scope="module")
def paper() -> Space:
    return ecnas_choices(CIFAR)


def chosen(space: Space, operations: tuple[str, ...], *edges: str) -> Architecture:
    """The cell with these operations and, of the edges that may be there or not, these."""
    cell = {"vertices": len(operations) + 2, **{f"vertex{v}.op": op for v, op in enumerate(operations, start=1)}}
    names = [d.name for d in space.decisions if d.name.startswith("edge")]
    assert set(edges) <= set(names)
    return space.architecture({**cell, **{name: name in edges for name in names}})


def test_networks_are_built_as_counted() -> None:
    space, rng = ecnas(TaskShape("image", (1, 9, 8), 3)), np.random.default_rng(0)
    for architecture in (space.baseline, *(space.sample(rng) for _ in range(12))):
        space.validate(architecture)
        graph = space.graph(architecture)
        network = build_network(graph, seed=0)
        assert sum(p.numel() for p in network.parameters()) == graph.parameters


def test_parameters_are_those_of_nasbench101(paper: Space) -> None:
    stem = 3 * 9 * 128 + 2 * 128
    inputs = [(128, 128), (128, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512), (512, 512), (512, 512)]
    projections = sum(a * b + 2 * b for a, b in inputs)
    head = 512 * 10 + 10
    assert paper.graph(chosen(paper, ())).parameters == stem + projections + head
    chain = sum(9 * b * b + 2 * b + b * b + 2 * b for _, b in inputs)
    assert paper.graph(chosen(paper, (CONV3, CONV1), "edge1-2", "edge0-out")).parameters == stem + 2 * projections + chain + head


def test_vertices_that_feed_the_output_share_its_channels(paper: Space) -> None:
    graph = paper.graph(chosen(paper, (CONV3, POOL, CONV1), "edge0-2", "edge0-3", "edge1-out"))
    shapes = {node.name: graph.shapes[node.name] for node in graph.nodes}
    assert not any("vertex2" in name for name in shapes)  # it leads nowhere
    joined = [shape for name, shape in shapes.items() if name.endswith("concat")]
    assert [shape[0] for shape in joined] == [128] * 3 + [256] * 3 + [512] * 3
    assert {shape[0] for name, shape in shapes.items() if ".vertex" in name and name.startswith("stage1")} == {64}
    thirds = ecnas(CIFAR)
    graph = thirds.graph(chosen_with_recipe(thirds, (CONV3, POOL, CONV1), "edge0-2", "edge0-3", "edge1-out", "edge2-out", "edge0-out"))
    assert {shape[0] for name, shape in graph.shapes.items() if ".vertex" in name and name.startswith("stage3")} == {32}


def chosen_with_recipe(space: Space, operations: tuple[str, ...], *edges: str) -> Architecture:
    cell = chosen(ecnas_choices(CIFAR), operations, *edges)
    return space.architecture({**space.baseline.as_dict, **cell.as_dict})


def test_a_vertex_without_edges_takes_the_input(paper: Space) -> None:
    lonely = chosen(paper, (CONV3, CONV1), "edge1-out")
    told = chosen(paper, (CONV3, CONV1), "edge1-out", "edge0-2")
    assert paper.graph(lonely).key == paper.graph(told).key
    assert paper.motif_graph(lonely).key == paper.motif_graph(told).key


def test_the_motif_is_the_cell_whatever_the_order_of_its_vertices(paper: Space) -> None:
    one = chosen(paper, (CONV3, CONV1, POOL), "edge0-2", "edge1-3", "edge2-out")
    other = chosen(paper, (CONV1, CONV3, POOL), "edge0-2", "edge2-3", "edge1-out")
    assert paper.motif_graph(one).key == paper.motif_graph(other).key
    chain = chosen(paper, (CONV3, CONV1, POOL), "edge1-2", "edge2-3")
    assert [node.op for node in paper.motif_graph(chain).nodes] == [CONV3, CONV1, POOL]
    assert [node.op for node in paper.motif_graph(chosen(paper, ())).nodes] == ["identity"]
    assert paper.motif_graph(chain).key != paper.motif_graph(one).key


@pytest.mark.parametrize("most", [3, 4, MOST])
def test_the_number_of_choices_follows_from_the_vertices(most: int) -> None:
    """An edge may be there or not unless it is the only one that can enter the first vertex or leave the last."""
    cells = [3 ** (v - 2) * 2 ** (v * (v - 1) // 2 - min(v - 1, 2)) for v in range(2, most + 1)]
    assert ecnas_choices(CIFAR, most).count() == sum(cells)
