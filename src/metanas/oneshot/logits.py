"""What the methods share whose choices are logits, one softmax per decision: DARTS, GDAS, PC-DARTS."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metanas.interfaces import State
from metanas.oneshot.base import SupernetMethod
from metanas.oneshot.brief import WEIGHTS, OneShotBrief, WeightTraining
from metanas.oneshot.choices import Mixture, entropies, ranked
from metanas.oneshot.diagnosis import zeros
from metanas.oneshot.optimisers import Named, adam
from metanas.spaces import Architecture

LOGIT_SCALE = 1e-3
"""Standard deviation of the first logits (DARTS' code)."""


@dataclass(frozen=True)
class LogitTraining:
    """How logits are trained: Adam with an L2 penalty (DARTS, section 3.1.2).

    Args:
        rate: learning rate. The papers take 3e-4 to 6e-4 for tens of thousands of steps; here logits must move within some hundred.
        decay: the penalty.
        betas: of Adam.
        begins: share of the schedule that belongs to the weights alone (PC-DARTS, section 4.1: 15 of 50 epochs), so that options with
            weights are not judged before they have learned.
    """

    rate: float = 3e-2
    decay: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.999)
    begins: float = 0.3


LOGITS = LogitTraining()


class LogitMethod(SupernetMethod):
    """Learns logits by gradient descent on the validation loss; ``choices`` are ``logits`` and the optimiser's ``moments``."""

    def __init__(self, brief: OneShotBrief, training: WeightTraining = WEIGHTS, logits: LogitTraining = LOGITS) -> None:
        super().__init__(brief, training)
        self._logits = logits
        self.zeros = zeros(self.space)

    @abstractmethod
    def mixture(self, logits: Mapping[str, Tensor], progress: float, rng: np.random.Generator) -> Mixture:
        """The weights of all options, differentiable in the logits."""

    def slope(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[Named, float]:
        """The gradient in the logits against which they move, and the validation loss: that of L_val(w, a) with the weights as they are."""
        logits = {name: value.detach().requires_grad_() for name, value in state["choices"]["logits"].items()}
        loss = self.validation_loss(state["weights"], self.mixture(logits, float(batch["progress"]), rng), batch)
        if not loss.requires_grad:  # a path on which no choice reaches the output
            return {}, float(loss)
        found = torch.autograd.grad(loss, list(logits.values()), allow_unused=True)
        return {name: g for name, g in zip(logits, found, strict=True) if g is not None}, float(loss.detach())

    def begins(self) -> float:
        """When the weights have had their start."""
        return self._logits.begins

    def fresh_choices(self, rng: np.random.Generator) -> State:
        """Logits near zero."""
        drawn = {d.name: rng.normal(0.0, LOGIT_SCALE, len(d.options)) for d in self.supernet.decisions}
        return {"logits": {name: self._tensor(value) for name, value in drawn.items()}, "moments": {}}

    def learn_choices(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[State, float | None]:
        """One step of Adam."""
        choices, settings = state["choices"], self._logits
        slopes, loss = self.slope(state, batch, rng)
        rules: dict[str, Any] = {"rate": settings.rate, "betas": settings.betas, "decay": settings.decay}
        logits, moments = adam(choices["logits"], slopes, choices["moments"], **rules)
        return {"logits": logits, "moments": moments}, loss

    def draw(self, choices: State, step: int, progress: float, rng: np.random.Generator) -> Mixture:
        """As for the logits' own step."""
        return self.mixture(choices["logits"], progress, rng)

    def candidates(self, state: State, n: int) -> list[Architecture]:
        """By log-probability; operations that give zeros count as less likely than all others of their decision.

        Their strength says nothing: it only scales what the other operations of a sum give together (DARTS, section 2.4).
        """
        scores = {d.name: torch.log_softmax(state["choices"]["logits"][d.name].double(), 0).tolist() for d in self.decisions}
        for d in self.decisions:
            least = min(scores[d.name]) - 1.0
            scores[d.name] = [least if o in self.zeros.get(d.name, ()) else s for o, s in zip(d.options, scores[d.name], strict=True)]
        return ranked(self.space, scores, n)

    def numbers(self, state: State) -> dict[str, float]:
        """Mean entropy of the decisions, in nats and as a share of the largest possible."""
        found = entropies({d.name: state["choices"]["logits"][d.name] for d in self.decisions})
        shares = [found[d.name] / math.log(len(d.options)) for d in self.decisions]
        return {"entropy": sum(found.values()) / len(found), "entropy_share": sum(shares) / len(shares)}

    def _tensor(self, value: np.ndarray[Any, Any]) -> Tensor:
        return torch.tensor(value, dtype=torch.float32, device=self.brief.device)
