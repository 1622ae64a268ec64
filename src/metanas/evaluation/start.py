"""Where a training starts: from fresh weights, or from learned ones where a quick check on validation says that they help.

The check takes the same first steps (same batches, same dropout) from both starts and compares the losses on a part of the validation
examples; the training goes on from the better, bit for bit as it would have from fresh weights if these win. At most
:data:`SHARE` of a training's work is spent on it; trainings too short for that start fresh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from metanas.evaluation.guard import CandidateFailedError, Watch
from metanas.evaluation.learner import Learner
from metanas.evaluation.recipe import step_size
from metanas.evaluation.tensors import Tensors, stratified_order
from metanas.networks import Network
from metanas.records import Candidate, Evaluation

SHARE = 0.05
"""Most of a training's work that the check costs: its steps from the start that loses, and looks at validation examples."""
STEPS_SHARE = 0.03
"""Of a training's steps, those after which the starts are compared; looking at as many examples as they learn from costs a third each."""
LEAST_STEPS, LEAST_EXAMPLES = 4, 32
"""Fewer steps, or fewer validation examples, tell chance from gain too rarely."""
OFFERED = "prior-"
"""How the names of weights begin that a prior offered, see ``Proposal.weights_from``; the rest is their digest."""
FRESH, LEARNED = "fresh_start", "learned_start"
"""In the first point of a learning curve: validation losses of the check."""

Weights = Mapping[str, Tensor]
"""Of a network, by name: all or some."""


@dataclass(frozen=True)
class Check:
    """What a quick check saw.

    Args:
        steps: that were taken from each start.
        fresh: validation loss from fresh weights.
        learned: validation loss from the learned ones; not finite if they were useless.
    """

    steps: int
    fresh: float
    learned: float

    @property
    def helps(self) -> bool:
        """Whether the learned weights won."""
        return math.isfinite(self.learned) and not self.learned >= self.fresh

    @property
    def told(self) -> dict[str, float]:
        """For the first point of the learning curve."""
        return {FRESH: self.fresh, LEARNED: self.learned}


def offered(candidate: Candidate, folder: Path | None) -> Weights | None:
    """The weights that a candidate was offered; None where it was not.

    Args:
        candidate: its proposal names them.
        folder: of their files; None where nothing is offered.

    Raises:
        CandidateFailedError: if they are gone or damaged: fresh weights would give another result under the same name.
    """
    name = candidate.proposal.weights_from
    if name is None or folder is None or not name.startswith(OFFERED):
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        weights: Weights = load((folder / f"{name}.safetensors").read_bytes())
    except (OSError, SafetensorError) as error:
        raise CandidateFailedError(f"its initial weights {name} could not be read") from error
    return weights


def take(network: Network, weights: Weights) -> bool:
    """Put those of ``weights`` into the network that it has, in its shapes, if they are numbers; whether there were any."""
    own = network.state_dict()
    fits = {n: w for n, w in weights.items() if n in own and own[n].shape == w.shape and bool(torch.isfinite(w).all())}
    network.load_state_dict({**own, **fits})
    return bool(fits)


def checked_start(
    fresh: Learner, make: Callable[[], Learner], weights: Weights, tensors: Tensors, watch: Watch, steps: int, warm_up: int
) -> tuple[Learner, Check | None]:
    """A learner that has taken the steps of the check from the better start; where there is no check, ``fresh`` as it was.

    Args:
        fresh: that has taken no step.
        make: another such learner of the same candidate.
        weights: that were learned.
        tensors: of the task.
        watch: that is asked before every step.
        steps: of the whole training.
        warm_up: steps of its schedule.
    """
    few = int(STEPS_SHARE * steps)
    rows = _rows(tensors, few * fresh.batch)
    if few < LEAST_STEPS or len(rows) < LEAST_EXAMPLES:
        return fresh, None

    def seen(learner: Learner) -> float:
        for step in range(few):
            watch.look(step)
            learner.step(step_size(step, steps, warm_up))
        return learner.loss_on(rows)

    learned = make()
    if not take(learned.network, weights):
        return fresh, None
    # Dropout draws the same for both; what it drew for the first is undone, so that the fresh one goes on as if it had been alone.
    with torch.random.fork_rng(devices=[tensors.device] if tensors.device.type == "cuda" else []):
        loss = seen(learned)
    check = Check(few, seen(fresh), loss)
    return (learned if check.helps else fresh), check


def from_learned(evaluation: Evaluation) -> bool | None:
    """Whether a training went on from learned weights; None where it was not offered any, or was too short to try them."""
    first = evaluation.curve[0] if evaluation.curve else {}
    if FRESH not in first:
        return None
    return Check(0, first[FRESH], first.get(LEARNED, math.nan)).helps


def _rows(tensors: Tensors, most: int) -> Tensor:
    """Validation examples for the check, classes in proportion; the same for all candidates."""
    data = tensors.data
    order = stratified_order(data.y_val if data.kind == "classification" else None, len(data.y_val))
    return torch.from_numpy(order[:most].copy()).to(tensors.device)
