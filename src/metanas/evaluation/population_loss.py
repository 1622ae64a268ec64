"""The loss of every member and its gradient, in one go for a whole population.

Notation: ``P`` members, ``C`` outputs, ``B`` examples; raw outputs are ``(P, C, B)``. The same losses as those of
:func:`metanas.evaluation.loss.loss_function`, each member with its own label smoothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from metanas.evaluation.recipe import Recipe
from metanas.tasks.data import Kind


class CrossEntropy:
    """Cross-entropy with label smoothing and class weights.

    Args:
        recipes: one per member.
        class_weights: ``(C,)`` or None.
    """

    def __init__(self, recipes: Sequence[Recipe], class_weights: Tensor | None) -> None:
        self._smoothing = torch.tensor([r.label_smoothing for r in recipes]).view(-1, 1, 1)
        self._smooth = bool(self._smoothing.any())
        self._weights = None if class_weights is None else class_weights.view(-1, 1)

    def __call__(self, raw: Tensor, y: Tensor, gradient: Tensor) -> Tensor:
        """Losses ``(P,)``; fills ``gradient`` ``(P, C, B)``.

        With target distribution ``t`` and class weights ``w``: the loss is ``-sum(w t log p) / B``, its gradient
        ``(p sum(w t) - w t) / B``, sums over classes.
        """
        _, classes, batch = raw.shape
        target = F.one_hot(y, classes).T.to(raw.dtype).unsqueeze(0)
        if self._smooth:
            target = target * (1 - self._smoothing) + self._smoothing / classes
        if self._weights is not None:
            target = target * self._weights
        logs = torch.log_softmax(raw, 1)
        torch.exp(logs, out=gradient)
        if self._weights is not None:
            gradient.mul_(target.sum(1, keepdim=True))
        gradient.sub_(target).div_(batch)
        return logs.mul_(target).sum((1, 2)).div_(-batch)


class SquaredError:
    """Mean squared error of standardised targets."""

    def __call__(self, raw: Tensor, y: Tensor, gradient: Tensor) -> Tensor:
        """Losses ``(P,)``; fills ``gradient`` ``(P, C, B)``."""
        torch.sub(raw, y.T, out=gradient)
        losses = gradient.square().mean((1, 2))
        gradient.mul_(2 / raw[0].numel())
        return losses


def validation_losses(kind: Kind, raw: Tensor, y: Tensor) -> Tensor:
    """``(P,)``: cross-entropy without smoothing or weights, or mean squared error of standardised targets; raw is ``(P, C, n)``."""
    if kind == "regression":
        return (raw - y.T).square().mean((1, 2))
    picked = torch.log_softmax(raw, 1).gather(1, y.expand(len(raw), 1, -1))
    return picked.mean((1, 2)).neg()


def in_users_terms_of_all(kind: Kind, raw: Tensor, target_mean: Tensor, target_std: Tensor) -> Tensor:
    """Raw outputs ``(P, C, n)`` as probabilities or values in the targets' unit, ``(P, n, C)``."""
    return raw.softmax(1).mT if kind == "classification" else raw.mT * target_std + target_mean
