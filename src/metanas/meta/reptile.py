"""``reptile``: move the start towards where training on a task leads (Nichol et al. 2018).

Nothing but plain training on each task's examples, support and queries alike, since no loss on held-out queries is taken; the outer step
goes from the start towards the mean of the adapted weights. With one inner step that is plain training on all tasks together. The cheapest
per task, but it needs more inner steps than the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from metanas.meta.batch import Batch, Outcome
from metanas.meta.inner import Support, descend
from metanas.meta.learner import EpisodeLearner
from metanas.meta.outer import Outer, Plain
from metanas.meta.registry import register_meta_learner
from metanas.meta.settings import MetaSettings
from metanas.meta.together import Model, Named


@register_meta_learner("reptile")
class Reptile(EpisodeLearner):
    """The batched version of the paper's algorithm 2: ``theta += rate * mean(adapted - theta)``, the rate falling to ``outer_end``.

    The inner steps are plain gradient steps (the paper takes Adam without momentum) on ``inner_batch`` examples drawn anew for every step.
    """

    defaults: ClassVar[Mapping[str, Any]] = {"outer_rate": 1.0, "outer_end": 0.0, "inner_rate": 0.1, "inner_batch": 10}

    def outer_optimiser(self) -> Outer:
        """Steps along the difference."""
        return Plain()

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """The way from the adapted weights back to the start."""
        weights = start = self.model.spread(theta, len(batch))
        for support in drawn(self.model, self.settings, batch, draw):
            weights = self.loop.step(weights, support, self.settings.inner_rate, {}, twice=False).after
        judged = self.judge(weights, batch, gradient=False)
        back = {name: start[name] - w for name, w in weights.items()}
        return Outcome(self.summed(back), judged.losses, judged.scores)

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Gradient descent on the support."""
        rates = [self.settings.inner_rate] * self.settings.steps_to_adapt
        return descend(self.loop, self.model.spread(theta, len(batch)), self.support(batch), rates)


def drawn(model: Model, settings: MetaSettings, batch: Batch, draw: int) -> Iterator[Support]:
    """What the inner steps of training learn from, one after the other: examples of each task, of support and queries alike."""
    x, y = torch.cat([batch.x_support, batch.x_query], 1), torch.cat([batch.y_support, batch.y_query], 1)
    each = torch.arange(len(x), device=x.device).unsqueeze(1)
    for rows in _rows(settings, draw, len(x), x.shape[1]):
        yield Support(model.inputs(x[each, rows]), y[each, rows])


def _rows(settings: MetaSettings, draw: int, tasks: int, examples: int) -> Iterator[Tensor]:
    """For every inner step which examples of each task it takes, ``(tasks, inner_batch)``; a task's are drawn from its own number."""
    size = settings.inner_batch
    if not 0 < size < examples:
        yield from [torch.arange(examples).expand(tasks, -1)] * settings.inner_steps
        return
    generators = [torch.Generator().manual_seed(draw + task) for task in range(tasks)]
    for _ in range(settings.inner_steps):
        yield torch.stack([torch.randperm(examples, generator=generator)[:size] for generator in generators])
