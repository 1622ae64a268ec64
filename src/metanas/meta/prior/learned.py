"""The prior: what earlier searches taught, as strategies meet it (``metanas.interfaces.Prior``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metanas.meta.prior.embedding import embedded
from metanas.meta.prior.first import first_architectures, nearest_tasks
from metanas.meta.prior.form import Floats
from metanas.meta.prior.memories import EarlierTask, KnownSpace, Neighbour, Skill, worked
from metanas.meta.prior.transfer import TransferSurrogate
from metanas.records import TaskDescription
from metanas.spaces import Architecture, Space
from metanas.spaces.graph import Graph

TELLING = 5
"""Architectures of an earlier task, the best, that are looked at for what worked there."""


@dataclass(frozen=True)
class Provenance:
    """Where a prior comes from.

    Args:
        made: the moment, ISO 8601 in universal time; empty where nobody said.
        version: of metanas.
        stores: how many it was learned from.
        seed: of the learning.
    """

    made: str
    version: str
    stores: int = 1
    seed: int = 0


class LearnedPrior:
    """What earlier searches taught; made by :func:`~metanas.meta.prior.learning.learn`, kept by :mod:`metanas.meta.prior.file`.

    Args:
        spaces: by name.
        attributes: what the numbers of the tasks' embeddings are called.
        provenance: where it comes from.
    """

    def __init__(self, spaces: Mapping[str, KnownSpace], attributes: Sequence[str], provenance: Provenance) -> None:
        self.spaces, self.attributes, self.provenance = dict(spaces), tuple(attributes), provenance

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of the tasks it was learned from, with their names."""
        return {task.fingerprint: task.name for known in self.spaces.values() for task in known.tasks}

    @property
    def sources(self) -> dict[str, str]:
        """Names of the tasks by source: cuts of the same data once."""
        return {source: name for known in self.spaces.values() for source, name in known.sources.items()}

    @property
    def evaluations(self) -> int:
        """That it was learned from."""
        return sum(known.evaluations for known in self.spaces.values())

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        """Up to ``n`` architectures that the space admits, the most promising first, the plain network aside; none for an unknown space."""
        known = self.spaces.get(space.name)
        return [] if known is None else first_architectures(known, space, self._embedded(task), n)

    def surrogate(self, space: Space, task: TaskDescription) -> TransferSurrogate | None:
        """What is expected of the space's architectures on the task; None where it was not taught by two tasks or more."""
        known = self.spaces.get(space.name)
        if known is None or known.kernel is None:
            return None
        return TransferSurrogate(known.form, known.kernel, self._embedded(task))

    def policy(self, space: Space, task: TaskDescription) -> None:
        """None: this prior has no policy."""
        return

    def initial_weights(self, graph: Graph, task: TaskDescription) -> Mapping[str, Any] | None:
        """None: this prior has no weights."""
        return None

    def nearest(self, space: Space, task: TaskDescription, n: int) -> list[Neighbour]:
        """Up to ``n`` earlier tasks of the space, the nearest first, with what worked there; of cuts of the same data only one."""
        known = self.spaces.get(space.name)
        nearest: dict[str, tuple[float, EarlierTask]] = {}
        for far, earlier in [] if known is None else nearest_tasks(known, self._embedded(task)):
            nearest.setdefault(earlier.source, (far, earlier))
        near = list(nearest.values())[:n]
        return [Neighbour(t.name, t.metric, far, t.evaluations, worked(space, t.best[:TELLING]), t.gain) for far, t in near]

    def expected_gain(self, space: Space) -> Skill | None:
        """How good its first choice is expected to be, from earlier tasks that were left out in turn; None where too few were there."""
        known = self.spaces.get(space.name)
        return None if known is None else known.skill

    def _embedded(self, task: TaskDescription) -> Floats:
        return embedded(task, self.attributes)
