"""What a search was given of earlier ones: which prior, what it remembers before the first candidate, and what it was worth in the end."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from metanas.delivery.files import write_bytes
from metanas.delivery.memory_words import led_words, neighbour_words, remembered_words, skill_words
from metanas.errors import InputError
from metanas.interfaces import Director, Policy, Prior, Surrogate
from metanas.records import Evaluation, Objective, TaskDescription
from metanas.search.folder import PRIOR, Run
from metanas.search.loop import CONFIRMING
from metanas.spaces import Architecture, Space
from metanas.spaces.graph import Graph

if TYPE_CHECKING:
    from metanas.meta.prior import LearnedPrior  # workers import this package, too, and need no prior

FIRST = 8
"""Proposals after the plain network that count as the prior's."""
NAMED = 2
"""Earlier tasks that are named."""
UNASKED = "memory: the strategy that was named begins from nothing; --strategy warm-start:NAME begins with what earlier searches found"


class Memory:
    """A prior as a search meets it: strategies ask it like any other, and it notes that they do.

    Args:
        prior: that answers.
        learned: the same, where it can tell what it knows.
        content: of its file; None for one that was given as an object.
    """

    def __init__(self, prior: Prior, learned: LearnedPrior | None = None, content: bytes | None = None) -> None:
        self._prior, self._learned, self._content = prior, learned, content
        self.asked = False
        self._led: Literal["learned", "default"] | None = None  # by which policy over strategies, where one leads

    # -- what strategies ask -------------------------------------------------------------------------------------------

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        """See :class:`metanas.interfaces.Prior`."""
        self.asked = True
        return self._prior.shortlist(space, task, n)

    def surrogate(self, space: Space, task: TaskDescription) -> Surrogate | None:
        """See :class:`metanas.interfaces.Prior`."""
        self.asked = True
        return self._prior.surrogate(space, task)

    def policy(self, space: Space, task: TaskDescription) -> Policy | None:
        """See :class:`metanas.interfaces.Prior`."""
        self.asked = True
        return self._prior.policy(space, task)

    def director(self, space: Space, task: TaskDescription) -> Director | None:
        """See :class:`metanas.interfaces.Prior`."""
        self.asked = True
        found = self._prior.director(space, task)
        self._led = "learned" if found is not None else "default"
        return found

    def initial_weights(self, graph: Graph, task: TaskDescription) -> Mapping[str, Any] | None:
        """See :class:`metanas.interfaces.Prior`."""
        return self._prior.initial_weights(graph, task)

    def origin(self, graph: Graph, task: TaskDescription) -> str:
        """The origin of the initial weights of ``graph``, see :class:`metanas.meta.initialiser.Bank`; empty if not known."""
        start = None if self._learned is None else self._learned.start(graph, task)
        return "" if start is None else start.origin

    # -- what the user hears -------------------------------------------------------------------------------------------

    def keep(self, folder: Path) -> dict[str, Any]:
        """Copy the prior into a run's folder, so that the search can go on with the same one; gives what ``run.json`` says of it."""
        if self._learned is not None and self._content is None:
            from metanas.meta.prior import save_prior

            save_prior(folder / PRIOR, self._learned)
            self._content = (folder / PRIOR).read_bytes()
        elif self._content is not None:
            write_bytes(folder / PRIOR, self._content)
        return self.record

    @property
    def digest(self) -> str | None:
        """Of its file; None for one that is no file."""
        if self._content is None:
            return None
        from metanas.meta.prior import digest

        return digest(self._content)

    @property
    def record(self) -> dict[str, Any]:
        """Which prior it is: the ``digest`` of its file (None for one that is no file), its ``tasks``, ``evaluations``, and provenance."""
        known = {"digest": self.digest}
        if (learned := self._learned) is None:
            return known
        return {**known, "tasks": len(learned.sources), "evaluations": learned.evaluations, **asdict(learned.provenance)}

    def introduction(self, space: Space, task: TaskDescription) -> list[str]:
        """What it remembers, in two to five short lines; one where nobody has asked it."""
        if self._learned is None:
            return []
        if not self.asked:
            return [UNASKED]
        known = self._learned.spaces.get(space.name)
        if known is None:
            return [f"memory: the prior knows nothing of space {space.name} yet, so that this search begins from nothing"]
        near = self._learned.nearest(space, task, NAMED)
        skill = self._learned.expected_gain(space)
        return [
            remembered_words(len(known.sources), len(known.shipped), known.evaluations, space.name, self.record),
            *(neighbour_words(n.name, n.distance, n.worked, n.gain, n.metric) for n in near),
            skill_words(None if skill is None else skill.better, 0 if skill is None else skill.tasks),
            *([led_words(self._led == "learned")] if self._led else []),
        ]

    def worth(self, evaluations: Sequence[Evaluation], objective: Objective, space: Space, task: TaskDescription) -> dict[str, Any] | None:
        """What it was worth, see :func:`worth`, and ``trust``, how far the results bear out what it led to expect, in [0, 1].

        None where nobody has asked it, no ``trust`` where it can't tell what to expect, and of a space that it doesn't know only its name,
        ``unknown``.
        """
        if not self.asked:
            return None
        if self._learned is not None and space.name not in self._learned.spaces:
            return {"unknown": space.name}
        told = worth(evaluations, objective, space.baseline)
        surrogate = None if self._learned is None else self._learned.surrogate(space, task)
        if surrogate is None or "best_rank" not in told:
            return told
        values = _values(evaluations, objective, space.baseline)
        return {**told, "trust": surrogate.trust(list(values), np.array(list(values.values())))}


