"""From rows of choices to architectures and back, fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture, Decision, Space
from metanas.spaces.decision import Value

INACTIVE = -1
"""Stands for "not open here" in codes."""

Choices = tuple[tuple[str, Value], ...]


def choices_of(decisions: Sequence[Decision], codes: NDArray[np.integer[Any]]) -> list[Choices]:
    """The choices of every row.

    Args:
        decisions: of the space, in order.
        codes: ``(rows, decisions)``, the rank of the chosen option in the decision's options, or :data:`INACTIVE`.
    """
    # The pairs are shared by all rows: small, and quick to compare.
    pairs = [[(d.name, option) for option in d.options] for d in decisions]
    if not (codes < 0).any():
        return list(zip(*([p[c] for c in column] for p, column in zip(pairs, codes.T.tolist(), strict=True)), strict=True))
    return [tuple(p[c] for p, c in zip(pairs, row, strict=True) if c >= 0) for row in codes.tolist()]


def row_finder(decisions: Sequence[Decision], rows: Sequence[Choices]) -> Callable[[Architecture], int]:
    """A function from an architecture to its position in ``rows``; about a microsecond.

    The function raises ``ValueError`` for an architecture that has no row.
    """
    positions = {choices: row for row, choices in enumerate(rows)}

    def find(architecture: Architecture) -> int:
        row = positions.get(architecture.choices)
        if row is None:  # read from a file that sorted the names
            chosen = architecture.as_dict
            row = positions.get(tuple((d.name, chosen[d.name]) for d in decisions if d.name in chosen))
        if row is None:
            raise ValueError(f"the table has no row for {dict(architecture.choices)}")
        return row

    return find


def listed(space: Space, rows: Sequence[Choices]) -> Space:
    """``space`` with nothing but the architectures of ``rows`` in it, in their order."""
    return space.only([Architecture(space.name, choices) for choices in rows])
