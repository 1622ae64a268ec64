"""``gdas``: one operation per decision and step, drawn by a Gumbel-softmax that gradients pass through.

When to choose it: first among the differentiable methods. The weights train on single paths, at the cost of one, and the logits are
judged on single operations, as the derived architecture will have them.
Dong and Yang 2019, "Searching for a Robust Neural Architecture in Four GPU Hours" (GDAS), section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from metanas.oneshot.brief import WEIGHTS, OneShotBrief, WeightTraining
from metanas.oneshot.choices import annealed
from metanas.oneshot.logits import LOGITS, LogitMethod, LogitTraining
from metanas.oneshot.registry import register_oneshot

FAINT = 1e-9
"""The weight of options that were not drawn in a step of the logits: enough to be computed, too little to change anything."""


@register_oneshot("gdas")
class Gdas(LogitMethod):
    """A hard sample forwards, the soft one backwards (straight-through); the temperature falls linearly.

    A step of the weights computes the drawn options alone, a step of the logits the others, too, so that every option's logit learns what
    a little of it would do to the drawn path. Deviation from the authors' code, which leaves them out there as well: then only the drawn
    option has a gradient, in which it is compared with nothing, and none at all where a normalisation follows, for it undoes any factor
    (measured: of three seeds none found the planted convolution of ``metanas.testing.oneshot``, with the others computed all did).
    Further deviations: AdamW for the weights, a higher rate for the logits; the logits begin later, see
    :class:`~metanas.oneshot.logits.LogitTraining`.

    Args:
        brief: space and task.
        training: of the weights.
        logits: of the logits.
        temperature: at the beginning and the end of the schedule.
    """

    def __init__(
        self,
        brief: OneShotBrief,
        training: WeightTraining = WEIGHTS,
        logits: LogitTraining = LOGITS,
        temperature: tuple[float, float] = (10.0, 0.1),
    ) -> None:
        super().__init__(brief, training, logits)
        self._temperature = temperature

    def mixture(self, logits: Mapping[str, Tensor], progress: float, rng: np.random.Generator) -> dict[str, Tensor]:
        """Eq. 3 and 4: one-hot (but for :data:`FAINT` others where a gradient is wanted), with the gradient of the softmax of
        (log-probabilities + Gumbel noise) / temperature."""
        temperature = annealed(progress, *self._temperature, linear=True)
        drawn = {}
        for name, value in logits.items():
            noise = torch.tensor(rng.gumbel(size=len(value)), dtype=value.dtype, device=value.device)
            soft = torch.softmax((torch.log_softmax(value, 0) + noise) / temperature, 0)
            hard = one_hot(soft.argmax(), len(value)).to(soft.dtype)
            if value.requires_grad:
                hard = hard.clamp(min=FAINT)
            drawn[name] = hard + (soft - soft.detach())  # in this order what is zero stays zero to the last bit
        return drawn
