"""The space of NAS-Bench-201."""

import numpy as np
import pytest

from metanas.networks import build_network
from metanas.spaces import Architecture, Space, TaskShape, make_space
from metanas.spaces.cell import EDGES, OPERATIONS, cell_choices

IMAGE = TaskShape("image", (3, 32, 32), 10)


@pytest.fixture(scope="module")
def paper() -> Space:
    return cell_choices(IMAGE)


def chosen(space: Space, *operations: str) -> Architecture:
    return space.architecture({f"edge{a}-{b}": op for (a, b), op in zip(EDGES, operations, strict=True)})


def test_the_papers_space_has_all_its_architectures_and_parameters_as_published(paper: Space) -> None:
    """Parameters of two networks in the paper's tables, in which no operation is without effect."""
    assert paper.count() == 15_625
    residual = chosen(paper, "nor_conv_3x3", "none", "nor_conv_3x3", "skip_connect", "none", "skip_connect")
    assert paper.graph(residual).parameters == 559_386
    full = chosen(paper, *["nor_conv_3x3"] * 6)
    assert paper.graph(full).parameters == 1_531_546


def test_architectures_of_one_function_have_one_motif(paper: Space) -> None:
    through_node1 = chosen(paper, "skip_connect", "none", "none", "nor_conv_3x3", "none", "none")
    with_a_dead_end = chosen(paper, "none", "nor_conv_1x1", "none", "nor_conv_3x3", "nor_conv_3x3", "none")
    other_way_round = chosen(paper, "none", "skip_connect", "none", "none", "none", "nor_conv_3x3")
    keys = {paper.motif_graph(a).key for a in (through_node1, with_a_dead_end, other_way_round)}
    assert len(keys) == 1
    assert paper.motif_graph(chosen(paper, *["nor_conv_3x3"] * 6)).key not in keys
    nothing = chosen(paper, *["none"] * 6)
    assert [node.op for node in paper.motif_graph(nothing).nodes] == ["zero"]
    everything_passes = chosen(paper, "skip_connect", "none", "none", "skip_connect", "none", "none")
    assert [node.op for node in paper.motif_graph(everything_passes).nodes] == ["identity"]


def test_networks_are_built_as_counted_even_without_any_path() -> None:
    space = make_space("cell", TaskShape("image", (1, 8, 8), 3))
    rng = np.random.default_rng(0)
    nothing = space.architecture({**space.baseline.as_dict, **dict.fromkeys((f"edge{a}-{b}" for a, b in EDGES), OPERATIONS[0])})
    for architecture in (nothing, space.baseline, *(space.sample(rng) for _ in range(10))):
        graph = space.graph(architecture)
        network = build_network(graph, seed=0)
        assert sum(p.numel() for p in network.parameters()) == graph.parameters
