"""Population training: many small networks trained at once, as batched computations.

One small network leaves a processor mostly idle: at width 32 and batch 64 nine tenths of a training step are the overhead of its hundred
or so operations. A population shares them. All members read the same batches, so the data is fetched once and all first layers are one
product of matrices; what is done row by row is done to the rows of all members at once; only the products behind the first are batched
by shape. Widths, depths, activations, normalisations, dropout, connections and recipes may differ from member to member.

Each member is trained as :func:`metanas.evaluation.training.train` trains it alone (same initial weights, recipe, clipping and early
stopping), but for the order of batches and dropout, which are the same in all populations. Who else trains beside it matters for rounding
only. For classification, on processors with instructions for it, the factors of large products are rounded to bfloat16 in training (never
in validation), which changes accuracies less than another seed does. Pictures are not shifted or mirrored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from metanas.evaluation.guard import TrainingSettings, costs_of
from metanas.evaluation.memory import in_words, is_exhaustion
from metanas.evaluation.population_buckets import batchable as batchable
from metanas.evaluation.population_buckets import partition as partition
from metanas.evaluation.population_cells import cells_of
from metanas.evaluation.population_learner import Member, PopulationLearner, Vectors
from metanas.evaluation.recipe import Recipe, step_size, warm_up_steps
from metanas.evaluation.tensors import Tensors
from metanas.networks import build_network
from metanas.records import LOWER_IS_BETTER, Candidate, Evaluation
from metanas.tasks.data import LearningData
from metanas.tasks.metrics import compute, compute_one


def train_population(
    candidates: Sequence[Candidate],
    data: LearningData | Tensors,
    *,
    deadline: float,
    settings: TrainingSettings | None = None,
    seed: int = 0,
) -> Iterator[Evaluation]:
    """Train candidates together; each one's evaluation as it ends, in any order.

    A member that fails gives an evaluation with a reason and leaves the others as they are. Bit for bit the same for the same
    candidates, data, machine and number of threads.

    Args:
        candidates: a bucket of :func:`partition`: of one fidelity, batchable.
        data: of their task; as tensors (on the CPU) if many populations share them.
        deadline: seconds on the clock of ``time.monotonic``; members unfinished then give no evaluation.
        settings: None takes the defaults.
        seed: of the order of batches and of dropout; initial weights are drawn from the candidates' own seeds.

    Raises:
        NotBatchableError: if a graph has an operation that can't be batched.
        ValueError: if fidelities differ.
    """
    if len({c.proposal.fidelity for c in candidates}) > 1:
        raise ValueError("a population has one fidelity; see partition")
    tensors = data if isinstance(data, Tensors) else Tensors.of(data)
    left = [_Track.of(candidate, tensors) for candidate in candidates]
    training = _Training(tensors, deadline, settings or TrainingSettings(), seed)
    groups = [left]
    while groups:
        group = groups.pop()
        try:
            yield from training.run(group)
        except (MemoryError, RuntimeError) as error:
            if not is_exhaustion(error):
                raise
            unfinished = [track.again() for track in group if not track.done]
            if len(unfinished) == 1:
                yield unfinished[0].failed("ran out of memory")
            elif unfinished:
                groups += [unfinished[1::2], unfinished[::2]]


@dataclass(eq=False)
class _Track:
    """One candidate on its way: what is known of it so far."""

    candidate: Candidate
    costs: Mapping[str, float]
    rank: tuple[float, float] = (-math.inf, -math.inf)
    epoch: int = 0
    since: int = 0
    outputs: Tensor | None = None
    curve: list[Mapping[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    done: bool = False
    broken: bool = False

    @classmethod
    def of(cls, candidate: Candidate, tensors: Tensors) -> _Track:
        """A candidate before its training."""
        return cls(candidate, costs_of(candidate, tensors))

    def again(self) -> _Track:
        """The same candidate before its training; the time that was spent counts."""
        return _Track(self.candidate, self.costs, seconds=self.seconds)

    def look(self, seen: Mapping[str, float], outputs: Tensor, metric: str) -> None:
        """Take in the validation after an epoch."""
        self.curve.append(seen)
        score, loss = seen["score"], seen["validation_loss"]
        rank = (-score if metric in LOWER_IS_BETTER else score, -loss)
        self.since += 1
        if rank > self.rank:
            self.rank, self.epoch, self.since, self.outputs = rank, int(seen["epoch"]), 0, outputs.clone()

    def failed(self, reason: str) -> Evaluation:
        """The end, without success."""
        self.done = self.broken = True
        return self._evaluation(curve=tuple(self.curve), reason=reason)

    def succeeded(self, data: LearningData) -> Evaluation:
        """The end, with the best epoch's metrics."""
        if self.outputs is None:
            return self.failed("the validation metric was never a number")
        self.done = True
        metrics = compute(data.kind, data.y_val, self.outputs.numpy())
        return self._evaluation(metrics=metrics, curve=tuple(self.curve), epochs=self.epoch)

    def _evaluation(self, **others: Any) -> Evaluation:
        return Evaluation(self.candidate.proposal, costs=self.costs, seed=self.candidate.seed, duration=self.seconds, **others)


