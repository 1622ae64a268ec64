"""Training the architectures on a task: learning curves with validation and test scores, costs and times.

The recipe is the ordinary one of :class:`metanas.evaluation.TrainingEvaluator` with nine evaluations and no early stopping; only that the
test part is looked at as often as the validation part, which no search could do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from metanas.benchmarks.tables.many_task_files import POINTS, adapted
from metanas.evaluation.guard import TrainingSettings, guarded
from metanas.evaluation.learner import Learner
from metanas.evaluation.population import partition, population_of
from metanas.evaluation.population_learner import Vectors
from metanas.evaluation.recipe import step_size, warm_up_steps
from metanas.evaluation.tensors import Tensors
from metanas.records import LOWER_IS_BETTER, Candidate, Fidelity, Proposal
from metanas.spaces import Space, make_space
from metanas.spaces.decision import Value
from metanas.tasks import Task
from metanas.tasks.metrics import compute_one

from .raw import Array

SEEDS, MORE_SEEDS, TOP = 2, 5, 20
"""Seeds of all architectures, further ones of the best, and how many these are."""


@dataclass(frozen=True, eq=False)
class Training:
    """What came of one training.

    Args:
        architecture: its number in the benchmark.
        seed: of initial weights, batches and dropout.
        validation, test, validation_loss, loss: at :data:`POINTS` evenly spaced epochs ``(points,)``: scores by the task's metric, and
            mean losses of the validation part (cross-entropy; NaN for regression) and of training; NaN from the point at which it failed.
        seconds: of one processor core, for the steps and the validation.
        parameters, flops: of the network.
    """

    architecture: int
    seed: int
    validation: Array
    test: Array
    validation_loss: Array
    loss: Array
    seconds: float
    parameters: int
    flops: int


class Judge:
    """Scores the validation and the test part of a task."""

    def __init__(self, task: Task) -> None:
        data, preprocessing = task.prepare()
        x_test, y_test = task.test_data()
        self.metric, self.kind, self.held = data.metric, data.kind, len(data.y_val)
        self._y = np.concatenate([data.y_val, y_test])
        both = replace(data, x_val=np.concatenate([data.x_val, preprocessing.transform(x_test)]), y_val=self._y)
        self.tensors = Tensors.of(both)
        """The training part, and the validation and test part one behind the other."""

    def scores(self, outputs: Array) -> tuple[float, float, float]:
        """Validation score, test score and validation loss of outputs ``(examples, outputs)`` in the user's terms; NaN if not finite."""
        if not np.isfinite(outputs).all():
            return np.nan, np.nan, np.nan
        parts = (slice(None, self.held), slice(self.held, None))
        if self.metric == "accuracy":
            right = outputs.argmax(1) == self._y
            validation, test = (float(right[part].mean()) for part in parts)
        else:
            validation, test = (compute_one(self.metric, self._y[part], outputs[part]) for part in parts)
        if self.kind == "regression":
            return validation, test, np.nan
        sure = outputs[np.arange(self.held), self._y[: self.held]]
        return validation, test, float(-np.log(np.maximum(sure, 1e-12)).mean())

    @property
    def sign(self) -> int:
        """-1 where less of the metric is better."""
        return -1 if self.metric in LOWER_IS_BETTER else 1

    def pooled(self, training: Training) -> float:
        """Validation and test score at the end, weighted by their examples, larger is better; minus infinity if the training failed."""
        share = self.held / len(self._y)
        score = self.sign * (share * training.validation[-1] + (1 - share) * training.test[-1])
        return float(score) if np.isfinite(score) else -np.inf


def train_all(task: Task, space: str, epochs: int, choices: Sequence[Mapping[str, Value]]) -> Iterator[Training]:
    """Every architecture with :data:`SEEDS` seeds, then the :data:`TOP` best (on validation and test part together) with more.

    Args:
        task: to be learned.
        space: name of the architectures' space.
        epochs: of every training, a multiple of :data:`POINTS`.
        choices: of every architecture.
    """
    judge = Judge(task)
    shape = task.prepare()[1].shape
    made = make_space(space, shape)
    sums = np.zeros(len(choices))
    for seed in range(SEEDS):
        for training in train_some(judge, made, epochs, dict(enumerate(choices)), seed):
            sums[training.architecture] += judge.pooled(training)
            yield training
    best = np.argsort(-sums, kind="stable")[:TOP]
    for seed in range(SEEDS, SEEDS + MORE_SEEDS):
        yield from train_some(judge, made, epochs, {int(a): choices[int(a)] for a in best}, seed)


