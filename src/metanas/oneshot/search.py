"""From trained shared weights to the architectures that are then evaluated alone: a strategy on inherited weights, or what is decoded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from metanas.evaluation.supernet import SupernetEvaluator
from metanas.evaluation.tensors import Tensors
from metanas.interfaces import State
from metanas.oneshot.base import SupernetMethod
from metanas.records import Candidate, Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Architecture
from metanas.strategies import Brief, make_strategy

INHERITED = Fidelity(0)
"""The fidelity of what is scored with inherited weights: no trial, and never an answer."""
FOREVER = float("inf")


@dataclass(frozen=True)
class Ranked:
    """An architecture and the task's metric with inherited weights (None where nobody looked)."""

    architecture: Architecture
    inherited: float | None = None


def answers(
    method: SupernetMethod,
    state: State,
    tensors: Tensors,
    n: int,
    *,
    objective: Objective | None = None,
    evaluations: int = 300,
    deadline: float = FOREVER,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Ranked]:
    """Up to ``n`` distinct architectures to evaluate alone, the most promising first.

    Of a method with a strategy: the best that it finds with inherited weights. Of one that decodes several to be judged (ENAS, section
    2.2): the best of them with inherited weights. Of the others: what it decodes. After a collapse the way out of it comes first, see
    :func:`settled`.

    Args:
        method: that trained ``state``.
        state: at the end of the training.
        tensors: of the task.
        n: how many.
        objective: what is good; None takes the task's metric. Its limits are kept.
        evaluations: how many candidates a strategy may look at.
        deadline: seconds on the clock of ``time.monotonic``; then the best so far count (or the decoded ones, if there is none).
        seed: of the strategy.
        progress: hears the share of the evaluations that is done.
    """
    goal = objective or Objective.of(tensors.data.metric)
    if method.strategy is not None:
        found = search_inherited(method, state, tensors, method.strategy, goal, evaluations, deadline, seed, progress)
    elif method.judged:
        found = list(_scored(method, state, tensors, _proposals(method.decode(state, max(n, method.judged))), deadline))
    else:
        found = []
    feasible = [e for e in found if goal.feasible(e)]
    way_out = method.decode(state, 1)[0] if method.way_out(state) else None
    best = sorted(feasible, key=lambda e: (e.proposal.architecture == way_out, goal.values(e)), reverse=True)[:n]
    listed = [Ranked(e.proposal.architecture, e.metrics.get(tensors.data.metric)) for e in best]
    return listed or [Ranked(architecture) for architecture in method.decode(state, n)]


def settled(
    method: SupernetMethod, state: State, tensors: Tensors, *, objective: Objective | None = None, deadline: float = FOREVER
) -> State:
    """``state`` with the best way out of its collapse chosen (``way_out``, a step); as it was, where nothing has collapsed.

    Architectures decoded before the collapse are compared by the task's metric on the validation rows, all with the shared weights of the
    last point before it: what has been trained since then are the skip connections. Their points get that score, as ``inherited``.

    Args:
        method: that trained ``state``.
        state: at the end of the training.
        tensors: of the task.
        objective: what is good; None takes the task's metric.
        deadline: seconds on the clock of ``time.monotonic``; those that nobody has looked at by then, the earliest, are not taken.
    """
    goal = objective or Objective.of(tensors.data.metric)
    before = method.ways_out(state)
    if len(before) < 2:
        return state
    proposals = _proposals(method.space.architecture(point["architecture"]) for point in before)
    scored = list(_scored(method, {**state, "weights": state.get("sound") or state["weights"]}, tensors, proposals, deadline))
    seen = [(point, e) for point, e in zip(before, scored, strict=False) if not e.failed]
    if not seen:
        return state
    scores = {point["step"]: e.metrics[tensors.data.metric] for point, e in seen}
    best, _ = max(seen, key=lambda pair: goal.values(pair[1]))  # of equals the latest
    points = [{**point, "inherited": scores[point["step"]]} if point["step"] in scores else point for point in state["points"]]
    return {**state, "points": points, "way_out": best["step"]}


def search_inherited(
    method: SupernetMethod,
    state: State,
    tensors: Tensors,
    strategy: str,
    objective: Objective,
    evaluations: int = 300,
    deadline: float = FOREVER,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Evaluation]:
    """Drive a strategy over the supernet's space, one candidate at a time, with inherited weights; every evaluation in the order made.

    Arguments as for :func:`answers`; ``strategy`` by name.

    Raises:
        InputError: if there is no such strategy.
    """
    driver = make_strategy(strategy, Brief(method.space, objective, (INHERITED,), seed))
    done: list[Evaluation] = []
    while len(done) < evaluations and time.monotonic() < deadline and (proposals := driver.ask(1)):
        told = list(_scored(method, state, tensors, proposals, deadline))
        driver.tell(told)
        done += told
        progress(len(done) / evaluations)
        if not told:
            break
    return done


def inherited(
    method: SupernetMethod, state: State, tensors: Tensors, architectures: Sequence[Architecture], deadline: float = FOREVER
) -> list[float]:
    """The task's metric of architectures with inherited weights, larger is better (minus an error); minus infinity where one fails."""
    goal = Objective.of(tensors.data.metric)
    return [goal.values(e)[0] for e in _scored(method, state, tensors, _proposals(architectures), deadline)]


def _proposals(architectures: Iterable[Architecture]) -> list[Proposal]:
    return [Proposal(number, architecture, INHERITED) for number, architecture in enumerate(architectures)]


def _scored(method: SupernetMethod, state: State, tensors: Tensors, proposals: Sequence[Proposal], deadline: float) -> Iterable[Evaluation]:
    evaluator = SupernetEvaluator(method.supernet, state["weights"], tensors, path=method.path)
    space = method.space
    candidates = [Candidate(p, space.graph(p.architecture), space.recipe(p.architecture), seed=0) for p in proposals]
    return evaluator.evaluate(candidates, deadline)
