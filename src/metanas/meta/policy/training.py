"""Pre-training of the policy by policy gradient, over the tasks that earlier searches have left.

The reward of an architecture on an earlier task is what a surrogate expects there, once it knows all of the task's evaluations: so any
architecture has a reward, at no cost. An episode is a short search: proposals one after the other, each seen by the next through the
context.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metanas.meta.policy.controller import Controller
from metanas.meta.surrogate.history import Floats

Reward = Callable[[NDArray[np.int64]], Floats]
"""Ranks of options ``(architectures, decisions)`` to rewards ``(architectures,)``, about standard normal over random architectures."""
ENTROPY, IMPROVED = 0.03, 2.0
"""Weight of the entropy, at the beginning (it falls to a tenth); and what an improvement on the best so far counts beside the reward."""


def learn_policy(
    controller: Controller,
    tasks: Floats,
    rewards: Sequence[Reward],
    *,
    seed: int = 0,
    steps: int = 300,
    proposals: int = 6,
    together: int = 8,
    copies: int = 8,
) -> dict[str, Tensor]:
    """Weights of a policy that proposes well on tasks such as these, from the first proposal on.

    REINFORCE (Williams 1992); the baseline of a proposal is the mean over the other episodes of its task at the same point.

    Args:
        controller: of the space.
        tasks: embeddings ``(tasks, controller.task)``, of about unit size.
        rewards: of each task.
        seed: of weights and draws.
        steps: of Adam, each on ``copies`` episodes of ``together`` tasks.
        proposals: of an episode.
        together, copies: see ``steps``.
    """
    weights = {name: value.requires_grad_() for name, value in controller.init(seed).items()}
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    optimiser = torch.optim.Adam(weights.values(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=5e-4)
    for step in range(steps):
        chosen = rng.choice(len(tasks), min(together, len(tasks)), replace=False)
        loss = _episodes(controller, weights, tasks, [rewards[t] for t in chosen], chosen, generator, proposals, copies, step / steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimiser.step()
        schedule.step()
    return {name: value.detach() for name, value in weights.items()}


def _episodes(
    controller: Controller,
    weights: dict[str, Tensor],
    tasks: Floats,
    rewards: Sequence[Reward],
    chosen: np.ndarray,
    generator: torch.Generator,
    proposals: int,
    copies: int,
    progress: float,
) -> Tensor:
    """The loss of ``copies`` episodes of each chosen task."""
    batch = len(chosen) * copies
    e = torch.as_tensor(tasks[np.repeat(chosen, copies)], dtype=torch.float32)
    rows, values = torch.zeros(batch, 0, len(controller.options), dtype=torch.long), torch.zeros(batch, 0)
    best = torch.full((batch,), -1.0)
    total = torch.zeros(())
    for _ in range(proposals):
        drawn, logs, entropy = controller.emit(weights, e, controller.context(weights, rows, values), generator)
        groups = drawn.numpy().reshape(len(chosen), copies, -1)
        found = torch.as_tensor(np.concatenate([reward(own) for reward, own in zip(rewards, groups, strict=True)]), dtype=torch.float32)
        worth = (found + IMPROVED * (found - best).clamp(min=0)).reshape(len(chosen), copies)
        others = (worth.sum(1, keepdim=True) - worth) / (copies - 1)
        advantage = ((worth - others) / worth.std().clamp(min=1e-3)).flatten()
        total = total - (advantage * logs).mean() - ENTROPY * (1 - 0.9 * progress) * entropy.mean()
        rows, values = torch.cat([rows, drawn[:, None]], 1), torch.cat([values, found[:, None]], 1)
        best = torch.maximum(best, found)
    return total / proposals
