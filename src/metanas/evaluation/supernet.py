"""The evaluator that inherits: candidates scored on the validation part with a supernet's shared weights, without training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call

from metanas.evaluation.evaluator import reason_for
from metanas.evaluation.guard import CandidateFailedError, costs_of
from metanas.evaluation.learner import precision_for
from metanas.evaluation.loss import in_users_terms
from metanas.evaluation.tensors import Tensors
from metanas.interfaces import Evaluator
from metanas.records import Candidate, Evaluation
from metanas.spaces import Architecture
from metanas.tasks.metrics import compute

if TYPE_CHECKING:
    from metanas.networks.supernet import Supernet

BATCH = 256
"""Validation examples that share their statistics in batch normalisation."""


class SupernetEvaluator(Evaluator):
    """Validation metrics of paths through a supernet; batch normalisation goes by the statistics of every batch.

    Its evaluations rank candidates of one supernet and are no one's trials: weights that many share are good for none of them, so the
    metrics are far below those of training alone. The fidelity of a proposal does not matter. Computed in the precision of training.

    Args:
        supernet: the network; its own weights do not count.
        weights: shared weights by name.
        tensors: of the task; the validation part alone is looked at.
        batch: examples per forward pass; the parts are of equal size up to one example.
        path: an architecture's weights of options; None takes the supernet's own.

    Example:
        >>> evaluator = SupernetEvaluator(method.supernet, state["weights"], tensors)     # doctest: +SKIP
        >>> [evaluation] = evaluator.evaluate([candidate], time.monotonic() + 60)         # doctest: +SKIP
    """

    def __init__(
        self,
        supernet: Supernet,
        weights: Mapping[str, Tensor],
        tensors: Tensors,
        batch: int = BATCH,
        path: Callable[[Architecture], Mapping[str, Tensor]] | None = None,
    ) -> None:
        self._supernet, self._weights, self._tensors = supernet, dict(weights), tensors
        self._path = path or supernet.path
        self._parts = max(1, round(len(tensors.y_val) / batch))

    def evaluate(self, candidates: Sequence[Candidate], deadline: float) -> Iterator[Evaluation]:
        """Each evaluation as it finishes, in order; what is unfinished at the deadline gives none."""
        for candidate in candidates:
            if time.monotonic() >= deadline:
                return
            yield self._one(candidate)

    def _one(self, candidate: Candidate) -> Evaluation:
        began = time.monotonic()
        try:
            metrics, costs = self._metrics(candidate), costs_of(candidate, self._tensors)
        except Exception as error:
            return Evaluation(candidate.proposal, seed=candidate.seed, duration=time.monotonic() - began, reason=reason_for(error))
        return Evaluation(candidate.proposal, metrics, costs, seed=candidate.seed, duration=time.monotonic() - began)

    def _metrics(self, candidate: Candidate) -> dict[str, float]:
        tensors, data = self._tensors, self._tensors.data
        path = {name: value.to(tensors.device) for name, value in self._path(candidate.proposal.architecture).items()}
        with torch.no_grad(), precision_for(candidate, tensors):
            parts = [functional_call(self._supernet, self._weights, (x, path)) for x in tensors.x_val.tensor_split(self._parts)]
            raw = torch.cat(parts).float()
        if not torch.isfinite(raw).all():
            raise CandidateFailedError("gave numbers that are not finite with inherited weights")
        return compute(data.kind, data.y_val, in_users_terms(data.kind, raw, tensors.target_mean, tensors.target_std).cpu().numpy())
