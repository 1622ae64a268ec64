"""Graphs: spaces with every choice closed. One graph feeds the network, the costs, the picture and the encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from metanas.spaces.architecture import digest
from metanas.spaces.decision import Value
from metanas.spaces.operation import operation, traits
from metanas.spaces.shape import Shape, TaskShape

SCHEMA = 1
INPUT = "input"
"""Name of the source that stands for the task's input; it is no node."""


@dataclass(frozen=True)
class Node:
    """One typed node: operation ``op`` with ``settings`` applied to the outputs of ``inputs`` (names, in order)."""

    name: str
    op: str
    settings: tuple[tuple[str, Value], ...]
    inputs: tuple[str, ...]

    @cached_property
    def options(self) -> dict[str, Value]:
        """The settings as a mapping."""
        return dict(self.settings)


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, ending in the one that gives the network's output; shapes are for one task.

    Raises:
        ValueError: from :attr:`shapes` when a node refers to an unknown one or an operation refuses its inputs.
    """

    shape: TaskShape
    nodes: tuple[Node, ...]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Output shape of every node (and of ``"input"``), without the batch axis."""
        shapes: dict[str, Shape] = {INPUT: self.shape.input}
        for node in self.nodes:
            shapes[node.name] = operation(node.op).shape(self._inputs(node, shapes), node.options)
        return shapes

    @staticmethod
    def _inputs(node: Node, shapes: Mapping[str, Shape]) -> list[Shape]:
        missing = [name for name in node.inputs if name not in shapes]
        if missing:
            raise ValueError(f"node {node.name!r} takes its input from {missing[0]!r}, which does not come before it")
        return [shapes[name] for name in node.inputs]

    def input_shapes(self, node: Node) -> list[Shape]:
        """The shapes that ``node`` receives, in the order of its inputs."""
        return self._inputs(node, self.shapes)

    @cached_property
    def parameters(self) -> int:
        """Number of trained numbers, counted without building the network."""
        return sum(operation(n.op).parameters(self.input_shapes(n), n.options) for n in self.nodes)

    @cached_property
    def flops(self) -> int:
        """Floating-point operations of one example's forward pass: two per multiply-add of matrix products, convolutions
        and attention (what ``torch.utils.flop_counter.FlopCounterMode`` counts); elementwise work is not counted."""
        return sum(operation(n.op).flops(self.input_shapes(n), n.options) for n in self.nodes)

    @property
    def size(self) -> int:
        """Parameters plus FLOPs: falls whenever one falls and the other doesn't rise."""
        return self.parameters + self.flops

    @cached_property
    def activations(self) -> int:
        """Numbers that one example leaves between the nodes: the base of the memory estimate."""
        return sum(_size(self.shapes[n.name]) for n in self.nodes) + _size(self.shape.input)

    @cached_property
    def key(self) -> str:
        """Canonical: equal for equal computations whatever the nodes are called, so that none is trained twice.

        A node is known by what it computes of the input and by what the output makes of it: two nodes with weights of their own are not
        one node that is used twice.
        """
        computes: dict[str, str] = {INPUT: INPUT}
        for n in self.nodes:
            inputs = [computes[name] for name in n.inputs]
            computes[n.name] = digest([n.op, dict(n.settings), sorted(inputs) if traits(n.op).commutative else inputs])
        uses: dict[str, list[str]] = {n.name: [] for n in self.nodes}
        labels: list[str] = []
        for n in reversed(self.nodes):
            labels.append(digest([computes[n.name], sorted(uses[n.name])]))
            for position, source in enumerate(n.inputs):
                if source != INPUT:
                    uses[source].append(digest([labels[-1], 0 if traits(n.op).commutative else position]))
        return digest([self.shape.to_json(), sorted(labels)])

    def to_json(self) -> dict[str, Any]:
        """A JSON object with a schema version; :meth:`from_json` reads it back."""
        nodes = [{"name": n.name, "op": n.op, "settings": dict(n.settings), "inputs": list(n.inputs)} for n in self.nodes]
        return {"schema": SCHEMA, "shape": self.shape.to_json(), "nodes": nodes}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Graph:
        """The graph written by :meth:`to_json`.

        Raises:
            ValueError: if the record was written by a newer schema.
        """
        if record.get("schema", 0) > SCHEMA:
            raise ValueError(f"graph of schema {record['schema']} is newer than this version of metanas reads ({SCHEMA})")
        nodes = tuple(Node(n["name"], n["op"], tuple(n["settings"].items()), tuple(n["inputs"])) for n in record["nodes"])
        return cls(TaskShape.from_json(record["shape"]), nodes)


def prune(nodes: Iterable[Node], output: str | None = None) -> tuple[Node, ...]:
    """``nodes`` without those that ``output`` (None: the last one) does not depend on; it comes last."""
    ordered = list(nodes)
    needed = {output or ordered[-1].name}
    for node in reversed(ordered):
        if node.name in needed:
            needed.update(node.inputs)
    return tuple(node for node in ordered if node.name in needed)


def _size(shape: Shape) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
