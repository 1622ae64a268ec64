"""The evaluator that trains."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from metanas.evaluation.guard import CandidateFailedError, TrainingSettings, UnfinishedError
from metanas.evaluation.memory import training_bytes
from metanas.evaluation.recipe import batch_size
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train
from metanas.interfaces import Evaluator
from metanas.records import Candidate, Evaluation
from metanas.tasks.data import LearningData


class TrainingEvaluator(Evaluator):
    """Trains candidates on a task and validates them; whatever goes wrong with one becomes its reason.

    Args:
        data: of the task.
        settings: None takes the defaults.
        device: where to train.

    Example:
        >>> evaluator = TrainingEvaluator(data)                                           # doctest: +SKIP
        >>> for evaluation in evaluator.evaluate(candidates, time.monotonic() + 60):      # doctest: +SKIP
        ...     print(evaluation.metrics)
    """

    def __init__(self, data: LearningData, settings: TrainingSettings | None = None, device: str = "cpu") -> None:
        self._data, self._device = data, device
        self._settings = settings or TrainingSettings()
        self._cut = 0, Tensors.of(data, device)

    def _tensors(self, fold: int) -> Tensors:
        """The tensors of a cut between training and validation rows; the latest is kept."""
        if self._cut[0] != fold:
            self._cut = fold, Tensors.of(self._data.fold(fold), self._device)
        return self._cut[1]

    def evaluate(self, candidates: Sequence[Candidate], deadline: float) -> Iterator[Evaluation]:
        """Each evaluation as it finishes; what is unfinished at the deadline gives none."""
        for candidate in candidates:
            evaluation = self._one(candidate, deadline)
            if evaluation is None:
                return
            yield evaluation

    def _one(self, candidate: Candidate, deadline: float) -> Evaluation | None:
        began = time.monotonic()
        try:
            tensors = self._tensors(candidate.proposal.fidelity.fold)
            costs = _costs(candidate, tensors)
            outcome = train(candidate, tensors, deadline=deadline, settings=self._settings)
        except UnfinishedError:
            return None
        except Exception as error:
            return Evaluation(candidate.proposal, seed=candidate.seed, duration=time.monotonic() - began, reason=reason_for(error))
        return Evaluation(
            candidate.proposal, outcome.metrics, costs, outcome.curve, round(outcome.epochs), candidate.seed, duration=outcome.seconds
        )


def _costs(candidate: Candidate, tensors: Tensors) -> dict[str, float]:
    graph, rows = candidate.graph, len(tensors.rows(candidate.proposal.fidelity.share))
    memory = training_bytes(graph, min(rows, batch_size(rows)))
    return {"parameters": float(graph.parameters), "flops": float(graph.flops), "memory": float(memory)}


def reason_for(error: Exception) -> str:
    """Why a candidate failed, in one line."""
    if isinstance(error, CandidateFailedError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    return f"could not be trained: {first or type(error).__name__}"
