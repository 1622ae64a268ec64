"""REINFORCE: an LSTM emits the decisions one by one and learns by policy gradients.

When to choose it: to compare with the classic of neural architecture search, or with a thousand evaluations and more; from some fifty
on it beats random search, and where decisions act mostly by themselves it is among the best.
Zoph and Le 2017, "Neural Architecture Search with Reinforcement Learning", section 3; Williams 1992, "Simple Statistical
Gradient-Following Algorithms for Connectionist Reinforcement Learning"; the entropy bonus as in Pham et al. 2018 (ENAS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from metanas.interfaces import State
from metanas.spaces import Architecture, Space
from metanas.spaces.decision import Value
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.controller import HEAT, Ranks, Vector, Weights, admitted, draw, entropy_slope, softmax


class Controller:
    """An LSTM (Hochreiter and Schmidhuber 1997) that reads the choice made last and ends in one softmax per decision.

    Decisions that are not active are skipped: they are neither emitted nor read.

    Args:
        space: whose decisions.
        rng: draws the initial weights.
        hidden: units of the LSTM, and length of the vector that stands for a choice.
        rate: learning rate of Adam.
    """

    def __init__(self, space: Space, rng: np.random.Generator, hidden: int, rate: float) -> None:
        self._space, self._hidden = space, hidden
        stops = np.cumsum([len(d.options) for d in space.decisions]).tolist()
        self._rows = {d.name: slice(stop - len(d.options), stop) for d, stop in zip(space.decisions, stops, strict=True)}
        self._begin = stops[-1] if stops else 0
        gates = {"gates": (4 * hidden, 2 * hidden), "gates_bias": (4 * hidden,)}
        shapes = {"inputs": (self._begin + 1, hidden), **gates, "heads": (self._begin, hidden), "heads_bias": (self._begin,)}
        self.weights = Weights(shapes, rng, rate, small=("inputs", "heads"))

    def emit(self, rng: np.random.Generator, temperature: float = 1.0) -> Architecture:
        """Choices drawn from the policy, one by one; not necessarily within the space's limits or its list."""
        active: dict[str, Value] = {}
        output = cell = np.zeros(self._hidden)
        row = self._begin
        for decision in self._space.decisions:
            if decision.when.holds(active):
                _, output, cell = self._step(row, output, cell)
                index = draw(softmax(self._logits(self._rows[decision.name], output) / temperature), rng)
                active[decision.name] = decision.options[index]
                row = self._rows[decision.name].start + index
        return Architecture(self._space.name, tuple(active.items()))

    def gradient(self, architecture: Architecture, advantage: float, entropy: float) -> tuple[float, Vector]:
        """The loss of an architecture, and its gradient in the weights' vector.

        Args:
            architecture: of the space.
            advantage: factor on minus the logarithm of its probability.
            entropy: factor on minus the sum of the entropies (nats) of its decisions.
        """
        total = np.zeros_like(self.weights.vector)
        parts = self.weights.views(total)
        records, loss = [], 0.0
        output = cell = np.zeros(self._hidden)
        row = self._begin
        for decision in self._space.active(architecture):
            rows = self._rows[decision.name]
            record, output, cell = self._step(row, output, cell)
            chances = softmax(self._logits(rows, output))
            index = decision.options.index(architecture[decision.name])
            spread, slope = entropy_slope(chances)
            loss -= advantage * math.log(max(chances[index], 1e-300)) + entropy * float(spread[0])
            slope = advantage * chances - entropy * slope
            slope[index] -= advantage
            parts["heads"][rows] += np.outer(slope, output)
            parts["heads_bias"][rows] += slope
            records.append((row, record, self.weights.named["heads"][rows].T @ slope))
            row = rows.start + index
        self._back(records, parts)
        return loss, total

    def _logits(self, rows: slice, output: Vector) -> Vector:
        return np.asarray(self.weights.named["heads"][rows] @ output + self.weights.named["heads_bias"][rows])

    def _step(self, row: int, output: Vector, cell: Vector) -> tuple[tuple[Vector, ...], Vector, Vector]:
        """One step of the LSTM after the choice ``row``: what :meth:`_back` needs, the new output and the new cell, ``(hidden,)``."""
        n = self._hidden
        inputs = np.concatenate((self.weights.named["inputs"][row], output))
        raw = self.weights.named["gates"] @ inputs + self.weights.named["gates_bias"]
        gates = 0.5 * (1.0 + np.tanh(0.5 * raw[: 3 * n]))  # logistic, without overflow: forget, let in, let out
        fresh = np.tanh(raw[3 * n :])
        new = gates[:n] * cell + gates[n : 2 * n] * fresh
        seen = np.tanh(new)
        return (inputs, gates, fresh, cell, seen), gates[2 * n :] * seen, new

    def _back(self, records: Sequence[tuple[int, tuple[Vector, ...], Vector]], parts: dict[str, Vector]) -> None:
        """Back through time; ``records`` hold the choice read, the step, and the slope in its output."""
        n = self._hidden
        later, cell_slope = np.zeros(n), np.zeros(n)
        for row, (inputs, gates, fresh, cell, seen), slope in reversed(records):
            forget, enter, leave = gates[:n], gates[n : 2 * n], gates[2 * n :]
            slope = slope + later
            cell_slope = cell_slope + slope * leave * (1.0 - seen * seen)
            opened = np.concatenate((cell_slope * cell, cell_slope * fresh, slope * seen)) * gates * (1.0 - gates)
            raw = np.concatenate((opened, cell_slope * enter * (1.0 - fresh * fresh)))
            parts["gates"] += np.outer(raw, inputs)
            parts["gates_bias"] += raw
            back = self.weights.named["gates"].T @ raw
            parts["inputs"][row] += back[:n]
            later, cell_slope = back[n:], cell_slope * forget


