"""Limits of one training: what would not fit is refused, and what goes wrong is said in plain words."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from metanas.errors import MetaNASError
from metanas.evaluation.fast_convolution import keep_freed_memory
from metanas.evaluation.memory import in_words, is_exhaustion, resident_bytes, training_bytes
from metanas.evaluation.recipe import batch_size
from metanas.evaluation.tensors import Tensors
from metanas.records import Candidate

WATCH_EVERY = 20
"""Steps between two looks at the memory in use."""


class CandidateFailedError(MetaNASError):
    """A candidate can't be trained; the message says why in plain words."""


class UnfinishedError(MetaNASError):
    """The deadline came before the end of a training."""


@dataclass(frozen=True)
class TrainingSettings:
    """What is the same for all candidates of a search.

    Args:
        augment: whether pictures are shifted and mirrored.
        evaluations: how often at most a training looks at the validation part; after every epoch if that is less often.
        patience: a training ends early after that many evaluations without a better one.
        seconds: longest time for one candidate; None allows any.
        memory: most bytes for training one candidate, besides the data; None allows any.
    """

    augment: bool = True
    evaluations: int = 30
    patience: int = 10
    seconds: float | None = None
    memory: int | None = None


@contextmanager
def guarded(candidate: Candidate, tensors: Tensors, settings: TrainingSettings) -> Iterator[None]:
    """Refuse what would not fit, seed dropout and put the generator back, and say it plainly when memory runs out."""
    keep_freed_memory()
    needed = costs_of(candidate, tensors)["memory"]
    if settings.memory is not None and needed > settings.memory:
        raise CandidateFailedError(f"would need about {in_words(needed)} of memory, more than the {in_words(settings.memory)} allowed")
    devices = [tensors.device] if tensors.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(candidate.seed)
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if is_exhaustion(error):
                raise CandidateFailedError("ran out of memory") from error
            raise


class Watch:
    """Looks after the limits while a candidate trains."""

    def __init__(self, deadline: float, began: float, settings: TrainingSettings) -> None:
        self._deadline, self._settings = deadline, settings
        self._limit = began + settings.seconds if settings.seconds is not None else float("inf")
        self._memory = resident_bytes()

    def look(self, step: int) -> None:
        """Before every step.

        Raises:
            UnfinishedError: if the deadline has come.
            CandidateFailedError: if the candidate's time is over, or it uses too much memory.
        """
        self.in_time()
        most = self._settings.memory
        if most is not None and step % WATCH_EVERY == 1 and (used := resident_bytes() - self._memory) > most:
            raise CandidateFailedError(f"used {in_words(used)} of memory while training, more than the {in_words(most)} allowed")

    def in_time(self) -> None:
        """Refuse to go on after the deadline or the candidate's time; raises as :meth:`look`."""
        now = time.monotonic()
        if now >= self._deadline:
            raise UnfinishedError("the deadline came before the end of the training")
        if now >= self._limit:
            raise CandidateFailedError(f"took longer than {self._settings.seconds:g} s")


def require_finite(loss: float, epoch: float) -> None:
    """Refuse a loss that is not finite.

    Args:
        loss: mean over the epoch.
        epoch: from 1, or a fraction of the first.

    Raises:
        CandidateFailedError: if it is not finite.
    """
    if not math.isfinite(loss):
        raise CandidateFailedError(f"diverged: the loss was not finite at epoch {math.ceil(epoch)}")


def costs_of(candidate: Candidate, tensors: Tensors) -> dict[str, float]:
    """Parameters, FLOPs of one example, and the estimated bytes of training at the candidate's fidelity."""
    graph, rows = candidate.graph, len(tensors.rows(candidate.proposal.fidelity.share))
    memory = training_bytes(graph, min(rows, batch_size(rows)))
    return {"parameters": float(graph.parameters), "flops": float(graph.flops), "memory": float(memory)}
