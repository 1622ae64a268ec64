"""``meta-sgd``: MAML that also learns a step size for every weight (Li et al. 2017).

The sizes start equal (the paper draws them from [0.005, 0.1]) and may become negative: direction and length of the inner steps are learned,
too. Twice as many numbers to learn; made for one inner step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from metanas.meta.batch import Batch, Outcome
from metanas.meta.inner import Step, descend
from metanas.meta.learner import EpisodeLearner
from metanas.meta.registry import register_meta_learner
from metanas.meta.settings import FREQUENT
from metanas.meta.together import Named

RATE = "rate/"
"""Step sizes are meta-parameters of the names of the weights, with this before them."""


@register_meta_learner("meta-sgd")
class MetaSgd(EpisodeLearner):
    """Equation 2 of the paper, repeated for each inner step with the same sizes."""

    defaults: ClassVar[Mapping[str, Any]] = {"inner_steps": 1, **FREQUENT}

    def fresh(self, weights: Named) -> Named:
        """Weights and equal step sizes."""
        return {**weights, **{RATE + name: torch.full_like(w, self.settings.inner_rate) for name, w in weights.items()}}

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """Gradients of the initialisation and of the step sizes through the inner steps."""
        start, rates = self._split(theta)
        support, weights, steps = self.support(batch), self.model.spread(start, len(batch)), list[Step]()
        for _ in range(self.settings.inner_steps):
            steps.append(self.loop.step(weights, support, rates, {}, twice=True))
            weights = steps[-1].after
        judged = self.judge(weights, batch)
        v, of_rates = judged.gradient, {name: torch.zeros_like(w) for name, w in judged.gradient.items()}
        for step in reversed(steps):
            for name, total in of_rates.items():
                total.addcmul_(v[name], step.gradient[name], value=-1)
            self.loop.back(step, v, {})
        sizes = {RATE + name: g for name, g in self.summed(of_rates).items()}
        return Outcome({**self.summed(v), **sizes}, judged.losses, judged.scores)

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Gradient descent from the initialisation with the learned sizes."""
        start, rates = self._split(theta)
        return descend(self.loop, self.model.spread(start, len(batch)), self.support(batch), [rates] * self.settings.steps_to_adapt)

    def _split(self, theta: Named) -> tuple[Named, Named]:
        start = {name: theta[name] for name in self.model.names}
        return start, self.model.spread({name: theta[RATE + name] for name in start}, 1)
