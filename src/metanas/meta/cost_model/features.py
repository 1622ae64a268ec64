"""What of an architecture may cost time, as columns with names: the same for a table's rows, a space's architectures and closed graphs.

Columns come in groups, and how much a group matters is learned: which option every decision takes (``choices``), how often an option is
taken over all decisions that have the same ones (``counts``), which nodes are left in the closed graph (``nodes``) and how often each
operation occurs there (``operations``), and parameters, FLOPs and numbers written per kind of operation (``work``). The first two see what
was chosen, the others what a compiler may leave of it: some devices run what has no effect on the output, others don't.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.spaces import Architecture, Decision, Space
from metanas.spaces.closing import close
from metanas.spaces.decision import Value
from metanas.spaces.encoding import Vocabulary
from metanas.spaces.graph import Graph, Node
from metanas.spaces.operation import operation
from metanas.spaces.space import RECIPE
from metanas.strategies.codes import Codes

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = Sequence[int] | NDArray[np.int64] | NDArray[np.bool_] | slice
"""Positions, a mask or a slice."""


@dataclass(frozen=True, eq=False)
class Features:
    """Architectures as numbers.

    Args:
        values: ``(architectures, columns)``, finite.
        names: of the columns, each once; models find columns by name.
        groups: of the columns.

    Raises:
        InputError: if these don't fit together.
    """

    values: Matrix
    names: tuple[str, ...]
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.shape[1] == len(self.names) == len(self.groups) == len(set(self.names)):
            raise InputError("features are a matrix with one name, used once, and one group per column; give as many of each")
        if not np.isfinite(self.values).all():
            raise InputError("features must be finite numbers; leave out the architectures where one is not")

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, index: Index) -> Features:
        """Those of some architectures."""
        return Features(self.values[index], self.names, self.groups)

    def beside(self, *others: Features) -> Features:
        """The columns of several, for the same architectures."""
        parts = (self, *others)
        if len({len(part) for part in parts}) > 1:
            raise InputError("features stand beside each other only where they are of the same architectures, in the same order")
        values = np.concatenate([part.values for part in parts], axis=1)
        return Features(values, tuple(n for p in parts for n in p.names), tuple(g for p in parts for g in p.groups))


def choice_features(decisions: Sequence[Decision], codes: NDArray[np.integer]) -> Features:
    """``choices`` and ``counts``.

    Args:
        decisions: of the space; of the training recipe none matter.
        codes: position of the option chosen, negative where a decision is not open, ``(architectures, decisions)``.

    Raises:
        InputError: if a code is no option's.
    """
    if codes.ndim != 2 or codes.shape[1] != len(decisions) or (codes >= np.array([len(d.options) for d in decisions])).any():
        raise InputError("codes are one column per decision, and in it positions of its options; give the codes of these decisions")
    columns: dict[str, Matrix] = {}
    families: dict[tuple[Value, ...], list[int]] = {}
    for position, decision in enumerate(decisions):
        families.setdefault(decision.options, []).append(position)
        for rank, option in enumerate(decision.options):
            columns[f"{decision.name}={option}"] = (codes[:, position] == rank).astype(np.float64)
    choices = len(columns)
    for options, positions in families.items():
        for rank, option in enumerate(options if len(positions) > 1 else ()):
            columns[f"{option} of {options}"] = (codes[:, positions] == rank).sum(axis=1).astype(np.float64)
    values = np.stack(list(columns.values()), axis=1) if columns else np.empty((len(codes), 0))
    return Features(values, tuple(columns), ("choices",) * choices + ("counts",) * (len(columns) - choices))


def graph_features(graphs: Iterable[Graph], mark: str = "") -> Features:
    """``nodes`` and ``operations``: which named nodes, with which settings, are in a graph, and how often each operation.

    Args:
        graphs: one per architecture.
        mark: put before names and groups, to tell several graphs of an architecture apart.
    """
    nodes, operations = list[Counter[str]](), list[Counter[str]]()
    for graph in graphs:
        labels = [mark + _label(node) for node in graph.nodes]
        nodes.append(Counter(f"{label} at {node.name}" for node, label in zip(graph.nodes, labels, strict=True)))
        operations.append(Counter(labels))
    return _counted(nodes, f"{mark}nodes").beside(_counted(operations, f"{mark}operations"))


def work_features(graphs: Iterable[Graph]) -> Features:
    """``work``: parameters, FLOPs and numbers written, of each kind of operation in a graph that knows its shapes."""
    work: list[Counter[str]] = []
    for graph in graphs:
        row: Counter[str] = Counter()
        for node in graph.nodes:
            op, inputs = operation(node.op), graph.input_shapes(node)
            row[f"parameters:{node.op}"] += op.parameters(inputs, node.options)
            row[f"flops:{node.op}"] += op.flops(inputs, node.options)
            row[f"written:{node.op}"] += prod(graph.shapes[node.name])
        work.append(row)
    return _counted(work, "work")


def space_features(space: Space, architectures: Sequence[Architecture]) -> Features:
    """All that is known of a space's architectures.

    Where the space repeats a motif, of that, for the network only multiplies it: as it is built, and without what computes of zeros alone.
    """
    codes = Codes(space).rows(architectures)
    matters = [i for i, decision in enumerate(space.decisions) if not decision.name.startswith(RECIPE)]
    found = choice_features([space.decisions[i] for i in matters], codes[:, matters])
    if space.motif:
        built = (Graph(space.shape, close(space.motif, architecture.as_dict)) for architecture in architectures)
        return found.beside(graph_features(built), graph_features(map(space.motif_graph, architectures), "non-zero "))
    if not space.nodes:
        return found
    graphs = [space.graph(architecture) for architecture in architectures]
    return found.beside(graph_features(graphs), work_features(graphs))


def _label(node: Node) -> str:
    return f"{node.op}{json.dumps(dict(node.settings), sort_keys=True)}" if node.settings else node.op


def _counted(rows: Sequence[Counter[str]], group: str) -> Features:
    vocabulary = Vocabulary()
    values = vocabulary.matrix(rows).toarray()
    return Features(values, tuple(vocabulary.tokens), (group,) * len(vocabulary))
