"""Kernel density estimation: what separates good architectures from bad ones, as BOHB models it.

When to choose it: inside of hyperband (together they are ``bohb``), where it learns from the results of every fidelity; alone where
there are too many decisions or evaluations for a Gaussian process.
Falkner et al. 2018, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", section 3.2 and algorithm 2; the
acquisition is that of Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture
from metanas.spaces.decision import Decision
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.codes import Codes, Rows

_LOOKED_AT = 32
"""Most candidates to find one among that was not asked before."""
_LEAST_STEPS = 0.4
"""Narrowest Gaussian over ordered options, in steps between them."""
_LEAST_LEAVE = 0.02
"""Smallest probability of leaving an option of a decision without order."""
Kernel = NDArray[np.float64]
"""Probability of each option (column) around each option (row) of one decision; rows sum to one."""


@register_strategy("kde")
class KernelDensity(BaseStrategy):
    """Draws candidates around good architectures and proposes the one that is densest among the good relative to the bad.

    Deviations from the paper: while the highest fidelity has too few results the lower ones fill up, ranked behind it (what was promoted
    was better than what was left behind), instead of a model of one lower fidelity alone; at most ``start`` results are waited for,
    however many decisions there are; the best candidate that was not asked before is proposed; ordered decisions have a discrete Gaussian
    kernel over their options. With several goals the first counts. Failed evaluations are the worst.

    Args:
        brief: what every strategy is given.
        start: results that are waited for before the first model.
        share: (0, 1) of the results that count as good, but at least as many as there are decisions or ``start``.
        draws: candidates per proposal.
        explore: [0, 1] probability of a random architecture instead.
        widen: factor by which the kernels are wider when candidates are drawn.
    """

    def __init__(
        self, brief: Brief, start: int = 10, share: float = 0.15, draws: int = 64, explore: float = 1 / 3, widen: float = 3.0
    ) -> None:
        super().__init__(brief)
        self._least = min(len(self.space.decisions) + 1, start)
        self._share, self._draws, self._explore, self._widen = share, draws, explore, widen
        self._codes = Codes(self.space)

    def propose(self) -> Architecture:
        """The candidate with the largest ratio of densities; a random architecture now and then, and until there is a model."""
        ranked = self._ranked()
        if self.rng.random() < self._explore or len(ranked) < self._least + 2:
            return self.space.sample(self.rng)
        cut = max(math.ceil(self._share * len(ranked)), min(self._least, len(ranked) // 2))
        good, bad = (self._rows(part) for part in (ranked[:cut], ranked[cut:]))
        candidates = self._draw(good)
        ratio = self._log_density(candidates, good) - self._log_density(candidates, bad)
        taken = self.taken
        best = (
            self._codes.architecture(candidates[int(i)], ranked[0].architecture, self.rng)
            for i in np.argsort(-ratio, kind="stable")[:_LOOKED_AT]
        )
        return next((a for a in best if a.key not in taken), None) or self.space.sample(self.rng)

    def _ranked(self) -> list[Known]:
        """The best first: by fidelity, then by value; only as many fidelities from the top as it takes to have enough."""
        good = sorted((k for k in self.known.values() if k.good), key=lambda k: (k.effort, k.value), reverse=True)
        count = min(len(good), 2 * self._least)
        while 0 < count < len(good) and good[count].effort == good[count - 1].effort:
            count += 1
        return good[:count] + [k for k in self.known.values() if not k.good]

    def _rows(self, part: list[Known]) -> Rows:
        return self._codes.complete(self._codes.rows(k.architecture for k in part), self.rng)

    def _draw(self, good: Rows) -> Rows:
        """Candidates around randomly chosen good ones, ``(draws, decisions)``."""
        centres = good[self.rng.integers(len(good), size=self._draws)]
        chance = self.rng.random(centres.shape)
        drawn = np.empty_like(centres)
        for column, kernel in enumerate(self._kernels(good, self._widen)):
            steps = np.cumsum(kernel, axis=1)[centres[:, column]]
            drawn[:, column] = np.minimum((chance[:, column, None] > steps).sum(axis=1), kernel.shape[1] - 1)
        return drawn

    def _log_density(self, at: Rows, points: Rows) -> NDArray[np.float64]:
        """Logarithm of the mean over ``points`` of the product of the decisions' kernels, for each row of ``at``."""
        total = np.zeros((len(at), len(points)))
        for column, kernel in enumerate(self._kernels(points)):
            total += np.log(kernel)[:, at[:, column]][points[:, column]].T
        return np.asarray(np.logaddexp.reduce(total, axis=1)) - math.log(len(points))

    def _kernels(self, points: Rows, widen: float = 1.0) -> list[Kernel]:
        """One kernel per decision, of the width that suits the spread of ``points`` (Scott's rule)."""
        scale = widen * len(points) ** (-1.0 / (4 + len(self.space.decisions)))
        pairs = enumerate(self.space.decisions)
        return [_kernel(d, np.bincount(points[:, i], minlength=len(d.options)) / len(points), scale) for i, d in pairs]


def _kernel(decision: Decision, shares: NDArray[np.float64], scale: float) -> Kernel:
    """The kernel of one decision, given the share of each option: for ordered options a Gaussian over their ranks, for others that of
    Aitchison and Aitken (the same probability for every other option)."""
    options = np.arange(len(shares))
    if len(options) == 1:
        return np.ones((1, 1))
    if decision.ordered:
        spread = math.sqrt(max(0.0, float(shares @ options**2 - (shares @ options) ** 2)))
        width = max(_LEAST_STEPS, spread * scale)
        weights = np.exp(-0.5 * ((options[:, None] - options) / width) ** 2)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))
    leave = min(max(_LEAST_LEAVE, float(1.0 - shares @ shares) * scale), (len(options) - 1) / len(options))
    kernel = np.full((len(options), len(options)), leave / (len(options) - 1))
    np.fill_diagonal(kernel, 1.0 - leave)
    return kernel
