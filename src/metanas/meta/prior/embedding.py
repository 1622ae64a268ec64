"""Tasks as vectors, so that earlier ones can be told near from far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metanas.meta.prior.form import Floats
from metanas.meta.tasks import ATTRIBUTES, plain_embedding
from metanas.records import TaskDescription


def attribute_names() -> tuple[str, ...]:
    """What the numbers of :func:`embedded` are called in this version."""
    return tuple(attribute.name for attribute in ATTRIBUTES)


def embedded(task: TaskDescription, names: Sequence[str]) -> Floats:
    """The scaled attributes of these names, ``(names,)``; 0 for those that the task or this version lacks."""
    known = dict(zip(attribute_names(), plain_embedding(task), strict=True))
    return np.array([known.get(name, 0.0) for name in names], dtype=np.float64)


def distance(first: Floats, second: Floats) -> float:
    """Root-mean-square difference of two embeddings, in [0, 6].

    About 0.05 for another cut of the same data, 0.2 to 0.3 for tables that are much alike, 0.7 and more for other kinds of data or targets.
    """
    return float(np.sqrt(np.square(first - second).mean())) if len(first) else 0.0
