"""Task graphs: what is in them, and that odd descriptions survive."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from task_examples import described, reordered

from metanas.meta.tasks import ATTRIBUTES, plain_embedding, task_graph
from metanas.meta.tasks.attributes import ACROSS, FARTHEST
from metanas.meta.tasks.graph import CLASS, FIRST_ATTRIBUTE, RELATIONS, TASK, TELLS, WIDTH
from metanas.records import ClassSummary, TaskDescription
from metanas.spaces import TaskShape
from metanas.tasks import Task
from metanas.tasks.class_summary import CLASS_STATISTICS, MOST_CLASSES


def test_there_is_a_node_for_the_task_one_per_attribute_and_one_per_class() -> None:
    graph = task_graph(Task.from_sklearn("iris").describe())
    assert graph.types.tolist() == [TASK, *range(FIRST_ATTRIBUTE, FIRST_ATTRIBUTE + len(ATTRIBUTES)), CLASS, CLASS, CLASS]
    assert graph.features.shape == (4 + len(ATTRIBUTES), WIDTH)
    assert np.abs(graph.features).max() <= FARTHEST


def test_edges_join_what_their_relation_says_and_run_both_ways() -> None:
    graph = task_graph(described(np.random.default_rng(0), classes=5))
    count = Counter(RELATIONS[r] for r in graph.relations)
    assert count["attribute of"] == count["has attribute"] == len(ATTRIBUTES)
    assert count["class of"] == count["has class"] == 5
    assert count["counts in"] == count["counts"] == 5 * len(TELLS)
    assert count["similar"] == 5 * 4
    kinds = {TASK: "task", CLASS: "class"}
    for (source, target), relation, weight in zip(graph.edges.T, graph.relations, graph.weights, strict=True):
        ends = tuple(kinds.get(int(graph.types[node]), "attribute") for node in (source, target))
        assert (
            ends
            == {
                "attribute of": ("attribute", "task"),
                "has attribute": ("task", "attribute"),
                "class of": ("class", "task"),
                "has class": ("task", "class"),
                "counts in": ("class", "attribute"),
                "counts": ("attribute", "class"),
                "similar": ("class", "class"),
                "related": ("attribute", "attribute"),
            }[RELATIONS[relation]]
        )
        assert 0 < weight <= 1
    pairs = {(int(s), int(t)) for s, t in graph.edges.T}
    assert pairs == {(t, s) for s, t in pairs}


def test_names_are_unique_and_relations_are_between_known_attributes() -> None:
    names = [attribute.name for attribute in ATTRIBUTES]
    assert len(set(names)) == len(names)
    assert {name for pair in ACROSS for name in pair} | set(TELLS) <= set(names)


def test_every_attribute_is_there_in_some_kind_of_task_and_every_feature_is_an_attribute() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    waves = (np.sin(np.arange(900) * (1 + y)[:, None] / 9) * 9000).astype(np.int16)
    tasks = [
        Task.from_sklearn("diabetes"),
        Task.from_sklearn("digits"),
        Task.from_arrays(rng.normal(size=(60, 30, 2)), y, kind="series"),
        Task.from_arrays(waves, y, kind="sound"),
        Task.from_arrays(np.array([f"{'abc'[k]} word" for k in y]), y),
    ]
    found = [task.describe() for task in tasks]
    there = np.stack([task_graph(task).features[1 : 1 + len(ATTRIBUTES), 1] for task in found])
    assert there.any(0).all()
    names = {attribute.name for attribute in ATTRIBUTES} | {"log_examples"}
    assert {name for task in found for name in task.features} <= names


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [3, 2, 1, 0]])
def test_another_order_of_classes_gives_the_same_graph_with_its_class_nodes_in_that_order(order: list[int]) -> None:
    task = described(np.random.default_rng(0), classes=4)
    one, other = task_graph(task), task_graph(reordered(task, order))
    first = 1 + len(ATTRIBUTES)
    place = [*range(first), *(first + order.index(k) for k in range(4))]
    np.testing.assert_array_equal(other.features[place], one.features)
    assert edges(one, place) == edges(other, list(range(first + 4)))


def edges(graph: object, place: list[int]) -> set[tuple[int, int, int, float]]:
    found = zip(graph.edges.T, graph.relations, graph.weights, strict=True)  # type: ignore[attr-defined]
    return {(place[s], place[t], int(r), float(w)) for (s, t), r, w in found}


def test_what_a_description_lacks_is_marked_as_absent() -> None:
    bare = TaskDescription("old", "classification", TaskShape("table", (4,), 3), 90, "accuracy")
    graph = task_graph(bare)
    there = {attribute.name: flag for attribute, flag in zip(ATTRIBUTES, graph.features[1:, 1], strict=True)}
    assert there["examples"] == there["table"] == 1
    assert there["linear"] == there["rate"] == there["numeric_share"] == 0
    assert len(graph.types) == 1 + len(ATTRIBUTES)


@pytest.mark.parametrize(
    "odd",
    [
        {"shape": TaskShape("video", (8, 3, 9, 9), 5)},  # type: ignore[arg-type]
        {"shape": TaskShape("table", (), 0), "examples": 0},
        {"features": {"linear": math.nan, "nearest": math.inf, "stump": 1e300, "noise": -5.0, "missing_share": "many"}},
        {"features": {"linear": None, "examples_per_input": -1e9}},
        {"examples": 10**400},
        {"kind": "ranking"},
        {"classes": ClassSummary({"share": (0.5,), "norm": (1.0, math.nan, 3.0), "strange": (1.0,)}, ((), (2.0, 7.0), ("x", 0.5)))},
        {"classes": ClassSummary(dict.fromkeys(CLASS_STATISTICS, (1.0,) * 500), ((),) * 900)},
    ],
)
def test_odd_descriptions_survive(odd: dict[str, object]) -> None:
    graph = task_graph(replace(described(np.random.default_rng(0)), **odd))  # type: ignore[arg-type]
    assert np.isfinite(graph.features).all()
    assert np.abs(graph.features).max() <= FARTHEST
    assert (graph.types == CLASS).sum() <= MOST_CLASSES
    assert graph.edges.max() < len(graph.types)
    assert ((graph.weights > 0) & (graph.weights <= 1)).all()


def test_the_plain_embedding_is_the_attributes() -> None:
    task = Task.from_sklearn("iris").describe()
    plain = dict(zip((attribute.name for attribute in ATTRIBUTES), plain_embedding(task).tolist(), strict=True))
    assert plain["linear"] == pytest.approx(2 * task.features["linear"] - 1)
    assert plain["examples"] == pytest.approx((math.log(81) - 7) / 2)
    assert plain["rate"] == 0
