"""A Gaussian process over architectures and tasks: what is like a task, and how tasks differ, is read off from the earlier ones.

Every earlier task is a function over architectures; so is a new one. What it is expected to be is their average, nearer tasks counting more
(regression over the tasks' embeddings); how it may differ from that is how each earlier task differs from what the others, without its
source, would have led to expect. A surrogate whose covariance is that of its training tasks thinks itself too sure on a new one; taken
from sources left out it is honest.

A multi-task Gaussian process (Bonilla et al., NeurIPS 2007, "Multi-task Gaussian Process Prediction"; for optimisation Swersky et al.,
NeurIPS 2013, "Multi-Task Bayesian Optimization") whose covariance between architectures is the sample covariance over tasks, as in Wang,
Kim and Kaelbling, NeurIPS 2018, "Regret bounds for meta Bayesian optimization with an unknown Gaussian process prior". Functions are kept
by their values at some architectures (inducing points, Snelson and Ghahramani 2006) under a Matern kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from metanas.meta.surrogate.history import Floats, History, normal_scores
from metanas.meta.surrogate.process import JITTER, TaughtProcess, teachable, unit_over

POINTS = 300
"""Architectures by whose results functions are kept, at the most."""
REACH = 0.6
"""Length of the kernel over architectures, in average distances of two of them."""
ROUGH = 0.01
"""Variance of a task's results around its function. Little: what is chance averages out over tasks, and is the less smoothed away."""
RIDGE = 1e-3
"""Of the function that is common to all tasks."""
LEVEL = 10.0
"""Variance over tasks of what they have in common, beside 1 for what near ones have: the average of all is not drawn to zero."""
NEARNESS = (0.0, 0.1, 0.3, 1.0, 3.0)
"""Candidates for how fast tasks count less with the mean squared distance of their embeddings, in deviations; 0 takes all alike."""
OWN = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Candidates for the variance of what a task has alone."""
NOISE = 0.1
"""Variance of an evaluation, in normal scores of a task."""
OTHER = 0.05
"""Variance of what no earlier task has told, around architectures that they tried; as much as a task has alone far from them."""
KEPT = 0.999
"""Share of the tasks' covariance that is kept."""


