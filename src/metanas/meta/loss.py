"""Losses of several tasks at once, with their derivatives of first and second order by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor

from metanas.tasks.data import Kind


class Loss(ABC):
    """The mean loss of each task's examples.

    Shapes: raw outputs and their gradients ``(tasks, examples, outputs)``; targets ``(tasks, examples)`` or ``(tasks, examples, outputs)``.
    """

    @abstractmethod
    def values(self, outputs: Tensor, y: Tensor) -> Tensor:
        """``(tasks,)``."""

    @abstractmethod
    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Of each task's loss with respect to its outputs."""

    @abstractmethod
    def curvature(self, outputs: Tensor, change: Tensor) -> Tensor:
        """How the gradient changes where the outputs change by ``change``."""

    @abstractmethod
    def score(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Accuracy, or root mean squared error, ``(tasks,)``."""


class CrossEntropy(Loss):
    """Of logits and labels."""

    def values(self, outputs: Tensor, y: Tensor) -> Tensor:
        """``(tasks,)``."""
        return F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        """``(softmax - one-hot) / examples``."""
        g = outputs.softmax(2)
        g.scatter_add_(2, y.unsqueeze(2), g.new_full((), -1.0).expand(*y.shape, 1))
        return g.div_(y.shape[1])

    def curvature(self, outputs: Tensor, change: Tensor) -> Tensor:
        """``p (v - <p, v>) / examples`` with ``p`` the softmax."""
        weighted = (p := outputs.softmax(2)) * change
        return weighted.sub_(p * weighted.sum(2, keepdim=True)).div_(outputs.shape[1])

    def score(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Accuracy."""
        return (outputs.argmax(2) == y).double().mean(1)


class SquaredError(Loss):
    """Mean squared error of standardised targets."""

    def values(self, outputs: Tensor, y: Tensor) -> Tensor:
        """``(tasks,)``."""
        return (outputs - y).square().mean((1, 2))

    def gradient(self, outputs: Tensor, y: Tensor) -> Tensor:
        """``2 (output - target) / numbers``."""
        return (outputs - y) * (2 / outputs[0].numel())

    def curvature(self, outputs: Tensor, change: Tensor) -> Tensor:
        """``2 v / numbers``."""
        return change * (2 / outputs[0].numel())

    def score(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Root mean squared error."""
        return self.values(outputs, y).sqrt()


def loss_of(kind: Kind) -> Loss:
    """The loss of a kind of task."""
    return SquaredError() if kind == "regression" else CrossEntropy()
