"""What passes between the rooms: fidelities, proposals, evaluations, objectives, task descriptions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import Graph
from metanas.spaces.shape import TaskShape

LOWER_IS_BETTER = frozenset(
    {"cross_entropy", "rmse", "mae", "mse", "loss", "parameters", "flops", "seconds", "memory", "latency", "energy", "co2"}
)
"""Metrics and costs of which less is better; of all others more is better."""


def lower_is_better(name: str) -> bool:
    """Whether less of a metric or cost is better; what follows a colon says on what it was measured (``latency:raspi4``)."""
    return name.partition(":")[0] in LOWER_IS_BETTER


@dataclass(frozen=True)
class Fidelity:
    """How thoroughly a candidate is evaluated.

    Args:
        epochs: of training; 0 asks for training-free scores instead.
        share: (0, 1] of the training data that they use.
        fold: which cut between training and validation rows; 0 is the task's own, others are drawn anew.
    """

    epochs: int
    share: float = 1.0
    fold: int = 0

    @property
    def training_free(self) -> bool:
        """Whether this asks for scores of the untrained network: no trial, and never an answer."""
        return self.epochs == 0

    @property
    def effort(self) -> float:
        """Passes over the whole training part."""
        return self.epochs * self.share

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Fidelity:
        """The fidelity written by :meth:`to_json`."""
        return cls(**record)


@dataclass(frozen=True)
class Proposal:
    """What to evaluate.

    Args:
        id: number of the proposal within its search, from 0.
        architecture: of the search's space.
        fidelity: how thoroughly.
        continue_from: id of the proposal whose training this one continues; None trains from the start.
        weights_from: where initial weights come from (a prior, a supernet); None draws fresh ones.
        proposer: name of the strategy (or rung of a wrapper) that proposed it.
    """

    id: int
    architecture: Architecture
    fidelity: Fidelity
    continue_from: int | None = None
    weights_from: str | None = None
    proposer: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {**asdict(self), "architecture": self.architecture.to_json(), "fidelity": self.fidelity.to_json()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Proposal:
        """The proposal written by :meth:`to_json`."""
        parts = {"architecture": Architecture.from_json(record["architecture"]), "fidelity": Fidelity.from_json(record["fidelity"])}
        return cls(**{**record, **parts})


@dataclass(frozen=True)
class Evaluation:
    """How good a proposal turned out to be.

    Args:
        proposal: what was evaluated.
        metrics: validation metrics by name; empty if it failed.
        costs: ``parameters``, ``flops`` (one example, forward), ``memory`` (bytes, estimated), by name.
        curve: one mapping per epoch, e.g. ``{"epoch": 1, "loss": 0.7, "score": 0.81}`` (training loss, validation metric).
        epochs: the epoch (from 1; fractions for a share of the data count as whole) whose validation was best.
        seed: of initial weights, batches and dropout.
        duration: seconds of work that it took; population training divides its time between its members.
        reason: why it failed, in plain words; None if it succeeded.
        reused: whether the store answered instead of a training.
    """

    proposal: Proposal
    metrics: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, float], ...] = ()
    epochs: int = 0
    seed: int = 0
    duration: float = 0.0
    reason: str | None = None
    reused: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is a reason for failure instead of metrics."""
        return self.reason is not None

    def for_proposal(self, proposal: Proposal) -> Evaluation:
        """The same evaluation as the store's answer to another proposal of the same computation."""
        return replace(self, proposal=proposal, reused=True, duration=0.0)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **record,
            "proposal": self.proposal.to_json(),
            "metrics": dict(self.metrics),
            "costs": dict(self.costs),
            "curve": [dict(c) for c in self.curve],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Evaluation:
        """The evaluation written by :meth:`to_json`."""
        return cls(**{**record, "proposal": Proposal.from_json(record["proposal"]), "curve": tuple(record["curve"])})


@dataclass(frozen=True)
class Goal:
    """One thing to make good: a weighted sum of metrics and costs (one name with weight 1 as a rule).

    Each term enters with the sign that makes larger better, so weights are positive.
    """

    terms: tuple[tuple[str, float], ...]

    def value(self, evaluation: Evaluation) -> float:
        """Larger is better; minus infinity where a term is missing or not finite."""
        total = 0.0
        for name, weight in self.terms:
            number = evaluation.metrics.get(name, evaluation.costs.get(name, math.nan))
            total += weight * (-number if lower_is_better(name) else number)
        return total if math.isfinite(total) else -math.inf


