"""Covariances between architectures, one per group of features and a few smooth ones of all; which of them count, and how much, is learned.

Notation: ``z`` are standardised features, ``z_g`` those of group g, scaled so that a group's squared length is 1 on average.

    k_0 = 1        k_g(z, z') = z_g . z'_g        k_r(z, z') = exp(-|z - z'|^2 / (2 G r^2)),  G groups, r in REACHES

The linear ones say that costs add up (each option and each operation has a price), the smooth ones allow for what does not add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.meta.cost_model.features import Features, Matrix, Vector

REACHES = (0.7, 1.5, 3.0)
"""Of the smooth covariances, in average distances from the centre."""
_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class Kernel:
    """Standardises features and compares them.

    Args:
        names: of the columns it knows.
        groups: of each column.
        centre: of each column, subtracted.
        factor: of each column, multiplied then.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    centre: Vector
    factor: Vector

    @classmethod
    def of(cls, features: Features) -> Kernel:
        """Fitted to the architectures of ``features``; columns that never change are dropped."""
        values, kinds = features.values, np.array(features.groups)
        changing = np.ptp(values, axis=0) > 0
        if not changing.any():
            raise InputError("the measured architectures are all alike; measure different ones")
        values, kinds = values[:, changing], kinds[changing]
        factor = 1.0 / np.abs(values).max(axis=0)
        variance = np.square(values.std(axis=0) * factor)
        for kind in set(kinds.tolist()):
            factor[kinds == kind] /= np.sqrt(variance[kinds == kind].sum())
        names = tuple(name for name, there in zip(features.names, changing, strict=True) if there)
        return cls(names, tuple(kinds.tolist()), values.mean(axis=0), factor)

    @cached_property
    def columns(self) -> tuple[NDArray[np.int64], ...]:
        """Positions of each group's columns."""
        kinds = np.array(self.groups)
        return tuple(np.flatnonzero(kinds == kind) for kind in dict.fromkeys(self.groups))

    def __len__(self) -> int:
        """Number of covariances."""
        return 1 + len(self.columns) + len(REACHES)

    def standardised(self, features: Features) -> Matrix:
        """``z``, ``(architectures, columns)``; a column that ``features`` lacks counts as 0, as an operation that does not occur.

        Raises:
            InputError: if ``features`` lacks a whole group: it is of another space.
        """
        places = {name: place for place, name in enumerate(features.names)}
        found = np.array([places.get(name, -1) for name in self.names])
        for columns in self.columns:
            if (found[columns] < 0).all():
                raise InputError(
                    f"these architectures have no {self.groups[columns[0]]} that the cost model knows; give those of its space"
                )
        return np.asarray((np.where(found >= 0, features.values[:, found], 0.0) - self.centre) * self.factor)

    def between(self, first: Matrix, second: Matrix) -> Iterator[Matrix]:
        """Each covariance of standardised features, ``(first, second)``, in order."""
        yield np.ones((len(first), len(second)))
        distance = np.zeros((len(first), len(second)))
        for columns in self.columns:
            a, b = first[:, columns], second[:, columns]
            inner = a @ b.T
            yield inner
            distance += np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2.0 * inner
        np.maximum(distance, 0.0, out=distance)
        for reach in REACHES:
            yield np.exp(distance * (-0.5 / (len(self.columns) * reach**2)))

    def weighted(self, first: Matrix, second: Matrix, weights: Vector) -> Matrix:
        """The sum of the covariances times their weights, ``(first, second)``."""
        total = np.zeros((len(first), len(second)))
        for weight, covariance in zip(weights, self.between(first, second), strict=True):
            total += weight * covariance
        return total

    def variance(self, at: Matrix, weights: Vector) -> Vector:
        """The diagonal of :meth:`weighted`, ``(at,)``."""
        lengths = [np.square(at[:, columns]).sum(axis=1) for columns in self.columns]
        return np.asarray(weights[0] + weights[len(lengths) + 1 :].sum() + np.stack(lengths, axis=1) @ weights[1 : len(lengths) + 1])
