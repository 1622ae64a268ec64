"""What can be said of a space that a supernet keeps open, whatever is chosen: what its nodes compute, and which decision rules which."""

from __future__ import annotations

from collections import Counter

from metanas.spaces import Space
from metanas.spaces.closing import OpenNode
from metanas.spaces.decision import Decision
from metanas.spaces.mixture import mixture_of
from metanas.spaces.steps import Apply


def computed(space: Space) -> dict[str, list[Apply]]:
    """Node to what it computes in the supernet: its operations with their settings and the shapes that they meet.

    Args:
        space: narrowed to what a supernet can leave open.
    """
    found: dict[str, list[Apply]] = {}
    for step in mixture_of(space).steps:
        if isinstance(step, Apply):
            found.setdefault(step.node, []).append(step)
    return found


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
