"""Lists of architectures: which of them are most similar to any other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.architecture import Architecture
from metanas.spaces.decision import Decision, Value

INACTIVE = -1


class Listing:
    """Finds the most similar of listed architectures: the one with the fewest decisions that are chosen otherwise."""

    def __init__(self, decisions: Sequence[Decision], listed: Sequence[Architecture]) -> None:
        self._decisions, self._listed = decisions, listed
        self._columns = {decision.name: column for column, decision in enumerate(decisions)}
        self._ranks = [{option: rank for rank, option in enumerate(d.options)} for d in decisions]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Architecture key to position in the list."""
        return {architecture.key: row for row, architecture in enumerate(self._listed)}

    @cached_property
    def _codes(self) -> NDArray[np.int16]:
        """One row per decision: the sums over decisions that :meth:`nearest` takes are ten times faster this way round."""
        return np.ascontiguousarray(np.stack([self._code(architecture) for architecture in self._listed], axis=1))

    def _code(self, architecture: Architecture) -> NDArray[np.int16]:
        chosen = architecture.as_dict
        ranks = [r[chosen[d.name]] if d.name in chosen else INACTIVE for d, r in zip(self._decisions, self._ranks, strict=True)]
        return np.array(ranks, dtype=np.int16)

    def has(self, decision: str, option: Value) -> bool:
        """Whether any listed architecture chooses ``option``."""
        column = self._columns[decision]
        return self._ranks[column][option] in self._chosen[column]

    @cached_property
    def _chosen(self) -> list[set[int]]:
        return [set(np.unique(column).tolist()) for column in self._codes]

    @overload
    def nearest(self, to: Architecture, *, rng: np.random.Generator | None = None) -> Architecture: ...
    @overload
    def nearest(
        self, to: Architecture, decision: str, *, apart_from: Architecture, rng: np.random.Generator | None = None
    ) -> Architecture | None: ...
    def nearest(
        self,
        to: Architecture,
        decision: str | None = None,
        *,
        apart_from: Architecture | None = None,
        rng: np.random.Generator | None = None,
    ) -> Architecture | None:
        """The listed architecture that is most similar to ``to``: one of equals at random with ``rng``, else the first.

        Args:
            to: any architecture of the space, listed or not.
            decision: only those that choose as ``to`` does here count.
            apart_from: this one does not count.
            rng: chooses among equals.
        """
        code = self._code(to)
        distance = (self._codes != code[:, None]).sum(axis=0, dtype=np.uint16)
        far = len(self._decisions) + 1
        if decision is not None:
            column = self._columns[decision]
            distance[self._codes[column] != code[column]] = far
        if apart_from is not None and apart_from.key in self.rows:
            distance[self.rows[apart_from.key]] = far
        least = distance.min()
        if least == far:
            return None
        equals = np.flatnonzero(distance == least)
        return self._listed[int(equals[0] if rng is None else equals[rng.integers(len(equals))])]
