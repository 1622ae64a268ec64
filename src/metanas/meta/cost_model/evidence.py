"""Variances of covariances and of the noise, by the probability of what was measured.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", equations 5.8 and 5.9. SciPy is loaded when something is computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metanas.meta.cost_model.features import Vector

_START = (-4.0, -5.0)
"""Logarithms from which the search starts: of the covariances' variances, of the noise's."""
_PRIOR = (-9.0, 4.0)
"""Mean and standard deviation of the logarithm of a covariance's variance: wide, there so that one of no use ends small and not at zero."""
_BOUNDS = (-16.0, 3.0)
"""Of all of these logarithms."""
JITTER = 1e-9


def fit_variances(rest: Vector, covariances: NDArray[np.float64], steps: int = 60) -> tuple[Vector, float]:
    """The variances of the covariances, ``(covariances,)``, and that of the noise, of largest posterior probability.

    Args:
        rest: measurements less their mean, ``(n,)``.
        covariances: between what was measured, ``(covariances, n, n)``.
        steps: of L-BFGS.
    """
    from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
    from scipy.optimize import minimize

    def loss(logs: Vector) -> tuple[float, Vector]:
        variances, noise = np.exp(logs[:-1]), float(np.exp(logs[-1]))
        total = np.tensordot(variances, covariances, 1)
        total[np.diag_indices_from(total)] += noise + JITTER
        factor, _ = dpotrf(total, lower=1)
        weights = dpotrs(factor, rest, lower=1)[0]
        inverse = np.tril(dpotri(factor, lower=1)[0])
        inverse += np.tril(inverse, -1).T
        inverse -= np.outer(weights, weights)
        off = (logs[:-1] - _PRIOR[0]) / _PRIOR[1]
        value = 0.5 * float(rest @ weights + off @ off) + float(np.log(np.diag(factor)).sum())
        slope = 0.5 * variances * np.tensordot(covariances, inverse, 2) + off / _PRIOR[1]
        return value, np.append(slope, 0.5 * noise * np.trace(inverse))

    start = np.repeat(_START, [len(covariances), 1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[_BOUNDS] * len(start), options={"maxiter": steps})
    return np.exp(found.x[:-1]), float(np.exp(found.x[-1]))
