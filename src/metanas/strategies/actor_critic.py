"""Actor-critic: a walk through the space whose steps edit one choice at a time, by a policy that learns which edits pay.

When to choose it: to improve on a network at hand, which is where it starts; and for spaces of many decisions from some fifty
evaluations on, for it changes only one at a time.
Schulman et al. 2017, "Proximal Policy Optimization Algorithms", equation 7 (clipped updates) and 11 (advantages, after Schulman et al.
2016); a policy that transforms networks instead of emitting them as in Cai et al. 2018, "Efficient Architecture Search by Network
Transformation".
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.interfaces import State
from metanas.spaces import Architecture, Space
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.controller import HEAT, Ranks, Vector, Weights, draw, entropy_slope, softmax

_BATCH, _MOST = 8, 64
"""An update takes at least so many steps of the walk, and of more the latest."""


@dataclass(frozen=True)
class Step:
    """One step of the walk: ``edit``, a position among the policy's edits, which led from ``before`` to ``after``.

    Args:
        before, after: architectures.
        edit: which one was chosen.
        closed: the edits that could not be chosen, beside those that ``before`` rules out by itself.
        log: logarithm of the probability with which it was chosen.
    """

    before: Architecture
    after: Architecture
    edit: int
    closed: tuple[int, ...]
    log: float

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        ends = {"before": self.before.to_json(), "after": self.after.to_json()}
        return {**ends, "edit": self.edit, "closed": list(self.closed), "log": self.log}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Step:
        """The step written by :meth:`to_json`."""
        before, after = (Architecture.from_json(record[name]) for name in ("before", "after"))
        return cls(before, after, record["edit"], tuple(record["closed"]), record["log"])


@dataclass(frozen=True)
class Batch:
    """What an update learns from: ``n`` steps.

    Args:
        encoded: architectures before the steps, ``(n, encoding)``.
        closed: edits that could not be chosen, ``(n, edits)``.
        edits: the chosen ones, ``(n,)``.
        logs: logarithms of the probabilities with which they were chosen, ``(n,)``.
        advantages: by how much they were better than expected, in any unit, ``(n,)``.
        targets: what the critic should have said, ``(n,)``.
    """

    encoded: Vector
    closed: NDArray[np.bool_]
    edits: NDArray[np.intp]
    logs: Vector
    advantages: Vector
    targets: Vector


class ActorCritic:
    """A network of one hidden layer that reads an encoded architecture; the actor scores every edit, the critic says what is ahead.

    Args:
        space: whose decisions; an edit is one of their (decision, option) pairs.
        rng: draws the initial weights.
        hidden: units of the layer that actor and critic share.
        rate: learning rate of Adam.
    """

    def __init__(self, space: Space, rng: np.random.Generator, hidden: int, rate: float) -> None:
        self.space = space
        self.edits = [(d.name, option) for d in space.decisions for option in d.options]
        shapes = {"trunk": (hidden, len(space.encoding_names)), "trunk_bias": (hidden,), "actor": (len(self.edits), hidden)}
        shapes |= {"actor_bias": (len(self.edits),), "critic": (1, hidden), "critic_bias": (1,)}
        self.weights = Weights(shapes, rng, rate, small=("actor", "critic"))

    def open(self, architecture: Architecture) -> NDArray[np.bool_]:
        """Which edits would change an active choice, ``(edits,)``; whether the result is in the space is not asked."""
        chosen = architecture.as_dict
        return np.array([name in chosen and chosen[name] != option for name, option in self.edits], dtype=np.bool_)

    def forward(self, encoded: Vector) -> tuple[Vector, Vector, Vector]:
        """Hidden units ``(n, hidden)``, logits of the edits ``(n, edits)`` and the critic's values ``(n,)`` of ``(n, encoding)``."""
        w = self.weights.named
        units = np.tanh(encoded @ w["trunk"].T + w["trunk_bias"])
        return units, units @ w["actor"].T + w["actor_bias"], (units @ w["critic"].T + w["critic_bias"])[:, 0]

    def gradient(self, batch: Batch, clip: float, entropy: float) -> tuple[float, Vector]:
        """The clipped loss of PPO with the critic's and the entropy's part, mean over the steps, and its gradient; ``clip`` and
        ``entropy`` as in :class:`ActorCriticWalk`."""
        rows, count = np.arange(len(batch.edits)), len(batch.edits)
        units, logits, values = self.forward(batch.encoded)
        chances = softmax(np.where(batch.closed, -np.inf, logits))
        ratio = np.exp(np.log(np.maximum(chances[rows, batch.edits], 1e-300)) - batch.logs)
        gain, clipped = ratio * batch.advantages, np.clip(ratio, 1.0 - clip, 1.0 + clip) * batch.advantages
        spread, slope = entropy_slope(chances)
        missed = values - batch.targets
        loss = -np.minimum(gain, clipped) - entropy * spread[:, 0] + 0.5 * missed * missed
        pull = np.where(gain <= clipped, gain, 0.0)[:, None]
        slope = pull * chances - entropy * slope
        slope[rows, batch.edits] -= pull[:, 0]
        return float(loss.mean()), self._back(batch.encoded, units, slope / count, missed[:, None] / count)

    def _back(self, encoded: Vector, units: Vector, actor: Vector, critic: Vector) -> Vector:
        """The weights' gradient from the slopes in the logits and in the critic's values."""
        w, total = self.weights.named, np.zeros_like(self.weights.vector)
        parts = self.weights.views(total)
        trunk = (actor @ w["actor"] + critic @ w["critic"]) * (1.0 - units * units)
        for name, slope, source in (("actor", actor, units), ("critic", critic, units), ("trunk", trunk, encoded)):
            parts[name][:] = slope.T @ source
            parts[f"{name}_bias"][:] = slope.sum(axis=0)
        return total


