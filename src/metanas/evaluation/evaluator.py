"""The evaluator that trains."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from metanas.evaluation.guard import CandidateFailedError, TrainingSettings, UnfinishedError, costs_of
from metanas.evaluation.population import partition, train_population
from metanas.evaluation.start import offered
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train
from metanas.evaluation.zero_cost import ZeroCostEvaluator
from metanas.interfaces import Evaluator
from metanas.records import Candidate, Evaluation
from metanas.tasks.data import LearningData

log = logging.getLogger(__name__)


class TrainingEvaluator(Evaluator):
    """Trains candidates on a task and validates them; whatever goes wrong with one becomes its reason.

    Candidates of no epochs are scored instead, see :class:`~metanas.evaluation.zero_cost.ZeroCostEvaluator`.

    Args:
        data: of the task.
        settings: None takes the defaults.
        device: where to train.
        starts: folder of the weights that candidates are offered, see :mod:`metanas.evaluation.start`; those that train alone try them.

    Example:
        >>> evaluator = TrainingEvaluator(data)                                           # doctest: +SKIP
        >>> for evaluation in evaluator.evaluate(candidates, time.monotonic() + 60):      # doctest: +SKIP
        ...     print(evaluation.metrics)
    """

    def __init__(
        self, data: LearningData, settings: TrainingSettings | None = None, device: str = "cpu", starts: Path | None = None
    ) -> None:
        self._data, self._device, self._starts = data, device, starts
        self._settings = settings or TrainingSettings()
        self._cut = 0, Tensors.of(data, device)

    def _tensors(self, fold: int) -> Tensors:
        """The tensors of a cut between training and validation rows; the latest is kept."""
        if self._cut[0] != fold:
            self._cut = fold, Tensors.of(self._data.fold(fold), self._device)
        return self._cut[1]

    def evaluate(self, candidates: Sequence[Candidate], deadline: float) -> Iterator[Evaluation]:
        """Each evaluation as it finishes; what is unfinished at the deadline gives none.

        Those of no epochs come first. Candidates whose networks train together do so, bucket by bucket; the others follow one at a time.
        """
        for fold in dict.fromkeys(c.proposal.fidelity.fold for c in candidates):
            cut = [c for c in candidates if c.proposal.fidelity.fold == fold]
            if untrained := [c for c in cut if not c.proposal.fidelity.epochs]:
                yield from ZeroCostEvaluator(self._tensors(fold), self._settings).evaluate(untrained, deadline)
            buckets, alone = self._partition([c for c in cut if c.proposal.fidelity.epochs])
            for bucket in buckets:
                answered = set()
                try:
                    for evaluation in train_population(bucket, self._tensors(fold), deadline=deadline, settings=self._settings):
                        answered.add(evaluation.proposal.id)
                        yield evaluation
                except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError):
                    # Whatever went wrong belongs to one of them: trained alone, that one fails and the others don't.
                    alone += [c for c in bucket if c.proposal.id not in answered]
            for candidate in alone:
                evaluated = self._one(candidate, deadline)
                if evaluated is None:
                    return
                yield evaluated

    def _partition(self, candidates: Sequence[Candidate]) -> tuple[list[list[Candidate]], list[Candidate]]:
        """Buckets that train together, and candidates that train alone: all of them anywhere but on a CPU."""
        return partition(candidates, memory=self._settings.memory) if self._device == "cpu" else ([], list(candidates))

    def _one(self, candidate: Candidate, deadline: float) -> Evaluation | None:
        began = time.monotonic()
        try:
            tensors = self._tensors(candidate.proposal.fidelity.fold)
            costs = costs_of(candidate, tensors)
            weights = offered(candidate, self._starts)
            outcome = train(candidate, tensors, deadline=deadline, settings=self._settings, weights=weights)
        except UnfinishedError:
            return None
        except Exception as error:
            return Evaluation(candidate.proposal, seed=candidate.seed, duration=time.monotonic() - began, reason=reason_for(error))
        return Evaluation(
            candidate.proposal, outcome.metrics, costs, outcome.curve, round(outcome.epochs), candidate.seed, duration=outcome.seconds
        )


def reason_for(error: Exception) -> str:
    """Why a candidate failed, in one line."""
    if isinstance(error, CandidateFailedError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    return f"could not be trained: {first or type(error).__name__}"
