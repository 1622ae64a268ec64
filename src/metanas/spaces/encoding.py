"""Encodings: what of an architecture is like another's, as counts and vectors that kernels and predictors compare.

Of a graph there are two, both blind to the names of its nodes: subtrees (the labels of the Weisfeiler-Lehman test: Shervashidze et al.
2011, "Weisfeiler-Lehman Graph Kernels"; on networks: Ru et al. 2021, "Interpretable Neural Architecture Search via Bayesian
Optimisation with Weisfeiler-Lehman Kernels") and paths from input to output (White et al. 2021, "BANANAS", section 4). What is in no
graph, as the training recipe, is in the vector of all choices.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.architecture import Architecture
from metanas.spaces.decision import ALWAYS, Decision
from metanas.spaces.graph import INPUT, Graph
from metanas.spaces.operation import traits
from metanas.spaces.space import Space

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LONGEST = 12
"""Operations on a path that counts as a whole."""
MOST = 64
"""Different paths to one node that are followed."""
_LABELS = 1 << 18

Path = tuple[str, ...]


def subtrees(graph: Graph, depth: int) -> Counter[str]:
    """How often each subtree occurs: the Weisfeiler-Lehman labels of rounds 0 to ``depth``.

    A node's first label is its operation with its settings; each round joins it with its inputs' labels of the round before (sorted
    where the order of inputs does not matter). The task's input is an input like others, but is not counted itself.

    Args:
        graph: any graph.
        depth: number of rounds, at least 0; a label of round r sees what lies up to r edges before its node.
    """
    labels = _labels(graph)
    plain = {node.name for node in graph.nodes if traits(node.op).commutative}
    counts = Counter(labels[node.name] for node in graph.nodes)
    for _ in range(depth):
        fresh = {INPUT: INPUT}
        for node in graph.nodes:
            before = [labels[name] for name in node.inputs]
            if node.name in plain:
                before.sort()
            fresh[node.name] = _joined(labels[node.name], *before)
        labels = fresh
        counts.update(labels[node.name] for node in graph.nodes)
    return counts


def paths(graph: Graph, longest: int = LONGEST, most: int = MOST) -> Counter[Path]:
    """How often each path of operations (with their settings) leads from the input to the output.

    A path of more than ``longest`` operations does not count as a whole, for hardly two deep networks would share one: each stretch of
    ``longest`` operations on it counts, once for every way that leads there. Where more than ``most`` different paths lead to a node,
    the shortest are followed, so that the work is bounded however often paths branch and meet.

    Args:
        graph: any graph.
        longest: at least 1.
        most: at least 1.
    """
    labels = _labels(graph)
    reach: dict[str, dict[Path, int]] = {INPUT: {(INPUT,): 1}}  # the last labels of each way to a node, one more than count as a whole
    counts: dict[Path, int] = {}
    for node in graph.nodes:
        here: dict[Path, int] = {}
        label = (labels[node.name],)
        for source in node.inputs:
            for path, ways in reach[source].items():
                longer = (path if len(path) <= longest else path[1:]) + label
                here[longer] = here.get(longer, 0) + ways
        if len(here) > most:
            here = {path: here[path] for path in sorted(here, key=lambda path: (len(path), path))[:most]}
        reach[node.name] = here
        last = node is graph.nodes[-1]
        for path, ways in here.items():
            if last or path[0] != INPUT:  # whole, or with a start that is cut off
                stretch = path[1:]
                counts[stretch] = counts.get(stretch, 0) + ways
    return Counter(counts)


def choice_vector(space: Space, architecture: Architecture) -> NDArray[np.float64]:
    """All choices, ``(numbers,)``, so that the squared distance of two vectors counts the choices that differ.

    Two options without order are 1 apart, two ordered ones the share of the steps that lie between them; a decision that is open in
    one of two architectures alone adds between 0.5 and 1.5.
    """
    chosen = architecture.as_dict
    ranks = [d.options.index(chosen[d.name]) if d.name in chosen else -1 for d in space.decisions]
    return np.concatenate([np.empty(0), *(choice_numbers(d)[rank] for d, rank in zip(space.decisions, ranks, strict=True))])


def choice_numbers(decision: Decision) -> NDArray[np.float64]:
    """What each option of a decision adds to :func:`choice_vector`, ``(options + 1, numbers)``; the last row is for a decision not open."""
    half, options = 0.5**0.5, len(decision.options)
    steps = options - 1
    chosen = np.tri(options, steps, -1) * max(steps, 1) ** -0.5 if decision.ordered else half * np.eye(options)
    if decision.when != ALWAYS:
        chosen = np.concatenate([chosen, np.full((options, 1), half)], axis=1)
    return np.concatenate([chosen, np.zeros((1, chosen.shape[1]))])


class Vocabulary:
    """Gives every token a column, in the order in which tokens are first seen."""

    def __init__(self) -> None:
        self._columns: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def tokens(self) -> list[Any]:
        """By column."""
        return list(self._columns)

    def matrix(self, counters: Iterable[Mapping[Any, int]], *, grow: bool = True) -> csr_matrix:
        """Counts as a sparse matrix ``(counters, tokens)``, float64.

        Args:
            counters: of tokens.
            grow: whether new tokens get columns, so that earlier matrices are narrower than this one; else they are left out.
        """
        from scipy.sparse import csr_matrix

        starts, columns, counts = [0], list[int](), list[int]()
        for counter in counters:
            for token, count in counter.items():
                column = self._columns.setdefault(token, len(self._columns)) if grow else self._columns.get(token)
                if column is not None:
                    columns.append(column)
                    counts.append(count)
            starts.append(len(columns))
        parts = (np.array(counts, dtype=np.float64), np.array(columns, dtype=np.int64), np.array(starts, dtype=np.int64))
        return csr_matrix(parts, shape=(len(starts) - 1, len(self)))


def _labels(graph: Graph) -> dict[str, str]:
    """Of every node its operation with its settings."""
    return {INPUT: INPUT, **{node.name: _label(node.op, node.settings) if node.settings else node.op for node in graph.nodes}}


@lru_cache(maxsize=_LABELS)
def _label(op: str, settings: tuple[tuple[str, object], ...]) -> str:
    return f"{op}{json.dumps(dict(settings), sort_keys=True)}"


@lru_cache(maxsize=_LABELS)
def _joined(*labels: str) -> str:
    """One short label for several, the same in every process."""
    return hashlib.blake2b(json.dumps(labels).encode(), digest_size=12).hexdigest()
