"""The pool of a model-based strategy: encoded architectures, and which of them to choose from next.

SciPy is loaded when something is encoded.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture, Space
from metanas.spaces.encoding import Vocabulary, choice_vector
from metanas.spaces.graph import Graph
from metanas.spaces.space import Limits
from metanas.strategies.base import Known

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WHOLE = 20_000
"""Up to so many architectures all of them are candidates."""
PARENTS, CHILDREN, DRAWN = 10, 40, 20
"""Else mutants of the best so many, so many per round, and so many drawn from anywhere."""
DEPTH = 2
"""Rounds of the Weisfeiler-Lehman labels."""

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Encode = Callable[[Graph], Counter[str]]
Promise = Callable[[Sequence[Architecture]], Vector]


class Pool:
    """Encodes architectures of one space, each once, and knows all of them where they are few.

    Attributes:
        whole: all architectures, or None where they are too many (or admitting them takes their graphs).
        rows: architecture key to its row in :meth:`views`.
        decisions: number of decisions of the space.
    """

    def __init__(self, space: Space, encode: Encode) -> None:
        self._space, self._encode = space, encode
        self.decisions = len(space.decisions)
        self._vocabulary = Vocabulary()
        self._vectors: list[Vector] = []
        self._counters: list[Counter[str]] = []
        self.rows: dict[str, int] = {}
        self._built: tuple[int, Matrix, csr_matrix] | None = None
        few = space.count() <= WHOLE and (bool(space.listed) or space.limits == Limits())
        self.whole: tuple[Architecture, ...] | None = tuple(space.enumerate(most=WHOLE)) if few else None
        self.add(self.whole or ())

    @property
    def tokens(self) -> list[str]:
        """What each column of the counts in :meth:`views` stands for."""
        return self._vocabulary.tokens

    def add(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """Rows of ``architectures``, ``(architectures,)``; the unknown ones are encoded."""
        for architecture in architectures:
            if architecture.key not in self.rows:
                self.rows[architecture.key] = len(self.rows)
                self._vectors.append(choice_vector(self._space, architecture))
                self._counters.append(self._encode(self._space.motif_graph(architecture)))
        return np.array([self.rows[a.key] for a in architectures], dtype=np.int64)

    def views(self) -> tuple[Matrix, csr_matrix]:
        """Of every row all its choices, ``(rows, numbers)``, and its graph's counts scaled to length 1, ``(rows, tokens)``."""
        if self._built is None or self._built[0] < len(self._vectors):
            from scipy.sparse import csr_matrix, vstack

            before = 0 if self._built is None else self._built[0]
            counts = self._vocabulary.matrix(self._counters[before:])
            lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
            counts.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(counts.indptr))
            vectors = np.stack(self._vectors[before:])
            if self._built is not None:
                old = self._built[2]
                wider = csr_matrix((old.data, old.indices, old.indptr), shape=(old.shape[0], len(self._vocabulary)))
                vectors, counts = np.concatenate([self._built[1], vectors]), vstack([wider, counts], format="csr")
            self._built = len(self._vectors), vectors, counts
            self._counters[before:] = [Counter()] * (len(self._counters) - before)  # they are in the matrix
        return self._built[1], self._built[2]


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


def search(space: Space, best: Sequence[Architecture], promise: Promise, rng: np.random.Generator, asked: set[str]) -> Architecture:
    """The most promising of mutants of the best, random architectures, and mutants of the most promising of these.

    Args:
        space: to search in.
        best: parents, the best first; the earlier the more children.
        promise: of each architecture, larger is better.
        rng: draws.
        asked: keys that are no candidates.
    """
    found: dict[str, Architecture] = {}
    worth: dict[str, float] = {}
    parents = list(best[:PARENTS])
    for turn in range(2):
        made = [space.sample(rng) for _ in range(DRAWN)] if turn == 0 else []
        for _ in range(CHILDREN if parents else 0):
            child = space.mutate(parents[min(int(rng.geometric(0.2)) - 1, len(parents) - 1)], rng)
            while rng.random() < 0.4:
                child = space.mutate(child, rng)
            made.append(child)
        fresh = {a.key: a for a in made if a.key not in asked and a.key not in found}
        if fresh:
            found |= fresh
            worth |= dict(zip(fresh, promise(list(fresh.values())).tolist(), strict=True))
        parents = [found[key] for key in sorted(worth, key=worth.__getitem__, reverse=True)[:PARENTS]]
    return parents[0] if parents else space.sample(rng)


def spread(known: Sequence[Known], sharpness: float = 0.25) -> Vector:
    """Targets of mean 0 and variance 1, ``(known,)``, in which the differences between the best are large whatever the scale.

    The logarithm of the regret, with ``sharpness`` times the distance from the median to the best as its smallest step. What failed is as
    bad as the worst. What was evaluated with less effort is shifted so that the best of it equals the median of the next higher effort,
    for what was promoted was as a rule better than what was left behind.
    """
    efforts = np.array([k.effort for k in known])
    values = np.array([k.value for k in known])
    good = np.isfinite(values)
    if not good.any():
        return np.zeros(len(known))
    middle: float | None = None
    for effort in sorted(set(efforts[good].tolist()), reverse=True):
        level = good & (efforts == effort)
        if middle is not None:
            values[level] += middle - values[level].max()
        middle = float(np.median(values[level]))
    values[~good] = values[good].min()
    best = values.max()
    step = sharpness * (best - float(np.median(values))) or sharpness * float(np.ptp(values)) or 1.0
    targets = -np.log(best - values + step)
    return np.asarray((targets - targets.mean()) / max(float(targets.std()), 1e-9))