class _Training:
    """Trains groups of candidates on a task."""

    def __init__(self, tensors: Tensors, deadline: float, settings: TrainingSettings, seed: int) -> None:
        self._vectors = Vectors.of(tensors)
        self._deadline, self._settings, self._seed = deadline, settings, seed

    def run(self, group: Sequence[_Track]) -> Iterator[Evaluation]:
        """Evaluations as they come."""
        began = time.monotonic()
        most = self._settings.memory
        tracks = []
        for track in group:
            if most is not None and (needed := track.costs["memory"]) > most:
                yield track.failed(f"would need about {in_words(needed)} of memory, more than the {in_words(most)} allowed")
            else:
                tracks.append(track)
        if not tracks:
            return
        fidelity = tracks[0].candidate.proposal.fidelity
        learner = population_of([t.candidate for t in tracks], self._vectors, share=fidelity.share, seed=self._seed)
        steps = fidelity.epochs * learner.steps_per_epoch
        warm_up = warm_up_steps(steps, learner.steps_per_epoch)
        every = -(-fidelity.epochs // self._settings.evaluations)
        for epoch in range(1, fidelity.epochs + 1):
            for step in range((epoch - 1) * learner.steps_per_epoch, epoch * learner.steps_per_epoch):
                if time.monotonic() >= self._deadline:
                    return
                learner.step(step_size(step, steps, warm_up))
            if epoch % every and epoch < fidelity.epochs:
                continue
            now = time.monotonic()
            active = [track for track in tracks if not track.done]
            for track in active:
                track.seconds += (now - began) / len(active)
            began = now
            yield from self._look(tracks, learner, epoch, last=epoch == fidelity.epochs)
            kept = [p for p, track in enumerate(tracks) if not track.done]
            if not kept:
                return
            # A new plan takes as long as a few steps; members that diverged go at once, since what is not finite is slow.
            if 4 * len(kept) <= 3 * len(tracks) or any(track.broken for track in tracks):
                learner.keep(kept)
                tracks = [tracks[p] for p in kept]

    def _look(self, tracks: Sequence[_Track], learner: PopulationLearner, epoch: int, *, last: bool) -> Iterator[Evaluation]:
        """Validate all members after ``epoch`` and tell which of them have come to an end."""
        data, limit = self._vectors.tensors.data, self._settings.seconds
        losses, (outputs, validation) = learner.mean_losses(), learner.validate()
        scores = self._scores(outputs)
        for p, track in enumerate(tracks):
            if track.done:
                continue
            if not (math.isfinite(losses[p]) and math.isfinite(validation[p])):
                yield track.failed(f"diverged: the loss was not finite at epoch {epoch}")
                continue
            seen = {"epoch": epoch, "loss": losses[p], "score": scores[p], "validation_loss": validation[p]}
            track.look(seen, outputs[p], data.metric)
            if last or track.since >= self._settings.patience:
                yield track.succeeded(data)
            elif limit is not None and track.seconds > limit:
                yield track.failed(f"took longer than {limit:g} s")

    def _scores(self, outputs: Tensor) -> list[float]:
        """The metric that decides, of every member; outputs are ``(members, examples, outputs)``."""
        data = self._vectors.tensors.data
        if data.metric == "accuracy":
            right = outputs.argmax(2) == self._vectors.tensors.y_val
            return [float(score) for score in right.double().mean(1).tolist()]
        finite = torch.isfinite(outputs).flatten(1).all(1).tolist()
        return [compute_one(data.metric, data.y_val, o.numpy()) if ok else math.nan for o, ok in zip(outputs, finite, strict=True)]


_FLOOR = 8
"""Least padded width: products of narrower layers take no longer."""


def population_of(candidates: Sequence[Candidate], vectors: Vectors, *, share: float = 1.0, seed: int = 0) -> PopulationLearner:
    """A learner of batchable candidates, with the initial weights that each of them has alone."""
    members = [Member(cells_of(c.graph), Recipe.of(c.recipe), build_network(c.graph, seed=c.seed).state_dict()) for c in candidates]
    widest = max(cell.width for member in members for cell in member.cells.by_slot.values())
    return PopulationLearner(members, vectors, share=share, floor=min(_FLOOR, widest), seed=seed)
