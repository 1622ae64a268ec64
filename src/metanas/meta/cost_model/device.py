"""One device, known by a few measurements.

Its unit (how long an architecture of average cost takes), how far it is from mixtures of the source devices and the size of its noise are
unknown: the unit takes its most probable value, the others are summed out over a grid of hypotheses, weighted by the probability of what
was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metanas.errors import InputError
from metanas.meta.cost_model.evidence import JITTER
from metanas.meta.cost_model.features import Features, Matrix, Vector
from metanas.meta.cost_model.prior import DevicePrior, Encoded

_GRID = np.stack(np.meshgrid(np.linspace(-1.5, 1.5, 5), np.linspace(-1.5, 1.5, 5), np.linspace(-2.0, 2.0, 9), indexing="ij"), -1).reshape(
    -1, 3
)
"""Hypotheses: standard deviations from the mean of the logarithms of the prior's amounts, ``(hypotheses, 3)``."""
_FLOOR = 0.02
"""Relative latency below which a mean bends towards zero: no latency is negative."""


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """What :meth:`CostModel.adapt` gives.

    With ``b(x) = [m(x), k_0(x, references), k_own(x, references)]`` the mean is linear in ``b`` under every hypothesis, so that over all
    of them the mean is ``first . b`` and the mean square ``b' second b + amounts . [k_0(x, x), k_own(x, x), 1]``.

    Args:
        prior: of devices.
        references: that were measured.
        latencies: of these, in any unit.
        first: ``(1 + 2 references,)``.
        second: ``(1 + 2 references, 1 + 2 references)``.
        amounts: expected variances of mixture, own and noise, ``(3,)``.
    """

    prior: DevicePrior
    references: Encoded
    latencies: Vector
    first: Vector
    second: Matrix
    amounts: Vector

    def predict(self, architectures: Features | Encoded) -> tuple[Vector, Vector]:
        """Mean and standard deviation of a measurement of each architecture, ``(architectures,)`` each, in the unit of the references."""
        at = self.prior.encode(architectures)
        base = np.concatenate([at.mean[:, None], *self.prior.covariances(at, self.references)], axis=1)
        mean = base @ self.first
        square = ((base @ self.second) * base).sum(axis=1) + np.stack([*self.prior.variances(at), np.ones(len(at))], axis=1) @ self.amounts
        floor = _FLOOR * self.first[0]
        return floor * np.logaddexp(0.0, mean / floor), np.sqrt(np.maximum(square - np.square(mean), 0.0))

    def with_measured(self, architectures: Features | Encoded, latencies: Vector) -> DeviceModel:
        """The model given further measurements."""
        references = self.references.followed_by(self.prior.encode(architectures))
        return adapt(self.prior, references, np.concatenate([self.latencies, latencies]))


def adapt(prior: DevicePrior, references: Encoded, latencies: Vector) -> DeviceModel:
    """The posterior given ``latencies`` of ``references``, ``(n,)``, in any unit.

    With ``y = latencies / unit``, mean ``m`` and covariance ``C`` of a hypothesis at the references (noise included), the unit maximises
    ``N(y; m, C) / unit^n``: a quadratic equation in its inverse. Its doubt is that of Laplace's approximation.

    Raises:
        InputError: if there is not one positive latency for each of at least two references.
    """
    y, n = np.asarray(latencies, dtype=np.float64), len(references)
    if y.shape != (n,) or n < 2 or not (np.isfinite(y) & (y > 0)).all():
        raise InputError("a device is known by positive latencies, one for each of at least two reference architectures; measure those")
    typical = float(np.exp(np.log(y).mean()))  # keeps the numbers of order one, whatever the unit
    mean, y = references.mean, y / typical
    amounts = np.exp(prior.amounts[:, 0] + prior.amounts[:, 1] * _GRID)
    parts = np.stack([*prior.covariances(references, references), np.eye(n)])
    total = np.tensordot(amounts, parts, 1) + JITTER * np.eye(n)
    inverse = np.linalg.inv(total)
    seen_y, seen_mean = inverse @ y, inverse @ mean
    a, b = seen_y @ y, seen_y @ mean
    per_unit = (b + np.sqrt(b * b + 4.0 * n * a)) / (2.0 * a)
    weights = per_unit[:, None] * seen_y - seen_mean
    fit = np.einsum("hn,hn->h", per_unit[:, None] * y - mean, weights)
    scores = n * np.log(per_unit) - 0.5 * (fit + np.linalg.slogdet(total)[1] + np.square(_GRID).sum(axis=1))
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()

    def over_base(ones: Vector, at_references: Matrix) -> Matrix:
        """Coefficients of ``b``, by hypothesis, of ``ones`` times the mean and the covariances times ``at_references``."""
        return np.concatenate([ones[:, None], amounts[:, :1] * at_references, amounts[:, 1:2] * at_references], axis=1)

    means = over_base(np.ones(len(amounts)), weights)
    doubts = over_base(np.ones(len(amounts)), -seen_mean) / np.sqrt(np.square(per_unit) * a + n)[:, None]
    units = typical / per_unit
    squares = shares * np.square(units)
    second = np.einsum("h,hi,hj->ij", squares, means, means) + np.einsum("h,hi,hj->ij", squares, doubts, doubts)
    second[1:, 1:] -= np.einsum("h,hp,hq,hij->piqj", squares, amounts[:, :2], amounts[:, :2], inverse, optimize=True).reshape(2 * n, 2 * n)
    return DeviceModel(prior, references, np.asarray(latencies, dtype=np.float64), (shares * units) @ means, second, squares @ amounts)
