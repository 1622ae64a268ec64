"""Which architectures to measure on a new device: those that tell most about all the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.meta.cost_model.prior import DevicePrior, Encoded


def choose_references(prior: DevicePrior, candidates: Encoded, count: int, rng: np.random.Generator, most: int = 600) -> NDArray[np.int64]:
    """Positions of ``count`` candidates, one after the other that which leaves the least variance over all (A-optimal, greedy).

    They depend on no measurement of the new device, so that they can be measured together, and once for all devices.

    Args:
        prior: of devices.
        candidates: architectures that could be measured.
        count: at least 1.
        rng: chooses the candidates that are looked at.
        most: of these, at most.

    Raises:
        InputError: if there are fewer candidates.
    """
    if not 1 <= count <= min(len(candidates), most):
        raise InputError(f"{count} references can't be chosen of {min(len(candidates), most)} architectures; ask for fewer")
    looked = rng.permutation(len(candidates))[:most]
    pool = candidates.rows(looked)
    amounts = np.exp(prior.amounts[:, 0])
    left = np.tensordot(amounts[:2], np.stack(prior.covariances(pool, pool)), 1)
    noise = float(amounts[2])
    chosen: list[int] = []
    for _ in range(count):
        gain = np.square(left).sum(axis=0) / (np.diag(left) + noise)
        gain[chosen] = -np.inf
        best = int(gain.argmax())
        chosen.append(best)
        left = left - np.outer(left[:, best], left[best]) / (left[best, best] + noise)
    return np.asarray(looked[chosen])
