"""What training makes small, and how raw outputs become probabilities or values."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from metanas.tasks.data import Kind

Loss = Callable[[Tensor, Tensor], Tensor]
"""Raw outputs ``(batch, outputs)`` and targets to the mean loss of the batch."""


def loss_function(kind: Kind, label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """Cross-entropy of logits (Szegedy et al. 2016, section 7, for label smoothing), or mean squared error of standardised targets.

    Args:
        kind: of the task.
        label_smoothing: share of the target spread evenly over all classes.
        class_weights: ``(classes,)``; an example counts as much as its class's weight, and the sum is divided by the number of examples.
    """
    if kind == "regression":
        return lambda raw, y: F.mse_loss(_wide(raw), y)
    if class_weights is None:
        return lambda raw, y: F.cross_entropy(_wide(raw), y, label_smoothing=label_smoothing)
    return lambda raw, y: F.cross_entropy(_wide(raw), y, class_weights, reduction="sum", label_smoothing=label_smoothing) / len(y)


def in_users_terms(kind: Kind, raw: Tensor, target_mean: Tensor, target_std: Tensor) -> Tensor:
    """Raw outputs ``(examples, outputs)`` as class probabilities, or as values in the targets' unit."""
    return raw.softmax(dim=1) if kind == "classification" else raw * target_std + target_mean


def _wide(raw: Tensor) -> Tensor:
    """Float32 at least."""
    return raw if raw.dtype == torch.float64 else raw.float()
