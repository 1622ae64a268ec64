"""The forward and backward pass of a population as two lists of prepared operations.

All arrays stand at fixed places in memory, so that every operation is prepared once, with its inputs and outputs bound, and a pass is one
walk through a list. Gradients are written by hand, see :mod:`metanas.evaluation.population_operations`.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from metanas.evaluation.population_dropout import Dropout
from metanas.evaluation.population_gradients import Gradients, Step, in_order, select
from metanas.evaluation.population_parameters import Parameters
from metanas.evaluation.population_plan import Lane, Plan, Rows


class Program:
    """A population's passes over batches of one size; empty at first, see :func:`metanas.evaluation.population_operations.prepare`.

    Args:
        plan: of the population.
        parameters: of its members.
        batch: examples per pass.
        dropout: draws masks; None for evaluation, in which dropout does nothing and batch normalisation uses its running statistics.
        rounding: whether the factors of large products are rounded to bfloat16 (and summed in float32).

    Attributes:
        x: the batch, ``(batch, features)``: to be filled before :meth:`forward`.
        values: the table of values ``(plan.rows, batch)``.
        gradients: the table of gradients.
        outputs: ``(members, outputs, batch)``, filled by :meth:`forward`.
        outputs_gradient: the same shape, to be filled before :meth:`backward`.
    """

    def __init__(self, plan: Plan, parameters: Parameters, batch: int, dropout: Dropout | None, *, rounding: bool = False) -> None:
        self.rounding = rounding
        self._precision = torch.get_float32_matmul_precision()
        self.plan, self.parameters, self.batch, self.dropout = plan, parameters, batch, dropout
        self.x = torch.zeros(batch, plan.features)
        self.values = torch.zeros(plan.rows, batch)
        self.gradients = Gradients(plan, batch if self.training else 0)
        self._forward: list[Step] = []
        self._backward: list[Step] = []
        if self.gradients.reads_input:
            self.then(partial(self.values[1 : 1 + plan.features].copy_, self.x.T))
        self.outputs = self.outputs_gradient = torch.empty(0)

    @property
    def training(self) -> bool:
        """Whether there is a backward pass."""
        return self.dropout is not None

    def forward(self) -> None:
        """From ``x`` to ``outputs``."""
        self._run(self._forward)

    def backward(self) -> None:
        """From ``outputs_gradient`` to the gradients of all parameters, which it overwrites."""
        self._run(self._backward)

    def _run(self, steps: list[Step]) -> None:
        try:
            for step in steps:
                step()
        finally:
            if self.rounding:
                torch.set_float32_matmul_precision(self._precision)

    def then(self, *steps: Step) -> None:
        """Append to the forward pass."""
        self._forward.extend(steps)

    def back(self, *steps: Step) -> None:
        """Put in front of the backward pass: operations are added from first to last, and their backward forms run from last to first."""
        if self.training:
            self._backward[:0] = steps

    def rounded(self, *steps: Step) -> list[Step]:
        """Steps in which PyTorch rounds the factors of products of float32 matrices, and only in these."""
        change = torch.set_float32_matmul_precision
        return [partial(change, "medium"), *steps, partial(change, self._precision)]

    def rows(self, lane: Lane) -> Tensor:
        """The lane's rows in the table of values."""
        return self.values[lane.first : lane.first + lane.rows]

    def read(self, index: Rows) -> Tensor:
        """Rows of the table of values: a view where they stand in order, else copied by a step."""
        part = in_order(index)
        if part is not None:
            return self.values[part]
        rows = torch.zeros(len(index), self.batch)
        self.then(select(self.values, index, rows))
        return rows

    def finish(self) -> None:
        """When every lane has been added."""
        members = len(self.plan.members)
        self.outputs = self.read(self.plan.output).view(members, -1, self.batch)
        self.outputs_gradient = self.gradients.of_readings(None).view(members, self.outputs.shape[1], -1 if self.training else 0)
