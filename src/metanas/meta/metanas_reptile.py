"""``metanas-reptile``: Reptile over weights and architecture logits, whose softmax is annealed to one-hot within every task.

A task's inner steps move weights and logits together while the temperature falls, so that little by little one option of each decision is
left (soft pruning): at the end the mixture is the decoded network, and nothing has to be trained again. The outer step goes from the start
towards the adapted weights and logits.
Elsken et al., CVPR 2020, "Meta-Learning of Neural Architectures for Few-Shot Learning" (MetaNAS), section 3, with Reptile
(Nichol et al. 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from metanas.meta.learner import Batch, Outcome
from metanas.meta.outer import Outer, Plain
from metanas.meta.registry import register_meta_learner
from metanas.meta.reptile import drawn
from metanas.meta.space_learner import SpaceLearner
from metanas.meta.supernet_model import TEMPERATURE
from metanas.meta.together import Named


@register_meta_learner("metanas-reptile")
class MetaNasReptile(SpaceLearner):
    """``theta += rate * mean(adapted - theta)``, with a rate of their own for the logits.

    In training inner steps see ``inner_batch`` examples, drawn anew for each from support and queries alike, as Reptile's do. During the
    first ``warm_up`` of the training logits stay as they are and the temperature is the first one, so that all options learn.
    """

    defaults: ClassVar[Mapping[str, Any]] = {
        "outer_rate": 1.0,
        "outer_end": 0.0,
        "inner_rate": 0.1,
        "inner_batch": 20,
        "meta_batch": 4,
        "logit_inner_rate": 1.0,
        "logit_outer_rate": 0.6,
        "temperature": 1.0,
        "last_temperature": 0.05,
        "warm_up": 0.3,
    }

    def temperatures(self, steps: int) -> list[float]:
        """Of each inner step: from the first temperature to the last, linearly."""
        first, last = self.settings.temperature, self.settings.last_temperature
        return [last + (first - last) * (steps - 1 - i) / max(1, steps - 1) for i in range(steps)]

    def soft(self, theta: Named) -> float:
        """The last of these."""
        return self.settings.last_temperature

    def outer_optimisers(self) -> tuple[Outer, Outer]:
        """Steps along the difference."""
        return Plain(), Plain()

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """The way from the adapted weights and logits back to the start."""
        start, warm, steps = self.model.spread(theta, len(batch)), progress < self.settings.warm_up, self.settings.inner_steps
        temperatures = [self.settings.temperature] * steps if warm else self.temperatures(steps)
        weights = self.descend(start, drawn(self.model, self.settings, batch, draw), temperatures, logits=not warm)
        judged = self.judge(weights, batch, gradient=False)
        back = {name: start[name] - w if name != TEMPERATURE else torch.zeros_like(w) for name, w in weights.items()}
        return Outcome(self.summed(back), judged.losses, judged.scores)

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Joint gradient descent on the support with falling temperature; predictions are those of the decoded network."""
        steps = self.settings.steps_to_adapt
        weights = self.descend(self.model.spread(theta, len(batch)), [self.support(batch)] * steps, self.temperatures(steps))
        return self._at(weights, 0.0)
