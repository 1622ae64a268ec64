"""The best architecture that keeps a limit of latency on a device known by a few measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from metanas.meta.cost_model.device import DeviceModel
from metanas.meta.cost_model.features import Vector
from metanas.meta.cost_model.prior import Encoded


@dataclass(frozen=True)
class Found:
    """An answer of :func:`best_measured`.

    Args:
        position: of the architecture among the candidates; None where no measured one keeps the limit.
        latency: measured; None likewise.
        measured: further measurements that were made.
    """

    position: int | None
    latency: float | None
    measured: int


def best_predicted(device: DeviceModel, candidates: Encoded, scores: Vector, limit: float, margin: float = 2.0) -> int | None:
    """Position of the candidate of best score whose predicted latency keeps the limit; None where that of none does.

    Args:
        device: on which it is to run.
        candidates: architectures.
        scores: of each, larger is better, ``(candidates,)``.
        limit: in the unit of the device's measurements.
        margin: standard deviations by which a prediction must stay below it; with none many answers break it.
    """
    mean, deviation = device.predict(candidates)
    keeps = mean + margin * deviation <= limit
    return int(np.where(keeps, scores, -np.inf).argmax()) if keeps.any() else None


def best_measured(
    device: DeviceModel,
    candidates: Encoded,
    scores: Vector,
    limit: float,
    measure: Callable[[int], float],
    extra: int = 5,
    known: Mapping[int, float] | None = None,
) -> Found:
    """The best of the candidates that were measured, ``extra`` of them for this answer: it was seen to keep the limit.

    Measured next is the candidate of largest expected improvement of the score over the best that kept the limit: the probability that
    it keeps it times what it would add (Gardner et al. 2014, "Bayesian Optimization with Inequality Constraints", with known scores).

    Args:
        device: on which it is to run; the model learns from every measurement.
        candidates: architectures.
        scores: of each, larger is better, ``(candidates,)``.
        limit: in the unit of the device's measurements.
        measure: gives the latency of the candidate at a position.
        extra: measurements, at most.
        known: latencies of candidates that were measured before, as references, by position.
    """
    from scipy.stats import norm

    seen = dict(known or {})
    before = len(seen)
    lowest = float(scores.min()) - float(np.ptp(scores))
    for _ in range(extra):
        kept = [position for position, latency in seen.items() if latency <= limit]
        best = max((float(scores[position]) for position in kept), default=lowest)
        mean, deviation = device.predict(candidates)
        improvement = norm.cdf((limit - mean) / np.maximum(deviation, 1e-12)) * np.maximum(scores - best, 0.0)
        improvement[list(seen)] = 0.0
        if not improvement.any():
            break
        position = int(improvement.argmax())
        seen[position] = float(measure(position))
        device = device.with_measured(candidates.rows([position]), np.array([seen[position]]))
    kept = [position for position, latency in seen.items() if latency <= limit]
    answer = max(kept, key=lambda position: float(scores[position]), default=None)
    return Found(answer, None if answer is None else seen[answer], len(seen) - before)
