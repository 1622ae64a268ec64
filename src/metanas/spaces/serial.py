"""Spaces as JSON: they cross process borders whole, also those that a function in a user's script has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from metanas.spaces.architecture import Architecture
from metanas.spaces.closing import Edge, OpenNode
from metanas.spaces.decision import Condition, Decision, Value
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Limits, Space

SCHEMA = 1
_Open = dict[str, Decision]


def space_to_json(space: Space) -> dict[str, Any]:
    """A JSON object with a schema version; :func:`space_from_json` reads it back.

    What is open in a node is written as ``{"decision": name}``, everything else as it is.
    """
    decisions = [
        {"name": d.name, "options": list(d.options), "ordered": d.ordered, "when": _condition_to_json(d.when)} for d in space.decisions
    ]
    return {
        "schema": SCHEMA,
        "name": space.name,
        "shape": space.shape.to_json(),
        "decisions": decisions,
        "nodes": [_node_to_json(node) for node in space.nodes],
        "motif": [_node_to_json(node) for node in space.motif],
        "plain": dict(space.plain),
        "limits": asdict(space.limits),
        "listed": [dict(a.choices) for a in space.listed],
    }


def space_from_json(record: Mapping[str, Any]) -> Space:
    """The space written by :func:`space_to_json`.

    Raises:
        ValueError: if the record was written by a newer schema.
    """
    if record.get("schema", 0) > SCHEMA:
        raise ValueError(f"space of schema {record['schema']} is newer than this version of metanas reads ({SCHEMA})")
    decisions = tuple(Decision(d["name"], tuple(d["options"]), d["ordered"], _condition_from_json(d["when"])) for d in record["decisions"])
    known = {d.name: d for d in decisions}
    return Space(
        name=record["name"],
        shape=TaskShape.from_json(record["shape"]),
        decisions=decisions,
        nodes=tuple(_node_from_json(node, known) for node in record["nodes"]),
        plain=record["plain"],
        limits=Limits(**record["limits"]),
        motif=tuple(_node_from_json(node, known) for node in record["motif"]),
        listed=tuple(Architecture(record["name"], tuple(choices.items())) for choices in record["listed"]),
    )


def _condition_to_json(when: Condition) -> list[Any]:
    return [[name, list(options)] for name, options in when.terms]


def _condition_from_json(record: list[Any]) -> Condition:
    return Condition(tuple((name, tuple(options)) for name, options in record))


def _choice_to_json(choice: Value | Decision) -> Any:
    return {"decision": choice.name} if isinstance(choice, Decision) else choice


def _choice_from_json(record: Any, known: _Open) -> Any:
    return known[record["decision"]] if isinstance(record, dict) else record


def _node_to_json(node: OpenNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "op": _choice_to_json(node.op),
        "options": {op: {name: _choice_to_json(value) for name, value in settings.items()} for op, settings in node.options.items()},
        "inputs": [[edge.source, _condition_to_json(edge.when)] for edge in node.inputs],
        "when": _condition_to_json(node.when),
    }


def _node_from_json(record: Mapping[str, Any], known: _Open) -> OpenNode:
    options = {
        op: {name: _choice_from_json(value, known) for name, value in settings.items()} for op, settings in record["options"].items()
    }
    inputs = tuple(Edge(source, _condition_from_json(when)) for source, when in record["inputs"])
    return OpenNode(record["name"], _choice_from_json(record["op"], known), options, inputs, _condition_from_json(record["when"]))
