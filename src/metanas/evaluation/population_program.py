"""The forward and backward pass of a population as two lists of prepared operations.

All arrays stand at fixed places in memory, so that every operation is prepared once, with its inputs and outputs bound, and a pass is one
walk through a list. Gradients are written by hand: an operation's backward form reads the gradient of its output and writes the gradients
of its inputs, or adds to them where another operation wrote before. The row-wise operations of a cell work on one gradient in place.

Notation: a run has ``K`` members of ``W`` padded rows each, a batch ``B`` examples; values are ``(K, W, B)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from metanas.evaluation.population_cells import HEAD, SOURCE, Slot
from metanas.evaluation.population_dropout import Dropout
from metanas.evaluation.population_parameters import Parameters
from metanas.evaluation.population_plan import Plan, Run

Step = Callable[[], Any]
Emit = Callable[["Program", Run], None]
"""Appends an operation to a program's forward pass and, by :meth:`Program.on_the_way_back`, to its backward pass."""


class Program:
    """A population's passes over batches of one size.

    Args:
        plan: of the population.
        parameters: of its members.
        batch: examples per pass.
        dropout: draws masks; None for evaluation, in which dropout does nothing and batch normalisation uses its running statistics.

    Attributes:
        x: the batch, ``(batch, features)``: to be filled before :meth:`forward`.
        outputs: ``(members, outputs, batch)``, filled by :meth:`forward`.
        outputs_gradient: the same shape, to be filled before :meth:`backward`; empty in evaluation.
    """

    def __init__(self, plan: Plan, parameters: Parameters, batch: int, dropout: Dropout | None) -> None:
        self.plan, self.parameters, self.batch, self.dropout = plan, parameters, batch, dropout
        self.x = torch.zeros(batch, plan.features)
        self._arrays: dict[tuple[Slot, str], Tensor] = {}
        self._written: set[tuple[Slot, int]] = set()
        self._forward: list[Step] = []
        self._backward: list[Step] = []
        self._returns: list[Callable[[], None]] = []
        shape = (len(plan.members), -1, batch)
        self.outputs = self._array(HEAD, "out").view(shape)
        self.outputs_gradient = self._array(HEAD, "gradient").view(shape) if self.training else torch.empty(0)

    def finish(self) -> None:
        """Emit the backward pass; when all operations of the forward pass have been emitted."""
        for emit_backward in reversed(self._returns):
            emit_backward()

    @property
    def training(self) -> bool:
        """Whether there is a backward pass."""
        return self.dropout is not None

    def forward(self) -> None:
        """From ``x`` to ``outputs``."""
        for step in self._forward:
            step()

    def backward(self) -> None:
        """From ``outputs_gradient`` to the gradients of all parameters, which it overwrites."""
        for step in self._backward:
            step()

    # -- for those who emit operations ---------------------------------------------------------------------------------

    def then(self, *steps: Step) -> None:
        """Append to the forward pass."""
        self._forward.extend(steps)

    def back(self, *steps: Step) -> None:
        """Append to the backward pass; only while it is being emitted, from last to first."""
        self._backward.extend(steps)

    def on_the_way_back(self, emit: Callable[[], None]) -> None:
        """``emit`` appends to the backward pass when the operations behind this one have done so."""
        if self.training:
            self._returns.append(emit)

    def _array(self, slot: Slot, stage: str) -> Tensor:
        if (slot, stage) not in self._arrays:
            self._arrays[slot, stage] = torch.zeros(self.plan.starts[slot][-1], self.batch)
        return self._arrays[slot, stage]

    def place(self, run: Run, stage: str) -> Tensor:
        """``(K, W, B)`` of the run's own slot after ``source``, ``norm``, ``activation``, or at the end, ``out``; or its ``gradient``."""
        return self._view(run.slot, run, stage)

    def _view(self, slot: Slot, run: Run, stage: str) -> Tensor:
        starts = self.plan.starts[slot]
        return self._array(slot, stage)[starts[run.first] : starts[run.last]].view(len(run), -1, self.batch)

    def value(self, slot: Slot, run: Run) -> Tensor:
        """``(K, W, B)``: what the run's members have in another slot; of the input a view that repeats it for every member."""
        if slot == SOURCE:
            return self.x.T.expand(len(run), self.plan.features, self.batch)
        return self._view(slot, run, "out")

    def scratch(self, *shape: int) -> Tensor:
        """An array of an operation's own."""
        return torch.zeros(shape)

    def receive(self, slot: Slot, run: Run) -> tuple[Tensor, bool] | None:
        """Where the gradient of an input goes, and whether to add to it instead of writing; None for the task's input.

        Where some members' gradients were written before and others' not, the others' begin at zero.
        """
        if slot == SOURCE:
            return None
        gradient = self._view(slot, run, "gradient")
        fresh = [m for m in run.members if (slot, m) not in self._written]
        self._written.update((slot, m) for m in fresh)
        add = len(fresh) < len(run)
        if add:
            self.back(*(gradient[m - run.first].zero_ for m in fresh))
        return gradient, add