@register_strategy("reinforce")
class Reinforce(BaseStrategy):
    """Every result moves the policy by one step of Adam: by its advantage over the moving baseline, and towards more entropy.

    Deviations from the papers: defaults for tens to hundreds of evaluations (one LSTM layer of 24 units, a higher learning rate, an
    update per result); rewards are ranks among the results so far, and the advantage is divided by its moving spread, so that metrics
    of any scale do; a known architecture is not learned from again, but heats the policy until it emits an unseen one, which keeps a
    policy that has settled from asking for the same over and over; what it is told of architectures that it did not emit (the
    baseline network, other searches') is learned from like its own.

    Args:
        brief: what to search.
        hidden: units of the LSTM.
        rate: learning rate.
        decay: share of the moving baseline that a result leaves unchanged.
        entropy: weight of the entropy bonus.
    """

    def __init__(self, brief: Brief, hidden: int = 24, rate: float = 0.01, decay: float = 0.9, entropy: float = 0.05) -> None:
        super().__init__(brief)
        self._controller = Controller(self.space, self.rng, hidden, rate)
        self._decay, self._entropy = decay, entropy
        self._ranks = Ranks()
        self._moving = [0.0, 0.0, 0.0]  # sums with fading weights: of the weights, the rewards, their squared distances
        self._temperature = 1.0

    def propose(self) -> Architecture:
        """What the LSTM emits."""
        return admitted(self.space, lambda: self._controller.emit(self.rng, self._temperature), self.rng)

    def revisit(self, architecture: Architecture) -> None:
        """Emit more freely."""
        self._temperature *= HEAT

    def learn(self, told: Sequence[Known]) -> None:
        """One step per result."""
        self._temperature = 1.0
        self._ranks.add(k.value for k in told)
        for known in told:
            advantage = self._advantage(self._ranks.reward(known.value))
            self._controller.weights.descend(self._controller.gradient(known.architecture, advantage, self._entropy)[1])

    def _advantage(self, reward: float) -> float:
        """By how many moving spreads a reward is above the moving baseline, at most three; takes it into both."""
        weight, total, squares = self._moving
        above = reward - total / weight if weight else 0.0
        spread = math.sqrt(squares / weight) if weight else 0.0
        fresh = (1.0, reward, above * above)
        self._moving = [self._decay * old + (1.0 - self._decay) * new for old, new in zip(self._moving, fresh, strict=True)]
        return max(-3.0, min(3.0, above / spread)) if spread > 1e-9 else 0.0

    def memory(self) -> State:
        """The policy with its optimiser, the baseline, what results rank among."""
        moving = {"moving": self._moving, "temperature": self._temperature, "ranked": list(self._ranks.values)}
        return {**moving, "weights": self._controller.weights.state()}

    def remember(self, state: State) -> None:
        """Take it back."""
        self._moving, self._temperature, self._ranks.values = list(state["moving"]), state["temperature"], list(state["ranked"])
        self._controller.weights.load(state["weights"])