@dataclass(frozen=True)
class Objective:
    """Gives evaluations their order: one goal, or several (Pareto); hard limits on metrics or costs.

    Example:
        >>> accuracy = Objective.of("accuracy")
        >>> small_and_good = Objective((Goal((("accuracy", 1.0),)), Goal((("parameters", 1.0),))))
    """

    goals: tuple[Goal, ...]
    limits: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, metric: str, **limits: float) -> Objective:
        """The objective of a single metric, each of ``limits`` (metric or cost to its largest allowed value) kept."""
        return cls((Goal(((metric, 1.0),)),), tuple(limits.items()))

    def values(self, evaluation: Evaluation) -> tuple[float, ...]:
        """One number per goal, larger is better; all minus infinity if the evaluation failed."""
        if evaluation.failed:
            return (-math.inf,) * len(self.goals)
        return tuple(goal.value(evaluation) for goal in self.goals)

    def feasible(self, evaluation: Evaluation) -> bool:
        """Whether it succeeded and keeps every limit."""
        known = {**evaluation.costs, **evaluation.metrics}
        return not evaluation.failed and all(known.get(name, math.inf) <= most for name, most in self.limits)

    def best(self, evaluations: list[Evaluation]) -> Evaluation | None:
        """The feasible evaluation with the best first goal (the earliest of equals), or None."""
        feasible = [e for e in evaluations if self.feasible(e) and math.isfinite(self.values(e)[0])]
        return max(feasible, key=lambda e: self.values(e), default=None)


@dataclass(frozen=True)
class ClassSummary:
    """What the classes of a task are like; in regression bins of the target stand for classes. Empty where nothing is known.

    Args:
        statistics: by name, a number per class, see ``metanas.tasks.class_summary``.
        similarity: of the classes, in [0, 1]: row ``i`` holds that of class ``i`` with classes ``0`` to ``i - 1``.
    """

    statistics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    similarity: tuple[tuple[float, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {"statistics": {n: list(v) for n, v in self.statistics.items()}, "similarity": [list(row) for row in self.similarity]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ClassSummary:
        """The summary written by :meth:`to_json`."""
        return cls({n: tuple(v) for n, v in record["statistics"].items()}, tuple(tuple(row) for row in record["similarity"]))


@dataclass(frozen=True)
class TaskDescription:
    """What those who must not see data may know of a task: its shapes and statistics, no examples.

    Args:
        name: as the user calls it.
        kind: classification or regression.
        shape: what goes into and comes out of a network.
        examples: number of training examples.
        metric: the metric that decides.
        features: meta-features by name (classes, imbalance, share of missing values, ...).
        classes: what its classes are like; records that were written before there was such a thing lack it.
    """

    name: str
    kind: Literal["classification", "regression"]
    shape: TaskShape
    examples: int
    metric: str
    features: Mapping[str, float] = field(default_factory=dict)
    classes: ClassSummary = field(default_factory=ClassSummary)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        nested = {"shape": self.shape.to_json(), "features": dict(self.features), "classes": self.classes.to_json()}
        return {**{n: getattr(self, n) for n in self.__dataclass_fields__}, **nested}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> TaskDescription:
        """The description written by :meth:`to_json`."""
        nested: dict[str, Any] = {"shape": TaskShape.from_json(record["shape"])}
        if "classes" in record:
            nested["classes"] = ClassSummary.from_json(record["classes"])
        return cls(**{**record, **nested})


@dataclass(frozen=True)
class Candidate:
    """A proposal with its graph closed and its recipe read off: all that training needs; crosses process borders as JSON."""

    proposal: Proposal
    graph: Graph
    recipe: Mapping[str, float]
    seed: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {"proposal": self.proposal.to_json(), "graph": self.graph.to_json(), "recipe": dict(self.recipe), "seed": self.seed}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Candidate:
        """The candidate written by :meth:`to_json`."""
        return cls(Proposal.from_json(record["proposal"]), Graph.from_json(record["graph"]), record["recipe"], record["seed"])
