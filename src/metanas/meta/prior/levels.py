"""Evaluations of different thoroughness, brought to one level so that they can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

FEWEST = 5
"""Architectures that make a level one to compare on."""
LINKS = 2
"""Architectures that two levels must have in common for their distance to be known."""
CLOSE = 2.0
"""Levels whose efforts differ by no more than this factor count as the same where they have too few in common."""


def on_one_level(levels: Mapping[float, Mapping[str, float]]) -> dict[str, float]:
    """One value for every architecture, as if all had been evaluated as thoroughly.

    The level to compare on is the most thorough one with :data:`FEWEST` architectures, else the fullest. Others are shifted by the median
    difference of what both have; without enough of that they count as they are if they are close, else not at all. Of an architecture the
    most thorough evaluation counts.

    Args:
        levels: effort (passes over the data) to architecture key to value, larger is better.
    """
    if not levels:
        return {}
    full = [effort for effort, found in levels.items() if len(found) >= FEWEST]
    reference = max(full) if full else max(levels, key=lambda effort: (len(levels[effort]), effort))
    found = dict(levels[reference])
    reached = dict.fromkeys(found, reference)
    for effort in sorted(levels, key=lambda effort: (_apart(effort, reference), -effort)):
        if effort == reference:
            continue
        level = levels[effort]
        common = [found[key] - value for key, value in level.items() if key in found]
        if len(common) < LINKS and _apart(effort, reference) > math.log(CLOSE):
            continue
        shift = median(common) if len(common) >= LINKS else 0.0
        for key, value in level.items():
            if key not in reached or effort > reached[key]:
                found[key], reached[key] = value + shift, effort
    return found


def _apart(effort: float, reference: float) -> float:
    return abs(math.log(max(effort, 1e-9) / max(reference, 1e-9)))
