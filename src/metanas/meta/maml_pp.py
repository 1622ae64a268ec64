"""``maml++``: MAML with what keeps its training stable (Antoniou et al., ICLR 2019).

A step size for each layer and step is learned (LSLR); every inner step may have scales and shifts of its own in batch normalisation,
which the inner loop leaves alone (BNWB; running statistics per step are not kept, each batch has its own); in the beginning the query
loss after every inner step counts, ever less (MSL), and second derivatives may be left out (DA). The outer rate falls along a cosine
(CA). More accurate than MAML at about the same time per step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from metanas.meta.batch import Batch, Judged, Outcome
from metanas.meta.inner import Step, descend
from metanas.meta.learner import EpisodeLearner
from metanas.meta.registry import register_meta_learner
from metanas.meta.settings import FREQUENT
from metanas.meta.together import Named

RATE = "rate/"
"""Step sizes ``(inner_steps,)`` are meta-parameters of the names of the weights, with this before them."""


@register_meta_learner("maml++")
class MamlPlusPlus(EpisodeLearner):
    """Section 4 of the paper, with Adam outside."""

    defaults: ClassVar[Mapping[str, Any]] = {"multi_step": 0.1, "first_order": 0.0, "step_norms": True, **FREQUENT}

    def fresh(self, weights: Named) -> Named:
        """Weights, those of normalisations once for each number of steps taken, and step sizes."""
        steps = self.settings.inner_steps
        own = self._own_names
        theta = {name: w.expand(steps + 1, *w.shape).clone() if name in own else w for name, w in weights.items()}
        return {**theta, **{RATE + name: w.new_full((steps,), self.settings.inner_rate) for name, w in weights.items() if name not in own}}

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """Gradients of everything learned."""
        settings, tasks = self.settings, len(batch)
        twice, counts = progress >= settings.first_order, self._counts(progress)
        support, weights = self.support(batch), self._moving(theta, tasks)
        steps, judged = list[Step](), dict[int, Judged]()
        for k in range(settings.inner_steps):
            steps.append(self.loop.step(weights, support, self._rates(theta, k), self._norms(theta, k, tasks), twice=twice))
            weights = steps[-1].after
            if counts[k] or k + 1 == settings.inner_steps:
                judged[k] = self.judge({**weights, **self._norms(theta, k + 1, tasks)}, batch)
        gradient = {name: torch.zeros_like(p) for name, p in theta.items()}
        v = {name: torch.zeros_like(w) for name, w in weights.items()}
        for k, step in reversed(list(enumerate(steps))):
            if k in judged:
                self._count(judged[k].gradient, counts[k], v, gradient, k + 1)
            self._through(step, k, v, gradient, twice=twice)
        gradient.update(self.summed(v))
        last = judged[settings.inner_steps - 1]
        return Outcome(gradient, last.losses, last.scores)

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Gradient descent with the learned sizes; steps beyond those learned take the last one's."""
        steps, tasks = self.settings.steps_to_adapt, len(batch)
        rates, norms = [self._rates(theta, k) for k in range(steps)], [self._norms(theta, k, tasks) for k in range(steps + 1)]
        return {**descend(self.loop, self._moving(theta, tasks), self.support(batch), rates, norms), **norms[-1]}

    def _through(self, step: Step, k: int, v: Named, gradient: Named, *, twice: bool) -> None:
        """Back through inner step ``k``: ``v`` in place, the step's sizes and normalisation into ``gradient``."""
        for name, vector in v.items():
            gradient[RATE + name][k] -= torch.sum(vector * step.gradient[name])
        if twice:
            fixed = {name: torch.zeros_like(g) for name, g in step.fixed.items()}
            self.loop.back(step, v, fixed)
            for name, g in fixed.items():
                gradient[name][k] += g.sum(0)

    def _count(self, found: Named, weight: float, v: Named, gradient: Named, k: int) -> None:
        """The query loss after ``k`` steps counts this much."""
        for name, g in found.items():
            if name in v:
                v[name].add_(g, alpha=weight)
            else:
                gradient[name][k] += weight * g.sum(0)

    def _counts(self, progress: float) -> list[float]:
        """How much the query loss after each step counts: all the same at first, only the last one's from ``multi_step`` on."""
        steps, share = self.settings.inner_steps, self.settings.multi_step
        early = max(0.0, 1 - progress / share) / steps if share else 0.0
        return [early] * (steps - 1) + [1 - early * (steps - 1)]

    @property
    def _own_names(self) -> frozenset[str]:
        return frozenset(self.model.norm_names if self.settings.step_norms else ())

    def _moving(self, theta: Named, tasks: int) -> Named:
        """The weights that the inner loop moves."""
        own = self._own_names
        return self.model.spread({name: theta[name] for name in self.model.names if name not in own}, tasks)

    def _norms(self, theta: Named, k: int, tasks: int) -> Named:
        """The normalisations' weights after ``k`` steps."""
        at = min(k, self.settings.inner_steps)
        return self.model.spread({name: theta[name][at] for name in self._own_names}, tasks)

    def _rates(self, theta: Named, k: int) -> dict[str, Tensor]:
        at = min(k, self.settings.inner_steps - 1)
        return {name.removeprefix(RATE): p[at] for name, p in theta.items() if name.startswith(RATE)}
