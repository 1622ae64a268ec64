"""A Gaussian process over architectures whose mean and kernel were learned on earlier tasks.

The kernel compares architectures after a network has looked at them and at the task; both, and a mean that depends on the task, are learned
by marginal likelihood over the evaluations of many tasks (FSBO: Wistuba and Grabocka, ICLR 2021, "Few-Shot Bayesian Optimization with Deep
Kernel Surrogates"; for architectures TNAS: Shala et al., ICLR 2023). On a new task it is conditioned on the evaluations there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from metanas.meta.surrogate.history import Floats, History, normal_scores
from metanas.meta.surrogate.latent import FIXED, LATENT, Named, covariance, initial, mean_and_latent, scales

JITTER = 1e-6
SCALES = 15
"""Candidates for how far apart results of a new task lie."""
OUTLIER = 4.0
"""Results so many times as far below the median as the best is above it are moved up to there."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is expected of architectures once the evaluations are known, in the unit of the task.

    Args:
        mean, deviation: ``(architectures,)`` each; the deviation is that of the function, without the noise of an evaluation.
    """

    mean: Floats
    deviation: Floats

    def improvement(self, best: float) -> Floats:
        """Expected improvement over ``best``, larger is better (Mockus 1975)."""
        from scipy.special import ndtr

        z = (self.mean - best) / self.deviation
        found: Floats = self.deviation * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))
        return found


@dataclass(frozen=True, eq=False)
class DeepKernel:
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
        usable = [h for h in histories if len(h.y) >= 5 and np.ptp(h.y) > 0]
        if len(usable) < 2:
            raise ValueError("learning a surrogate takes two tasks with five evaluations each")
        rng = np.random.default_rng(seed)
        x_all, e_all = np.concatenate([h.x for h in usable]), np.stack([h.task for h in usable])
        weights = initial(x_all.shape[1], e_all.shape[1], seed)
        weights |= scales("x", x_all) | scales("e", e_all)
        spreads = np.log([_spread(h.y) for h in usable])
        weights["unit"] = torch.tensor([spreads.mean(), max(float(spreads.std()), 0.5)], dtype=torch.float64)
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

    def expect(self, x: Floats, task: Floats) -> Floats:
        """The mean before any evaluation, in normal scores ``(architectures,)``: 0 is the median architecture, 2 one of the best 2.3 %."""
        with torch.no_grad():
            found: Floats = mean_and_latent(self.weights, torch.as_tensor(x), torch.as_tensor(task))[0].numpy()
        return found

    def condition(self, x: Floats, y: Floats, task: Floats, asked: Floats) -> Posterior:
        """What is expected of ``asked`` once ``y`` is known of ``x``: :meth:`told` and asked once.

        Args:
            x, y, task: see :meth:`told`.
            asked: architectures ``(m, features)``.
        """
        return self.told(x, y, task)(asked)

    def told(self, x: Floats, y: Floats, task: Floats) -> Callable[[Floats], Posterior]:
        """What says of architectures ``(m, features)`` what is expected of them once ``y`` is known of ``x``.

        Results are ``offset + scale * score``: the offset is integrated out, the scale is the most probable of some.

        Args:
            x: evaluated architectures ``(n, features)``; ``n`` may be 0: then the unit is that of normal scores.
            y: their results ``(n,)``, larger is better, all finite.
            task: the task's embedding.
        """
        with torch.no_grad():
            e, weights, here = torch.as_tensor(task), self.weights, torch.zeros(1, LATENT, dtype=torch.float64)
            variance = covariance(weights, here, here)[0, 0]
            known, at = mean_and_latent(weights, torch.as_tensor(x).reshape(len(y), -1), e) if len(y) else (here[:0, 0], here[:0])
            kernel = covariance(weights, at, at) + (weights["noise"].exp() + JITTER) * torch.eye(len(y), dtype=torch.float64)
            factor = torch.linalg.cholesky(kernel)
            one = torch.ones((), dtype=torch.float64)
            scale, offset, residual = self._unit(factor, known, torch.as_tensor(_tamed(y))) if len(y) else (one, 0 * one, known)
            solved = torch.cholesky_solve(residual[:, None], factor)[:, 0]

        def expected(asked: Floats) -> Posterior:
            with torch.no_grad():
                mean, latent = mean_and_latent(weights, torch.as_tensor(asked), e)
                across = covariance(weights, latent, at)
                half = torch.linalg.solve_triangular(factor, across.T, upper=False)
                left = (variance - half.square().sum(0)).clamp(min=1e-9).sqrt()
                return Posterior((offset + scale * (mean + across @ solved)).numpy(), (scale * left).numpy())

        return expected

    def evidence(self, x: Floats, y: Floats, task: Floats) -> float:
        """The logarithm of how probable the results are, as normal scores up to a shift of all of them.

        Args:
            x, y, task: see :meth:`told`; two results at least that differ.
        """
        with torch.no_grad():
            return -len(y) * float(_loss(self.weights, torch.as_tensor(x), torch.as_tensor(normal_scores(y)), torch.as_tensor(task)))

    def _unit(self, factor: Tensor, known: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The scale and offset of results, and what they leave in units of the scale."""
        one = torch.ones_like(y)

        def solved(v: Tensor) -> Tensor:
            return torch.cholesky_solve(v[:, None], factor)[:, 0]

        middle, width = self.weights["unit"]
        weight = one @ solved(one)
        found = []
        for step in torch.linspace(-2.5, 2.5, SCALES, dtype=torch.float64):
            scale = (middle + step * width).exp()
            left = y / scale - known
            offset = (one @ solved(left)) / weight
            left = left - offset
            likelihood = -0.5 * left @ solved(left) - len(y) * scale.log() - 0.5 * weight.log() + scale.log() - 0.5 * step**2
            found.append((likelihood, scale, offset * scale, left))
        _, scale, offset, left = max(found, key=lambda f: float(f[0]))
        return scale, offset, left

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
    shift = 0.1
    kernel = covariance(weights, latent, latent) + shift + (weights["noise"].exp() + JITTER) * torch.eye(len(z), dtype=torch.float64)
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


def _spread(y: Floats) -> float:
    """The unit of results: what corresponds to a deviation of normal scores around the upper half, where searches are."""
    upper = np.quantile(y, [0.5, 0.84])
    return max(float(upper[1] - upper[0]), 1e-9 + 1e-3 * float(np.ptp(y)))


def _tamed(y: Floats) -> Floats:
    """Results with those far below the others moved up."""
    middle = float(np.median(y))
    above = float(y.max()) - middle
    return np.maximum(y, middle - OUTLIER * above) if above > 0 else y
