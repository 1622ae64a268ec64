"""Tasks, candidates and evaluations for the tests of the store."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from metanas.experience import Experience
from metanas.records import Candidate, Evaluation, Fidelity, Proposal, TaskDescription
from metanas.spaces import TaskShape
from metanas.spaces.registry import make_space

FINGERPRINT = "0123456789abcdef" * 2
SHAPE = TaskShape("table", (4,), 3, numeric=4)
SPACE = make_space("mlp", SHAPE)


def description(name: str = "iris") -> TaskDescription:
    return TaskDescription(name, "classification", SHAPE, 90, "accuracy", {"imbalance": 0.1})


def candidate(number: int = 0, *, seed: int | None = None, fidelity: Fidelity | None = None) -> Candidate:
    """The candidate of proposal ``number``; equal numbers (or ``seed``) give equal architectures."""
    architecture = SPACE.sample(np.random.default_rng(number if seed is None else seed))
    proposal = Proposal(number, architecture, fidelity or Fidelity(3), proposer="random")
    return Candidate(proposal, SPACE.graph(architecture), SPACE.recipe(architecture), number)


def evaluation(of: Candidate, metrics: Mapping[str, float] | None = None, reason: str | None = None) -> Evaluation:
    """A success with ``metrics``, or a failure for ``reason``."""
    if reason is not None:
        return Evaluation(of.proposal, seed=of.seed, duration=0.5, reason=reason)
    curve = tuple({"epoch": e, "loss": 1 / e, "score": 0.1 * e} for e in (1, 2, 3))
    costs = {"parameters": of.graph.parameters, "flops": of.graph.flops}
    return Evaluation(of.proposal, dict(metrics or {"accuracy": 0.9}), costs, curve, epochs=2, seed=of.seed, duration=0.25)


def start(experience: Experience, fingerprint: str = FINGERPRINT, metric: str = "accuracy") -> str:
    return experience.start_search(
        fingerprint, strategy="random", space="mlp", metric=metric, seed=3, folder="runs/iris", settings={"trials": 9}
    )


def recorded(
    experience: Experience, search_id: str, of: Candidate, metrics: Mapping[str, float] | None = None, reason: str | None = None
) -> Evaluation:
    result = evaluation(of, metrics, reason)
    experience.record(search_id, FINGERPRINT, result, of, elapsed=1.0 + of.proposal.id)
    return result


def numbered(of: Candidate, number: int) -> Candidate:
    """The same computation under another number."""
    return replace(of, proposal=replace(of.proposal, id=number))
