"""What models see of results: values on one scale, and with the differences between the best enlarged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.strategies.base import Known

Vector = NDArray[np.float64]


def on_one_scale(known: Sequence[Known]) -> Vector:
    """Values of results at any fidelity, ``(known,)``; what failed is as bad as the worst, and all are zero where nothing else is there.

    What was evaluated with less effort is shifted so that the best of it equals the median of the next higher effort, for what was
    promoted was as a rule better than what was left behind.
    """
    efforts = np.array([k.effort for k in known])
    values = np.array([k.value for k in known])
    good = np.isfinite(values)
    if not good.any():
        return np.zeros(len(known))
    middle: float | None = None
    for effort in sorted(set(efforts[good].tolist()), reverse=True):
        level = good & (efforts == effort)
        if middle is not None:
            values[level] += middle - values[level].max()
        middle = float(np.median(values[level]))
    values[~good] = values[good].min()
    return values


def spread(known: Sequence[Known], sharpness: float = 0.25) -> Vector:
    """Targets of mean 0 and variance 1, ``(known,)``, in which the differences between the best are large whatever the scale.

    The logarithm of the regret, with ``sharpness`` times the distance from the median to the best as its smallest step.
    """
    values = on_one_scale(known)
    best = values.max()
    step = sharpness * (best - float(np.median(values))) or sharpness * float(np.ptp(values)) or 1.0
    return standardised(-np.log(best - values + step))


def standardised(values: Vector) -> Vector:
    """``values`` with mean 0 and variance 1; equal ones all 0."""
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))
