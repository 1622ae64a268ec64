"""A Gaussian process over a pool of encoded architectures, conditioned one point at a time.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", algorithm 2.1 and section 5.4.1. SciPy is loaded when something
is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.strategies.pool import Matrix, Pool, Vector

Rows = NDArray[np.int64]
_START = (math.log(2.0), math.log(2.0), math.log(0.01))
"""Logarithms of the weights of the distances of choices (a share of all decisions) and of graphs, and of the noise: a unit of the
function's variance is 1. Also the means of their normal priors."""
_SIGMA = (2.0, 2.0, 1.5)
_BOUNDS = ((-5.0, 6.0), (-5.0, 6.0), (-9.0, 0.0))
_LEAST = 1e-9


def distances(pool: Pool, first: Rows | slice, second: Rows) -> tuple[Matrix, Matrix]:
    """Half the squared distances between rows of a pool, ``(first, second)``: of choices (a share of all decisions) and of graphs."""
    vectors, counts = pool.views()
    one, some, other = vectors[first], counts, vectors[second]
    if not isinstance(first, slice) or first.stop < len(vectors):
        some = counts[first]
    decisions = max(1.0, float(pool.decisions))
    squares = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    choices = (squares / 2 - one @ other.T) / decisions
    graphs = 1.0 - np.asarray(some @ counts[second].T.toarray())
    return np.maximum(choices, 0.0, out=choices), np.maximum(graphs, 0.0, out=graphs)


def fit(pool: Pool, rows: Rows, targets: Vector, start: Sequence[float] | None, steps: int = 15) -> list[float]:
    """The hyper-parameters (logarithms, see :data:`_START`) of largest posterior probability, by at most ``steps`` of L-BFGS.

    Args:
        pool: of the architectures.
        rows: those that were evaluated, ``(n,)``.
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


class GraphProcess:
    """A fitted process given rows of a pool; where the pool holds the whole space, what it says of all is kept up to date.

    Args:
        pool: of the architectures.
        logs: hyper-parameters, see :func:`fit`.
        rows: the first block of points, ``(n,)``; the same block and the same additions give the same to the last bit.
    """

    def __init__(self, pool: Pool, logs: Sequence[float], rows: Rows) -> None:
        from scipy.linalg import cholesky

        self._pool, self._rows = pool, rows
        self._weights = np.exp(np.array(logs))
        self._lower = cholesky(self._covariance(rows, rows) + self._nugget * np.eye(len(rows)), lower=True)
        self._watched = np.empty((0, 0))  # whitened covariance of the points with the whole space
        self._variance = np.empty(0)
        self._everything = slice(0, len(pool.whole or ()))
        if pool.whole is not None:
            self._watched = self._whiten(self._covariance(self._everything, rows).T)
            self._variance = 1.0 - np.square(self._watched).sum(axis=0)

    @property
    def _nugget(self) -> float:
        return float(self._weights[2]) + _LEAST

    def _covariance(self, first: Rows | slice, second: Rows) -> Matrix:
        choices, graphs = distances(self._pool, first, second)
        choices *= -self._weights[0]
        graphs *= -self._weights[1]
        choices += graphs
        return np.asarray(np.exp(choices, out=choices))

    def _whiten(self, covariance: Matrix) -> Matrix:
        from scipy.linalg import solve_triangular

        return np.asarray(solve_triangular(self._lower, covariance, lower=True, check_finite=False))

    def add(self, row: int) -> None:
        """Condition on one more point."""
        point, n = np.array([row]), len(self._rows)
        whitened = self._whiten(self._covariance(self._rows, point))[:, 0]
        corner = math.sqrt(max(1.0 + self._nugget - float(whitened @ whitened), _LEAST))
        self._lower = np.block([[self._lower, np.zeros((n, 1))], [whitened[None], np.full((1, 1), corner)]])
        self._rows = np.append(self._rows, point)
        if self._pool.whole is not None:
            if len(self._watched) == n:
                self._watched = np.concatenate([self._watched, np.empty((16, self._watched.shape[1]))])
            fresh = (self._covariance(self._everything, point)[:, 0] - whitened @ self._watched[:n]) / corner
            self._watched[n] = fresh
            self._variance -= np.square(fresh)

    def with_expected(self, targets: Vector, told: NDArray[np.bool_]) -> Vector:
        """``targets`` ``(n,)`` with the mean, given the others, where ``told`` is False: it moves no mean but lowers the variance."""
        if told.all():
            return targets
        covariance = self._covariance(self._rows, self._rows[told])
        filled = targets.copy()
        filled[~told] = covariance[~told] @ np.linalg.solve(covariance[told] + self._nugget * np.eye(int(told.sum())), targets[told])
        return filled

    def predict(self, targets: Vector, rows: Rows | None = None) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the function at ``rows``, or at the whole space; ``(m,)`` each.

        Args:
            targets: of every point, in the order they came, ``(n,)``.
            rows: of the pool.
        """
        if rows is None:
            watched, variance = self._watched[: len(self._rows)], self._variance
        else:
            watched = self._whiten(self._covariance(rows, self._rows).T)
            variance = 1.0 - np.square(watched).sum(axis=0)
        solved = self._whiten(targets[:, None])[:, 0]
        scale = max(float(solved @ solved) / len(targets), 1e-6)
        return np.asarray(solved @ watched), np.sqrt(np.maximum(variance, _LEAST) * scale)
