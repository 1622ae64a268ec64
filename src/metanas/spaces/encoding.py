"""Encodings: what of an architecture's graph is like another's, as counts that kernels and predictors compare.

Two features of a graph, both blind to the names of its nodes: subtrees (the labels of the Weisfeiler-Lehman test: Shervashidze et al.
2011, "Weisfeiler-Lehman Graph Kernels"; on networks: Ru et al. 2021, "Interpretable Neural Architecture Search via Bayesian
Optimisation with Weisfeiler-Lehman Kernels", NAS-BOWL) and paths from input to output (White et al. 2021, "BANANAS", section 4).
Training recipes are in no graph; :func:`choices` counts them, and every other choice, as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.operation import operation

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PATHS = 64
"""How many different paths to one node are followed at most: the shortest ones."""
LONGEST = 12
"""Operations on a path that is told apart as a whole; of a longer one its stretches of that many operations count."""

_LABELS = 1 << 18


def subtrees(graph: Graph, depth: int) -> Counter[str]:
    """How often each subtree occurs: Weisfeiler-Lehman labels of rounds 0 to ``depth``.

    A node's first label is its operation with its settings; each round joins it with its predecessors' labels of the round before
    (sorted where the order of inputs does not matter). Rounds have labels of their own. The input is a predecessor, but is not counted.

    Args:
        graph: any graph.
        depth: number of rounds, at least 0; a label of round r tells apart what up to r edges before the node differs.
    """
    labels = {INPUT: INPUT, **{node.name: label(node) for node in graph.nodes}}
    counts = Counter(labels[node.name] for node in graph.nodes)
    for _ in range(depth):
        fresh = {INPUT: INPUT}
        for node in graph.nodes:
            before = [labels[name] for name in node.inputs]
            if _commutative(node.op):
                before.sort()
            fresh[node.name] = _joined(labels[node.name], *before)
        labels = fresh
        counts.update(labels[node.name] for node in graph.nodes)
    return counts


def paths(graph: Graph, longest: int = LONGEST, most: int = PATHS) -> Counter[str]:
    """How often each path of operations (with their settings) leads from the input to the output.

    Paths of more than ``longest`` operations are not told apart as a whole: of these, every stretch of ``longest`` operations counts
    (once for each node that it ends in). Where more than ``most`` different ones lead to a node, the shortest are followed.

    Args:
        graph: any graph.
        longest: at least 1.
        most: at least 1; bounds the work where paths branch and meet again and again.
    """
    here: dict[str, Counter[tuple[str, ...]]] = {INPUT: Counter({(INPUT,): 1})}
    stretches: Counter[tuple[str, ...]] = Counter()
    for node in graph.nodes:
        reached: Counter[tuple[str, ...]] = Counter()
        for source in node.inputs:
            for path, times in here[source].items():
                reached[(*path, label(node))[-longest - 1 :]] += times
        if len(reached) > most:
            reached = Counter({path: reached[path] for path in sorted(reached, key=lambda path: (len(path), path))[:most]})
        here[node.name] = reached
        stretches.update({path[1:]: times for path, times in reached.items() if path[0] != INPUT})
    whole = {path[1:]: times for path, times in here[graph.nodes[-1].name].items() if path[0] == INPUT}
    return Counter({" > ".join(path): times for path, times in (stretches + Counter(whole)).items()})


def choices(architecture: Architecture, only: str = "") -> Counter[str]:
    """Every choice as a token of its own, once; ``only`` those whose decision's name starts so (``recipe.``)."""
    return Counter(f"{name} = {value!r}" for name, value in architecture.choices if name.startswith(only))


def label(node: Node) -> str:
    """A node's operation with its settings."""
    return _label(node.op, node.settings) if node.settings else node.op


class Vocabulary:
    """Gives every token a column, in the order in which they are first seen."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def matrix(self, counters: Iterable[Mapping[str, int]], *, grow: bool = True) -> csr_matrix:
        """Counts as a sparse matrix ``(counters, tokens)``, float64.

        Args:
            counters: of tokens.
            grow: whether new tokens get columns (earlier matrices are then narrower); else they are left out.
        """
        from scipy.sparse import csr_matrix

        starts, columns, counts = [0], [], []
        for counter in counters:
            for token, count in counter.items():
                column = self._columns.setdefault(token, len(self._columns)) if grow else self._columns.get(token)
                if column is not None:
                    columns.append(column)
                    counts.append(count)
            starts.append(len(columns))
        parts = (np.array(counts, dtype=np.float64), np.array(columns, dtype=np.int64), np.array(starts, dtype=np.int64))
        return csr_matrix(parts, shape=(len(starts) - 1, len(self)))


@lru_cache(maxsize=_LABELS)
def _label(op: str, settings: tuple[tuple[str, object], ...]) -> str:
    return f"{op}{json.dumps(dict(settings), sort_keys=True)}"


@lru_cache(maxsize=_LABELS)
def _joined(own: str, *before: str) -> str:
    """A short label for a node and its predecessors, the same in every process."""
    return hashlib.blake2b(json.dumps([own, before]).encode(), digest_size=12).hexdigest()


@cache
def _commutative(op: str) -> bool:
    """Whether the order of inputs does not matter; of operations that no network is built of, it does."""
    try:
        return operation(op).commutative
    except ValueError:
        return False
