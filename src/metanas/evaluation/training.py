"""Training one candidate: for a search with validation and early stopping, and at the end for good.

The recipe is that of :mod:`metanas.evaluation.recipe`: AdamW, a warm-up and a cosine down to zero, gradients clipped,
pictures shifted a little. In a search the weights of the best epoch count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from metanas.evaluation.guard import CandidateFailedError, TrainingSettings, Watch, guarded, require_finite
from metanas.evaluation.learner import Learner, Validation
from metanas.evaluation.pace import Pace
from metanas.evaluation.recipe import step_size, warm_up_steps
from metanas.evaluation.start import Check, Weights, checked_start, take
from metanas.evaluation.tensors import Tensors
from metanas.networks import Network
from metanas.records import LOWER_IS_BETTER, Candidate
from metanas.tasks.data import LearningData
from metanas.tasks.metrics import compute, compute_one


@dataclass(frozen=True, eq=False)
class TrainingOutcome:
    """A trained network.

    Args:
        network: with the weights of the best epoch (of the last, in a final training).
        epochs: the epoch whose weights these are; of a final training, how many epochs it had (fractions count).
        metrics: all validation metrics by name at that epoch; empty in a final training.
        curve: one mapping per evaluation: ``epoch``, ``loss`` (training), ``score`` (validation metric), ``validation_loss``.
        seconds: of work.
    """

    network: Network
    epochs: float
    metrics: Mapping[str, float]
    curve: tuple[Mapping[str, float], ...]
    seconds: float

    @property
    def state(self) -> dict[str, Tensor]:
        """Weights and buffers by name: copies, on the CPU, in the usual order of axes."""
        return {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in self.network.state_dict().items()
        }


def train(
    candidate: Candidate,
    data: LearningData | Tensors,
    *,
    deadline: float,
    settings: TrainingSettings | None = None,
    device: str = "cpu",
    weights: Weights | None = None,
) -> TrainingOutcome:
    """Train a candidate at its fidelity, and keep the epoch that is best on the validation part.

    Bit for bit the same for the same candidate, data, machine and number of threads.

    Args:
        candidate: what to train.
        data: of its task; as tensors if many candidates share them.
        deadline: seconds on the clock of ``time.monotonic``.
        settings: None takes the defaults.
        device: where to train, if ``data`` is not on a device already.
        weights: learned ones by name to start from where a quick check says that they help, see :mod:`metanas.evaluation.start`.

    Raises:
        CandidateFailedError: not finite, too large for memory, or too slow.
        UnfinishedError: if the deadline comes first.
    """
    settings = settings or TrainingSettings()
    began = time.monotonic()
    tensors = data if isinstance(data, Tensors) else Tensors.of(data, device)
    with guarded(candidate, tensors, settings):
        make = partial(Learner, candidate, tensors, augment=settings.augment)
        learner, check = make(), None
        watch = Watch(deadline, began, settings)
        epochs = candidate.proposal.fidelity.epochs
        steps = epochs * learner.steps_per_epoch
        warm_up = warm_up_steps(steps, learner.steps_per_epoch)
        if weights is not None:
            learner, check = checked_start(learner, make, weights, tensors, watch, steps, warm_up)
        taken = 0 if check is None else check.steps
        best = _Best(tensors, settings.patience, check)
        every = -(-epochs // settings.evaluations)
        for epoch in range(1, epochs + 1):
            for step in range(max(taken, (epoch - 1) * learner.steps_per_epoch), epoch * learner.steps_per_epoch):
                watch.look(step)
                learner.step(step_size(step, steps, warm_up))
            if epoch % every and epoch < epochs:
                continue
            require_finite(loss := learner.mean_loss(), epoch)
            if best.had_enough(epoch, loss, learner.validate(watch.in_time), learner.network):
                break
        return best.outcome(learner, time.monotonic() - began)


def train_final(
    candidate: Candidate,
    data: LearningData | Tensors,
    *,
    epochs: float,
    deadline: float,
    settings: TrainingSettings | None = None,
    device: str = "cpu",
    progress: Callable[[float, float], None] | None = None,
    weights: Weights | None = None,
) -> TrainingOutcome:
    """Train a candidate on the whole training part without validation, so that the schedule ends in time.

    Where the epochs don't fit before the deadline, the schedule is shortened as the speed becomes known, so that the learning
    rate still comes down to zero; the deadline is passed by one step at most.

    Args:
        candidate: its fidelity's epochs don't count here, its share does.
        data: of which the validation part is not looked at.
        epochs: how many, at least one step's worth; fractions count.
        deadline: seconds on the clock of ``time.monotonic``.
        settings: None takes the defaults; its ``seconds`` don't count here.
        device: where to train, if ``data`` is not on a device already.
        progress: called about twice a second with the share done and the seconds left.
        weights: learned ones by name to start from, without a check.

    Raises:
        CandidateFailedError: not finite, or too large for memory.
    """
    settings = settings or TrainingSettings()
    began = time.monotonic()
    tensors = data if isinstance(data, Tensors) else Tensors.of(data, device)
    with guarded(candidate, tensors, settings):
        learner = Learner(candidate, tensors, augment=settings.augment)
        if weights is not None:
            take(learner.network, weights)
        pace = Pace(max(1, round(epochs * learner.steps_per_epoch)), deadline)
        watch = Watch(float("inf"), began, TrainingSettings(memory=settings.memory))
        warm_up = warm_up_steps(pace.steps, learner.steps_per_epoch)
        while pace.go_on():
            watch.look(pace.taken)
            learner.step(step_size(round(pace.done * pace.steps), pace.steps, warm_up))
            if pace.due():
                require_finite(learner.mean_loss(), pace.taken / learner.steps_per_epoch)
                if progress is not None:
                    progress(pace.done, pace.seconds_left)
        require_finite(learner.mean_loss(), pace.taken / learner.steps_per_epoch)
        learner.network.eval()
        return TrainingOutcome(learner.network, pace.taken / learner.steps_per_epoch, {}, (), time.monotonic() - began)


class _Best:
    """The best epoch so far, by the validation metric and then by the validation loss."""

    def __init__(self, tensors: Tensors, patience: int, check: Check | None = None) -> None:
        self._tensors, self._patience = tensors, patience
        self._began: Mapping[str, float] = {} if check is None else check.told
        self._rank = (-float("inf"), -float("inf"))
        self._epoch, self._since = 0, 0
        self._state: dict[str, Tensor] = {}
        self._validation: Validation | None = None
        self._curve: list[Mapping[str, float]] = []

    def had_enough(self, epoch: int, loss: float, seen: Validation, network: Network) -> bool:
        """Take note of what was seen after ``epoch``, whose mean training loss was ``loss``; whether it is time to stop."""
        require_finite(seen.loss, epoch)
        data = self._tensors.data
        score = compute_one(data.metric, data.y_val, seen.outputs.numpy())
        self._curve.append({"epoch": epoch, "loss": loss, "score": score, "validation_loss": seen.loss, **self._began})
        self._began = {}
        rank = (-score if data.metric in LOWER_IS_BETTER else score, -seen.loss)
        self._since += 1
        if rank > self._rank:
            self._rank, self._epoch, self._since, self._validation = rank, epoch, 0, seen
            self._state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return self._since >= self._patience

    def outcome(self, learner: Learner, seconds: float) -> TrainingOutcome:
        """What came of the training, the best epoch's weights back in the network."""
        if self._validation is None:
            raise CandidateFailedError("the validation metric was never a number")
        learner.network.load_state_dict(self._state)
        learner.network.eval()
        metrics = compute(self._tensors.data.kind, self._tensors.data.y_val, self._validation.outputs.numpy())
        return TrainingOutcome(learner.network, self._epoch, metrics, tuple(self._curve), seconds)
