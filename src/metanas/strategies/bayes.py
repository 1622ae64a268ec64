"""Bayesian optimisation: a Gaussian process says what is likely to be better than the best so far.

When to choose it: where an evaluation takes more than a second and there are some twenty to three hundred of them: the fewest evaluations
to a good architecture in spaces of up to a few dozen decisions. For many more of either take ``kde`` or ``evolution``.
Jones et al. 1998, "Efficient Global Optimization of Expensive Black-Box Functions"; the logarithm of the expected improvement after
Ament et al. 2023; batches by posterior-mean liars after Ginsbourger et al. 2010, "Kriging Is Well-Suited to Parallelize Optimization".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import Brief, Known, register_strategy
from metanas.strategies.bayesian import Bayesian
from metanas.strategies.candidates import anywhere, everything
from metanas.strategies.codes import Codes, Rows
from metanas.strategies.cold import groups, promising
from metanas.strategies.gaussian import Fitted, fit, log_expected_improvement
from metanas.strategies.process import Matrix, Points, Process, Vector
from metanas.strategies.targets import on_one_scale, standardised

PARENTS, MUTANTS, DRAWN = 10, 80, 500
"""Candidates in a large space: so many mutants of each of the best so many, and so many drawn from anywhere."""
MORE = 0.5
"""Chance that a mutant is mutated once more."""
_TIE = 1e-9


@register_strategy("bayes")
class Bayes(Bayesian):
    """Starts with ``start`` random architectures, then proposes the candidate of largest expected improvement.

    The model sees the logarithm of how far results are behind the best, in units of the median: differences among the best count most,
    whatever the scale, and those among bad ones hardly. Failures are as bad as the worst result. With several goals the first counts.

    Deviations from the papers: the kernel is a product over decisions, exponential in Hamming or rank distance, as the function is over
    choices, not numbers; the improvement is maximised over a set of candidates; hyper-parameters are the most probable ones.

    Args:
        brief: what every strategy is given.
        start: random architectures before the model.
        refit: the hyper-parameters are fitted anew after so many results.
    """

    def __init__(self, brief: Brief, start: int = 10, refit: int = 10) -> None:
        super().__init__(brief, start, refit)
        self._codes = Codes(self.space)
        self._group, self._share = groups(self.space.decisions)
        self._fitted: Fitted | None = None  # hyper-parameters

    # -- the model -----------------------------------------------------------------------------------------------------

    def fit(self, architectures: Sequence[Architecture], targets: Vector) -> None:
        """From where the last fit ended."""
        self._fitted = fit(self._encode(self._codes.rows(architectures)), targets, self._group, self._fitted)

    def process(self, architectures: Sequence[Architecture]) -> Process:
        """Over stretched codes; where the space is small, what it says of all is watched."""
        watched = None if self._all is None else self._now.stretched(self._all_encoded, self._group)
        return self._now.process(self.points(architectures), watched)

    def points(self, architectures: Sequence[Architecture]) -> Points:
        """Stretched codes."""
        return self._stretched(self._codes.rows(architectures))

    def targets(self, known: Sequence[Known]) -> Vector:
        """Minus the logarithms of how far results are behind the best."""
        return standardised(promising(on_one_scale(known)))

    def choose(self, process: Process, targets: Vector, best: float) -> Architecture:
        """The candidate of largest expected improvement."""
        if self._all is not None:
            return self._all[self._best_place(log_expected_improvement(*process.predict(targets), best))]
        rows = self._candidates()
        return self._best_admitted(rows, log_expected_improvement(*process.predict(targets, self._stretched(rows)), best))

    @property
    def _now(self) -> Fitted:
        assert self._fitted is not None
        return self._fitted

    def _encode(self, rows: Rows) -> Matrix:
        return self._codes.encode(rows) * self._share

    def _stretched(self, rows: Rows) -> Matrix:
        return self._now.stretched(self._encode(rows), self._group)

    # -- candidates ----------------------------------------------------------------------------------------------------

    @cached_property
    def _all(self) -> tuple[Architecture, ...] | None:
        return everything(self.space)

    @cached_property
    def _all_encoded(self) -> Matrix:
        return self._encode(self._codes.rows(self._all or ()))

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {a.key: i for i, a in enumerate(self._all or ())}

    def _best_place(self, promise: Vector) -> int:
        promise[[self._positions[key] for key in self.taken if key in self._positions]] = -np.inf
        equals = np.flatnonzero(promise >= promise.max() - _TIE)
        return int(equals[self.rng.integers(len(equals))])

    @cached_property
    def _list(self) -> Rows:
        return self._codes.rows(self.space.listed)

    def _candidates(self) -> Rows:
        """Mutants of the best (in a listed space what is nearest to them), and rows from anywhere."""
        good = sorted((k for k in self.known.values() if k.good), key=lambda k: k.value, reverse=True)
        known = self._codes.rows(k.architecture for k in good)
        if self.space.listed:
            near = [np.argpartition((self._list != parent).sum(axis=1), MUTANTS)[:MUTANTS] for parent in known[:PARENTS]]
            mutants = self._list[np.concatenate(near)]
        else:
            mutants = self._codes.mutate(np.repeat(known[:PARENTS], MUTANTS, axis=0), MORE, self.rng)
        return np.concatenate([mutants, anywhere(self.space, self._codes, known, DRAWN, self.rng)])

    def _best_admitted(self, rows: Rows, promise: Vector) -> Architecture:
        taken = self.taken
        for index in np.argsort(-promise, kind="stable"):
            architecture = self._codes.read(rows[index])
            if architecture.key not in taken and self.space.admits(architecture):
                return architecture
        return self.space.sample(self.rng)

    # -- state ---------------------------------------------------------------------------------------------------------

    def memory(self) -> State:
        """With the hyper-parameters."""
        return {**super().memory(), "fitted": None if self._fitted is None else self._fitted.to_json()}

    def remember(self, state: State) -> None:
        """Take them back."""
        super().remember(state)
        self._fitted = None if state["fitted"] is None else Fitted.from_json(state["fitted"])
