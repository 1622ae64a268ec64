"""``t-nas``: weights and architecture logits meta-learned together, so that a task finds its own architecture in a few gradient steps.

MAML without second derivatives over a supernet: each inner step moves weights and logits by the gradient of the support's loss; the outer
step takes the query loss's gradient at the adapted point, for both. A new task adapts both alike and decodes its architecture.
Lian et al., ICLR 2020, "Towards Fast Adaptation of Neural Architectures with Meta Learning" (T-NAS), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from metanas.interfaces import State
from metanas.meta.learner import Batch, Outcome, Tasks
from metanas.meta.outer import Adam, Outer
from metanas.meta.registry import register_meta_learner
from metanas.meta.space_learner import LogitAdam, SpaceLearner
from metanas.meta.supernet_model import TEMPERATURE
from metanas.meta.together import Named
from metanas.oneshot.choices import annealed


@register_meta_learner("t-nas")
class TNas(SpaceLearner):
    """Adam outside, for the logits as in DARTS.

    The softmax has the temperature ``temperature`` at the beginning of the training and ``last_temperature`` at its end, geometrically
    in between; the paper has 1 throughout. The colder, the less is lost when a mixture becomes the network decoded from it.
    """

    defaults: ClassVar[Mapping[str, Any]] = {
        "inner_rate": 0.4,
        "outer_rate": 3e-3,
        "meta_batch": 4,
        "logit_inner_rate": 1.0,
        "logit_outer_rate": 1e-2,
        "temperature": 1.0,
        "last_temperature": 0.1,
    }

    def update(self, state: State, tasks: Tasks | Sequence[Any], *, progress: float = 0.0) -> State:
        """One outer step at the temperature of ``progress``, which stays that of the state."""
        s, theta = self.settings, state["theta"]
        temperature = torch.full_like(theta[TEMPERATURE], annealed(progress, s.temperature, s.last_temperature))
        return super().update({**state, "theta": {**theta, TEMPERATURE: temperature}}, tasks, progress=progress)

    def outer_optimisers(self) -> tuple[Outer, Outer]:
        """Of the weights and of the logits."""
        return Adam(), LogitAdam()

    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """The query loss's gradient after the inner steps."""
        judged = self.judge(self._after(theta, batch, self.settings.inner_steps), batch)
        return Outcome(self.summed(judged.gradient), judged.losses, judged.scores)

    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Joint gradient descent on the support."""
        return self._after(theta, batch, self.settings.steps_to_adapt)

    def _after(self, theta: Named, batch: Batch, steps: int) -> Named:
        temperature = float(theta[TEMPERATURE])
        return self.descend(self.model.spread(theta, len(batch)), [self.support(batch)] * steps, [temperature] * steps)
