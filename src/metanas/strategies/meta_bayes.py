"""Bayesian optimisation with what earlier tasks taught: a transferred surrogate proposes, while it is right more often than a cold one.

When to choose it: where earlier searches on other data were made in the same space; the fewest evaluations of all from the first one on.
With no prior, or one that knows nothing of the space, it is Bayesian optimisation from nothing.
Swersky et al. 2013, "Multi-Task Bayesian Optimization"; Wistuba and Grabocka 2021, "Few-Shot Bayesian Optimization with Deep Kernel
Surrogates"; Shala et al. 2023, "Transfer NAS with Meta-Learned Bayesian Surrogates" (the prior says which surrogate it brings). How far
to trust it: Hedge (Freund and Schapire 1997) over how the two models ranked each result before it was known, in the spirit of the
ranking-weighted ensemble (Feurer et al. 2018, "Practical Transfer Learning for Bayesian Optimization").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.candidates import everything, search
from metanas.strategies.codes import Codes, Rows
from metanas.strategies.cold import Cold, promising
from metanas.strategies.gaussian import log_expected_improvement
from metanas.strategies.process import Vector
from metanas.strategies.targets import on_one_scale

if TYPE_CHECKING:
    from metanas.interfaces import Surrogate

SHORTLIST = 20
"""Architectures of the prior that candidates are made from, beside the best known ones."""
POINTS = 300
"""Most results that the models see: the best half and the latest half."""
FEWEST = 4
"""Results from which on the cold model says something."""
DOUBT = 0.5
"""Trust below which the transferred model is let go of."""
TRUST, RATE = 0.95, 3.0
"""Share of proposals that the transferred model has at first, and how fast that follows its and the cold model's hits."""


