"""Source devices as functions of the architecture: a Gaussian process for each, kept by its weights at a few inducing architectures.

Subset of regressors: Quiñonero-Candela and Rasmussen 2005, "A Unifying View of Sparse Approximate Gaussian Process Regression",
section 3.1; with all measured architectures inducing it is the full process. SciPy is loaded when something is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metanas.meta.cost_model.evidence import JITTER, fit_variances
from metanas.meta.cost_model.features import Matrix, Vector
from metanas.meta.cost_model.kernel import Kernel

_TOGETHER = 2000
"""Architectures that are computed at once: bounds the memory."""


@dataclass(frozen=True, eq=False)
class Sources:
    """Latencies of the source devices, each in units of its own mean, for any architecture.

    Args:
        kernel: compares architectures.
        inducing: standardised features, ``(inducing, columns)``.
        variances: of each covariance, per device, ``(covariances, devices)``.
        weights: of each inducing architecture, per device, ``(inducing, devices)``.
        scale: of each device, by which its function is divided so that its mean is 1, ``(devices,)``.
    """

    kernel: Kernel
    inducing: Matrix
    variances: Matrix
    weights: Matrix
    scale: Vector

    def at(self, z: Matrix) -> Matrix:
        """Relative latency of each architecture on each device, ``(z, devices)``; 1 is a device's mean."""
        parts = [self._at(z[start : start + _TOGETHER]) for start in range(0, len(z), _TOGETHER)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.scale)))

    def _at(self, z: Matrix) -> Matrix:
        total = np.ones((len(z), len(self.scale)))
        for covariance, variances in zip(self.kernel.between(z, self.inducing), self.variances, strict=True):
            total += covariance @ self.weights * variances
        return np.asarray(total / self.scale)


def fit_sources(
    kernel: Kernel, measured: Sequence[tuple[Matrix, Vector]], inducing: Matrix, most: int, rng: np.random.Generator
) -> tuple[Sources, Vector]:
    """A function per device, and the factor that makes each device's latencies relative, ``(devices,)``.

    Args:
        kernel: compares architectures.
        measured: per device standardised features ``(n, columns)`` and latencies ``(n,)``, in any unit.
        inducing: standardised features ``(inducing, columns)``.
        most: measurements of a device that its variances are fitted to; the function is fitted to all.
        rng: chooses them.
    """
    fits = [_fitted(kernel, z, latencies / latencies.mean() - 1.0, inducing, most, rng) for z, latencies in measured]
    variances, weights = (np.stack(parts, axis=1) for parts in zip(*fits, strict=True))
    scale = Sources(kernel, inducing, variances, weights, np.ones(len(measured))).at(inducing).mean(axis=0)
    factors = np.array([1.0 / latencies.mean() for _, latencies in measured]) / scale
    return Sources(kernel, inducing, variances, weights, scale), factors


def _fitted(kernel: Kernel, z: Matrix, rest: Vector, inducing: Matrix, most: int, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Variances of the covariances, ``(covariances,)``, and weights of the inducing architectures, ``(inducing,)``."""
    from scipy.linalg import cholesky, solve_triangular

    some = rng.permutation(len(z))[:most]
    variances, noise = fit_variances(rest[some], np.stack(list(kernel.between(z[some], z[some]))))
    among = kernel.weighted(inducing, inducing, variances)
    among[np.diag_indices_from(among)] += JITTER * (1.0 + np.trace(among) / len(among))
    lower = cholesky(among, lower=True)
    rows = solve_triangular(lower, kernel.weighted(inducing, z, variances), lower=True)
    inner = rows @ rows.T
    inner[np.diag_indices_from(inner)] += noise + JITTER
    return variances, solve_triangular(lower, np.linalg.solve(inner, rows @ rest), lower=True, trans=1)