@register_strategy("actor-critic")
class ActorCriticWalk(BaseStrategy):
    """A Markov decision process: the state is an architecture, an action edits one choice, the reward is by how much that improved it.

    The first episode starts from the baseline network, later ones from one of the ``starts`` best known; an episode that has not
    improved on its start for ``patience`` steps ends, one that has goes on from there as its new start. Steps to known architectures
    cost nothing, and are learned from like others. Where an edit leads out of the space, it is closed and another one drawn.

    Deviations from the paper: one walker; updates are of eight steps and more; the steps wait for their results while the walk goes
    on, because asking ahead is allowed; rewards are differences of cubed ranks among the results so far; a policy that keeps proposing
    known architectures is heated until it finds an unseen one.

    Args:
        brief: what to search.
        hidden: units of the network.
        rate: learning rate.
        patience: steps that an episode may take without improving on its start, at least 1.
        starts: how many of the best known an episode may start from, at least 1.
        passes: steps of Adam per update.
        clip: by which share the probability of an edit may change in an update before its gain no longer counts.
        discount: worth of a reward one step later, [0, 1].
        smoothing: lambda of the generalised advantage estimate, [0, 1].
        entropy: weight of the entropy bonus.
    """

    def __init__(
        self,
        brief: Brief,
        hidden: int = 32,
        rate: float = 0.02,
        patience: int = 2,
        starts: int = 3,
        passes: int = 4,
        clip: float = 0.2,
        discount: float = 0.9,
        smoothing: float = 0.8,
        entropy: float = 0.02,
    ) -> None:
        super().__init__(brief)
        self._net = ActorCritic(self.space, self.rng, hidden, rate)
        self._patience, self._starts, self._passes = patience, starts, passes
        self._discount, self._smoothing = discount, smoothing
        self._clip, self._entropy = clip, entropy
        self._ranks = Ranks()
        self._steps: list[Step] = []
        self._start = self._here = self.space.baseline
        self._left = patience  # steps before the episode ends
        self._temperature = 1.0

    def propose(self) -> Architecture:
        """One step of the walk."""
        start, here = self.known.get(self._start.key), self.known.get(self._here.key)
        if start and here and here.value > start.value:
            self._start, self._left = self._here, self._patience
        if self._left <= 0:
            self._start = self._here = self._restart()
            self._left = self._patience
        self._left -= 1
        step = self._step(self._here)
        if step is None:  # no edit stays in the space
            self._start = self._here = self.space.sample(self.rng)
            self._left = self._patience
            return self._here
        self._steps.append(step)
        self._here = step.after
        return self._here

    def _restart(self) -> Architecture:
        best = heapq.nlargest(self._starts, (k for k in self.known.values() if k.good), key=lambda k: k.value)
        best = [k for k in best if self.space.admits(k.architecture)]
        return best[int(self.rng.integers(len(best)))].architecture if best else self.space.baseline

    def _step(self, before: Architecture) -> Step | None:
        """An edit drawn from the policy, or None if none stays in the space."""
        logits = self._net.forward(self.space.encode(before)[None])[1][0]
        logits[~self._net.open(before)] = -np.inf
        closed: list[int] = []
        while np.isfinite(logits).any():
            edit = draw(softmax(logits / self._temperature), self.rng)
            after = self.space.edit(before, *self._net.edits[edit])
            if after != before and self.space.admits(after):
                return Step(before, after, edit, tuple(closed), math.log(max(softmax(logits)[edit], 1e-300)))
            logits[edit] = -np.inf
            closed.append(edit)
        return None

    def revisit(self, architecture: Architecture) -> None:
        """Walk more freely."""
        self._temperature *= HEAT

    def learn(self, told: Sequence[Known]) -> None:
        """Update the policy once the results of enough steps are known."""
        self._temperature = 1.0
        self._ranks.add(k.value for k in told)
        settled = [s.before.key in self.known and s.after.key in self.known for s in self._steps]
        if sum(settled) >= _BATCH:
            self._update([s for s, known in zip(self._steps, settled, strict=True) if known][-_MOST:])
            self._steps = [s for s, known in zip(self._steps, settled, strict=True) if not known][-_MOST:]

    def _update(self, steps: list[Step]) -> None:
        """Proximal policy optimisation on ``steps``."""
        before = np.stack([self.space.encode(s.before) for s in steps])
        values = self._net.forward(before)[2]
        advantages = self._advantages(steps, values)
        spread = float(advantages.std())
        scaled = (advantages - advantages.mean()) / (spread if spread > 1e-9 else 1.0)
        closed = np.stack([~self._net.open(s.before) for s in steps])
        for row, step in zip(closed, steps, strict=True):
            row[list(step.closed)] = True
        edits, logs = np.array([s.edit for s in steps]), np.array([s.log for s in steps])
        batch = Batch(before, closed, edits, logs, scaled, values + advantages)
        for _ in range(self._passes):
            self._net.weights.descend(self._net.gradient(batch, self._clip, self._entropy)[1])

    def _advantages(self, steps: list[Step], values: Vector) -> Vector:
        """By how much each step, and what followed it, was better than the critic expected; ``(steps,)``."""
        after = self._net.forward(np.stack([self.space.encode(s.after) for s in steps]))[2]
        worth = [[self._ranks.reward(self.known[a.key].value) for a in (s.before, s.after)] for s in steps]
        advantages, ahead = np.zeros(len(steps)), 0.0
        for t in reversed(range(len(steps))):
            goes_on = t + 1 < len(steps) and steps[t + 1].before == steps[t].after
            surprise = worth[t][1] - worth[t][0] + self._discount * after[t] - values[t]
            ahead = surprise + (self._discount * self._smoothing * ahead if goes_on else 0.0)
            advantages[t] = ahead
        return advantages

    def memory(self) -> State:
        """The network with its optimiser, where the walk is, its steps that were not learned from yet, what results rank among."""
        walk = {"start": self._start.to_json(), "here": self._here.to_json(), "left": self._left, "temperature": self._temperature}
        steps = [s.to_json() for s in self._steps]
        return {**walk, "steps": steps, "ranked": list(self._ranks.values), "weights": self._net.weights.state()}

    def remember(self, state: State) -> None:
        """Take it back."""
        self._start, self._here = Architecture.from_json(state["start"]), Architecture.from_json(state["here"])
        self._left, self._temperature = state["left"], state["temperature"]
        self._steps = [Step.from_json(record) for record in state["steps"]]
        self._ranks.values = list(state["ranked"])
        self._net.weights.load(state["weights"])
