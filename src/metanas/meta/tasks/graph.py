"""A task as a graph: ``G_T = (V, E)`` of one node for the task, one per attribute and one per class, with typed, weighted edges.

It is made of a description alone, so that it holds no examples; a description that lacks something (an old record, an unknown kind of
data, few examples) gives a graph in which that is marked as absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from metanas.meta.tasks.attributes import ACROSS, ATTRIBUTES, logarithm, root, scaled, share
from metanas.records import ClassSummary, TaskDescription
from metanas.tasks.class_summary import CLASS_STATISTICS, MOST_CLASSES

TASK, CLASS, FIRST_ATTRIBUTE = 0, 1, 2
"""Types of nodes: the task, a class, and from 2 on the attributes in their order."""
RELATIONS = ("attribute of", "has attribute", "class of", "has class", "counts in", "counts", "similar", "related")
"""Attribute to task and back, class to task and back, class to the attributes ``TELLS`` and back, among classes, among attributes."""
TELLS = ("outputs", "class_entropy", "linear")
"""Attributes that say of all classes together what their nodes say one by one: number, shares, difficulty."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
_SCALES: dict[str, Callable[[float], float]] = {
    "share": root,
    "norm": logarithm(0.7, 0.3),
    "spread": logarithm(0.6, 0.3),
    "distance": logarithm(0.3, 0.3),
    "margin": logarithm(0.4, 0.4),
    "dimensions": logarithm(2.0, 1.0),
    "density": logarithm(0.4, 0.3),
    "centroid_recall": share,
    "neighbour_recall": share,
}
WIDTH = len(CLASS_STATISTICS)
"""Numbers of a node."""


@dataclass(frozen=True, eq=False)
class TaskGraph:
    """Nodes and edges of a task.

    Args:
        types: of the nodes ``(nodes,)``, see above. The task comes first, then all attributes, then the classes in any order.
        features: ``(nodes, WIDTH)``: of a class its statistics (``CLASS_STATISTICS``), of an attribute its value and 1 if it has one,
            zeros if it has none; of the task zeros.
        edges: source and target nodes, ``(2, edges)``.
        relations: of the edges ``(edges,)``, numbers in ``RELATIONS``.
        weights: of the edges ``(edges,)``, in (0, 1]: the similarity of two classes, else 1.
    """

    types: Integers
    features: Floats
    edges: Integers
    relations: Integers
    weights: Floats


def task_graph(task: TaskDescription) -> TaskGraph:
    """The graph of a description; survives descriptions that lack attributes or classes, or hold what can't be read as numbers."""
    values = [attribute.value(task) for attribute in ATTRIBUTES]
    statistics, similarity = _classes(task.classes)
    features = np.zeros((1 + len(values) + len(statistics), WIDTH), np.float32)
    for node, value in enumerate(values, 1):
        features[node, :2] = (value, 1) if value is not None else (0, 0)
    first = 1 + len(values)
    features[first:] = statistics
    types = [TASK, *range(FIRST_ATTRIBUTE, FIRST_ATTRIBUTE + len(values)), *[CLASS] * len(statistics)]
    edges = [*_fixed_edges(), *_class_edges(first, similarity)]
    source, target, relation, weight = zip(*edges, strict=True)
    return TaskGraph(
        np.array(types, np.int64),
        features,
        np.array([source, target], np.int64),
        np.array(relation, np.int64),
        np.array(weight, np.float32),
    )


def plain_embedding(task: TaskDescription) -> NDArray[np.float32]:
    """The scaled attributes ``(attributes,)``, 0 where there is none: what an encoder has to do better than."""
    return np.array([attribute.value(task) or 0.0 for attribute in ATTRIBUTES], np.float32)


Edge = tuple[int, int, int, float]


@cache
def _fixed_edges() -> tuple[Edge, ...]:
    """Between attributes and the task, and between attributes."""
    place = {attribute.name: node for node, attribute in enumerate(ATTRIBUTES, 1)}
    alike = [(a, b) for a, b in permutations(ATTRIBUTES, 2) if a.group == b.group]
    pairs = [(place[a.name], place[b.name]) for a, b in alike] + [(place[a], place[b]) for pair in ACROSS for a, b in permutations(pair)]
    return (
        *((node, 0, _number("attribute of"), 1.0) for node in place.values()),
        *((0, node, _number("has attribute"), 1.0) for node in place.values()),
        *((a, b, _number("related"), 1.0) for a, b in pairs),
    )


def _class_edges(first: int, similarity: NDArray[np.float32]) -> Iterator[Edge]:
    """Of class nodes, which are numbered from ``first``."""
    nodes = range(first, first + len(similarity))
    told = [node for node, attribute in enumerate(ATTRIBUTES, 1) if attribute.name in TELLS]
    for node in nodes:
        yield from ((node, 0, _number("class of"), 1.0), (0, node, _number("has class"), 1.0))
        for attribute in told:
            yield from ((node, attribute, _number("counts in"), 1.0), (attribute, node, _number("counts"), 1.0))
    for a, b in permutations(nodes, 2):
        if similarity[a - first, b - first] > 0:
            yield a, b, _number("similar"), float(similarity[a - first, b - first])


@cache
def _number(relation: str) -> int:
    return RELATIONS.index(relation)


def _classes(summary: ClassSummary) -> tuple[Floats, NDArray[np.float32]]:
    """Scaled statistics ``(classes, WIDTH)`` and a symmetric similarity; what is missing or no number is 0."""
    columns = [summary.statistics.get(name, ()) for name in CLASS_STATISTICS]
    count = min(max(map(len, columns), default=0), MOST_CLASSES)
    statistics = np.zeros((count, WIDTH), np.float32)
    for place, (name, column) in enumerate(zip(CLASS_STATISTICS, columns, strict=True)):
        for k, value in enumerate(column[:count]):
            if _is_number(value):
                statistics[k, place] = scaled(value, _SCALES[name])
    similarity = np.zeros((count, count), np.float32)
    for a, row in enumerate(summary.similarity[:count]):
        for b, value in enumerate(row[:a]):
            if _is_number(value):
                similarity[a, b] = similarity[b, a] = min(1.0, max(0.0, value))
    return statistics, similarity


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e100  # neither NaN nor too large for a float