def choose_memory(prior: Prior | str | Path | Literal[False] | None, store: str | Path | Literal[False] | None) -> Memory | None:
    """The prior for a new search.

    Args:
        prior: itself, or its file; None takes the one beside the store, and where there is none yet, the one that came with the package;
            False or ``"none"`` takes none.
        store: of the search, see :func:`metanas.search.search`; beside no store there is no prior.

    Raises:
        InputError: if the file isn't there, or can't be used.
    """
    if prior is False or prior == "none":
        return None
    from metanas.meta.prior import LearnedPrior, beside, shipped_prior

    if prior is None:
        own = None if store is False else beside(store)
        place = own if own is not None and own.exists() else shipped_prior()
        return None if place is None else _of_file(place)
    if isinstance(prior, str | Path):
        return _of_file(Path(prior).expanduser())
    return Memory(prior, prior if isinstance(prior, LearnedPrior) else None)


def kept_memory(folder: Path, run: Run, prior: Prior | None) -> Memory | None:
    """The prior of a search that goes on: that which :meth:`Memory.keep` put into its folder.

    Args:
        folder, run: of the search.
        prior: where the search was given one as an object.

    Raises:
        InputError: if it isn't there, or has changed: with another one the search would go on as another search.
    """
    if run.prior is None:
        if prior is not None:
            raise InputError(f"the search in {folder} was begun without a prior and goes on without one; start a new search to use it")
        return None
    if run.prior.get("digest") is None:
        if prior is None:
            raise InputError("this search was given a prior of its own: call metanas.resume(folder, prior=...) with the same one")
        return Memory(prior)
    path = folder / PRIOR
    if not path.is_file():
        raise InputError(f"the prior that the search in {folder} began with is gone: put {PRIOR} back into it, or start a new search")
    memory = _of_file(path)
    if memory.record["digest"] != run.prior["digest"]:
        raise InputError(f"{path} is not the prior that the search began with; put that one back, or start a new search")
    return memory


def _of_file(path: Path) -> Memory:
    from metanas.meta.prior import load_prior

    learned = load_prior(path)
    return Memory(learned, learned, path.read_bytes())


def worth(evaluations: Sequence[Evaluation], objective: Objective, plain: Architecture) -> dict[str, Any]:
    """What the first proposals were worth, beside those that came later; the plain network, which every search begins with, is left out.

    Args:
        evaluations: of the search.
        objective: of the search.
        plain: the space's plain network.

    Returns:
        ``first`` and ``later`` (how many), and where there are both ``best_rank``, ``middle_rank`` and ``later_middle_rank`` among all,
        from 1, and ``matched_after``: the number of the first later one that was as good as the best of the first; None if none was.
    """
    values = list(_values(evaluations, objective, plain).values())
    first, later = values[:FIRST], values[FIRST:]
    counts = {"first": len(first), "later": len(later)}
    if not later:
        return counts
    ranks = [1 + sum(other > value for other in values) for value in values]
    matched = next((number for number, value in enumerate(later, 1) if value >= max(first)), None)
    middles = {"middle_rank": median(ranks[:FIRST]), "later_middle_rank": median(ranks[FIRST:])}
    return {**counts, "best_rank": min(ranks[:FIRST]), **middles, "matched_after": matched}


def _values(evaluations: Sequence[Evaluation], objective: Objective, plain: Architecture) -> dict[Architecture, float]:
    """What was tried, in the order proposed, and how good it was, larger is better; failures are minus infinity.

    Networks that were evaluated more or less thoroughly are brought to one level; what can't be is left out.
    """
    from metanas.meta.prior.levels import on_one_level

    own = [e for e in evaluations if e.proposal.id < CONFIRMING and not e.proposal.fidelity.training_free and not e.proposal.fidelity.fold]
    tried = {e.proposal.architecture.key: e.proposal.architecture for e in sorted(own, key=lambda e: e.proposal.id)}
    levels: dict[float, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for evaluation in own:
        value = objective.values(evaluation)[0]
        if objective.feasible(evaluation) and math.isfinite(value):
            levels[evaluation.proposal.fidelity.effort][evaluation.proposal.architecture.key].append(value)
    found = on_one_level({effort: {key: fmean(values) for key, values in level.items()} for effort, level in levels.items()})
    lost = {key for level in levels.values() for key in level if key not in found}
    return {a: found.get(key, -math.inf) for key, a in tried.items() if key not in lost and a != plain}
