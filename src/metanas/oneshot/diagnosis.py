"""How a supernet's choices develop: share of skip connections, the collapse to them, and whether inherited weights rank as training does.

A *skip* is an option that passes its input on: none of the nodes that its decision alone can bring in is there, while another option
of the decision brings in nodes that multiply (convolutions, dense layers). "No normalisation" or "no dropout" is no skip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metanas.oneshot.structure import computed, rulers
from metanas.spaces import Architecture, Decision, Space
from metanas.spaces.architecture import digest
from metanas.spaces.closing import OpenNode
from metanas.spaces.decision import Value
from metanas.spaces.operation import operation, traits

COLLAPSED = 0.5
LEAST = 2
"""Choices count as collapsed from this share of skips on, if they are so many at least. DARTS+ (Liang et al. 2019, section 3.3) stops at
two or more skips among the eight operations of a cell; in spaces that can leave edges out, as NAS-Bench-201, good cells have up to two
skips among six."""
UNDECIDED = 0.85
"""Above this share of the largest entropy the choices are all but open, and which option leads is chance: no collapse yet."""
LASTS = 3
"""So many points in a row must be collapsed: logits that still move may pass such a point by chance."""

POINTS = 50
"""How often on its way a method's choices are decoded and remembered."""

Point = Mapping[str, Any]
"""What was seen at one step: ``step``, ``progress``, numbers by name, and the decoded ``architecture`` (its choices)."""


def skips(space: Space) -> dict[str, frozenset[Value]]:
    """The decisions that offer a skip, and which options are skips.

    Args:
        space: narrowed to what a supernet can leave open.
    """
    steps = computed(space)
    multiply = {node for node, found in steps.items() if any(operation(s.op).flops(s.shapes, dict(s.settings)) for s in found)}
    return {d.name: found for d in space.decisions if len(d.options) > 1 and (found := _skips_of(space, d, multiply))}


def zeros(space: Space) -> dict[str, frozenset[Value]]:
    """The decisions that offer an operation that gives zeros (an edge that is not there) among others, and which options do."""
    found: dict[str, frozenset[Value]] = {}
    nearest = rulers(space)
    for d in space.decisions:
        own = [(node, op, option) for option in d.options for node, op in _computed(space, d, option) if nearest.get(node.name) == d.name]
        giving = frozenset(option for _, op, option in own if traits(op).zero)
        if giving and len(giving) < len(d.options):
            found[d.name] = giving
    return found


def _skips_of(space: Space, decision: Decision, multiply: set[str]) -> frozenset[Value]:
    ruled = {option: _computed(space, decision, option) for option in decision.options}
    absent = frozenset(option for option, found in ruled.items() if not found)
    return absent if any(node.name in multiply for found in ruled.values() for node, _ in found) else frozenset()


def _computed(space: Space, decision: Decision, option: Value) -> list[tuple[OpenNode, str]]:
    """The nodes that the decision rules and that may be there with that option, each with an operation that it may have; mere ways through
    don't count."""
    found = []
    for node in space.nodes:
        terms = [options for name, options in node.when.terms if name == decision.name]
        if (node.op == decision or terms) and all(option in options for options in terms):
            names = [str(option)] if node.op == decision else [node.op] if isinstance(node.op, str) else list(node.options)
            found += [(node, name) for name in names if not traits(name).join]
    return found


def count_skips(architecture: Architecture, skipping: Mapping[str, frozenset[Value]]) -> tuple[int, int]:
    """Among the active decisions that offer a skip, how many chose it, and how many there are."""
    offering = [name for name in architecture.as_dict if name in skipping]
    return sum(architecture[name] in skipping[name] for name in offering), len(offering)


def is_collapsed(point: Point) -> bool:
    """Whether the skips of a point (``skips``, and ``skip_share`` of those on offer) count as a collapse, its choices being decided."""
    return point.get("entropy_share", 0.0) <= UNDECIDED and _skips_rule(point)


def collapse(points: Sequence[Point], begins: float = 0.0) -> tuple[list[Point], Point | None]:
    """Where the choices collapsed: the ways out before and the first point after, or ([], None) if they have not (or have recovered).

    The latest unbroken run of collapsed points counts, if it reaches the last point and is at least :data:`LASTS` long. Ways out are
    the points before it without so many skips, the latest first, every architecture once.

    Args:
        points: in order.
        begins: the progress from which on choices are learned; earlier points are no way out.
    """
    learned = [p for p in points if p["progress"] >= begins]
    sound = [i for i, p in enumerate(learned) if not is_collapsed(p)]
    first = sound[-1] + 1 if sound else 0
    if len(learned) - first < LASTS:
        return [], None
    found: dict[str, Point] = {}
    for point in reversed(learned[:first]):
        if not _skips_rule(point):
            found.setdefault(digest(point["architecture"]), point)
    return list(found.values()), learned[first]


def noted(points: Sequence[Point], point: Point, begins: float) -> tuple[list[Point], list[str]]:
    """The points with one more, and what to say of it: that the choices have collapsed, or recovered."""
    longer = [*points, point]
    was, (before, now) = collapse(points, begins)[1], collapse(longer, begins)
    if (was is None) == (now is None):
        return longer, []
    if now is None:
        return longer, [f"the choices left the skip connections again by step {point['step']}"]
    best = f"the best of the {len(before)} architectures decoded before" if len(before) > 1 else "the architecture decoded before"
    way_out = f"unless they leave them again, {best} is taken instead" if before else "there is no better point before"
    return longer, [f"the choices collapsed to skip connections by step {point['step']}; {way_out}"]


def _skips_rule(point: Point) -> bool:
    return bool(point["skips"] >= LEAST and point["skip_share"] >= COLLAPSED)


def rank_correlation(inherited: Sequence[float], alone: Sequence[float]) -> float:
    """Spearman's rank correlation between scores with inherited weights and scores after training alone; equals share their rank.

    Returns:
        A number in [-1, 1]; NaN for fewer than three pairs, or where one side is all equal.
    """
    import numpy as np
    from scipy.stats import rankdata

    first, second = rankdata(inherited), rankdata(alone)
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