def train_some(judge: Judge, space: Space, epochs: int, choices: Mapping[int, Mapping[str, Value]], seed: int) -> Iterator[Training]:
    """Architectures (number to choices) with one seed."""
    candidates = []
    for number, chosen in choices.items():
        architecture = adapted(space, chosen)
        proposal = Proposal(number, architecture, Fidelity(epochs))
        candidates.append(Candidate(proposal, space.graph(architecture), space.recipe(architecture), seed))
    buckets, alone = partition(candidates)
    vectors = Vectors.of(judge.tensors) if buckets else None
    for bucket in buckets:
        assert vectors is not None
        yield from _population(judge, vectors, bucket, epochs, seed)
    for candidate in alone:
        yield _alone(judge, candidate, epochs)


def _population(judge: Judge, vectors: Vectors, bucket: Sequence[Candidate], epochs: int, seed: int) -> Iterator[Training]:
    """A bucket trained together, as ``metanas.evaluation.train_population`` does; its time is divided evenly."""
    clock = Clock(judge)
    curves = np.full((len(bucket), 4, POINTS), np.nan)
    learner = population_of(bucket, vectors, seed=seed)
    steps, left = epochs * learner.steps_per_epoch, list(range(len(bucket)))
    warm_up = warm_up_steps(steps, learner.steps_per_epoch)
    shares = np.zeros(len(bucket))
    for point in range(POINTS):
        for step in range(point * steps // POINTS, (point + 1) * steps // POINTS):
            learner.step(step_size(step, steps, warm_up))
        clock.trained()
        losses, (outputs, _) = learner.mean_losses(), learner.validate()
        shares[left] += clock.validated() / len(left)
        for member, loss, seen in zip(left, losses, outputs.numpy(), strict=True):
            curves[member, :, point] = (*judge.scores(seen), loss)
        sound = [place for place, member in enumerate(left) if np.isfinite(curves[member, [0, 1, 3], point]).all()]
        if not sound:
            break
        if len(sound) < len(left):
            learner.keep(sound)
            left = [left[place] for place in sound]
        clock.restart()
    for candidate, curve, seconds in zip(bucket, curves, shares, strict=True):
        yield _training(candidate, curve, float(seconds))


def _alone(judge: Judge, candidate: Candidate, epochs: int) -> Training:
    """One network, as ``metanas.evaluation.training.train`` trains it."""
    clock, seconds = Clock(judge), 0.0
    curve = np.full((4, POINTS), np.nan)
    with guarded(candidate, judge.tensors, TrainingSettings()):
        learner = Learner(candidate, judge.tensors)
        steps = epochs * learner.steps_per_epoch
        warm_up = warm_up_steps(steps, learner.steps_per_epoch)
        for point in range(POINTS):
            for step in range(point * steps // POINTS, (point + 1) * steps // POINTS):
                learner.step(step_size(step, steps, warm_up))
            clock.trained()
            loss, outputs = learner.mean_loss(), learner.validate().outputs.numpy()
            seconds += clock.validated()
            curve[:, point] = (*judge.scores(outputs), loss)
            if not np.isfinite(curve[[0, 1, 3], point]).all():
                break
            clock.restart()
    return _training(candidate, curve, seconds)


def _training(candidate: Candidate, curve: Array, seconds: float) -> Training:
    failed = np.maximum.accumulate(~np.isfinite(curve[[0, 1, 3]]).all(0))
    validation, test, validation_loss, loss = np.where(failed, np.nan, curve).astype(np.float32)
    number, graph = candidate.proposal.id, candidate.graph
    return Training(number, candidate.seed, validation, test, validation_loss, loss, seconds, graph.parameters, graph.flops)


class Clock:
    """Seconds of this process's work; of the looks at the validation and test part together, the share of the validation part counts."""

    def __init__(self, judge: Judge) -> None:
        self._share = judge.held / len(judge.tensors.y_val)
        self._work = 0.0
        self.restart()

    def restart(self) -> None:
        """From now on it counts again."""
        self._began, self._work = time.process_time(), 0.0

    def trained(self) -> None:
        """The steps are made, the look at the examples begins."""
        self._work, self._began = time.process_time() - self._began, time.process_time()

    def validated(self) -> float:
        """The seconds since the start."""
        return self._work + self._share * (time.process_time() - self._began)


def one_thread() -> None:
    """As all trainings of the benchmark run: small networks gain nothing from more threads."""
    torch.set_num_threads(1)
