"""What earlier tasks could have taught of the planted space."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.records import Fidelity, Proposal
from metanas.spaces import Architecture
from metanas.testing import planted

Vector = NDArray[np.float64]


class Told:
    """A surrogate that takes architectures to be as good as a planted score, or upside down, and results to be that plus a constant."""

    def __init__(self, sign: float) -> None:
        self._sign = sign

    def _score(self, asked: Sequence[Architecture]) -> Vector:
        found = [planted(Proposal(0, a, Fidelity(1))).metrics["accuracy"] for a in asked]
        return self._sign * np.array(found, dtype=np.float64)

    def condition(self, architectures: Sequence[Architecture], values: Vector, asked: Sequence[Architecture]) -> tuple[Vector, Vector]:
        offset = float(np.mean(values - self._score(architectures))) if len(values) else 0.0
        return offset + self._score(asked), np.full(len(asked), 0.5)
