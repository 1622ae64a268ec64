"""A population in training: the weights, passes and order of batches of its members, driven a step at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metanas.evaluation.fast_convolution import bfloat16_is_fast
from metanas.evaluation.learner import CLIP, EVALUATION_NUMBERS
from metanas.evaluation.population_cells import Cells
from metanas.evaluation.population_dropout import Dropout
from metanas.evaluation.population_loss import CrossEntropy, SquaredError, in_users_terms_of_all, validation_losses
from metanas.evaluation.population_operations import prepare
from metanas.evaluation.population_parameters import Parameters
from metanas.evaluation.population_plan import Plan
from metanas.evaluation.population_program import Program
from metanas.evaluation.population_update import Update
from metanas.evaluation.recipe import Recipe, batch_size
from metanas.evaluation.tensors import Tensors


@dataclass(frozen=True, eq=False)
class Vectors:
    """A task's examples as standardised vectors ``(examples, features)`` float32, which all members read."""

    tensors: Tensors
    x_train: Tensor
    x_val: Tensor

    @classmethod
    def of(cls, tensors: Tensors) -> Vectors:
        """What networks do to raw examples before their first operation, done once."""
        data = tensors.data
        mean, std = (torch.as_tensor(a, dtype=torch.float32) for a in (data.input_mean, data.input_std))

        def standardised(x: Tensor) -> Tensor:
            shape = (-1,) + (1,) * (x.dim() - 2)
            return ((x.float() - mean.view(shape)) / std.view(shape)).flatten(1).contiguous()

        return cls(tensors, standardised(tensors.x_train), standardised(tensors.x_val))


@dataclass(frozen=True, eq=False)
class Member:
    """One candidate of a population: its cells, its recipe, and its weights by name."""

    cells: Cells
    recipe: Recipe
    state: Mapping[str, Tensor]


class PopulationLearner:
    """Trains members on the same batches.

    Args:
        members: in any order.
        vectors: of the task.
        share: of the training data that is used.
        floor: see :class:`Plan`.
        seed: of the order of batches and of dropout.
    """

    def __init__(self, members: Sequence[Member], vectors: Vectors, *, share: float, floor: int, seed: int) -> None:
        self._vectors, self._floor = vectors, floor
        self._rows = vectors.tensors.rows(share)
        self.batch = min(batch_size(len(self._rows)), len(self._rows))
        self.steps_per_epoch = max(1, len(self._rows) // self.batch)
        self._generator = torch.Generator().manual_seed(seed)
        self._batches = self._order()
        self._pool = Dropout(seed)
        self._number = 0
        self._take(members)

    def _take(self, members: Sequence[Member]) -> None:
        tensors = self._vectors.tensors
        self._recipes = [member.recipe for member in members]
        self._plan = Plan([member.cells for member in members], self._vectors.x_train.shape[1], self._floor)
        self.parameters = Parameters(self._plan)
        for position, member in enumerate(members):
            self.parameters.write(position, member.state)
        self._update = Update(self.parameters, self._recipes, CLIP)
        classes = tensors.data.kind == "classification"
        # As for convolutions: values are trained in float32, since a prediction in bfloat16 has two to three digits.
        self._program = prepare(self._plan, self.parameters, self.batch, self._pool, rounding=classes and bfloat16_is_fast())
        self._evaluation: Program | None = None
        self._loss = CrossEntropy(self._recipes, tensors.class_weights) if classes else SquaredError()
        self._losses = torch.zeros(len(members))
        self._counted = 0

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with these members only; call when the losses have been read."""
        cells = self._plan.members
        self._take([Member(cells[p], self._recipes[p], self.parameters.read(p, moments=True)) for p in positions])

    def step(self, size: float) -> None:
        """One step of all members on the next batch.

        Args:
            size: share of every recipe's learning rate.
        """
        rows = next(self._batches)
        program = self._program
        torch.index_select(self._vectors.x_train, 0, rows, out=program.x)
        y = self._vectors.tensors.y_train.index_select(0, rows)
        self._number += 1
        self._pool.number = self._number
        program.forward()
        self._losses += self._loss(program.outputs, y, program.outputs_gradient)
        self._counted += 1
        program.backward()
        self._update(self._number, size)

    def mean_losses(self) -> list[float]:
        """The mean training loss of every member since the last call; not finite if one of its steps was not."""
        means = (self._losses / max(1, self._counted)).tolist()
        self._losses.zero_()
        self._counted = 0
        return [float(mean) for mean in means]

    def validate(self) -> tuple[Tensor, list[float]]:
        """Every member's outputs in the user's terms ``(members, examples, outputs)`` and its validation loss."""
        tensors, x = self._vectors.tensors, self._vectors.x_val
        if self._evaluation is None:
            size = max(16, min(len(x), 512, EVALUATION_NUMBERS // self._plan.rows))
            self._evaluation = prepare(self._plan, self.parameters, size, None)
        program = self._evaluation
        parts = []
        for part in torch.split(x, len(program.x)):
            program.x[: len(part)] = part
            program.forward()
            parts.append(program.outputs[:, :, : len(part)].clone())
        raw = torch.cat(parts, 2)
        outputs = in_users_terms_of_all(tensors.data.kind, raw, tensors.target_mean, tensors.target_std)
        return outputs, [float(loss) for loss in validation_losses(tensors.data.kind, raw, tensors.y_val).tolist()]

    def _order(self) -> Iterator[Tensor]:
        """Rows of one batch after another: every epoch a new order, of which the last incomplete batch is left out."""
        while True:
            shuffled = self._rows.index_select(0, torch.randperm(len(self._rows), generator=self._generator))
            yield from torch.split(shuffled[: self.steps_per_epoch * self.batch], self.batch)
