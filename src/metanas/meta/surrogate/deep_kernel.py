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
import torch.nn.functional as F
from torch import Tensor

from metanas.meta.surrogate.history import Floats, History, normal_scores

Named = Mapping[str, Tensor]
LATENT, HIDDEN = 8, 64
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
        weights = _initial(x_all.shape[1], e_all.shape[1], seed)
        weights |= _scales("x", x_all) | _scales("e", e_all)
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
            found: Floats = _mean_and_latent(self.weights, torch.as_tensor(x), torch.as_tensor(task))[0].numpy()
        return found

    def condition(self, x: Floats, y: Floats, task: Floats, asked: Floats) -> Posterior:
        """What is expected of ``asked`` once ``y`` is known of ``x``.

        Results are ``offset + scale * score``: the offset is integrated out, the scale is the most probable of some.

        Args:
            x: evaluated architectures ``(n, features)``; ``n`` may be 0: then the unit is that of normal scores.
            y: their results ``(n,)``, larger is better, all finite.
            task: the task's embedding.
            asked: architectures ``(m, features)``.
        """
        with torch.no_grad():
            e = torch.as_tensor(task)
            mean, latent = _mean_and_latent(self.weights, torch.as_tensor(asked), e)
            variance = _kernel(self.weights, latent[:1], latent[:1])[0, 0]
            if not len(y):
                return Posterior(mean.numpy(), np.full(len(asked), math.sqrt(float(variance))))
            known, at = _mean_and_latent(self.weights, torch.as_tensor(x), e)
            kernel, noise = _kernel(self.weights, at, at), self.weights["noise"].exp()
            factor = torch.linalg.cholesky(kernel + (noise + JITTER) * torch.eye(len(y), dtype=torch.float64))
            scale, offset, residual = self._unit(factor, known, torch.as_tensor(_tamed(y)))
            across = _kernel(self.weights, latent, at)
            expected = mean + across @ torch.cholesky_solve(residual[:, None], factor)[:, 0]
            half = torch.linalg.solve_triangular(factor, across.T, upper=False)
            left = (variance - half.square().sum(0)).clamp(min=1e-9).sqrt()
            return Posterior((offset + scale * expected).numpy(), (scale * left).numpy())

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


FIXED = ("x.", "e.", "unit")
"""Weights that are set from the data, not learned by gradients."""


def _initial(features: int, task: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def drawn(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=generator, dtype=torch.float64) * math.sqrt(1.0 / columns)

    def filled(value: float, *shape: int) -> Tensor:
        return torch.full(shape, value, dtype=torch.float64)

    return {
        "first.x": drawn(HIDDEN, features),
        "first.e": 0.3 * drawn(HIDDEN, task),
        "first.bias": filled(0.0, HIDDEN),
        "second.weight": drawn(HIDDEN, HIDDEN),
        "second.bias": filled(0.0, HIDDEN),
        "mean.weight": 0.1 * drawn(1, HIDDEN),
        "mean.bias": filled(0.0, 1),
        "latent.weight": drawn(LATENT, HIDDEN),
        "length": filled(0.0, LATENT),
        "variance": filled(math.log(0.5)),
        "noise": filled(math.log(0.1)),
    }


def _scales(name: str, values: Floats) -> dict[str, Tensor]:
    """Mean and deviation of every feature; constant ones stay as they are."""
    width = values.std(axis=0)
    width[width < 1e-9] = 1.0
    return {f"{name}.middle": torch.as_tensor(values.mean(axis=0)), f"{name}.width": torch.as_tensor(width)}


def _mean_and_latent(weights: Named, x: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """The mean ``(n,)`` and the point of the kernel's space ``(n, LATENT)`` of architectures on a task."""
    x = (x - weights["x.middle"]) / weights["x.width"]
    e = ((e - weights["e.middle"]) / weights["e.width"]).clamp(-3, 3)
    h = F.silu(F.linear(x, weights["first.x"]) + F.linear(e, weights["first.e"]) + weights["first.bias"])
    h = F.silu(F.linear(h, weights["second.weight"], weights["second.bias"]))
    return F.linear(h, weights["mean.weight"], weights["mean.bias"])[:, 0], F.linear(h, weights["latent.weight"])


def _kernel(weights: Named, a: Tensor, b: Tensor) -> Tensor:
    """Matern 5/2 over the latent points, ``(len(a), len(b))``."""
    lengths = weights["length"].exp()
    distance = ((a / lengths)[:, None] - (b / lengths)[None]).square().sum(-1).clamp(min=1e-12).sqrt() * math.sqrt(5)
    covariance: Tensor = weights["variance"].exp() * (1 + distance + distance.square() / 3) * (-distance).exp()
    return covariance


def _loss(weights: Named, x: Tensor, z: Tensor, e: Tensor) -> Tensor:
    """Minus the log marginal likelihood of a task's scores, per evaluation; a constant shift of all scores is allowed for."""
    mean, latent = _mean_and_latent(weights, x, e)
    shift = 0.1
    kernel = _kernel(weights, latent, latent) + shift + (weights["noise"].exp() + JITTER) * torch.eye(len(z), dtype=torch.float64)
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
