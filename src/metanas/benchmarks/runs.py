"""One run of a strategy on a problem: a light loop of ask, look up, tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Problem
from metanas.interfaces import Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Space
from metanas.strategies import Brief, make_strategy

KNOWN_IN_A_ROW = 200
"""A run ends after this many proposals in a row that it has evaluated already: its strategy has nothing new left."""

_START = 20_177
"""Keeps the generator of a run's first architecture apart from the strategy's own of the same seed."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Budget:
    """When a run ends.

    Args:
        evaluations: at the highest fidelity; one at a lower fidelity counts as its share of that effort.
        seconds: of simulated training; an evaluation that would end later is not made.
    """

    evaluations: float = math.inf
    seconds: float = math.inf

    @property
    def clock(self) -> bool:
        """Whether simulated seconds are what limits."""
        return math.isfinite(self.seconds)


@dataclass(frozen=True, eq=False)
class Run:
    """What a strategy evaluated, in order; arrays of shape ``(evaluations,)`` but for ``values``.

    Args:
        strategy: its name.
        seed: of the strategy, of the first architecture and of the table's repetitions.
        keys: of the architectures.
        rows: of the table.
        epochs: of the fidelity.
        effort: passes over the training data.
        guide: what the strategy was told, signed so that larger is better; NaN where the evaluation failed.
        spent: evaluations of full effort so far, this one included.
        seconds: simulated seconds so far, this one included.
        values: of a multi-objective run ``(evaluations, goals)``, larger is better, minus infinity where it failed; else of width 0.
        ask_ms: milliseconds that the strategy took to propose, proposals of known architectures included.
        tell_ms: milliseconds that it took to learn.
        budget: that it ran with.
        repeats: proposals that the run had evaluated already; they were answered again and count for nothing.
        exhausted: whether the strategy had nothing new to propose, so that a larger budget changes nothing.
    """

    strategy: str
    seed: int
    keys: tuple[str, ...]
    rows: Integers
    epochs: Integers
    effort: Floats
    guide: Floats
    spent: Floats
    seconds: Floats
    values: Floats
    ask_ms: Floats
    tell_ms: Floats
    budget: Budget
    repeats: int = 0
    exhausted: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def until(self, budget: Budget) -> Run:
        """The part of the run within ``budget``: strategies don't know how much they may spend, so a longer run holds the shorter one."""
        there = int(np.count_nonzero((self.spent <= budget.evaluations + 1e-9) & (self.seconds <= budget.seconds)))
        names = ("rows", "epochs", "effort", "guide", "spent", "seconds", "values", "ask_ms", "tell_ms")
        cut = {name: getattr(self, name)[:there] for name in names}
        exhausted = self.exhausted and there == len(self)
        return Run(self.strategy, self.seed, self.keys[:there], **cut, budget=budget, repeats=self.repeats, exhausted=exhausted)

    @cached_property
    def incumbents(self) -> Integers:
        """After each evaluation the number of the best so far, by what guides; -1 before the first that did not fail.

        The highest fidelity reached goes before the value, and the earlier before the later of equals.
        """
        there = np.isfinite(self.guide)
        pairs = np.stack([np.where(there, self.effort, -np.inf), np.where(there, self.guide, -np.inf)])
        order = np.lexsort(pairs[::-1])
        steps = np.any(pairs[:, order[1:]] != pairs[:, order[:-1]], axis=0)
        level = np.empty(len(order), dtype=np.int64)
        level[order] = np.concatenate([[0], np.cumsum(steps)]) if len(order) else []
        best = np.maximum.accumulate(level)
        fresh = np.concatenate([[True], best[1:] > best[:-1]]) if len(order) else np.empty(0, bool)
        at = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
        return np.where(np.logical_or.accumulate(there), at, -1)


def run_strategy(problem: Problem, strategy: str, seed: int, budget: Budget, objective: Objective | None = None) -> Run:
    """One run.

    The strategy's first architecture, the plain network elsewhere, is drawn at random here, so that no good guess of ours helps it; it
    is the same for all strategies of the same seed, and so is the repetition that a row of the table answers with.

    Args:
        problem: to solve.
        strategy: name of it, see :func:`metanas.strategies.make_strategy`.
        seed: of the run.
        budget: at least one of its limits finite, or the strategy must come to an end.
        objective: None takes the problem's guiding metric; several goals make a multi-objective run.

    Raises:
        InputError: if there is no such strategy.
    """
    asked = objective or problem.objective
    start = starting_anywhere(problem.space, seed)
    log = _Log(problem, asked, repetitions(seed, problem.rows))
    exhausted = log.fill(make_strategy(strategy, Brief(start, asked, problem.fidelities, seed)), budget)
    return log.run(strategy, seed, budget, exhausted)