@register_strategy("meta-bayes")
class MetaBayes(BaseStrategy):
    """Proposes the candidate of largest expected improvement under one of two models, drawn by how far each is to be trusted.

    Of every result both models have said beforehand where it would lie among the known ones; the share of those it was placed rightly
    against is a model's hit. A prior that misleads loses its say within some ten evaluations. Without one: ``start`` random architectures,
    then the cold model.

    Args:
        brief: what every strategy is given.
        start: random architectures before the cold model, where there is no other.
    """

    def __init__(self, brief: Brief, start: int = 10) -> None:
        super().__init__(brief)
        self._start, self._codes, self._cold = start, Codes(self.space), Cold(self.space)
        self._surrogate: Surrogate | None = None
        self.shortlist: list[Architecture] = []
        if brief.prior is not None and brief.task is not None:
            self._surrogate = brief.prior.surrogate(self.space, brief.task)
            self.shortlist = brief.prior.shortlist(self.space, brief.task, SHORTLIST)
        if self._surrogate is not None:
            self.leave_plain()  # what the shortlist knows the surrogate knows better
        self._hits = {"transferred": 0.0, "cold": 0.0}
        self._random = 0  # architectures that were drawn at random since the transferred model was let go of
        self._expected: dict[str, dict[str, float]] = {}  # of what is pending: the place that each model gave it, see _places

    @property
    def trust(self) -> float:
        """Chance that the transferred model makes the next proposal, in [0, 1]."""
        if self._surrogate is None:
            return 0.0
        odds = TRUST / (1 - TRUST) * math.exp(min(RATE * (self._hits["transferred"] - self._hits["cold"]), 50.0))
        return odds / (1 + odds)

    # -- asking --------------------------------------------------------------------------------------------------------

    def propose(self) -> Architecture:
        """The most promising candidate of the model whose turn it is."""
        known, values = self.told()
        ready = informative(values)
        if not self.taught and (not ready or len(known) < self._start):
            return self.space.sample(self.rng)
        if alike(values):
            return self.elsewhere()
        transferred = self.taught and (not ready or self.rng.random() < self.trust)
        early = not transferred and len(known) < self._start
        if self.taught and not transferred and self.trust < DOUBT and self._random < self._start:  # let go of: begin as without a prior
            early, self._random = True, self._random + 1
        found = self.space.sample(self.rng) if early else self.best(known, values, transferred)
        if self.taught and ready:
            self._expected[found.key] = self.places(found, known, values)
        return found

    def elsewhere(self) -> Architecture:
        """Where the prior leads there is nothing to learn: the plain network, then chance."""
        return self.space.sample(self.rng) if self.space.baseline.key in self._seen else self.space.baseline

    @property
    def taught(self) -> bool:
        """Whether there is a transferred model."""
        return self._surrogate is not None

    def told(self) -> tuple[list[Architecture], Vector]:
        """What was told, the best and the latest, with failures as bad as the worst."""
        told = [self.known[key] for key in self.telling(POINTS)]
        return [k.architecture for k in told], on_one_scale(told)

    def places(self, found: Architecture, known: Sequence[Architecture], values: Vector) -> dict[str, float]:
        """The share of what was told that each model expects an architecture to be better than; results must tell something."""
        assert self._surrogate is not None
        self._cold.fit(known, promising(values), len(self.known))
        return {
            "transferred": place(self._surrogate.condition(known, values, [found])[0][0], values),
            "cold": place(self._cold.condition(known, promising(values), [found])[0][0], promising(values)),
        }

    def best(self, known: list[Architecture], values: Vector, transferred: bool) -> Architecture:
        """The candidate of largest expected improvement under a model; what is pending is taken to turn out as expected.

        Args:
            known, values: what was told; the cold model needs results that tell something.
            transferred: whether under the transferred model.
        """
        if not transferred:
            self._cold.fit(known, promising(values), len(self.known))
        waiting = [a for a in self.pending.values() if a.key not in self.known]
        shown = values if transferred else promising(values)
        if waiting:
            expected = self._condition(known, shown, waiting, transferred)[0]
            known, shown = [*known, *waiting], np.concatenate([shown, expected])

        def promise(asked: Sequence[Architecture]) -> Vector:
            mean, deviation = self._condition(known, shown, asked, transferred)
            return log_expected_improvement(mean, deviation, float(shown.max())) if len(values) else mean

        if self._all is not None:
            worth = promise(self._all)
            worth[[self._positions[key] for key in self._seen if key in self._positions]] = -np.inf
            return self._all[int(worth.argmax())]

        def of_rows(rows: Rows) -> Vector:
            return promise([self._codes.read(row) for row in rows])

        good = sorted((k for k in self.known.values() if k.good), key=lambda k: k.value, reverse=True)
        parents = [*(k.architecture for k in good[:SHORTLIST]), *self.shortlist] or [self.space.baseline]
        return search(self.space, self._codes, parents, of_rows, self.rng, self.taken.values())

    def _condition(
        self, known: Sequence[Architecture], values: Vector, asked: Sequence[Architecture], transferred: bool
    ) -> tuple[Vector, Vector]:
        model = self._surrogate if transferred and self._surrogate is not None else self._cold
        return model.condition(known, values, asked)

    @cached_property
    def _all(self) -> tuple[Architecture, ...] | None:
        return everything(self.space)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {a.key: i for i, a in enumerate(self._all or ())}

    # -- learning ------------------------------------------------------------------------------------------------------

    def learn(self, told: Sequence[Known]) -> None:
        """Give each model its hits for what it had said."""
        values = on_one_scale(list(self.known.values()))
        ranks = dict(zip(self.known, values, strict=True))
        for result in told:
            said = self._expected.pop(result.architecture.key, None)
            if said is None:
                continue
            others = np.array([value for key, value in ranks.items() if key != result.architecture.key])
            found = place(ranks[result.architecture.key], others)
            for model, expected in said.items():
                self._hits[model] += 1.0 - abs(expected - found)

    # -- state ---------------------------------------------------------------------------------------------------------

    def memory(self) -> State:
        """Hits, what was said of what is pending, and the cold model's hyper-parameters."""
        expected = {key: dict(said) for key, said in self._expected.items()}
        return {"hits": dict(self._hits), "random": self._random, "expected": expected, "cold": self._cold.memory()}

    def remember(self, state: State) -> None:
        """Take them back."""
        self._random = state["random"]
        self._hits, self._expected = dict(state["hits"]), {key: dict(said) for key, said in state["expected"].items()}
        self._cold.remember(state["cold"])


def informative(values: Vector) -> bool:
    """Whether results are enough, and differ, for the cold model."""
    return len(values) >= FEWEST and float(np.ptp(values)) > 0


def alike(values: Vector) -> bool:
    """Whether results are enough, and do not differ."""
    return len(values) >= FEWEST and not informative(values)


def place(value: float, among: Vector) -> float:
    """The share of ``among`` that ``value`` is better than, ties counting half."""
    return float(((among < value).sum() + 0.5 * (among == value).sum()) / max(1, len(among)))
