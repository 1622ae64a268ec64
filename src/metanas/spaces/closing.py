"""Open nodes, and how they close: what is left of them once every choice is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metanas.spaces.decision import ALWAYS, Condition, Decision, Value
from metanas.spaces.graph import Node, prune
from metanas.spaces.operation import traits


@dataclass(frozen=True)
class Edge:
    """An input of an open node: the output of ``source``, there where ``when`` holds."""

    source: str
    when: Condition = ALWAYS


@dataclass(frozen=True)
class OpenNode:
    """A node with choices left open.

    Args:
        name: unique; weights are named by it.
        op: the operation, or the decision among the keys of ``options``.
        options: operation name to its settings, each a value or a decision.
        inputs: edges, each there where its condition holds.
        when: where this does not hold the node is absent, and its first present input stands for its output.
    """

    name: str
    op: str | Decision
    options: Mapping[str, Mapping[str, Value | Decision]]
    inputs: tuple[Edge, ...]
    when: Condition = ALWAYS


def close(nodes: Sequence[OpenNode], choices: Mapping[str, Value], *, fold_zeros: bool = False) -> tuple[Node, ...]:
    """``nodes`` with every choice closed, without those that the last one does not depend on.

    Where paths meet, zeros are left out unless all are. With ``fold_zeros`` whatever is computed of zeros alone counts as zero, too.
    """
    stands_for: dict[str, str] = {}
    zeros: set[str] = set()
    closed: list[Node] = []
    for open_node in nodes:
        inputs = [stands_for.get(e.source, e.source) for e in open_node.inputs if e.when.holds(choices)]
        name = open_node.op if isinstance(open_node.op, str) else str(choices.get(open_node.op.name, ""))
        present = open_node.when.holds(choices)
        op = traits(name) if present else None
        if op is not None and op.join and len(inputs) > 1:
            inputs = [i for i in inputs if i not in zeros] or inputs[:1]
        if op is None or (op.join and len(inputs) == 1) or (fold_zeros and all(i in zeros for i in inputs)):
            stands_for[open_node.name] = inputs[0]
            continue
        if op.zero:
            zeros.add(open_node.name)
        settings = ((k, choices[v.name] if isinstance(v, Decision) else v) for k, v in open_node.options[name].items())
        closed.append(Node(open_node.name, name, tuple(settings), tuple(inputs)))
    output = stands_for.get(nodes[-1].name, nodes[-1].name)
    if all(node.name != output for node in closed):  # nothing is left: the input is the output
        return (Node(nodes[-1].name, "identity", (), (output,)),)
    return prune(closed, output)
