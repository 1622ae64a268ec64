"""What can be said of a space that a supernet keeps open, whatever is chosen: shapes, and which decision says what of which node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from metanas.spaces import Space
from metanas.spaces.closing import OpenNode
from metanas.spaces.decision import Condition, Decision, Value
from metanas.spaces.graph import INPUT
from metanas.spaces.operation import Inputs, operation
from metanas.spaces.shape import Shape


def shapes_of(space: Space) -> dict[str, Shape]:
    """The output shape of every node; of nodes that are never there that of their input.

    Args:
        space: narrowed to what a supernet can leave open.
    """
    options = {d.name: d.options for d in space.decisions}
    shapes: dict[str, Shape] = {INPUT: space.shape.input}
    for node in space.nodes:
        inputs = [shapes[e.source] for e in node.inputs if _possible(e.when, options)]
        op = node.op if isinstance(node.op, str) else next((o for o in node.options if o in options.get(str(node.op.name), ())), None)
        there = op is not None and _possible(node.when, options) and not (operation(op).join and len(inputs) == 1)
        shapes[node.name] = shape_of(op, node.options[op], inputs) if there and op is not None else inputs[0]
    return shapes


def _possible(when: Condition, options: Mapping[str, tuple[Value, ...]]) -> bool:
    return all(set(options.get(name, ())) & set(among) for name, among in when.terms)


def shape_of(op: str, settings: Mapping[str, Value | Decision], inputs: Inputs) -> Shape:
    """The output shape of an operation whose settings may be open."""
    return operation(op).shape(inputs, any_of(settings))


def any_of(settings: Mapping[str, Value | Decision]) -> dict[str, Value]:
    """Settings with the first option of what is open."""
    return {name: value.options[0] if isinstance(value, Decision) else value for name, value in settings.items()}


def ruling(node: OpenNode, space: Space) -> list[str]:
    """The open decisions that say whether the node is there, or what it does."""
    names = {name for name, _ in node.when.terms} | ({node.op.name} if isinstance(node.op, Decision) else set())
    return [d.name for d in space.decisions if d.name in names and len(d.options) > 1]


def rulers(space: Space) -> dict[str, str]:
    """Node to the decision that is closest to it, of nodes that open decisions rule.

    Of several the one that rules the fewest nodes is that of the operation (of as many, the later one); others say whether the block is
    there at all.
    """
    order = {d.name: number for number, d in enumerate(space.decisions)}
    by_node = {node.name: ruling(node, space) for node in space.nodes}
    counts = Counter(name for names in by_node.values() for name in names)
    return {node: min(names, key=lambda name: (counts[name], -order[name])) for node, names in by_node.items() if names}
