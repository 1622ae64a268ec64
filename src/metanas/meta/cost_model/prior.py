"""What is expected of a device before anything is measured there: the source devices' mean, and how devices differ from it.

Notation, latencies in units of a device's own mean:

    f_s(x)   source device s, s = 1 .. S        m(x) = mean_s f_s(x)        k_i(x, x')   covariances of :class:`Kernel`
    f(x)   = m(x) + sum_s c_s (f_s(x) - m(x)) + g(x),    c_s ~ N(0, v_0 / S),    g ~ GP(0, sum_i v_i k_i),    v = sum_i v_i

A new device is a mixture of those known and something of its own. How much of each and how much noise there is differs: some devices are
nearly mixtures of others, some are not. So the amounts have a lognormal distribution, learned by leaving one source device out at a time.
As the mixture is Gaussian, it is a Gaussian process with a low-rank covariance: a linear model of coregionalisation (Bonilla et al. 2007,
"Multi-task Gaussian Process Prediction") whose coefficients for a new device are integrated out instead of fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metanas.meta.cost_model.evidence import fit_variances
from metanas.meta.cost_model.features import Features, Index, Matrix, Vector
from metanas.meta.cost_model.sources import Sources

_SPREAD = 1.0
"""Least standard deviation of the logarithm of an amount, from device to device."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Architectures as the prior sees them: computed once, used for any number of devices.

    Args:
        z: standardised features, ``(architectures, columns)``.
        sources: relative latency on each source device, ``(architectures, devices)``.
    """

    z: Matrix
    sources: Matrix

    def __len__(self) -> int:
        return len(self.z)

    def rows(self, index: Index) -> Encoded:
        """Those of some architectures."""
        return Encoded(self.z[index], self.sources[index])

    def followed_by(self, others: Encoded) -> Encoded:
        """These architectures and then ``others``."""
        return Encoded(np.concatenate([self.z, others.z]), np.concatenate([self.sources, others.sources]))

    @property
    def mean(self) -> Vector:
        """``m``, ``(architectures,)``."""
        return np.asarray(self.sources.mean(axis=1))

    @property
    def differences(self) -> Matrix:
        """``(f_s - m) / sqrt(S)``, ``(architectures, devices)``."""
        return np.asarray((self.sources - self.sources.mean(axis=1, keepdims=True)) / self.sources.shape[1] ** 0.5)


@dataclass(frozen=True, eq=False)
class DevicePrior:
    """A distribution over devices.

    Args:
        sources: the devices known.
        shares: of each covariance in what is a device's own, ``v_i / v``, ``(covariances,)``.
        amounts: mean and standard deviation, over devices, of the logarithm of ``v_0``, of ``v`` and of the noise's variance, ``(3, 2)``.
    """

    sources: Sources
    shares: Vector
    amounts: Matrix

    def encode(self, architectures: Features | Encoded) -> Encoded:
        """``architectures`` as this prior sees them."""
        if isinstance(architectures, Encoded):
            return architectures
        z = self.sources.kernel.standardised(architectures)
        return Encoded(z, self.sources.at(z))

    def covariances(self, first: Encoded, second: Encoded) -> tuple[Matrix, Matrix]:
        """Of the mixture and of what is a device's own, where ``v_0`` and ``v`` are 1; ``(first, second)`` each."""
        mixture = np.asarray(first.differences @ second.differences.T)
        return mixture, self.sources.kernel.weighted(first.z, second.z, self.shares)

    def variances(self, at: Encoded) -> tuple[Vector, Vector]:
        """The diagonals of :meth:`covariances`, ``(at,)`` each."""
        return np.asarray(np.square(at.differences).sum(axis=1)), self.sources.kernel.variance(at.z, self.shares)


def fit_prior(sources: Sources, measured: list[tuple[Matrix, Vector]], most: int, rng: np.random.Generator) -> DevicePrior:
    """The amounts that make each source device most probable given the others, and how they differ from device to device.

    Args:
        sources: at least two devices.
        measured: per device standardised features ``(n, columns)`` and relative latencies ``(n,)``.
        most: measurements of a device that are looked at.
        rng: chooses them.
    """
    logs, amounts = [], []
    for device, (z, latencies) in enumerate(measured):
        some = rng.permutation(len(z))[:most]
        others = Encoded(z[some], np.delete(sources.at(z[some]), device, axis=1))
        mixture = others.differences @ others.differences.T
        covariances = np.stack([mixture, *sources.kernel.between(others.z, others.z)])
        variances, noise = fit_variances(latencies[some] - others.mean, covariances)
        logs.append(np.log(variances[1:]))
        amounts.append(np.log([variances[0], variances[1:].sum(), noise]))
    shares = np.exp(np.mean(logs, axis=0))
    spread = np.maximum(np.std(amounts, axis=0), _SPREAD)
    return DevicePrior(sources, shares / shares.sum(), np.stack([np.mean(amounts, axis=0), spread], axis=1))
