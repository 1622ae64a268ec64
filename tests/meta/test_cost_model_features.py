"""What the cost model sees of architectures."""

import numpy as np
import pytest

from metanas.errors import InputError
from metanas.meta.cost_model import CostModel, Features, Measured, choice_features, space_features, work_features
from metanas.spaces import Decision, TaskShape, make_space
from metanas.spaces.cell import cell_choices

FLOWER = TaskShape("table", (4,), 3)


def column(features: Features, name: str) -> list[float]:
    return features.values[:, features.names.index(name)].tolist()


def test_choices_are_one_hot_and_counted_over_decisions_of_the_same_options():
    decisions = [Decision("a", ("x", "y")), Decision("b", ("x", "y")), Decision("c", (1, 2, 3))]
    features = choice_features(decisions, np.array([[0, 1, 2], [1, 1, -1]]))
    assert column(features, "a=x") == [1, 0]
    assert column(features, "c=3") == [1, 0]
    assert column(features, "y of ('x', 'y')") == [1, 2]
    assert [features.groups.count(g) for g in ("choices", "counts")] == [7, 2]


def test_of_a_cell_both_what_is_chosen_and_what_has_an_effect_is_seen():
    space = cell_choices(TaskShape("image", (3, 32, 32), 10))
    dead = {"edge0-1": "nor_conv_3x3", "edge0-3": "skip_connect"}  # nothing leaves node 1
    cell = space.architecture({d.name: dead.get(d.name, "none") for d in space.decisions})
    features = space_features(space, [cell, space.sample(np.random.default_rng(0))])
    assert column(features, "edge0-1=nor_conv_3x3")[0] == 1
    assert "nor_conv_3x3" not in features.names or column(features, "nor_conv_3x3")[0] == 0


def test_the_work_of_a_graph_adds_up_to_its_costs():
    space = make_space("mlp", FLOWER)
    graphs = [space.graph(space.sample(np.random.default_rng(seed))) for seed in range(5)]
    work = work_features(graphs)
    for kind in ("parameters", "flops"):
        of_kind = [i for i, name in enumerate(work.names) if name.startswith(f"{kind}:")]
        assert work.values[:, of_kind].sum(axis=1).tolist() == [getattr(graph, kind) for graph in graphs]


def test_recipes_cost_no_time():
    space = make_space("mlp", FLOWER)
    features = space_features(space, [space.sample(np.random.default_rng(0))])
    assert not any("recipe" in name for name in features.names)


def test_a_cost_model_of_any_space():
    """Dense networks on devices that take their time by FLOPs, by memory or by operation."""
    space, rng = make_space("mlp", FLOWER), np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(120)]
    features = space_features(space, architectures)
    graphs = [space.graph(a) for a in architectures]
    flops, written, operations = (
        np.array(v, dtype=float) for v in zip(*((g.flops, g.activations, len(g.nodes)) for g in graphs), strict=True)
    )
    parts = np.stack([part / part.mean() for part in (flops, written, operations)], axis=1)
    known = {str(i): Measured(features, parts @ rates) for i, rates in enumerate(rng.dirichlet(np.ones(3), size=5))}
    latency = parts @ [0.3, 0.3, 0.4]
    device = CostModel.learn(known, rng, most=80).adapt(features.rows(slice(10)), latency[:10])
    mean, _ = device.predict(features)
    assert np.corrcoef(mean[10:], latency[10:])[0, 1] > 0.99
    alone = device.predict(space_features(space, architectures[-1:]))[0]
    np.testing.assert_allclose(alone, mean[-1:], err_msg="what is predicted of one depends on which others are asked about")


@pytest.mark.parametrize(
    "act",
    [
        lambda: Features(np.zeros((2, 3)), ("a", "b"), ("g", "g")),
        lambda: Features(np.zeros((2, 2)), ("a", "a"), ("g", "g")),
        lambda: Features(np.full((2, 1), np.nan), ("a",), ("g",)),
        lambda: Features(np.zeros((2, 1)), ("a",), ("g",)).beside(Features(np.zeros((3, 1)), ("b",), ("g",))),
        lambda: choice_features([Decision("a", (1, 2))], np.array([[2]])),
    ],
)
def test_what_does_not_fit_together_is_refused(act):
    with pytest.raises(InputError):
        act()
