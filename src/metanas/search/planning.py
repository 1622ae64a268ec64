"""What a plan is made from: the sizes of the data, the budget, and on a budget of time how long steps take on this machine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from metanas.errors import InputError, MetaNASError
from metanas.evaluation import batchable
from metanas.interfaces import Executor
from metanas.records import Candidate, Fidelity, Proposal
from metanas.search.budget import Budget
from metanas.search.folder import Run
from metanas.search.plan import GROUP, Plan, Situation
from metanas.spaces import Architecture, Space
from metanas.tasks.data import LearningData


def situation_of(run: Run, data: LearningData, space: Space, budget: Budget, executor: Executor, supernet: int | None) -> Situation:
    """The situation of a search that has made no plan yet; with a budget of time, training steps are timed.

    Args:
        run, data, space, budget, executor: of the search.
        supernet: rows with which a supernet's weights are trained first; None without one.

    Raises:
        MetaNASError: if the plain network can't be trained.
    """
    together = batchable(space.graph(space.baseline))
    times = _times(run, space, budget, executor, together) if run.seconds is not None else {}
    return Situation(
        len(data.x_train),
        len(data.x_train) + len(data.x_val),
        together,
        max(1, run.workers),
        recut=data.recut,
        trials=run.trials,
        seconds=run.seconds,
        overhead=budget.elapsed,
        varied=data.shape.data == "image",
        supernet=supernet,
        step_seconds=times.get("step"),
        group_seconds=times.get("group") if together else None,
        untimed=bool(times) and not times["timed"],
    )


def affordable(space: Space, plan: Plan) -> Space:
    """``space`` without networks that would take more time than the plan has for one."""
    if plan.flops_ratio is None:
        return space
    try:
        return space.within(flops=int(plan.flops_ratio * space.graph(space.baseline).flops))
    except InputError:  # no smaller ones: the user did not ask for this limit
        return space


def unproposed(space: Space, architecture: Architecture, fidelity: Fidelity, seed: int) -> Candidate:
    """A candidate that no strategy has proposed."""
    return Candidate(Proposal(-1, architecture, fidelity, proposer="baseline"), space.graph(architecture), space.recipe(architecture), seed)


def _times(run: Run, space: Space, budget: Budget, executor: Executor, together: bool) -> dict[str, float]:
    """Seconds of a training step: of the plain network, and of a group with as many random ones as train together."""
    heard: dict[str, Any] = {}
    rng = np.random.default_rng(run.seed)
    others = [space.sample(rng) for _ in range(GROUP - 1)] if together else []
    candidates = [unproposed(space, architecture, Fidelity(1), run.seed) for architecture in (space.baseline, *others)]
    executor.call({"do": "time", "candidates": [c.to_json() for c in candidates]}, budget.end, heard.update)
    while not heard and time.monotonic() < budget.end:
        executor.results(0.5)
    if "reason" in heard:
        raise MetaNASError(f"the plain network of space {space.name} can't be trained: {heard['reason']}")
    return {**heard, "timed": True} if "step" in heard else {"step": 1.0, "group": 1.0, "timed": False}  # the time is up already
