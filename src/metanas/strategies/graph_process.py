"""A Gaussian process over a pool of encoded architectures.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", section 5.4.1. SciPy is loaded when something is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from metanas.strategies.codes import Rows
from metanas.strategies.pool import Pool
from metanas.strategies.process import Matrix, Process, Vector

_START = (math.log(2.0), math.log(2.0), math.log(0.01))
"""Logarithms of the weights of the distances of choices (a share of all decisions) and of graphs, and of the noise: a unit of the
function's variance is 1. Also the means of their normal priors."""
_SIGMA = (2.0, 2.0, 1.5)
_BOUNDS = ((-5.0, 6.0), (-5.0, 6.0), (-9.0, 0.0))
_LEAST = 1e-9


def distances(pool: Pool, first: Rows | None, second: Rows) -> tuple[Matrix, Matrix]:
    """Half the squared distances between rows (of the first None: the whole space), ``(first, second)``: of choices (a share of all
    decisions) and of graphs."""
    (one, some), (other, counts) = pool.views(first), pool.views(second)
    decisions = max(1.0, float(pool.decisions))
    squares = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    choices = (squares / 2 - one @ other.T) / decisions
    # Two graphs of a large space have few of its many tokens in common.
    graphs = 1.0 - (np.asarray(some @ counts.T.toarray()) if first is None else (some @ counts.T).toarray())
    return np.maximum(choices, 0.0, out=choices), np.maximum(graphs, 0.0, out=graphs)


def fit(pool: Pool, rows: Rows, targets: Vector, start: Sequence[float] | None, steps: int = 15) -> list[float]:
    """The hyper-parameters (logarithms, see :data:`_START`) of largest posterior probability, by at most ``steps`` of L-BFGS.

    Args:
        pool: of the architectures.
        rows: of those that were evaluated, ``(n, decisions)``.
        targets: of mean 0 and variance 1, ``(n,)``.
        start: where the search starts; None starts at the prior's mode.
    """
    from scipy.linalg import cho_factor, cho_solve
    from scipy.optimize import minimize

    parts, n = distances(pool, rows, rows), len(rows)
    middle, width = np.array(_START), np.array(_SIGMA)

    def loss(logs: Vector) -> tuple[float, Vector]:
        """With the function's variance at its best value, which is known."""
        weights = np.exp(logs)
        kernel = np.exp(-weights[0] * parts[0] - weights[1] * parts[1])
        factor = cho_factor(kernel + (weights[2] + _LEAST) * np.eye(n), lower=True, check_finite=False)
        inverse = cho_solve(factor, np.eye(n), check_finite=False)
        solved = inverse @ targets
        variance = max(float(targets @ solved) / n, _LEAST)
        inner = 0.5 * (inverse - np.outer(solved, solved) / variance)
        shaped = inner * kernel
        slopes = [-weights[0] * (shaped * parts[0]).sum(), -weights[1] * (shaped * parts[1]).sum(), weights[2] * inner.trace()]
        away = (logs - middle) / width
        value = 0.5 * n * math.log(variance) + float(np.log(np.diag(factor[0])).sum()) + 0.5 * float(away @ away)
        return value, np.array(slopes) + away / width

    begin = np.array(_START if start is None else start)
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": steps})
    return [float(x) for x in found.x]


def graph_process(pool: Pool, logs: Sequence[float], rows: Rows) -> Process:
    """The process of these hyper-parameters given rows; where the pool holds the whole space, it is what is watched.

    Args:
        pool: of the architectures.
        logs: hyper-parameters, see :func:`fit`.
        rows: the first block of points, ``(n, decisions)``.
    """
    weights = np.exp(np.array(logs))

    watched = None if pool.whole is None else pool.everything

    def covariance(first: Rows, second: Rows) -> Matrix:
        choices, graphs = distances(pool, None if first is watched else first, second)
        choices *= -weights[0]
        graphs *= -weights[1]
        choices += graphs
        return np.asarray(np.exp(choices, out=choices))

    return Process(covariance, None, float(weights[2]) + _LEAST, rows, watched)