class _Log:
    """Answers proposals from the table and writes down what was asked."""

    def __init__(self, problem: Problem, objective: Objective, repetition: NDArray[np.int64]) -> None:
        self._problem, self._objective, self._repetition = problem, objective, repetition
        self._top = problem.fidelities[-1].effort
        self._known: dict[tuple[int, Fidelity], Evaluation] = {}
        self._entries: list[tuple[float, ...]] = []
        self._values: list[tuple[float, ...]] = []
        self._keys: list[str] = []
        self._repeats = 0

    def fill(self, strategy: Strategy, budget: Budget) -> bool:
        """Run until the budget is spent (False) or the strategy has nothing new (True)."""
        spent = seconds = ask = tell = 0.0
        in_a_row = 0
        while spent < budget.evaluations - 1e-9:
            began = perf_counter()
            proposals = strategy.ask(1)
            ask += perf_counter() - began
            if not proposals or in_a_row >= KNOWN_IN_A_ROW:
                return True
            row, evaluation = self._answer(proposals[0])
            effort = evaluation.proposal.fidelity.effort
            if not evaluation.reused:
                spent, seconds = spent + effort / self._top, seconds + _time(evaluation)
                if spent > budget.evaluations + 1e-9 or seconds > budget.seconds:
                    return False  # it would not have been finished
            began = perf_counter()
            strategy.tell([evaluation])
            tell += perf_counter() - began
            if evaluation.reused:
                in_a_row, self._repeats = in_a_row + 1, self._repeats + 1
                continue
            in_a_row = 0
            guide = self._problem.sign * evaluation.metrics.get(self._problem.metric, math.nan)
            self._entries.append((row, evaluation.proposal.fidelity.epochs, effort, guide, spent, seconds, 1e3 * ask, 1e3 * tell))
            self._keys.append(evaluation.proposal.architecture.key)
            if len(self._objective.goals) > 1:
                self._values.append(self._objective.values(evaluation))
            ask = tell = 0.0
        return False

    def _answer(self, proposal: Proposal) -> tuple[int, Evaluation]:
        row = self._problem.row(proposal.architecture)
        key = row, proposal.fidelity
        known = self._known.get(key)
        if known is not None:
            return row, known.for_proposal(proposal)
        self._known[key] = evaluation = self._problem.evaluation(proposal, int(self._repetition[row]))
        return row, evaluation

    def run(self, strategy: str, seed: int, budget: Budget, exhausted: bool) -> Run:
        """What was written down."""
        table = np.array(self._entries, dtype=np.float64).reshape(len(self._entries), 8)
        values = np.array(self._values, dtype=np.float64).reshape(len(self._entries), -1 if self._values else 0)
        rows, epochs = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        columns = (rows, epochs, table[:, 2], table[:, 3], table[:, 4], table[:, 5], values, table[:, 6], table[:, 7])
        return Run(strategy, seed, tuple(self._keys), *columns, budget=budget, repeats=self._repeats, exhausted=exhausted)


def _time(evaluation: Evaluation) -> float:
    return evaluation.duration if math.isfinite(evaluation.duration) else 0.0


def starting_anywhere(space: Space, seed: int) -> Space:
    """``space`` with a random architecture for its plain network."""
    return space.starting_at(space.sample(np.random.default_rng([seed, _START])))


def repetitions(seed: int, rows: int) -> Integers:
    """A random number of at least 0 for each row, ``(rows,)``, by which a run draws among the repetitions of a table.

    A hash of seed and row (Steele et al. 2014, SplitMix64), so that it depends on nothing else.
    """
    with np.errstate(over="ignore"):
        z = np.arange(rows, dtype=np.uint64) + np.uint64(1) + np.uint64(seed) * np.uint64(0x2545F4914F6CDD1D)
        z = z * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(1)).astype(np.int64)


def guiding(problem: Problem, seed: int) -> Floats:
    """What guides a run of that seed, of every row at the highest fidelity, ``(rows,)``, signed so that larger is better."""
    column = np.asarray(problem.levels[-1].metrics[problem.metric], dtype=np.float64)
    if column.ndim == 1:
        return problem.signed(column)
    there = np.isfinite(column)
    counts = np.maximum(1, there.sum(axis=1))
    first = np.take_along_axis(column, np.argsort(~there, axis=1, kind="stable"), axis=1)  # results before gaps, in their order
    return problem.signed(np.take_along_axis(first, (repetitions(seed, len(column)) % counts)[:, None], axis=1)[:, 0])
