"""The evaluator of the lowest fidelity: scores instead of training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

from metanas.evaluation.guard import CandidateFailedError, TrainingSettings, UnfinishedError, Watch, costs_of, guarded
from metanas.evaluation.memory import in_words, training_bytes
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.zero_cost.common import Score
from metanas.evaluation.zero_cost.grasp import grasp
from metanas.evaluation.zero_cost.jacob_cov import jacob_cov
from metanas.evaluation.zero_cost.naswot import naswot
from metanas.evaluation.zero_cost.saliency import grad_norm, snip
from metanas.evaluation.zero_cost.size import flops, parameters
from metanas.evaluation.zero_cost.synflow import synflow
from metanas.evaluation.zero_cost.zico import zico
from metanas.interfaces import Evaluator
from metanas.networks import build_network
from metanas.records import Candidate, Evaluation
from metanas.tasks.data import LearningData

SCORES: dict[str, Score] = {
    "grad_norm": grad_norm,
    "snip": snip,
    "grasp": grasp,
    "synflow": synflow,
    "naswot": naswot,
    "jacob_cov": jacob_cov,
    "zico": zico,
    "parameters": parameters,
    "flops": flops,
}
"""All scores by name; of all of them larger is better."""

QUICK = ("naswot", "synflow", "snip", "parameters", "flops")
"""Scores that take at most one forward and one backward pass each: those that :class:`~metanas.strategies.screen.Screen` looks at, and
sizes."""

BATCH = 64
"""Training examples that a score looks at (Abdelfattah et al. 2021 take as many)."""


class ZeroCostEvaluator(Evaluator):
    """Scores fresh networks on one batch of training data, the same for all candidates; nothing is trained.

    Evaluations have a metric per score and no other: none by which a task is judged, so that no score can be taken for an answer.
    A score that has no finite value is left out.

    Args:
        data: of the task; as tensors if they are at hand. Their cut between training and validation rows is the one that counts.
        settings: for the limits of memory and time per candidate; None takes the defaults.
        device: where to compute, if ``data`` is not on a device already.
        scores: names of :data:`SCORES`; the default takes a few that are quick.

    Example:
        >>> evaluator = ZeroCostEvaluator(data, scores=("naswot", "synflow"))             # doctest: +SKIP
        >>> [evaluation] = evaluator.evaluate([candidate], time.monotonic() + 60)         # doctest: +SKIP
        >>> evaluation.metrics                                                            # doctest: +SKIP
        {'naswot': 581.2, 'synflow': 24.1}
    """

    def __init__(
        self,
        data: LearningData | Tensors,
        settings: TrainingSettings | None = None,
        device: str = "cpu",
        scores: Sequence[str] = QUICK,
    ) -> None:
        self._tensors = data if isinstance(data, Tensors) else Tensors.of(data, device)
        self._settings = settings or TrainingSettings()
        self._scores = {name: SCORES[name] for name in scores}

    def evaluate(self, candidates: Sequence[Candidate], deadline: float) -> Iterator[Evaluation]:
        """Each evaluation as it finishes, in order; what is unfinished at the deadline gives none."""
        for candidate in candidates:
            evaluated = self._one(candidate, deadline)
            if evaluated is None:
                return
            yield evaluated

    def _one(self, candidate: Candidate, deadline: float) -> Evaluation | None:
        began = time.monotonic()
        try:
            metrics = self._score(candidate, Watch(deadline, began, self._settings))
            costs = costs_of(candidate, self._tensors)
        except UnfinishedError:
            return None
        except Exception as error:
            seconds = time.monotonic() - began
            return Evaluation(candidate.proposal, seed=candidate.seed, duration=seconds, reason=_reason(error))
        return Evaluation(candidate.proposal, metrics, costs, seed=candidate.seed, duration=time.monotonic() - began)

    def _score(self, candidate: Candidate, watch: Watch) -> dict[str, float]:
        tensors, data = self._tensors, self._tensors.data
        rows = tensors.rows(min(1.0, BATCH / len(tensors.y_train)))
        x, y = tensors.x_train.index_select(0, rows), tensors.y_train.index_select(0, rows)
        needed, most = training_bytes(candidate.graph, len(rows)), self._settings.memory
        if most is not None and needed > most:  # a batch may be larger here than in training
            raise CandidateFailedError(f"scoring would need about {in_words(needed)} of memory, more than the {in_words(most)} allowed")
        found = {}
        with guarded(candidate, tensors, self._settings):
            network = build_network(candidate.graph, input_mean=data.input_mean, input_std=data.input_std, seed=candidate.seed)
            network = network.to(tensors.device)
            for name, score in self._scores.items():
                watch.in_time()
                found[name] = score(network, x, y, data.kind)
        return {name: value for name, value in found.items() if math.isfinite(value)}


def _reason(error: Exception) -> str:
    """Why a candidate has no scores, in one line."""
    if isinstance(error, CandidateFailedError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    return f"could not be scored: {first or type(error).__name__}"
