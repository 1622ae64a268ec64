"""The task encoder: laws of the network, an independent computation, and what it learns on planted tasks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from task_examples import described, reordered, two_families

from metanas.errors import InputError
from metanas.meta.tasks import TaskEncoder, join, plain_embedding, rank_correlations, task_graph, train_encoder
from metanas.meta.tasks.attributes import ATTRIBUTES
from metanas.meta.tasks.graph import CLASS, FIRST_ATTRIBUTE, RELATIONS, TaskGraph

ENCODER = TaskEncoder()


def graphs(count: int, seed: int = 0) -> list[TaskGraph]:
    rng = np.random.default_rng(seed)
    return [task_graph(described(rng, int(rng.integers(0, 6)))) for _ in range(count)]


def double(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.double() for name, value in weights.items()}


# -- laws --------------------------------------------------------------------------------------------------------------


def test_vectors_have_length_one_and_follow_from_the_seed() -> None:
    some = graphs(5)
    one, two, other = (ENCODER.encode(ENCODER.init(seed), some) for seed in (0, 0, 1))
    assert one.shape == (5, 32)
    torch.testing.assert_close(one.norm(dim=1), torch.ones(5))
    assert torch.equal(one, two)
    assert not torch.allclose(one, other, atol=0.1)


def test_the_order_of_classes_does_not_matter() -> None:
    task = described(np.random.default_rng(0), classes=6)
    weights = double(ENCODER.init(0))
    pair = [task_graph(task), task_graph(reordered(task, [4, 2, 0, 5, 1, 3]))]
    one, other = ENCODER.encode(weights, pair)
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_nodes_and_edges_may_stand_in_any_order() -> None:
    graph, rng = graphs(1, seed=3)[0], np.random.default_rng(0)
    nodes, edges = rng.permutation(len(graph.types)), rng.permutation(len(graph.relations))
    ends = np.argsort(nodes)[graph.edges][:, edges]
    moved = TaskGraph(graph.types[nodes], graph.features[nodes], ends, graph.relations[edges], graph.weights[edges])
    one, other = ENCODER.encode(double(ENCODER.init(0)), [graph, moved])
    torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-9)


def test_a_task_has_the_same_vector_in_whatever_company() -> None:
    some, weights = graphs(4), double(ENCODER.init(0))
    together = ENCODER.encode(weights, some)
    alone = torch.cat([ENCODER.encode(weights, [graph]) for graph in some])
    torch.testing.assert_close(together, alone)


def test_what_the_classes_are_like_moves_the_vector() -> None:
    rng = np.random.default_rng(0)
    task = described(rng, classes=4)
    other = described(rng, classes=4)
    mixed = type(task)(task.name, task.kind, task.shape, task.examples, task.metric, task.features, other.classes)
    one, two = ENCODER.encode(ENCODER.init(0), [task_graph(task), task_graph(mixed)])
    assert (one - two).norm() > 1e-2


def test_it_computes_the_relational_graph_convolution_of_the_paper() -> None:
    """Node by node and edge by edge, in plain loops."""
    graph, weights = graphs(1, seed=5)[0], double(ENCODER.init(0))
    h = [start(graph, weights, node) for node in range(len(graph.types))]
    for layer in range(ENCODER.layers):
        fresh = []
        for node, value in enumerate(h):
            sent = weights[f"layer{layer}.self"] @ value + weights[f"layer{layer}.bias"]
            for number, relation in enumerate(RELATIONS):
                ending = [e for e in np.flatnonzero(graph.relations == number) if graph.edges[1, e] == node]
                for e in ending:
                    sent = sent + float(graph.weights[e]) / len(ending) * (weights[f"layer{layer}.{relation}"] @ h[graph.edges[0, e]])
            fresh.append(value + torch.relu((sent - sent.mean()) / (sent.var(correction=0) + 1e-5).sqrt()))
        h = fresh
    zero = torch.zeros(ENCODER.width, dtype=torch.float64)
    attributes = torch.stack([h[k] for k in range(len(h)) if graph.types[k] >= FIRST_ATTRIBUTE]).mean(0)
    classes = [h[k] for k in range(len(h)) if graph.types[k] == CLASS]
    read = torch.cat([h[0], attributes, torch.stack(classes).mean(0) if classes else zero])
    out = weights["out.weight"] @ read + weights["out.bias"]
    for node, kind in enumerate(graph.types):
        if kind >= FIRST_ATTRIBUTE:
            k, (value, there) = int(kind) - FIRST_ATTRIBUTE, graph.features[node][:2]
            standard = (float(value) - weights["plain.centre"][k]) * weights["plain.scale"][k] * float(there)
            out = out + weights["plain.weight"][:, k] * standard
    torch.testing.assert_close(ENCODER.encode(weights, [graph])[0], F.normalize(out, dim=0), atol=1e-7, rtol=1e-6)


def start(graph: TaskGraph, weights: dict[str, torch.Tensor], node: int) -> torch.Tensor:
    kind, x = int(graph.types[node]), torch.from_numpy(graph.features[node]).double()
    if kind == CLASS:
        return weights["class.weight"] @ x + weights["class.bias"]
    if kind < FIRST_ATTRIBUTE:
        return weights["task"]
    row = kind - FIRST_ATTRIBUTE
    known = x[0] * weights["attribute.value"][row] + weights["attribute.there"][row]
    return known if x[1] else weights["attribute.absent"][row]


def test_weights_for_other_attributes_are_refused() -> None:
    weights = ENCODER.init(0)
    weights["attribute.value"] = weights["attribute.value"][:-1]
    with pytest.raises(InputError, match="trained with other attributes"):
        ENCODER.encode(weights, graphs(1))
    with pytest.raises(ValueError, match="no task graph"):
        join([])


# -- similarity of tasks -----------------------------------------------------------------------------------------------


def test_rank_correlations_are_spearmans() -> None:
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=(4, 30)), 1)
    scores[1] = np.exp(scores[0])
    np.testing.assert_allclose(rank_correlations(scores), spearmanr(scores, axis=1).statistic, atol=1e-12)
    assert rank_correlations(scores)[0, 1] == pytest.approx(1)


def test_tasks_that_share_too_few_architectures_or_have_equal_scores_have_no_known_correlation() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 20))
    scores[0, :10], scores[1, 10:], scores[3] = np.nan, np.nan, 0.5
    found = rank_correlations(scores)
    assert np.isnan([found[0, 1], found[2, 3], found[3, 3]]).all()
    assert np.isfinite([found[0, 2], found[1, 2], found[0, 0]]).all()


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned() -> dict[str, torch.Tensor]:
    tasks, families = two_families(60, seed=0)
    noise = np.random.default_rng(1).normal(scale=0.2, size=(60, 60))
    alike = np.where(families[:, None] == families, 0.7, 0.0) + (noise + noise.T) / 2
    return train_encoder([task_graph(task) for task in tasks], np.clip(alike, -1, 1), seed=0, steps=150)


def test_families_of_tasks_are_told_apart_on_tasks_never_seen(learned: dict[str, torch.Tensor]) -> None:
    """By chance 30 of 60 tasks have a nearest one of their family; more than 45 by luck once in 30,000 times."""
    tasks, families = two_families(60, seed=1)
    vectors = ENCODER.encode(learned, [task_graph(task) for task in tasks]).numpy()
    plain = np.stack([plain_embedding(task) for task in tasks])
    right = {name: int((families[nearest(x)] == families).sum()) for name, x in (("learned", vectors), ("plain", plain))}
    assert right["learned"] > 45
    assert right["learned"] > right["plain"]
    inner, same = vectors @ vectors.T, families[:, None] == families
    assert inner[same].mean() - inner[~same].mean() > 0.25


def nearest(x: np.ndarray) -> np.ndarray:
    distances = ((x[:, None] - x) ** 2).sum(2)
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(1)


def test_training_repeats_and_leaves_global_randomness_alone() -> None:
    some, alike = graphs(6), np.eye(6)
    before = torch.random.get_rng_state()
    one, two = (train_encoder(some, alike, seed=3, steps=3) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.keys() == ENCODER.init(0).keys()


def test_without_any_known_similarity_it_learns_to_tell_hidden_attributes() -> None:
    rng = np.random.default_rng(0)
    tasks = []
    for _ in range(40):
        level = float(rng.random())
        tasks.append(described(rng, 2, linear=level, nearest=level, five_nearest=level, largest_class=level, zero_share=level))
    some = [task_graph(task) for task in tasks]
    weights = train_encoder(some, np.full((40, 40), np.nan), seed=0, steps=150)
    place = [attribute.name for attribute in ATTRIBUTES].index("linear")
    truth = np.array([graph.features[1 + place, 0] for graph in some])
    blind = [TaskGraph(g.types, without(g.features, 1 + place), g.edges, g.relations, g.weights) for g in some]
    told = F.linear(ENCODER.encode(weights, blind), weights["told.weight"], weights["told.bias"])[:, place].numpy()
    assert np.corrcoef(told, truth)[0, 1] > 0.7


def without(features: np.ndarray, node: int) -> np.ndarray:
    changed = features.copy()
    changed[node] = 0
    return changed


def test_similarities_of_other_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="for 3 tasks"):
        train_encoder(graphs(3), np.eye(2), seed=0)
