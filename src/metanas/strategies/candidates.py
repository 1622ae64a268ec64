"""Which architectures a model is asked about: all of them where they are few, else mutants of the best and some from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture, Space
from metanas.spaces.space import Limits
from metanas.strategies.codes import Codes, Rows

WHOLE = 20_000
"""Up to so many architectures all of them are candidates, see :func:`everything`."""
PARENTS, CHILDREN, DRAWN = 10, 40, 20
"""Of :func:`search`: mutants of the best so many, so many per round, and so many drawn from anywhere."""
MORE, MORE_FAR = 0.4, 0.8
"""Chance that a mutant is mutated once more: of those of the best, and of those that stand for any architecture under limits."""
_SPARE = 5
"""So many times as many mutants are made under limits."""

Promise = Callable[[Rows], NDArray[np.float64]]


def everything(space: Space) -> tuple[Architecture, ...] | None:
    """All architectures, where they are few enough to look at each, and admitting them takes no graphs; else None."""
    few = _free(space) and space.count() <= WHOLE
    return tuple(space.enumerate(most=WHOLE)) if few else None


def anywhere(space: Space, codes: Codes, known: Rows, count: int, rng: np.random.Generator) -> Rows:
    """``count`` rows from anywhere in the space; under limits, which most rows are beyond, far mutants of what is known to keep them.

    Args:
        space: to draw from.
        codes: of the space.
        known: rows of architectures that the space admits, one at least.
        count: of the rows.
        rng: draws.
    """
    if space.listed:
        return codes.rows([space.listed[place] for place in rng.integers(len(space.listed), size=count).tolist()])
    if space.limits == Limits():
        return codes.close(codes.draw(count, rng))
    return codes.mutate(known[rng.integers(len(known), size=count)], MORE_FAR, rng)


def search(
    space: Space, codes: Codes, best: Sequence[Architecture], promise: Promise, rng: np.random.Generator, taken: Iterable[Architecture]
) -> Architecture:
    """The most promising of mutants of the best, architectures from anywhere, and mutants of the most promising of these.

    Under limits the promise is asked first: whether a candidate keeps them takes its graph, and few have to be looked at.

    Args:
        space: to search in.
        codes: of the space.
        best: parents, the best first; the earlier the more children.
        promise: of rows, which may be beyond the space's limits; larger is better.
        rng: draws.
        taken: no candidates.
    """
    seen = {codes.row(a).tobytes() for a in taken}
    known = codes.rows(best)
    parents, found, worth = known[:PARENTS], known[:0], np.empty(0)
    admitted: dict[bytes, bool] = {}
    for turn in range(2 if len(parents) else 0):
        made = [_mutants(space, codes, parents, rng)]
        made += [anywhere(space, codes, known, DRAWN, rng)] if turn == 0 else []
        fresh = []
        for row in np.concatenate(made):
            if (key := row.tobytes()) not in seen:
                seen.add(key)
                fresh.append(row)
        if fresh:
            found = np.concatenate([found, fresh])
            worth = np.concatenate([worth, promise(np.stack(fresh))])
        parents = _best(space, codes, found[np.argsort(-worth, kind="stable")], admitted)
        if not len(parents):
            break
    return codes.read(parents[0]) if len(parents) and len(found) else space.sample(rng)


def _mutants(space: Space, codes: Codes, parents: Rows, rng: np.random.Generator) -> Rows:
    """:data:`CHILDREN` mutants of the parents, of the first most of all; under limits, which many are beyond, more."""
    count = CHILDREN if _free(space) else _SPARE * CHILDREN
    chosen = parents[np.minimum(rng.geometric(0.2, size=count) - 1, len(parents) - 1)]
    if not space.listed:
        return codes.mutate(chosen, MORE, rng)
    steps = rng.geometric(1 - MORE, size=count).tolist()
    return codes.rows([_mutated(space, codes.read(row), step, rng) for row, step in zip(chosen, steps, strict=True)])


def _mutated(space: Space, architecture: Architecture, steps: int, rng: np.random.Generator) -> Architecture:
    for _ in range(steps):
        architecture = space.mutate(architecture, rng)
    return architecture


def _best(space: Space, codes: Codes, ranked: Rows, admitted: dict[bytes, bool]) -> Rows:
    """The first :data:`PARENTS` that the space admits; ``admitted`` remembers which do."""
    if _free(space):
        return ranked[:PARENTS]
    chosen: list[int] = []
    for place, row in enumerate(ranked):
        if (key := row.tobytes()) not in admitted:
            admitted[key] = space.admits(codes.read(row))
        if admitted[key]:
            chosen.append(place)
        if len(chosen) == PARENTS:
            break
    return ranked[chosen]


def _free(space: Space) -> bool:
    """Whether all candidates are admitted without a look at their graphs: of a list, or where nothing is limited."""
    return bool(space.listed) or space.limits == Limits()
