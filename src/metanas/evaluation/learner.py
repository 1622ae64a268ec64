"""One network in training: its weights, optimiser and order of batches, driven a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from metanas.evaluation.augmentation import Augmentation
from metanas.evaluation.fast_convolution import mixed_precision
from metanas.evaluation.loss import in_users_terms, loss_function
from metanas.evaluation.recipe import BETAS, EPSILON, Recipe, batch_size
from metanas.evaluation.tensors import Tensors
from metanas.networks import Network, build_network
from metanas.records import Candidate

CLIP = 5.0
"""Largest norm of the gradient of all weights together; a larger one is scaled down to it."""
EVALUATION_NUMBERS = 8_000_000
"""Numbers between the nodes that one batch of validation may leave in memory (32 MB)."""


@dataclass(frozen=True, eq=False)
class Validation:
    """The validation part seen through a network.

    Args:
        outputs: class probabilities or values in the user's unit, ``(examples, outputs)``, on the CPU.
        loss: cross-entropy without smoothing or weights, or mean squared error of standardised targets.
    """

    outputs: Tensor
    loss: float


class Learner:
    """Trains one candidate on a task's tensors.

    Dropout draws from PyTorch's default generator, which the caller seeds; everything else is drawn from the candidate's seed.

    Args:
        candidate: graph, recipe, seed, and the share of the data in its fidelity.
        tensors: of the task.
        augment: whether pictures are shifted and mirrored.

    Raises:
        ValueError: if the graph can't be built.
    """

    def __init__(self, candidate: Candidate, tensors: Tensors, *, augment: bool = True) -> None:
        data = tensors.data
        self._recipe = Recipe.of(candidate.recipe)
        self._tensors = tensors
        self.network = build_network(candidate.graph, input_mean=data.input_mean, input_std=data.input_std, seed=candidate.seed).to(
            tensors.device
        )
        self._x, self._x_val, past_front = tensors.inputs(self.network)
        self._forward = self.network.rest if past_front else self.network
        self._augmentation = Augmentation.of(data) if augment else None
        self._generator = torch.Generator().manual_seed(candidate.seed)
        self._rows = tensors.rows(candidate.proposal.fidelity.share)
        self.batch = min(batch_size(len(self._rows)), len(self._rows))
        self.steps_per_epoch = max(1, len(self._rows) // self.batch)
        self._loss = loss_function(data.kind, self._recipe.label_smoothing, tensors.class_weights)
        self._precision = precision_for(candidate, tensors)
        self._optimiser = _adamw(self.network, self._recipe)
        self._parameters = list(self.network.parameters())
        self._batches = self._order()
        self._total = torch.zeros((), device=tensors.device)
        self._steps = 0

    def step(self, size: float) -> None:
        """One step on the next batch.

        Args:
            size: share of the recipe's learning rate.
        """
        rows = next(self._batches)
        x, y = self._draw(rows), self._tensors.y_train.index_select(0, rows)
        with self._precision:
            raw = self._forward(x)
        loss = self._loss(raw, y)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._parameters, CLIP, foreach=True)
        for group in self._optimiser.param_groups:
            group["lr"] = size * self._recipe.learning_rate
        self._optimiser.step()
        self._total += loss.detach()
        self._steps += 1

    def mean_loss(self) -> float:
        """The mean training loss of the steps since the last call; not finite if one of them was not."""
        mean = float(self._total) / max(1, self._steps)
        self._total.zero_()
        self._steps = 0
        return mean

    def validate(self, before_batch: Callable[[], None] = lambda: None) -> Validation:
        """The validation part through the network as it is now; ``before_batch`` is called before every batch."""
        kind, tensors = self._tensors.data.kind, self._tensors
        raw = self._raw(self._x_val, before_batch)
        loss = float(loss_function(kind)(raw, tensors.y_val))
        return Validation(in_users_terms(kind, raw, tensors.target_mean, tensors.target_std).cpu(), loss)

    def loss_on(self, rows: Tensor) -> float:
        """The loss on some validation examples, as that of :meth:`validate`; ``rows`` is int64."""
        x = self._x_val
        raw = self._raw(x.index_select(0, rows) if x.dim() < 3 else x.movedim(1, -1).index_select(0, rows).movedim(-1, 1))
        return float(loss_function(self._tensors.data.kind)(raw, self._tensors.y_val.index_select(0, rows)))

    def _raw(self, x: Tensor, before_batch: Callable[[], None] = lambda: None) -> Tensor:
        """What the network as it is now gives for ``x``, float32."""
        size = max(1, min(2048, EVALUATION_NUMBERS // max(1, self.network.graph.activations)))
        self.network.eval()
        with torch.inference_mode():
            parts = []
            for part in torch.split(x, size):
                before_batch()
                parts.append(self._forward(part))
            raw = torch.cat(parts).float()
        self.network.train()
        return raw

    def _draw(self, rows: Tensor) -> Tensor:
        """The inputs of ``rows``; with channels innermost in memory, as they are stored."""
        if self._x.dim() < 3:
            return self._x.index_select(0, rows)
        stored = self._x.movedim(1, -1)
        if self._augmentation is None:
            return stored.index_select(0, rows).movedim(-1, 1)
        return self._augmentation.draw(stored, rows, self._generator).movedim(-1, 1)

    def _order(self) -> Iterator[Tensor]:
        """Rows of one batch after another: every epoch a new order, of which the last incomplete batch is left out."""
        while True:
            order = torch.randperm(len(self._rows), generator=self._generator).to(self._rows.device)
            shuffled = self._rows.index_select(0, order)
            yield from torch.split(shuffled[: self.steps_per_epoch * self.batch], self.batch)


def precision_for(candidate: Candidate, tensors: Tensors) -> AbstractContextManager[object]:
    """In which numbers the forward pass is computed: lower precision for convolutions that give classes, where it is fast.

    Values are trained in float32, since a prediction in bfloat16 has two to three digits; so are recurrent layers, whose fused kernels
    know float32 only.
    """
    operations = {node.op for node in candidate.graph.nodes}
    suited = operations & {"conv", "sep_conv"} and not operations & {"rnn", "lstm", "gru"}
    return mixed_precision(tensors.device.type) if suited and tensors.data.kind == "classification" else nullcontext()


def _adamw(network: Network, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) that decays weights of two or more axes only."""
    matrices = [p for p in network.parameters() if p.dim() >= 2]
    others = [p for p in network.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.learning_rate, betas=BETAS, eps=EPSILON, fused=True)
