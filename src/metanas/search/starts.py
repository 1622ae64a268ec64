"""Initial weights for a search's candidates: the prior is asked here, and workers read what it gives from files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metanas.evaluation import batchable
from metanas.evaluation.start import OFFERED, from_learned
from metanas.records import Candidate, Evaluation, TaskDescription
from metanas.search.memory import Memory
from metanas.spaces.graph import Graph

KEPT = 256
"""Files that are kept, the latest: far more than there are candidates in flight."""


class Starts:
    """Offers learned weights to candidates that train alone; whether they help each training finds out (``metanas.evaluation.start``).

    Members of a population keep their fresh weights.

    Args:
        prior: that is asked.
        task: of the search.
        folder: for the files.
        device: of the training.
    """

    def __init__(self, prior: Memory, task: TaskDescription, folder: Path, device: str = "cpu") -> None:
        self._prior, self._task, self.folder, self._device = prior, task, folder, device
        self._known: dict[str, str | None] = {}  # name of the weights, None without any, by graph
        self._files: dict[str, None] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def offered(self, candidate: Candidate) -> Candidate:
        """The candidate, with the name of its initial weights in the proposal where there are any.

        The name is of the weights themselves, so that the store takes trainings from equal starts alone for the same.
        """
        named = candidate.proposal.weights_from
        if named is not None and not named.startswith(OFFERED):
            return candidate  # the strategy has its own
        return replace(candidate, proposal=replace(candidate.proposal, weights_from=self._offer(candidate)))

    def kept(self, candidate: Candidate, evaluation: Evaluation) -> Candidate:
        """A candidate for its final training: it starts from what its evaluation went on from, without another check."""
        if from_learned(evaluation):
            return self.offered(candidate)
        return replace(candidate, proposal=replace(candidate.proposal, weights_from=None))

    def told(self, evaluations: Sequence[Evaluation], final: Candidate) -> dict[str, Any]:
        """How it went.

        Args:
            evaluations: of the search.
            final: the answer, as it was trained for good.

        Returns:
            How many networks were ``checked``, how many of them went on from ``learned`` weights, and the ``origin`` of those with which
            the answer was trained for good (empty if that is not known); None where it began from fresh ones.
        """
        checks = [from_learned(e) for e in evaluations if not e.reused]
        tried = [check for check in checks if check is not None]
        origin = None if final.proposal.weights_from is None else self._prior.origin(final.graph, self._task)
        return {"checked": len(tried), "learned": sum(tried), "origin": origin}

    def _offer(self, candidate: Candidate) -> str | None:
        graph = candidate.graph
        if candidate.proposal.fidelity.training_free or (self._device == "cpu" and batchable(graph)):
            return None
        key = hashlib.blake2b(json.dumps(graph.to_json(), sort_keys=True).encode(), digest_size=16).hexdigest()
        name = self._known.get(key)
        if key not in self._known or (name is not None and name not in self._files):
            name = self._known[key] = self._written(graph)
        return name

    def _written(self, graph: Graph) -> str | None:
        from safetensors.torch import save

        weights = self._prior.initial_weights(graph, self._task)
        if not weights:
            return None
        content = save({n: w.detach().cpu().float().contiguous() for n, w in weights.items()})
        name = f"{OFFERED}{hashlib.blake2b(content, digest_size=8).hexdigest()}"
        (self.folder / f"{name}.safetensors").write_bytes(content)
        self._files.pop(name, None)
        self._files[name] = None
        while len(self._files) > KEPT:
            oldest = next(iter(self._files))
            del self._files[oldest]
            (self.folder / f"{oldest}.safetensors").unlink(missing_ok=True)
        return name
