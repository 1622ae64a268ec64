"""``anil``: almost no inner loop, which adapts the last layer alone (Raghu et al., ICLR 2020).

What MAML's inner steps change is mostly the head; the body's features are reused. So the features of a task are computed once, and the
steps are taken on the head alone: a fraction of MAML's time at almost its accuracy. The outer gradient is exact: it passes back through the
head's steps into the features of support and queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor

from metanas.meta.batch import Batch, Outcome
from metanas.meta.inner import InnerLoop, Step, Support
from metanas.meta.learner import EpisodeLearner
from metanas.meta.registry import register_meta_learner
from metanas.meta.settings import FREQUENT
from metanas.meta.together import Inputs, Named, Pass


@register_meta_learner("anil")
class Anil(EpisodeLearner):
    """Section 4 of the paper, with Adam outside."""

    defaults: ClassVar[Mapping[str, Any]] = FREQUENT

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """The gradient through the head's steps and the features."""
        weights = self.model.spread(theta, len(batch))
        body, inputs = self._features(weights, batch.x_support)
        support, head, steps = Support(inputs, batch.y_support), self._head(weights), list[Step]()
        for _ in range(self.settings.inner_steps):
            steps.append(self._loop.step(head, support, self.settings.inner_rate, {}, twice=True))
            head = steps[-1].after
        query_body, query = self._features(weights, batch.x_query)
        ran = self.model.run(head, query, part="head")
        v = ran.gradient(self.loss.gradient(ran.outputs, batch.y_query))
        total = query_body.gradient(ran.inputs_gradient)
        of_support: Named = {}
        for step in reversed(steps):
            self._loop.back(step, v, {})
            for name, change in step.ran.inputs_curvature.items():
                of_support[name] = of_support[name].add_(change) if name in of_support else change.clone()
        for name, g in body.gradient({name: g.mul_(-self.settings.inner_rate) for name, g in of_support.items()}).items():
            total[name] = total[name] + g
        return Outcome(
            self.summed({**total, **v}), self.loss.values(ran.outputs, batch.y_query), self.loss.score(ran.outputs, batch.y_query)
        )

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Gradient descent of the head."""
        weights = self.model.spread(theta, len(batch))
        support, head = Support(self._features(weights, batch.x_support)[1], batch.y_support), self._head(weights)
        for _ in range(self.settings.steps_to_adapt):
            head = self._loop.step(head, support, self.settings.inner_rate, {}, twice=False).after
        return {**weights, **head}

    @property
    def _loop(self) -> InnerLoop:
        return replace(self.loop, part="head")

    def _head(self, weights: Named) -> Named:
        return {name: weights[name] for name in self.model.head_names}

    def _features(self, weights: Named, x: Tensor) -> tuple[Pass, Inputs]:
        """The body's pass, and its values as inputs of the head."""
        inputs = self.model.inputs(x)
        body = self.model.run(weights, inputs, part="body")
        return body, replace(inputs, values=body.values, constant=False, memo={})
