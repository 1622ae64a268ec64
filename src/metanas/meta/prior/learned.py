"""The prior: what earlier searches taught, as strategies meet it (``metanas.interfaces.Prior``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metanas.meta.policy import TaskPolicy
from metanas.meta.prior.embedding import embedded
from metanas.meta.prior.ensemble import MOST_TASKS, EnsembleSurrogate
from metanas.meta.prior.first import first_architectures, nearest_tasks
from metanas.meta.prior.form import Floats
from metanas.meta.prior.memories import EarlierTask, KnownSpace, Neighbour, Skill, worked
from metanas.meta.prior.taught_policy import policy_for
from metanas.meta.prior.transfer import TransferSurrogate
from metanas.meta.surrogate import RankedEnsemble
from metanas.records import TaskDescription
from metanas.spaces import Architecture, Space
from metanas.spaces.graph import Graph
from metanas.strategies.director import Weights

if TYPE_CHECKING:
    from metanas.meta.initialiser.bank import Bank, Start

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
        self.bank: Bank | None = None
        """Initial weights; None where there are none."""

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

    @property
    def own_evaluations(self) -> int:
        """That it was learned from, without those that came with the package."""
        return sum(task.evaluations for known in self.spaces.values() for task in known.tasks if not task.shipped)

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        """Up to ``n`` architectures that the space admits, the most promising first, the plain network aside; none for an unknown space."""
        known = self.spaces.get(space.name)
        return [] if known is None else first_architectures(known, space, known.embedded(task, self.attributes), self._embedded(task), n)

    def surrogate(self, space: Space, task: TaskDescription) -> TransferSurrogate | EnsembleSurrogate | None:
        """What is expected of the space's architectures on the task; None where it was not taught by two tasks or more."""
        known = self.spaces.get(space.name)
        if known is None or known.process is None:
            return None
        if not known.ensemble:
            return TransferSurrogate(known.form.among(space.decisions), known.process, self._embedded(task))
        nearest = nearest_tasks(known, known.embedded(task, self.attributes))
        near = {earlier.fingerprint: place for place, (_, earlier) in enumerate(nearest)}
        kept = sorted(known.ensemble, key=lambda one: near.get(one.fingerprint, len(near)))[:MOST_TASKS]
        return EnsembleSurrogate(known.form.among(space.decisions), RankedEnsemble(tuple(one.process(known.form) for one in kept)))

    def policy(self, space: Space, task: TaskDescription) -> TaskPolicy | None:
        """What to try on the task; None where too few tasks taught one."""
        known = self.spaces.get(space.name)
        if known is None or known.policy is None:
            return None
        embedding = known.embedded(task, self.attributes)
        return policy_for(known.policy, known.form, embedding if known.aware else 0 * embedding, space)

    def director(self, space: Space, task: TaskDescription) -> Weights | None:
        """How to choose among strategies; None where too few tasks taught it."""
        known = self.spaces.get(space.name)
        return None if known is None else known.director

    def initial_weights(self, graph: Graph, task: TaskDescription) -> Mapping[str, Any] | None:
        """What the bank gives for the network of ``graph``, see :meth:`metanas.meta.initialiser.Bank.start`; None where nothing fits."""
        start = self.start(graph, task)
        return None if start is None else start.weights

    def start(self, graph: Graph, task: TaskDescription) -> Start | None:
        """The same, with where the weights come from."""
        if self.bank is None:
            return None
        from metanas.meta.initialiser.runs import source_of

        return self.bank.start(graph, self._embedded(task), source_of(task))

    def nearest(self, space: Space, task: TaskDescription, n: int) -> list[Neighbour]:
        """Up to ``n`` earlier tasks of the space, the nearest first, with what worked there; of cuts of the same data only one."""
        known = self.spaces.get(space.name)
        nearest: dict[str, tuple[float, EarlierTask]] = {}
        for far, earlier in [] if known is None else nearest_tasks(known, known.embedded(task, self.attributes)):
            nearest.setdefault(earlier.source, (far, earlier))
        near = list(nearest.values())[:n]
        return [Neighbour(t.name, t.metric, far, t.evaluations, worked(space, t.best[:TELLING]), t.gain) for far, t in near]

    def expected_gain(self, space: Space) -> Skill | None:
        """How good its first choice is expected to be, from earlier tasks that were left out in turn; None where too few were there."""
        known = self.spaces.get(space.name)
        return None if known is None else known.skill

    def _embedded(self, task: TaskDescription) -> Floats:
        return embedded(task, self.attributes)
