"""The pool of a model-based strategy: architectures, encoded.

SciPy is loaded when something is encoded.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import pairwise
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture, Space
from metanas.spaces.encoding import Vocabulary
from metanas.spaces.graph import Graph
from metanas.spaces.space import RECIPE
from metanas.strategies.candidates import WHOLE, everything
from metanas.strategies.codes import Codes, Rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DEPTH = 2
"""Rounds of the Weisfeiler-Lehman labels."""
LATEST = 1000
"""So many graphs are remembered for the case that they come again."""

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Encode = Callable[[Graph], Counter[Any]]
_Counts = tuple[NDArray[np.int32], Vector]
"""Columns and their counts, scaled to length 1."""


class Pool:
    """Encodes architectures of one space, given as rows of :attr:`codes`, and knows all of them where they are few.

    The tokens that have columns are those of the whole space, or of what was added to the pool; no others can be common to two of these.

    Attributes:
        codes: writes and reads the rows.
        whole: :func:`everything` of the space.
        decisions: number of decisions of the space.
    """

    def __init__(self, space: Space, encode: Encode) -> None:
        self._space, self._encode = space, encode
        self.codes = Codes(space)
        self.decisions = len(space.decisions)
        self.whole = everything(space)
        self._vocabulary = Vocabulary()
        self._added: dict[bytes, _Counts] = {}
        self._graphs: OrderedDict[bytes, Counter[Any]] = OrderedDict()  # the latest, by the choices that they depend on
        self._shaping = np.array([not (space.nodes and d.name.startswith(RECIPE)) for d in space.decisions], dtype=bool)

    @cached_property
    def everything(self) -> Rows:
        """The rows of :attr:`whole`."""
        return self.codes.rows(self.whole or ())

    @property
    def tokens(self) -> list[Any]:
        """What each column of the counts in :meth:`views` stands for."""
        return self._vocabulary.tokens

    def add(self, architectures: Iterable[Architecture]) -> Rows:
        """The rows of ``architectures``, ``(architectures, decisions)``; with what has been added others will be compared."""
        rows = self.codes.rows(architectures)
        if self.whole is None:
            fresh = {key: row for row in rows if (key := row.tobytes()) not in self._added}
            self._added |= zip(fresh, self._counted(fresh.values(), grow=True), strict=True)
        return rows

    def places(self, architectures: Iterable[Architecture]) -> list[int]:
        """Positions in :attr:`whole`, of those that are there."""
        found = (self._places.get(self.codes.row(a).tobytes()) for a in architectures)
        return [place for place in found if place is not None]

    def views(self, rows: Rows | None) -> tuple[Matrix, csr_matrix]:
        """Of each row (None: of the whole space) all its choices, ``(rows, numbers)``, and its graph's counts scaled to length 1,
        ``(rows, tokens)``."""
        if rows is None:
            return self._views
        if self.whole is not None and all(row.tobytes() in self._places for row in rows):
            places = [self._places[row.tobytes()] for row in rows]
            return self._views[0][places], self._views[1][places]
        return self.codes.vectors(rows), self._gathered(rows)

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {row.tobytes(): place for place, row in enumerate(self.everything)}

    @cached_property
    def _views(self) -> tuple[Matrix, csr_matrix]:
        return self.codes.vectors(self.everything), self._matrix(self.everything, grow=True)

    def _gathered(self, rows: Rows) -> csr_matrix:
        """Counts of graphs, of which some were added."""
        from scipy.sparse import csr_matrix

        keys = [row.tobytes() for row in rows]
        others = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._added}
        counted = {**self._added, **dict(zip(others, self._counted(others.values(), grow=False), strict=True))}
        found = [counted[key] for key in keys]
        starts = np.cumsum([0, *(len(columns) for columns, _ in found)], dtype=np.int32)
        columns, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return csr_matrix((values, columns, starts), shape=(len(rows), len(self._vocabulary)))

    def _counted(self, rows: Iterable[NDArray[np.int64]], *, grow: bool) -> list[_Counts]:
        counts = self._matrix(rows, grow=grow)
        return [(counts.indices[start:end], counts.data[start:end]) for start, end in pairwise(counts.indptr)]

    def _counter(self, row: NDArray[np.int64]) -> Counter[Any]:
        """What the graph of a row holds; mutants often differ in the training recipe alone, or come again."""
        key = row[self._shaping].tobytes()
        if (known := self._graphs.get(key)) is None:
            known = self._graphs[key] = self._encode(self._space.motif_graph(self.codes.read(row)))
            if len(self._graphs) > LATEST:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        return known

    def _matrix(self, rows: Iterable[NDArray[np.int64]], *, grow: bool) -> csr_matrix:
        counters = [self._counter(row) for row in rows]
        counts = self._vocabulary.matrix(counters, grow=grow)
        lengths = np.sqrt([sum(map(mul, counter.values(), counter.values())) for counter in counters])
        counts.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(counts.indptr))
        return counts


_POOLS: OrderedDict[tuple[int, ...], tuple[tuple[object, ...], Pool]] = OrderedDict()
_KEPT = 3


def pool_of(space: Space, encode: Encode) -> Pool:
    """A pool for ``space``: that of an earlier call where everything is in it, for it then never changes; else a new one.

    Copies of a space that share its decisions and nodes (as a benchmark's runs over seeds do) share the pool.
    """
    if space.count() > WHOLE:
        return Pool(space, encode)
    parts = (space.decisions, space.nodes, space.motif, space.listed, space.limits, encode)
    key = tuple(map(id, parts))
    if key not in _POOLS:
        made = Pool(space, encode)
        if made.whole is None:
            return made
        _POOLS[key] = parts, made  # the parts live as long, so that their ids stay theirs
        if len(_POOLS) > _KEPT:
            _POOLS.popitem(last=False)
    return _POOLS[key][1]
