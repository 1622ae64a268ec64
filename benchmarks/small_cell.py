"""A space for comparisons: the six edges of NAS-Bench-201's cell, one cell per stage, and the plain network's way of training."""

from __future__ import annotations

from metanas.spaces import Space, TaskShape, make_space, register_space
from metanas.spaces.space import RECIPE


@register_space("small-cell", "image")
def small_cell(shape: TaskShape) -> Space:
    """15,625 architectures that differ in the operations of their edges alone."""
    cell = make_space("cell", shape)
    plain = cell.baseline
    closed = {d.name: [plain[d.name]] for d in cell.decisions if d.name.startswith(RECIPE) and d.name in plain.as_dict}
    return cell.narrowed({"cells": [1], **closed})
