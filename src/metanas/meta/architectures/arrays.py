"""Graphs as arrays: what a graph network sees of nodes and edges.

Operations and settings given in words are hashed to a few signed features (Weinberger et al., ICML 2009), so that an operation that a user
registers has a place, too; numbers are taken in logarithms.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.decision import Value
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.operation import operation
from metanas.spaces.shape import Shape, TaskShape

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

WORDS = 32
"""Features of the words of a node: its operation and its settings that are no numbers."""
NUMBERS = ("channels", "units", "kernel", "stride", "rate", "heads", "size", "window", "expansion", "frequencies", "bands")
"""Settings with a feature of their own; other numbers count as words of that weight."""
SIZES = ("parameters", "flops", "width", "positions", "depth")
"""Of a node: its trained numbers, FLOPs, channels or features and positions it gives (all as logarithms), and its share of the way."""
TOTALS = 5
FEATURES = WORDS + len(NUMBERS) + len(SIZES) + 1
"""Numbers that describe a node; the last is 1 for the input, 0 for a node."""


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs one after the other.

    Args:
        nodes: float32 ``(nodes of all, FEATURES)``.
        edges: int64 ``(edges of all, 2)``: number of the node that a message goes to, and of that whose output it is.
        starts: int64 ``(graphs + 1,)``: where each graph's nodes begin, and where the last one's end.
        edge_starts: the same for the edges.
        totals: float32 ``(graphs, TOTALS)``: logarithms of a graph's parameters, FLOPs, activations, nodes and depth.
    """

    nodes: Floats
    edges: Integers
    starts: Integers
    edge_starts: Integers
    totals: Floats

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def owners(self) -> Integers:
        """The number of its graph for every node."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def take(self, rows: Sequence[int] | Integers) -> GraphBatch:
        """Some of the graphs, in that order."""
        parts = []
        for k in np.asarray(rows, dtype=np.int64):
            (a, b), (c, d) = self.starts[k : k + 2], self.edge_starts[k : k + 2]
            parts.append((self.nodes[a:b], self.edges[c:d] - a, self.totals[k]))
        return _joined(parts)


def stack(graphs: Iterable[Graph]) -> GraphBatch:
    """Graphs, of any spaces and tasks, as one batch.

    Raises:
        ValueError: if there is none, or one that is no valid graph.

    Example:
        >>> from metanas.spaces import TaskShape, make_space
        >>> space = make_space("mlp", TaskShape("table", (4,), 3))
        >>> stack([space.graph(space.baseline)]).nodes.shape[1] == FEATURES
        True
    """
    return _joined([_arrays(graph) for graph in graphs])


def _joined(parts: Sequence[tuple[Floats, Integers, Floats]]) -> GraphBatch:
    if not parts:
        raise ValueError("there is no graph to describe")
    nodes, pairs, whole = zip(*parts, strict=True)
    starts, edge_starts = (np.cumsum([0, *map(len, arrays)]) for arrays in (nodes, pairs))
    edges = [own + start for own, start in zip(pairs, starts, strict=False)]
    return GraphBatch(np.concatenate(nodes), np.concatenate(edges), starts, edge_starts, np.stack(whole))


def _arrays(graph: Graph) -> tuple[Floats, Integers, Floats]:
    """The input and every node, the edges between them as (to, from), and the totals."""
    place = {INPUT: 0, **{node.name: k for k, node in enumerate(graph.nodes, 1)}}
    depths = {INPUT: 0}
    for node in graph.nodes:
        depths[node.name] = 1 + max((depths[name] for name in node.inputs), default=0)
    deepest = max(depths.values()) or 1
    rows = [_input(graph.shape)]
    rows += [_features(node, graph.input_shapes(node), graph.shapes[node.name], depths[node.name] / deepest) for node in graph.nodes]
    pairs = [(place[node.name], place[name]) for node in graph.nodes for name in node.inputs]
    whole = [_log(value) for value in (graph.parameters, graph.flops, graph.activations, len(graph.nodes), deepest)]
    return np.stack(rows), np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(whole, dtype=np.float32)


def _input(shape: TaskShape) -> Floats:
    """The task's input: its kind as a word, its sizes, and how many outputs are asked for in the place of parameters."""
    row = _words([("data", shape.data, 1.0)])
    sizes = [_log(shape.outputs), 0.0, *_extent(shape.input), 0.0]
    return np.concatenate([row, np.zeros(len(NUMBERS)), sizes, [1.0]]).astype(np.float32)


def _features(node: Node, inputs: Sequence[Shape], output: Shape, depth: float) -> Floats:
    op, settings = operation(node.op), node.options
    numbers = {name: float(value) for name, value in settings.items() if _is_number(value)}
    words = [("op", node.op, 1.0)]
    words += [(name, str(value), 1.0) for name, value in settings.items() if name not in numbers]
    words += [("number", name, _log(value)) for name, value in numbers.items() if name not in NUMBERS]
    sizes = [_log(op.parameters(inputs, settings)), _log(op.flops(inputs, settings)), *_extent(output), depth]
    known = [_log(numbers[name]) if name in numbers else 0.0 for name in NUMBERS]
    return np.concatenate([_words(words), known, sizes, [0.0]]).astype(np.float32)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _extent(shape: Shape) -> tuple[float, float]:
    """Channels (or features), and positions."""
    return _log(shape[0] if shape else 1), _log(math.prod(shape[1:]))


def _log(value: float) -> float:
    """About 0 to 2 for what occurs: signed, so that small rates are not lost."""
    return math.copysign(math.log1p(abs(float(value))) / 8, value)


def _words(words: Iterable[tuple[str, str, float]]) -> Floats:
    row = np.zeros(WORDS, np.float32)
    for kind, word, weight in words:
        for slot, sign in _slots(f"{kind}={word}"):
            row[slot] += sign * weight
    return row


@lru_cache(maxsize=4096)
def _slots(word: str) -> tuple[tuple[int, float], ...]:
    """Three places of a word with their signs, the same in every process: two words seldom share all."""
    bits = hashlib.sha256(word.encode()).digest()
    return tuple((bits[2 * k] % WORDS, 1.0 if bits[2 * k + 1] % 2 else -1.0) for k in range(3))
