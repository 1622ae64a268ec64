"""Which candidates train together: by what their graphs are made of, and by how much a processor's cache holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from metanas.evaluation.memory import training_bytes
from metanas.evaluation.population_cells import Cells, cells_of
from metanas.evaluation.population_dropout import LARGEST
from metanas.evaluation.recipe import batch_size
from metanas.records import Candidate
from metanas.spaces.graph import Graph

MOST_PARAMETERS = 1 << 20
"""Parameters of a network above which training it alone is as fast, its matrix products being all that takes time."""
BUCKET_MEMBERS = 64
BUCKET_PARAMETERS = 1 << 20
BUCKET_NUMBERS = 1 << 14
"""Most numbers that the members of a bucket compute for one example; more would not stay in a processor's cache."""

_LARGEST_BATCH = batch_size(1 << 30)


def batchable(graph: Graph) -> bool:
    """Whether population training can train the network, and faster than it would be trained alone.

    The graph's operations decide: ``flatten``, ``dense``, ``activation``, ``dropout``, ``batch_norm``, ``layer_norm``, ``residual``,
    ``add``, ``concat``, ``periodic`` (of the input) and ``identity``, all on vectors.
    """
    return _fitting_cells(graph) is not None


def _fitting_cells(graph: Graph) -> Cells | None:
    try:
        cells = cells_of(graph)
    except (LookupError, TypeError, ValueError):  # also graphs that nobody can train: training them alone says why
        return None
    masked = max((cell.width for cell in cells.by_slot.values() if cell.rate), default=0)
    fits = bool(cells.by_slot) and graph.parameters <= MOST_PARAMETERS and masked * _LARGEST_BATCH <= LARGEST
    return cells if fits else None


def partition(candidates: Sequence[Candidate], *, memory: int | None = None) -> tuple[list[list[Candidate]], list[Candidate]]:
    """Candidates that train together, and the rest, which is better trained one at a time.

    Candidates of a bucket have one fidelity and similar sizes, small ones first, so that a bucket's numbers stay in the processor's
    cache and its members take similar time.

    Args:
        candidates: graphs of the same task.
        memory: most bytes for training a bucket, besides the data; None allows any.
    """
    cells = [_fitting_cells(candidate.graph) for candidate in candidates]
    rest = [candidate for candidate, its in zip(candidates, cells, strict=True) if its is None]
    fit = [(candidate, its) for candidate, its in zip(candidates, cells, strict=True) if its is not None]
    fit.sort(key=lambda pair: (*pair[0].proposal.fidelity.to_json().values(), pair[0].graph.parameters))
    buckets: list[list[Candidate]] = []
    room: tuple[float, ...] = ()
    for candidate, its in fit:
        numbers = sum(cell.width for cell in its.by_slot.values())
        needed = (1, candidate.graph.parameters, numbers, training_bytes(candidate.graph, _LARGEST_BATCH))
        beside = buckets[-1][0] if buckets else None
        if (
            beside
            and beside.proposal.fidelity == candidate.proposal.fidelity
            and all(n <= left for n, left in zip(needed, room, strict=True))
        ):
            buckets[-1].append(candidate)
        else:
            buckets.append([candidate])
            room = (BUCKET_MEMBERS, BUCKET_PARAMETERS, BUCKET_NUMBERS, math.inf if memory is None else memory)
        room = tuple(left - n for n, left in zip(needed, room, strict=True))
    return buckets, rest
