"""``maml``: an initialisation from which a few gradient steps lead far (Finn et al., ICML 2017).

The outer loss of a task is its query loss after the inner steps; its gradient passes back through them, second derivatives and all. The
method to start with: the most exact, and with the others' tricks left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metanas.meta.batch import Batch, Outcome
from metanas.meta.inner import Step, descend
from metanas.meta.learner import EpisodeLearner
from metanas.meta.registry import register_meta_learner
from metanas.meta.settings import FREQUENT
from metanas.meta.together import Named


@register_meta_learner("maml")
class Maml(EpisodeLearner):
    """Algorithm 2 of the paper, with Adam outside.

    One inner step, as for the paper's 5-way Omniglot, learns most per second; so do small outer batches of a large rate.
    """

    defaults: ClassVar[Mapping[str, Any]] = {"inner_steps": 1, **FREQUENT}

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """The gradient through the inner steps."""
        support, weights, steps = self.support(batch), self.model.spread(theta, len(batch)), list[Step]()
        for _ in range(self.settings.inner_steps):
            steps.append(self.loop.step(weights, support, self.settings.inner_rate, {}, twice=True))
            weights = steps[-1].after
        judged = self.judge(weights, batch)
        for step in reversed(steps):
            self.loop.back(step, judged.gradient, {})
        return Outcome(self.summed(judged.gradient), judged.losses, judged.scores)

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Gradient descent from the initialisation."""
        rates = [self.settings.inner_rate] * self.settings.steps_to_adapt
        return descend(self.loop, self.model.spread(theta, len(batch)), self.support(batch), rates)
