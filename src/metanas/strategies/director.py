"""The policy over strategies: which arm makes the next proposal, by what the search has seen so far.

Searching as a Markov decision process of its own. State: how many results there are, how long the last improvement is ago, how well each
model ranked what came, what each arm's proposals were worth. Action: the arm that makes the next proposal. The policy is a linear softmax
of 17 weights, so that a few earlier tasks can teach it (``metanas.meta.director``); what it thinks of each arm goes on learning within the
task by policy gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]

ARMS = ("transferred", "cold", "local", "policy", "random")
"""What may propose: the surrogate that earlier tasks taught, one that knows this task alone, local search, the prior's policy, chance."""
STATES = ("always", "late", "stale")
"""What every arm has a weight of its own for: 1; the number of results in units of :data:`LATE`, 1 at most; the share of the results that
came after the best."""
RECORDS = ("hits", "gain")
"""What arms share a weight for: how well an arm's model ranked what came, against the other's; what its proposals were worth."""
LATE = 100
MODELS = 2
"""The first so many arms have models, which say of any proposal what is expected of it."""
KEPT = 0.95
"""Share of a model's hits that the next result leaves: what was right early may be wrong among the best."""
SHARPNESS = 3.0
"""A proposal is worth the share of results that it is better than, to this power: a place among the best counts more than the middle."""
STEP = 0.3
"""Of the policy gradient within the task."""


@dataclass(frozen=True, eq=False)
class Weights:
    """The policy's parameters.

    Args:
        table: ``(arms, states)``.
        shared: ``(records,)``.
    """

    table: Vector
    shared: Vector

    def logits(self, results: int, stale: ArrayLike, hits: Vector, gain: Vector) -> Vector:
        """Of all arms, ``(..., arms)``.

        Args:
            results: so far.
            stale: share of them after the best, ``(...)``, in [0, 1].
            hits, gain: of every arm, ``(..., arms)``.
        """
        return np.asarray(states(results, stale) @ self.table.T + self.shared[0] * hits + self.shared[1] * gain)

    @property
    def vector(self) -> Vector:
        """All of them, ``(arms * states + records,)``."""
        return np.concatenate([self.table.ravel(), self.shared])

    @classmethod
    def of(cls, vector: Vector) -> Weights:
        """Those whose :attr:`vector` this is."""
        size = len(ARMS) * len(STATES)
        return cls(vector[:size].reshape(len(ARMS), len(STATES)), vector[size:])

    def to_record(self) -> dict[str, Any]:
        """As arrays and JSON values, with names, for a file."""
        return {"arms": list(ARMS), "states": list(STATES), "records": list(RECORDS), "table": self.table, "shared": self.shared}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Weights:
        """What :meth:`to_record` gave, maybe in another version: what it did not know is as by default, what it alone knew is left out.

        Raises:
            ValueError: if it is of another shape, or holds what is no number.
        """
        names, states_, records = (list(record[name]) for name in ("arms", "states", "records"))
        given, mutual = (np.asarray(record[name], dtype=np.float64) for name in ("table", "shared"))
        if given.shape != (len(names), len(states_)) or mutual.shape != (len(records),):
            raise ValueError("weights of another shape")
        if not (np.isfinite(given).all() and np.isfinite(mutual).all()):
            raise ValueError("weights that are no numbers")
        table, shared = DEFAULT.table.copy(), DEFAULT.shared.copy()
        for arm in set(ARMS) & set(names):
            for state in set(STATES) & set(states_):
                table[ARMS.index(arm), STATES.index(state)] = given[names.index(arm), states_.index(state)]
        for one in set(RECORDS) & set(records):
            shared[RECORDS.index(one)] = mutual[records.index(one)]
        return cls(table, shared)


DEFAULT = Weights(
    np.array([[3.0, 0.0, 0.0], [0.0, 7.0, 0.0], [-3.0, 4.0, 0.5], [-3.0, 0.0, 0.0], [-5.0, 0.0, 0.0]]),
    np.array([1.0, 0.3]),
)
"""Of who has learned nothing. Until some forty results the transferred model foretells more, after some sixty the cold one: what earlier
tasks share is coarse, and a task's own results say more on the fine differences between the best."""


def states(results: int, stale: ArrayLike) -> Vector:
    """The numbers of :data:`STATES`, ``(..., states)``."""
    last = np.asarray(stale, dtype=np.float64)
    return np.stack([np.ones_like(last), np.full_like(last, min(results / LATE, 1.0)), last], axis=-1)


def chances(logits: Vector, open_arms: NDArray[np.bool_]) -> Vector:
    """Softmax over the arms that can propose, ``(..., arms)``; others get zero. One at least is open."""
    shown = np.where(open_arms, logits, -np.inf)
    powers = np.exp(shown - shown.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Record:
    """What the arms have done within a task; ``(..., arms)`` each.

    Args:
        hits: sums with fading weights of how rightly the models placed what came, less their mean; zero for arms without a model.
        gain: preferences that results have moved.
        worth: ``(...)``: moving mean of what proposals were worth.
    """

    hits: Vector
    gain: Vector
    worth: Vector

    @classmethod
    def fresh(cls, shape: tuple[int, ...] = ()) -> Record:
        """Of nothing yet."""
        return cls(np.zeros((*shape, len(ARMS))), np.zeros((*shape, len(ARMS))), np.full(shape, 0.5))

    def placed(self, said: Vector, place: ArrayLike) -> Record:
        """After a result.

        Args:
            said: share of the other results that each model had expected it to be better than, ``(..., MODELS)``.
            place: share that it is better than, ``(...)``.
        """
        right = 1.0 - np.abs(said - np.asarray(place)[..., None])
        hits = KEPT * self.hits
        hits[..., :MODELS] += right - right.mean(axis=-1, keepdims=True)
        return replace(self, hits=hits)

    def rewarded(self, arm: ArrayLike, chance: Vector, reward: ArrayLike) -> Record:
        """After a result of its own: a step of policy gradient (the gradient bandit, Sutton and Barto 2018, equation 2.12).

        Args:
            arm: that proposed, ``(...)``.
            chance: of all arms then, ``(..., arms)``.
            reward: ``(...)``.
        """
        taken = np.arange(len(ARMS)) == np.asarray(arm)[..., None]
        above = np.asarray(reward) - self.worth
        gain = self.gain + STEP * above[..., None] * (taken - chance)
        return replace(self, gain=gain, worth=self.worth + 0.1 * above)
