"""``darts`` and ``darts-second-order``: every option weighted by a softmax, logits and weights learned in turn.

When to choose it: as the classic of differentiable search. The second order costs about five times as much per step.
Liu et al. 2019, "DARTS: Differentiable Architecture Search", algorithm 1; equation numbers are those of the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from metanas.evaluation.recipe import BETAS
from metanas.interfaces import State
from metanas.oneshot.brief import WEIGHTS, OneShotBrief, WeightTraining
from metanas.oneshot.choices import Mixture, annealed, softmax_mixture
from metanas.oneshot.logits import LOGITS, LogitMethod, LogitTraining
from metanas.oneshot.optimisers import Named, adam_step
from metanas.oneshot.registry import register_oneshot
from metanas.oneshot.unrolled import by_differences, through_the_step


@register_oneshot("darts")
class Darts(LogitMethod):
    """First order: the logits descend on L_val with the weights as they are (xi = 0).

    Deviations from the paper: AdamW instead of SGD for the weights and a higher rate for the logits, so that some hundred steps do; the
    logits begin to move when 30 % of the schedule are over; no edge is dropped by its strength, for leaving it out is an option of its own.

    Args:
        brief: space and task.
        training: of the weights.
        logits: of the logits.
        temperature: of the softmax at the beginning and the end of the schedule; an end below 1 anneals towards one-hot.
    """

    def __init__(
        self,
        brief: OneShotBrief,
        training: WeightTraining = WEIGHTS,
        logits: LogitTraining = LOGITS,
        temperature: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        super().__init__(brief, training, logits)
        self._temperature = temperature

    def mixture(self, logits: Mapping[str, Tensor], progress: float, rng: np.random.Generator) -> Mixture:
        """Eq. 2."""
        return softmax_mixture(logits, annealed(progress, *self._temperature))


@register_oneshot("darts-second-order")
class SecondOrderDarts(LogitMethod):
    """Second order: the logits descend on L_val after one more step of the weights, differentiated through that step.

    The step is the one that the weights' optimiser would take, its second moments held constant: Adam's step size of every weight stands
    for the paper's xi. Differentiated exactly, twice, and in float32. The paper's finite difference takes two thirds of the time (measured:
    289 and 455 ms of a core for one batch of 64 pictures of 14 x 14 in ``cell``), but in float32 it was off by 30 to 65 % of the
    gradient's length (and by 12 to 24 % with a step ten times as long as the paper's). Deviations from the paper: as for :class:`Darts`.

    Args:
        brief: space and task.
        training: of the weights.
        logits: of the logits.
        exact: differentiate twice; else take a finite difference.
    """

    graphs = 2

    def __init__(
        self,
        brief: OneShotBrief,
        training: WeightTraining = WEIGHTS,
        logits: LogitTraining = LOGITS,
        *,
        exact: bool = True,
    ) -> None:
        super().__init__(brief, training, logits)
        self._gradient = through_the_step if exact else by_differences

    def mixture(self, logits: Mapping[str, Tensor], progress: float, rng: np.random.Generator) -> Mixture:
        """Eq. 2."""
        return softmax_mixture(logits)

    def slope(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[Named, float]:
        """Eq. 7, or eq. 8 for its second term."""
        progress = float(batch["progress"])
        start, sizes = adam_step(
            state["weights"], state["moments"], rate=self.training.rate_at(progress), betas=BETAS, decay=self.training.decay
        )

        def train(w: Named, a: Named) -> Tensor:
            return self.training_loss(w, softmax_mixture(a), batch, exact=True)

        def val(w: Named, a: Named) -> Tensor:
            return self.validation_loss(w, softmax_mixture(a), batch, exact=True)

        slopes, loss = self._gradient(train, val, state["weights"], state["choices"]["logits"], start, sizes)
        return slopes, float(loss)