@dataclass(frozen=True, eq=False)
class MultiTask(TaughtProcess):
    """What was learned; :meth:`learn` makes it, ``weights`` is all it knows.

    Args:
        weights: float64 arrays by name: ``inducing`` architectures ``(p, features)`` and the kernel's ``length``; the earlier tasks'
            ``embeddings`` ``(tasks, embedding)``, standardised by ``middle`` and ``width``, their ``functions`` ``(tasks, p)`` and their
            ``nearness``; ``factor`` ``(p, any)`` of the covariance; the ``unit`` of results.
    """

    weights: Mapping[str, Floats]

    @classmethod
    def learn(cls, histories: Sequence[History], *, seed: int = 0) -> MultiTask:
        """Learn from earlier tasks: a second of one core for a hundred with 400 evaluations each, ten seconds and 1.5 GB for a thousand.

        Args:
            histories: of at least two tasks with at least five evaluations each; others are left out.
            seed: of the choice of inducing architectures.

        Raises:
            ValueError: if there are not enough.
        """
        usable = teachable(histories)
        share = _shares([h.source for h in usable])
        pool = np.unique(np.concatenate([h.x for h in usable]), axis=0)
        inducing = pool[np.sort(np.random.default_rng(seed).permutation(len(pool))[:POINTS])]
        length = REACH * max(float(np.sqrt(_squares(inducing, inducing)).mean()), 1e-6)
        lower = np.linalg.cholesky(_matern(inducing, inducing, length) + 1e-4 * np.eye(len(inducing)))
        features = [solve_triangular(lower, _matern(inducing, h.x, length), lower=True).T for h in usable]
        gram = _gram(features, share)
        functions = _functions(features, [normal_scores(h.y) for h in usable], share, gram)
        embeddings = np.stack([h.task for h in usable])
        middle, width = embeddings.mean(axis=0), embeddings.std(axis=0)
        width[width < 1e-9] = np.inf
        embeddings = (embeddings - middle) / width
        nearness, solved, left = _over_tasks(functions, embeddings, [h.source for h in usable], share, gram)
        to_points = solve_triangular(lower, np.eye(len(lower)), lower=True)
        spread = (left * share[:, None]).T @ left / len(usable)
        sizes, directions = np.linalg.eigh(spread)
        order = np.argsort(-sizes)
        most = int(np.searchsorted(np.cumsum(sizes[order]), KEPT * sizes.clip(0).sum())) + 1
        factor = to_points.T @ (directions[:, order[:most]] * np.sqrt(sizes[order[:most]].clip(0)))
        return cls(
            {
                "inducing": inducing,
                "length": np.array(length),
                "embeddings": embeddings,
                "middle": middle,
                "width": width,
                "nearness": np.array(nearness),
                "functions": solved @ to_points,
                "factor": factor,
                "unit": np.array(unit_over([h.y for h in usable])),
            }
        )

    @property
    def noise(self) -> float:
        """Variance of an evaluation."""
        return NOISE

    @property
    def unit(self) -> tuple[float, float]:
        """See :attr:`TaughtProcess.unit`."""
        middle, width = self.weights["unit"].tolist()
        return middle, width

    def look(self, x: Floats, task: Floats) -> tuple[Floats, Floats]:
        """Mean, and points that hold what earlier tasks tell of an architecture, then itself."""
        w = self.weights
        near = _matern(x, w["inducing"], float(w["length"]))
        return near @ self._expected(task), np.concatenate([near @ w["factor"], near.max(axis=1, keepdims=True), x], axis=1)

    def covariance(self, a: Floats, b: Floats) -> Floats:
        """That of the earlier tasks, and a little for what they did not tell."""
        told = self.weights["factor"].shape[1]
        rest = _matern(a[:, told + 1 :], b[:, told + 1 :], float(self.weights["length"]))
        found: Floats = a[:, :told] @ b[:, :told].T + OTHER * rest
        return found

    def variance(self, a: Floats) -> Floats:
        """The covariance's diagonal, and more where no earlier task has tried anything similar."""
        told = self.weights["factor"].shape[1]
        found: Floats = np.square(a[:, :told]).sum(axis=1) + OTHER + self._typical * (1 - np.square(a[:, told])).clip(0)
        return found

    def without_task(self) -> MultiTask:
        """No earlier task is nearer than another."""
        return replace(self, weights={**self.weights, "nearness": np.array(0.0)})

    def flat(self) -> MultiTask:
        """Nothing is expected of earlier tasks but how results vary together."""
        return replace(self, weights={**self.weights, "functions": 0 * self.weights["functions"]})

    def arrays(self) -> Mapping[str, Floats]:
        """All that it knows, by name, for a file."""
        return {name: np.asarray(value) for name, value in self.weights.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> MultiTask:
        """The surrogate whose :meth:`arrays` these are."""
        return cls({name: np.asarray(arrays[name], dtype=np.float64) for name in NAMES})

    def _expected(self, task: Floats) -> Floats:
        """The function that earlier tasks lead to expect, ``(p,)``."""
        w = self.weights
        far = np.square((task - w["middle"]) / w["width"] - w["embeddings"]).sum(axis=1) / max(1, len(task))
        return np.asarray((LEVEL + np.exp(-float(w["nearness"]) * far)) @ w["functions"])

    @cached_property
    def _typical(self) -> float:
        """Variance by the earlier tasks, of an architecture that they tried."""
        near = _matern(self.weights["inducing"], self.weights["inducing"], float(self.weights["length"])) @ self.weights["factor"]
        return float(np.square(near).sum(axis=1).mean())


NAMES = ("inducing", "length", "embeddings", "middle", "width", "nearness", "functions", "factor", "unit")


def _shares(sources: Sequence[str]) -> Floats:
    """Weights of tasks whose mean is 1, by which every source counts alike."""
    counts = np.array([sources.count(source) for source in sources], dtype=np.float64)
    return np.asarray((1 / counts) * len(sources) / (1 / counts).sum())


def _functions(features: Sequence[Floats], scores: Sequence[Floats], share: Floats, gram: Floats) -> Floats:
    """Weights ``(tasks, p)`` of the features ``(n, p)`` of every task: its own where it has results, else those common to all."""
    right = np.sum([s * f.T @ z / len(f) for f, z, s in zip(features, scores, share, strict=True)], axis=0) / len(features)
    common = np.linalg.solve(gram + RIDGE * np.eye(len(right)), right)
    own = []
    for f, z in zip(features, scores, strict=True):
        inner = cho_factor(f @ f.T + ROUGH * np.eye(len(f)), lower=True)
        own.append(common + f.T @ cho_solve(inner, z - f @ common))
    return np.stack(own)


def _gram(features: Sequence[Floats], share: Floats) -> Floats:
    """Mean product of features, ``(p, p)``."""
    total = np.zeros((features[0].shape[1],) * 2)
    for f, s in zip(features, share, strict=True):
        total += (s / len(f)) * (f.T @ f)
    return total / len(features)


def _over_tasks(functions: Floats, embeddings: Floats, sources: Sequence[str], share: Floats, gram: Floats) -> tuple[float, Floats, Floats]:
    """Nearness that foretells left-out sources best, regression weights ``(tasks, p)`` with it, and what it leaves of each task.

    What is left of a task is the difference to what tasks of other sources foretell, in closed form: with ``A`` the inverse of the
    covariance of tasks, ``(A_bb)^-1 (A f)_b`` for the tasks ``b`` of a source (Rasmussen and Williams 2006, equation 5.12).
    """
    far = _squares(embeddings, embeddings) / max(1, embeddings.shape[1])
    np.fill_diagonal(far, 0.0)
    groups = [np.flatnonzero(np.array(sources) == source) for source in dict.fromkeys(sources)]
    best: tuple[float, float, Floats, Floats] | None = None
    for nearness in NEARNESS if far.any() else NEARNESS[:1]:
        for own in OWN:
            inverse = np.linalg.inv(LEVEL + np.exp(-nearness * far) + np.diag(own / share))
            solved, left = inverse @ functions, np.empty_like(functions)
            for group in groups:
                left[group] = np.linalg.solve(inverse[np.ix_(group, group)], solved[group])
            loss = float(share @ ((left @ gram) * left).sum(axis=1))
            if best is None or loss < best[0] * (1 - JITTER):
                best = loss, nearness, solved, left
    assert best is not None
    return best[1:]


def _squares(a: Floats, b: Floats) -> Floats:
    """Squared distances, ``(len(a), len(b))``."""
    found: Floats = (np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2 * a @ b.T).clip(0)
    return found


def _matern(a: Floats, b: Floats, length: float) -> Floats:
    """Matern 5/2 with variance 1, ``(len(a), len(b))``."""
    distance = np.sqrt(5 * _squares(a, b)) / length
    return np.asarray((1 + distance + np.square(distance) / 3) * np.exp(-distance))
