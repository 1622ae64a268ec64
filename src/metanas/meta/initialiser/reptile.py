"""Reptile over earlier tasks whose data are at hand: the start moves to where training a network of the space leads.

Nichol, Achiam and Schulman 2018, algorithm 1, with a training of its own recipe (AdamW) as the inner loop, as in the paper's section 6,
and a rate that falls to 0. In the end every task is trained once more from the start, and gives an entry of the bank: the blend of these,
weighted by how much each task is like a new one, is the paper's batched outer step at rate 1 (see :mod:`metanas.meta.initialiser.bank`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metanas.evaluation.guard import CandidateFailedError, TrainingSettings
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train_final
from metanas.meta.initialiser.bank import Bank, Initialisation
from metanas.meta.initialiser.layers import Layer, Layers, fitted_layers, layers_of
from metanas.meta.prior.form import Floats
from metanas.networks import build_network
from metanas.records import Candidate
from metanas.tasks.data import LearningData

RATE = 1.0
"""Of the first outer step; the last ones move the start by next to nothing."""


@dataclass(frozen=True, eq=False)
class EarlierData:
    """A task to learn from.

    Args:
        name, source: as of :class:`~metanas.meta.initialiser.bank.Initialisation`.
        embedding: ``(attributes,)``.
        data: its examples.
        candidate: the reference network for its shapes (the widest that training can be afforded of), and its recipe; narrower
            candidates take slices.
    """

    name: str
    source: str
    embedding: Floats
    data: LearningData
    candidate: Candidate


def outer_step(start: Layers, trained: Layers, rate: float) -> dict[str, Layer]:
    """``start + rate * (trained - start)``, layer by layer; layers that the start lacks, or has in another shape, become the trained ones.

    Args:
        start: where training began.
        trained: where it led.
        rate: in [0, 1]; 1 gives the trained weights.
    """
    moved = dict(start)
    for key, layer in trained.items():
        before = start.get(key)
        same = before is not None and before.value.shape == layer.value.shape and before.parts == layer.parts
        moved[key] = Layer(before.value + rate * (layer.value - before.value), layer.parts) if same and before and rate != 1.0 else layer
    return moved


def reptile(
    tasks: Sequence[EarlierData],
    *,
    rounds: int,
    epochs: float,
    origin: str,
    seed: int = 0,
    deadline: float = float("inf"),
    progress: Callable[[float], None] = lambda share: None,
) -> Bank:
    """A bank with one entry per task, all from the same start.

    Args:
        tasks: of one kind of data and one space.
        rounds: how often each task moves the start; 0 trains each from fresh weights, which are the same for all.
        epochs: of each training.
        origin: name of the start.
        seed: of the order of the tasks.
        deadline: seconds on the clock of ``time.monotonic``, after which rounds end early; the last trainings take place all the same.
        progress: told the share done.

    Raises:
        CandidateFailedError: if no task could be trained; tasks that can't are left out.
    """
    rng = np.random.default_rng(seed)
    tensors = [Tensors.of(task.data) for task in tasks]
    start: Layers = {}
    steps = rounds * len(tasks)
    for number in range(steps):
        if time.monotonic() >= deadline:
            break
        if number % len(tasks) == 0:
            order = rng.permutation(len(tasks))
        chosen = int(order[number % len(tasks)])
        trained = _trained(tasks[chosen], tensors[chosen], start, epochs, number)
        start = outer_step(start, trained or start, 1.0 if not start else RATE * (1 - number / steps))
        progress((number + 1) / (steps + len(tasks)))
    entries = []
    for number, (task, data) in enumerate(zip(tasks, tensors, strict=True)):
        if (layers := _trained(task, data, start, epochs, steps)) is not None:
            entries.append(Initialisation(task.name, (task.source,), origin, task.data.shape.data, task.embedding, layers))
        progress((steps + number + 1) / (steps + len(tasks)))
    if not entries:
        raise CandidateFailedError("none of the earlier tasks could be trained")
    return Bank(tuple(entries))


def _trained(task: EarlierData, data: Tensors, start: Layers, epochs: float, number: int) -> Layers | None:
    """The layers after training from the start; None where that failed."""
    candidate = Candidate(task.candidate.proposal, task.candidate.graph, task.candidate.recipe, seed=number)
    fresh = build_network(candidate.graph, seed=0).state_dict()
    try:
        weights = fitted_layers(candidate.graph, start, fresh) if start else fresh
        outcome = train_final(candidate, data, epochs=epochs, deadline=float("inf"), settings=TrainingSettings(), weights=weights)
    except CandidateFailedError:
        return None
    return layers_of(candidate.graph, outcome.state)
