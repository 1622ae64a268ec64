"""Q-learning: a table of what each choice is worth after the ones before it; explores first, exploits more and more.

When to choose it: to see what was learned, for its table can be read; small spaces of few options per decision. Explores for its first
hundred evaluations, so that fewer than fifty are hardly better than random search.
Baker et al. 2017, "Designing Neural Network Architectures using Reinforcement Learning" (MetaQNN), algorithms 1 to 3; the reward spread
evenly over the decisions as in Zhong et al. 2018, "Practical Block-wise Neural Network Architecture Generation" (BlockQNN), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.spaces.decision import Decision, Value
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.controller import Ranks, admitted

_STAIRS = 9


@register_strategy("q-learning")
class QLearning(BaseStrategy):
    """Makes the decisions in order; each either at random (with probability epsilon) or the option worth most in its state.

    The state is which decision is due and the last ``order`` choices: as in MetaQNN, whose state is the depth and the layer before. With
    a large ``order`` it is all decisions so far. Epsilon is 1 for ``explore`` proposals, then goes down nine stairs of equal length,
    from 0.9 to 0.1, over ``fall`` more. Every result is replayed once when told, and ``replays`` random ones of the past with it.

    Deviations from the paper: a schedule of a hundred evaluations instead of thousands; rewards are cubed ranks among the results so
    far, for metrics of any scale; each decision is paid its share of the reward at once, where MetaQNN pays the last one alone and thus
    needs long to see what the first ones are worth; the first updates of an entry are plain means; a known architecture counts for
    nothing, but raises epsilon until something unseen comes.

    Args:
        brief: what to search.
        rate: learning rate of an entry that has been updated often.
        replays: past results replayed with each new one.
        explore: proposals made entirely at random.
        fall: proposals over which epsilon falls.
        order: choices that a state remembers, at least 0.
    """

    def __init__(self, brief: Brief, rate: float = 0.1, replays: int = 16, explore: int = 20, fall: int = 80, order: int = 1) -> None:
        super().__init__(brief)
        self._rate, self._replays, self._explore, self._fall, self._order = rate, replays, explore, fall, order
        self._table: dict[tuple[int, ...], tuple[list[float], list[int]]] = {}  # state -> per option: worth, number of updates
        self._ranks = Ranks()
        self._boredom = 0.0

    @property
    def epsilon(self) -> float:
        """Probability, (0, 1], that a decision is made at random."""
        late = self._asked - self._explore
        stairs = 0 if late < 0 else min(_STAIRS, 1 + late * _STAIRS // self._fall) if self._fall else _STAIRS
        return min(1.0, 1.0 - 0.1 * stairs + self._boredom)

    def propose(self) -> Architecture:
        """Epsilon-greedy choices, one decision after the other."""
        return admitted(self.space, self._emit, self.rng)

    def revisit(self, architecture: Architecture) -> None:
        """Explore more."""
        self._boredom += 0.05

    def _emit(self) -> Architecture:
        active: dict[str, Value] = {}
        path: list[int] = []
        epsilon = self.epsilon
        for position, decision in enumerate(self.space.decisions):
            if decision.when.holds(active):
                if self.rng.random() < epsilon:
                    path.append(int(self.rng.integers(len(decision.options))))
                else:
                    worth, _ = self._entry(position, decision, path)
                    most = max(worth)
                    best = [index for index, value in enumerate(worth) if value == most]
                    path.append(best[int(self.rng.integers(len(best)))])
                active[decision.name] = decision.options[path[-1]]
        return Architecture(self.space.name, tuple(active.items()))

    def _entry(self, position: int, decision: Decision, path: Sequence[int]) -> tuple[list[float], list[int]]:
        """Worth and number of updates of each option in the state after ``path``; a new state is worth nothing."""
        state = (position, *path[max(0, len(path) - self._order) :])
        if state not in self._table:
            self._table[state] = ([0.0] * len(decision.options), [0] * len(decision.options))
        return self._table[state]

    def learn(self, told: Sequence[Known]) -> None:
        """Replay what is new, and with it random results of the past."""
        self._boredom = 0.0
        self._ranks.add(k.value for k in told)
        past = list(self.known.values())
        drawn = self.rng.integers(len(past), size=self._replays * len(told))
        for known in [*told, *(past[int(i)] for i in drawn)]:
            self._replay(known)

    def _replay(self, known: Known) -> None:
        """The Q-learning update (Watkins 1989) of every decision, the last one first, so that worth runs back in one go."""
        chosen = known.architecture.as_dict
        due = [(position, d) for position, d in enumerate(self.space.decisions) if d.name in chosen]
        path = [d.options.index(chosen[d.name]) for _, d in due]
        share = self._ranks.reward(known.value) / max(1, len(due))
        ahead = 0.0
        for step in reversed(range(len(due))):
            worth, updates = self._entry(*due[step], path[:step])
            index = path[step]
            updates[index] += 1
            worth[index] += max(self._rate, 1.0 / updates[index]) * (share + ahead - worth[index])
            ahead = max(worth)

    def memory(self) -> State:
        """The table, and what results rank among."""
        table = [[list(state), list(worth), list(updates)] for state, (worth, updates) in self._table.items()]
        return {"table": table, "ranked": list(self._ranks.values), "boredom": self._boredom}

    def remember(self, state: State) -> None:
        """Take it back."""
        self._table = {tuple(key): (list(worth), list(updates)) for key, worth, updates in state["table"]}
        self._ranks.values, self._boredom = list(state["ranked"]), state["boredom"]
