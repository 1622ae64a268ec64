"""The learned policy on one task: what it proposes there, fine-tuned by the results that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from metanas.meta.policy.controller import Controller
from metanas.meta.surrogate.history import Floats
from metanas.spaces import Architecture, Space
from metanas.strategies.codes import Codes

STEPS, RATE = 8, 2e-3
"""Steps of Adam on the results of the task before each proposal, from the learned weights on: the answer depends on the results alone."""
FEWEST = 3
"""Results from which on it is fine-tuned."""
LISTED = 20_000
"""Architectures of a list, drawn from it if it is longer, among which the policy's next one is."""
EXPECTED = 1.0
"""Normal score of the mean proposal: a learned policy's are better than random ones."""


class TaskPolicy:
    """A policy for one task.

    Args:
        controller: of the space.
        weights: that were learned.
        task: the task's embedding ``(controller.task,)``.
        space: to propose from.
    """

    def __init__(self, controller: Controller, weights: Mapping[str, Tensor], task: Floats, space: Space) -> None:
        self._controller, self._weights, self._space, self._codes = controller, weights, space, Codes(space)
        self._task = torch.as_tensor(task, dtype=torch.float32)[None]

    def propose(
        self, architectures: Sequence[Architecture], values: Floats, rng: np.random.Generator, temperature: float = 1.0
    ) -> Architecture:
        """The next architecture, drawn from the policy; not necessarily within the space's limits.

        Of a space that is a list it is one of the list, as probable as the policy finds it, and not among ``architectures`` as long as
        there are others.

        Args:
            architectures: that were evaluated.
            values: their results, larger is better, all finite.
            rng: draws.
            temperature: above 1 it looks elsewhere.
        """
        rows, scores = torch.as_tensor(self._codes.rows(architectures)), torch.as_tensor(_standard(values), dtype=torch.float32)
        weights = self._tuned(rows, scores) if len(values) >= FEWEST else self._weights
        with torch.no_grad():
            context = self._controller.context(weights, rows[None], scores[None])
            if self._space.listed:
                return self._of_list(weights, context, {a.key for a in architectures}, rng, temperature)
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            drawn, _, _ = self._controller.emit(weights, self._task, context, generator, temperature)
        return self._codes.read(drawn[0].numpy())

    def _of_list(
        self, weights: Mapping[str, Tensor], context: Tensor, known: set[str], rng: np.random.Generator, temperature: float
    ) -> Architecture:
        """One of the list; nearly all that is drawn decision by decision is not on it."""
        left = [a for a in self._space.listed if a.key not in known] or list(self._space.listed)
        if len(left) > LISTED:
            left = [left[place] for place in rng.choice(len(left), LISTED, replace=False).tolist()]
        rows = torch.as_tensor(self._codes.rows(left))
        task, seen = self._task.expand(len(left), -1), context.expand(len(left), -1)
        logs = self._controller.log_chance(weights, task, seen, rows)
        chances = (logs.double() / temperature).softmax(0).numpy()
        return left[int(rng.choice(len(left), p=chances / chances.sum()))]

    def _tuned(self, rows: Tensor, scores: Tensor) -> Mapping[str, Tensor]:
        """Policy gradient on what was evaluated: what was better than the others becomes more likely (Williams 1992)."""
        weights = {name: value.clone().requires_grad_() for name, value in self._weights.items()}
        optimiser = torch.optim.Adam(weights.values(), lr=RATE)
        task, advantage = self._task.expand(len(rows), -1), scores - scores.mean()
        for _ in range(STEPS):
            context = self._controller.context(weights, rows[None], scores[None]).expand(len(rows), -1)
            loss = -(advantage * self._controller.log_chance(weights, task, context, rows)).mean() / len(self._controller.options)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return {name: value.detach() for name, value in weights.items()}


def _standard(values: Floats) -> Floats:
    """Results as scores around :data:`EXPECTED`."""
    if len(values) < 2 or np.ptp(values) == 0:
        return np.full(len(values), EXPECTED)
    return np.asarray(np.clip((values - values.mean()) / values.std(), -3, 3) + EXPECTED)
