"""What passes between a meta-learner and its methods: some tasks as tensors, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from metanas.meta.together import Named


class Tasks(Protocol):
    """One episode, or several with one more axis in front; see ``metanas.tasks.few_shot.Episode``."""

    @property
    def x_support(self) -> Any:
        """Examples to learn from."""

    @property
    def y_support(self) -> Any:
        """Their targets."""

    @property
    def x_query(self) -> Any:
        """Examples to be judged on."""

    @property
    def y_query(self) -> Any:
        """Their targets."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Several tasks as tensors: ``(tasks, examples, ...)`` each."""

    x_support: Tensor
    y_support: Tensor
    x_query: Tensor
    y_query: Tensor

    def part(self, first: int, last: int) -> Batch:
        """Tasks ``first`` to ``last - 1``."""
        return Batch(self.x_support[first:last], self.y_support[first:last], self.x_query[first:last], self.y_query[first:last])

    def __len__(self) -> int:
        return len(self.x_support)


@dataclass(frozen=True, eq=False)
class Judged:
    """The query loss of some tasks.

    Args:
        gradient: with respect to the weights ``(tasks, ...)``; empty where it was not asked for.
        losses, scores: ``(tasks,)``.
        outputs: raw, ``(tasks, queries, outputs)``.
    """

    gradient: Named
    losses: Tensor
    scores: Tensor
    outputs: Tensor


@dataclass(frozen=True, eq=False)
class Outcome:
    """What some tasks say of the meta-parameters.

    Args:
        gradient: of the sum of the tasks' outer losses, in the shapes of the meta-parameters.
        losses, scores: on the queries after adapting, ``(tasks,)``.
    """

    gradient: Named
    losses: Tensor
    scores: Tensor
