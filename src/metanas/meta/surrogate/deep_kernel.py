"""A Gaussian process over architectures whose mean and kernel were learned on earlier tasks.

The kernel compares architectures after a network has looked at them and at the task; both, and a mean that depends on the task, are learned
by marginal likelihood over the evaluations of many tasks (FSBO: Wistuba and Grabocka, ICLR 2021, "Few-Shot Bayesian Optimization with Deep
Kernel Surrogates"; for architectures TNAS: Shala et al., ICLR 2023). On a new task it is conditioned on the evaluations there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from metanas.meta.surrogate.history import Floats, History, normal_scores
from metanas.meta.surrogate.latent import FIXED, Named, covariance, initial, mean_and_latent, scales
from metanas.meta.surrogate.process import JITTER, SHIFT, TaughtProcess, teachable, unit_over


@dataclass(frozen=True, eq=False)
class DeepKernel(TaughtProcess):
    """What was learned; :meth:`learn` makes it, ``weights`` is all it knows.

    Args:
        weights: float64 tensors by name.
    """

    weights: Named

    @classmethod
    def learn(cls, histories: Sequence[History], *, seed: int = 0, steps: int = 600, most: int = 40, tasks: int = 8) -> DeepKernel:
        """Learn from earlier tasks.

        Args:
            histories: of at least two tasks with at least five evaluations each; others are left out.
            seed: of the weights and draws.
            steps: of Adam, each on the evaluations of several tasks.
            most: evaluations of a task in a step.
            tasks: in a step.

        Raises:
            ValueError: if there are not enough.
        """
        usable = teachable(histories)
        rng = np.random.default_rng(seed)
        x_all, e_all = np.concatenate([h.x for h in usable]), np.stack([h.task for h in usable])
        weights = initial(x_all.shape[1], e_all.shape[1], seed)
        weights |= scales("x", x_all) | scales("e", e_all)
        weights["unit"] = torch.tensor(unit_over([h.y for h in usable]), dtype=torch.float64)
        data = [(torch.as_tensor(h.x), torch.as_tensor(normal_scores(h.y)), torch.as_tensor(h.task)) for h in usable]
        learned = [value.requires_grad_() for name, value in weights.items() if not name.startswith(FIXED)]
        optimiser = torch.optim.AdamW(learned, lr=3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(steps):
            losses = []
            for t in rng.choice(len(data), min(tasks, len(data)), replace=False):
                x, z, e = data[t]
                rows = _subset(rng, z.numpy(), most)
                losses.append(_loss(weights, x[rows], z[rows], e))
            optimiser.zero_grad()
            torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        return cls({name: value.detach() for name, value in weights.items()})

    @property
    def noise(self) -> float:
        """Variance of an evaluation."""
        return float(self.weights["noise"].exp())

    @property
    def unit(self) -> tuple[float, float]:
        """See :attr:`TaughtProcess.unit`."""
        middle, width = self.weights["unit"].tolist()
        return middle, width

    def look(self, x: Floats, task: Floats) -> tuple[Floats, Floats]:
        """Mean, and the network's points."""
        with torch.no_grad():
            mean, latent = mean_and_latent(self.weights, torch.as_tensor(x), torch.as_tensor(task))
        return mean.numpy(), latent.numpy()

    def covariance(self, a: Floats, b: Floats) -> Floats:
        """The kernel of the network's points."""
        with torch.no_grad():
            found: Floats = covariance(self.weights, torch.as_tensor(a), torch.as_tensor(b)).numpy()
        return found

    def variance(self, a: Floats) -> Floats:
        """The same everywhere."""
        return np.full(len(a), float(self.weights["variance"].exp()))

    def arrays(self) -> dict[str, Floats]:
        """All that it knows, by name, for a file."""
        return {name: value.numpy() for name, value in self.weights.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> DeepKernel:
        """The surrogate whose :meth:`arrays` these are."""
        return cls({name: torch.as_tensor(np.asarray(value, dtype=np.float64)) for name, value in arrays.items()})

    def without_task(self) -> DeepKernel:
        """The same, blind to which task it is: what an embedding adds is the difference."""
        return replace(self, weights={**self.weights, "e.width": torch.full_like(self.weights["e.width"], torch.inf)})

    def flat(self) -> DeepKernel:
        """The same, expecting the same of all architectures: what earlier tasks lead to expect is the difference."""
        nothing = {name: torch.zeros_like(self.weights[name]) for name in ("mean.weight", "mean.bias")}
        return replace(self, weights={**self.weights, **nothing})


def _loss(weights: Named, x: Tensor, z: Tensor, e: Tensor) -> Tensor:
    """Minus the log marginal likelihood of a task's scores, per evaluation; a constant shift of all scores is allowed for."""
    mean, latent = mean_and_latent(weights, x, e)
    kernel = covariance(weights, latent, latent) + SHIFT + (weights["noise"].exp() + JITTER) * torch.eye(len(z), dtype=torch.float64)
    factor = torch.linalg.cholesky(kernel)
    left = (z - mean)[:, None]
    whole = 0.5 * (left * torch.cholesky_solve(left, factor)).sum() + factor.diagonal().log().sum() + 0.5 * len(z) * math.log(2 * math.pi)
    per_evaluation: Tensor = whole / len(z)
    return per_evaluation


def _subset(rng: np.random.Generator, z: Floats, most: int) -> np.ndarray:
    """Rows of a task for a step: few or many, by chance or with good ones preferred, as a search would have evaluated them."""
    n = int(rng.integers(2, min(most, len(z)) + 1))
    chances = np.exp(z * float(rng.choice([0.0, 1.0])))
    rows: np.ndarray = rng.choice(len(z), n, replace=False, p=chances / chances.sum())
    return rows
