"""A Gaussian process conditioned on one point after the other, whatever the points are.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", algorithm 2.1. SciPy is loaded when something is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Points = NDArray[Any]
"""Points along the first axis: vectors, or rows of a pool."""
Covariance = Callable[[Points, Points], Matrix]
"""``(n, ...)`` and ``(m, ...)`` points to ``(n, m)``; symmetric."""

_LEAST = 1e-9
"""Smallest variance, in units of the function's."""
_LEAST_SCALE = 1e-6


class Process:
    """A process given points, of which more may be added, with what it says of ``watched`` points kept up to date.

    Args:
        covariance: of the function between points.
        variance: of the function at any point; None where ``covariance`` (1 at any point) and ``noise`` are in units of a variance that
            :meth:`predict` takes at its most probable value given the targets.
        noise: variance of the targets around the function.
        points: the first block, ``(n, ...)``; adding the others one by one in the same order gives the same to the last bit.
        watched: candidates that will be asked about again and again, ``(candidates, ...)``, or None; ``covariance`` gets this very array.
    """

    def __init__(self, covariance: Covariance, variance: float | None, noise: float, points: Points, watched: Points | None = None) -> None:
        from scipy.linalg import cholesky

        self._covariance, self._noise = covariance, noise
        self._prior, self._profiled = (1.0, True) if variance is None else (variance, False)
        self._points, self._watched = points, watched
        self._lower = cholesky(covariance(points, points) + noise * np.eye(len(points)), lower=True)
        self._rows = np.empty((0, 0))  # watched points, whitened; more rows than points, so that adding one seldom copies
        self._variance = np.empty(0)  # of the function at the watched points
        if watched is not None:
            self._rows = self._whiten(covariance(watched, points).T)
            self._variance = self._prior - np.square(self._rows).sum(axis=0)

    def _whiten(self, covariance: Matrix) -> Matrix:
        from scipy.linalg import solve_triangular

        return np.asarray(solve_triangular(self._lower, covariance, lower=True, overwrite_b=True, check_finite=False))

    def add(self, point: Points) -> None:
        """Condition on one more point, ``(1, ...)``."""
        n = len(self._points)
        row = self._whiten(self._covariance(self._points, point))[:, 0]
        corner = math.sqrt(max(self._prior + self._noise - float(row @ row), _LEAST * self._prior))
        self._lower = np.block([[self._lower, np.zeros((n, 1))], [row[None], np.full((1, 1), corner)]])
        self._points = np.concatenate([self._points, point])
        if self._watched is not None:
            if len(self._rows) == n:
                self._rows = np.concatenate([self._rows, np.empty((16, self._rows.shape[1]))])
            fresh = (self._covariance(self._watched, point)[:, 0] - row @ self._rows[:n]) / corner
            self._rows[n] = fresh
            self._variance -= np.square(fresh)

    def with_expected(self, targets: Vector, told: NDArray[np.bool_]) -> Vector:
        """``targets`` ``(n,)`` with the mean, given the others, where ``told`` is False: it moves no mean but lowers the variance.

        Ginsbourger et al. 2010, "Kriging Is Well-Suited to Parallelize Optimization": the kriging believer.
        """
        if told.all():
            return targets
        covariance = self._covariance(self._points, self._points[told])
        filled = targets.copy()
        filled[~told] = covariance[~told] @ np.linalg.solve(covariance[told] + self._noise * np.eye(int(told.sum())), targets[told])
        return filled

    def predict(self, targets: Vector, at: Points | None = None) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the function at ``at`` ``(m, ...)``, or at what is watched; ``(m,)`` each.

        Args:
            targets: of every point, in the order they came, ``(n,)``.
            at: points; None: what is watched.
        """
        if at is None:
            rows, variance = self._rows[: len(targets)], self._variance
        else:
            rows = self._whiten(self._covariance(at, self._points).T)
            variance = self._prior - np.square(rows).sum(axis=0)
        solved = self._whiten(targets[:, None].copy())[:, 0]
        scale = max(float(solved @ solved) / len(targets), _LEAST_SCALE) if self._profiled else 1.0
        return np.asarray(solved @ rows), np.sqrt(np.maximum(variance, _LEAST * self._prior) * scale)
