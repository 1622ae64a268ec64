"""Batches of a supernet's training: what a step sees is a function of the seed and the step alone, so that resuming needs nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from metanas.evaluation.augmentation import Augmentation
from metanas.evaluation.recipe import batch_size
from metanas.evaluation.tensors import Tensors

_TRAINING, _VALIDATION, _SHIFTS = range(3)


class Batches:
    """Training rows (augmented as in every training) for the shared weights, and validation rows for the choices; every pass over either
    in a new order.

    Args:
        tensors: of the task, or of its training part cut in two (DARTS, section 2.3).
        seed: of the orders and the augmentation.
        size: examples per batch; None takes the one of every training (:func:`~metanas.evaluation.recipe.batch_size`).
        augment: whether pictures are shifted and mirrored.
    """

    def __init__(self, tensors: Tensors, seed: int, size: int | None = None, *, augment: bool = True) -> None:
        self._tensors, self._seed = tensors, seed
        examples = len(tensors.y_train)
        self.size = min(size or batch_size(examples), examples)
        self.steps_per_epoch = max(1, examples // self.size)
        self._val_size = min(self.size, len(tensors.y_val))
        self._augmentation = Augmentation.of(tensors.data) if augment else None
        self._orders: dict[int, tuple[int, Tensor]] = {}  # stream to the pass it is in and its order: only saves work

    def at(self, step: int, progress: float) -> dict[str, Any]:
        """The batch of a step: ``x``, ``y``, ``x_val``, ``y_val`` and ``progress``, see :meth:`metanas.interfaces.OneShot.update`.

        Args:
            step: number of updates before this one.
            progress: share of the schedule that is over.
        """
        tensors = self._tensors
        rows = self._rows(_TRAINING, step, len(tensors.y_train), self.size)
        val_rows = self._rows(_VALIDATION, step, len(tensors.y_val), self._val_size)
        x = self._pictures(rows, step) if self._augmentation is not None else _select(tensors.x_train, rows)
        return {
            "x": x,
            "y": tensors.y_train.index_select(0, rows),
            "x_val": _select(tensors.x_val, val_rows),
            "y_val": tensors.y_val.index_select(0, val_rows),
            "progress": progress,
        }

    def _rows(self, stream: int, step: int, examples: int, size: int) -> Tensor:
        passes, place = divmod(step, max(1, examples // size))
        if self._orders.get(stream, (-1, None))[0] != passes:
            order = torch.randperm(examples, generator=self._generator(stream, passes)).to(self._tensors.device)
            self._orders[stream] = passes, order
        return self._orders[stream][1][place * size : (place + 1) * size]

    def _pictures(self, rows: Tensor, step: int) -> Tensor:
        assert self._augmentation is not None
        stored = self._tensors.x_train.movedim(1, -1)
        return self._augmentation.draw(stored, rows, self._generator(_SHIFTS, step)).movedim(-1, 1)

    def _generator(self, stream: int, number: int) -> torch.Generator:
        seed = np.random.SeedSequence([self._seed, stream, number]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(seed >> 1))


def _select(x: Tensor, rows: Tensor) -> Tensor:
    """Examples ``rows`` of ``x``, with channels innermost in memory as they are stored."""
    return x.index_select(0, rows) if x.dim() < 3 else x.movedim(1, -1).index_select(0, rows).movedim(-1, 1)
