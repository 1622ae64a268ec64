"""MetaNAS: a policy over strategies decides, before every proposal, who makes it; all of them learn from every result.

When to choose it: the default. With a prior it begins with what earlier tasks taught and lets go of that where it misleads; without one
it is Bayesian optimisation with some local search. It costs a few milliseconds to tens of them per proposal, so that `evolution` is better
where an evaluation takes less.
Strategies as arms of a bandit: Hoffman et al. 2011, "Portfolio Allocation for Bayesian Optimization"; here the bandit is a policy, learned
by REINFORCE (Williams 1992) on searches replayed on earlier tasks, which goes on learning within the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metanas.interfaces import State
from metanas.records import Proposal
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.director import ARMS, DEFAULT, MODELS, SHARPNESS, Record, Vector, chances
from metanas.strategies.local_search import LocalSearch
from metanas.strategies.meta_bayes import MetaBayes, alike, informative, place
from metanas.strategies.meta_policy import MetaPolicy
from metanas.strategies.random import RandomSearch
from metanas.strategies.targets import on_one_scale

if TYPE_CHECKING:
    from metanas.interfaces import Director

LED = 8
"""Proposals that the prior leads to before the plain network is evaluated, where there is a transferred surrogate."""


@register_strategy("meta")
class Meta(BaseStrategy):
    """Draws an arm from the policy for every proposal: the transferred or the cold model of ``meta-bayes``, local search, the prior's
    policy (where there is one), or chance.

    The policy sees how many results there are, how long the best has been the best, how well both models placed what came before it was
    known, and what each arm's proposals were worth; it is the prior's, or :data:`~metanas.strategies.director.DEFAULT`. The
    arms share one record of what was told and is still out. Models are fitted when somebody asks them. Worth is counted per evaluation, not
    per second: told other seconds it would ask otherwise, and no search could be repeated.

    The plain network comes first, the prior's shortlist (if any) and random architectures up to ``start`` follow. With a transferred
    surrogate its favourite and the portfolio of earlier tasks follow at once: their members make up for each other's failures, which counts
    where many are evaluated side by side. Where proposals are asked one by one, so that their order costs, the plain network comes after
    :data:`LED` of these.

    Args:
        brief: what every strategy is given.
        start: random architectures before the cold model, where there is no other.
    """

    def __init__(self, brief: Brief, start: int = 10) -> None:
        super().__init__(brief)
        self._start = start
        self._models = MetaBayes(brief)
        self._children: dict[str, BaseStrategy] = {"local": LocalSearch(brief), "random": RandomSearch(brief)}
        self._director: Director = DEFAULT
        self._led = self._models.shortlist[:LED]
        if brief.prior is not None and brief.task is not None:
            self._director = brief.prior.director(self.space, brief.task) or DEFAULT
            if brief.prior.policy(self.space, brief.task) is not None:
                self._children["policy"] = MetaPolicy(brief)
            if self._models.taught:
                self.leave_plain()
            else:
                self._first += self._led
        self._record = Record.fresh()
        self._turns: dict[str, tuple[str, list[float], list[float]]] = {}  # of what is out: who proposed, chances then, places said
        self._turn = "random"
        self._dice = np.random.default_rng([brief.seed, 1])  # apart from what arms draw: one that leads goes as it would alone
        self._share()

    def _share(self) -> None:
        """One record and one generator for all."""
        for child in (self._models, *self._children.values()):
            child.known, child.pending, child._seen, child.rng = self.known, self.pending, self._seen, self.rng

    @property
    def chances(self) -> dict[str, float]:
        """Of every arm, to make the next proposal."""
        known, values = self._models.told()
        return dict(zip(ARMS, self._chances(known, values).tolist(), strict=True))

    # -- asking --------------------------------------------------------------------------------------------------------

    def ask(self, n: int) -> list[Proposal]:
        """As every strategy; the plain network leads the first of several that are evaluated side by side."""
        if n > 1 and not self._asked and not self._first:
            self._first = [self.space.baseline]
        return super().ask(n)

    def propose(self) -> Architecture:
        """What the arm proposes whose turn it is."""
        known, values = self._models.told()
        ready = informative(values)
        if self._models.taught:
            if self.drawn >= LED and self.space.baseline.key not in self._seen:
                return self.space.baseline
            if alike(values):
                return self._models.elsewhere()
        elif not ready or len(known) < self._start:
            return self.space.sample(self.rng)
        chance = self._chances(known, values)
        self._turn = ARMS[int(self._dice.choice(len(ARMS), p=chance))]
        if self._turn == "transferred" and self.drawn < LED and (led := [a for a in self._led if a.key not in self._seen]):
            found = led[0]
        elif self._turn in self._children:
            found = self._children[self._turn].propose()
        else:
            found = self._models.best(known, values, self._turn == "transferred")
        if found.key not in self._seen:
            said = list(self._models.places(found, known, values).values()) if self._models.taught and ready else []
            self._turns[found.key] = self._turn, chance.tolist(), said
        return found

    def _chances(self, known: Sequence[Architecture], values: Vector) -> Vector:
        good = any(k.good for k in self.known.values())
        able = {"transferred": self._models.taught, "cold": informative(values), "local": good, "policy": "policy" in self._children}
        stale = (len(known) - 1 - int(np.argmax(values))) / len(known) if known else 0.0
        logits = self._director.logits(len(self.known), stale, self._record.hits, self._record.gain)
        return chances(logits, np.array([able.get(arm, True) for arm in ARMS]))

    def revisit(self, architecture: Architecture) -> None:
        """Whoever proposed it looks elsewhere next time."""
        if self._turn in self._children:
            self._children[self._turn].revisit(architecture)

    # -- learning ------------------------------------------------------------------------------------------------------

    def learn(self, told: Sequence[Known]) -> None:
        """Every arm learns, and the policy what the arms are worth."""
        for child in self._children.values():
            child.learn(told)
        ranks = dict(zip(self.known, on_one_scale(list(self.known.values())), strict=True))
        for result in told:
            key = result.architecture.key
            if (turn := self._turns.pop(key, None)) is None or len(ranks) < 2:
                continue
            arm, chance, said = turn
            found = place(ranks[key], np.array([value for other, value in ranks.items() if other != key])) if result.good else 0.0
            if len(said) == MODELS:
                self._record = self._record.placed(np.array(said), found)
            self._record = self._record.rewarded(ARMS.index(arm), np.array(chance), found**SHARPNESS)

    # -- state ---------------------------------------------------------------------------------------------------------

    def memory(self) -> State:
        """What is out and who proposed it, what arms were worth, and what they keep."""
        return {
            "turns": {key: list(turn) for key, turn in self._turns.items()},
            "turn": self._turn,
            "dice": self._dice.bit_generator.state,
            "record": {name: np.asarray(value).tolist() for name, value in vars(self._record).items()},
            "models": self._models.memory(),
            "children": {name: child.memory() for name, child in self._children.items()},
        }

    def remember(self, state: State) -> None:
        """Take it back."""
        self._turns = {key: (arm, list(chance), list(said)) for key, (arm, chance, said) in state["turns"].items()}
        self._turn, self._dice.bit_generator.state = state["turn"], state["dice"]
        self._record = Record(**{name: np.array(value) for name, value in state["record"].items()})
        self._models.remember(state["models"])
        for name, child in self._children.items():
            child.remember(state["children"][name])
        self._share()
