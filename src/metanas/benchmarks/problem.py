"""Problems whose every answer is known: a space, and what was measured of each of its architectures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.interfaces import Evaluator
from metanas.records import Candidate, Evaluation, Fidelity, Objective, Proposal, lower_is_better
from metanas.spaces import Architecture, Space

Column = NDArray[np.floating]
"""One number per row, ``(rows,)``, or one per row and repetition, ``(rows, repeats)``; NaN where nothing was measured."""


@dataclass(frozen=True, eq=False)
class Level:
    """What was measured at one fidelity.

    Args:
        fidelity: the training that the table's figures come from.
        metrics: validation metrics by name.
        seconds: training time, ``(rows,)`` or ``(rows, repeats)``, or None where the table has none.
    """

    fidelity: Fidelity
    metrics: Mapping[str, Column]
    seconds: Column | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """A search problem with a table of answers.

    Args:
        name: of the benchmark, e.g. ``nasbench201``.
        dataset: that the networks were trained on, e.g. ``cifar10``.
        space: every architecture in it has a row; of a sampled table it is a listed space (:meth:`Space.only`).
        row: architecture to row of the columns.
        levels: rising fidelities; strategies of one fidelity see the last.
        metric: the validation metric that guides; a name of ``metrics`` in every level.
        test: reported metrics by name, ``(rows,)`` or ``(rows, repeats)``, after whole trainings; empty where the table has none.
        costs: known before training, or measured once: ``parameters``, ``flops``, ``latency:DEVICE``, ``energy:DEVICE``, ``(rows,)``; NaN
            where a network can't run.
        seconds_note: where the training times come from, or why there are none.
    """

    name: str
    dataset: str
    space: Space
    row: Callable[[Architecture], int]
    levels: tuple[Level, ...]
    metric: str
    test: Mapping[str, Column] = field(default_factory=dict)
    costs: Mapping[str, Column] = field(default_factory=dict)
    seconds_note: str = ""

    @property
    def rows(self) -> int:
        """Length of the columns."""
        return len(self.levels[-1].metrics[self.metric])

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """Rising."""
        return tuple(level.fidelity for level in self.levels)

    @property
    def clock(self) -> bool:
        """Whether the table knows training times at every level, so that a budget can be simulated seconds."""
        return all(level.seconds is not None for level in self.levels)

    @property
    def sign(self) -> float:
        """-1 where less of the guiding metric is better, else 1."""
        return -1.0 if lower_is_better(self.metric) else 1.0

    @property
    def objective(self) -> Objective:
        """The guiding metric alone."""
        return Objective.of(self.metric)

    @cached_property
    def validation(self) -> NDArray[np.float64]:
        """The guiding metric of every row at the highest fidelity, mean over repetitions, signed so that larger is better; NaN where
        nothing was measured."""
        return self.signed(self.levels[-1].metrics[self.metric])

    @cached_property
    def tested(self) -> NDArray[np.float64] | None:
        """The reported metric of every row, in its own unit and sign (mean over repetitions); None where there is none."""
        column = self.test.get(self.metric)
        return None if column is None else _mean(column)

    def signed(self, column: Column) -> NDArray[np.float64]:
        """A column of the guiding metric, mean over repetitions, so that larger is better."""
        return self.sign * _mean(column)

    def judged_by(self, name: str) -> Problem:
        """This problem with another of its metrics or costs to guide and to be reported; fidelities that don't have it are left out."""
        if name == self.metric:
            return self
        cost = {name: self.costs[name]} if name in self.costs else {}
        levels = (replace(level, metrics={**cost, **level.metrics}) for level in self.levels)
        return replace(self, levels=tuple(level for level in levels if name in level.metrics), metric=name)

    @cached_property
    def optimum(self) -> float:
        """The best of :attr:`validation`."""
        return float(np.nanmax(self.validation))

    def evaluation(self, proposal: Proposal, seed: int = 0) -> Evaluation:
        """What the table says of a proposal; of several repetitions the one that ``seed`` draws (counted modulo their number).

        A fidelity that the table doesn't have, or a row without a result, gives an evaluation with a reason.
        """
        row = self.row(proposal.architecture)
        level = next((level for level in self.levels if level.fidelity == proposal.fidelity), None)
        if level is None:
            return Evaluation(proposal, seed=seed, reason=f"the table has no results for {proposal.fidelity.epochs} epochs")
        costs = {name: float(column[row]) for name, column in self.costs.items() if math.isfinite(column[row])}
        repeat = _repeat(level.metrics[self.metric], row, seed)
        metrics = {name: _at(column, row, repeat) for name, column in level.metrics.items()}
        seconds = 0.0 if level.seconds is None else _at(level.seconds, row, repeat)
        if not math.isfinite(metrics[self.metric]):
            return Evaluation(proposal, costs=costs, seed=seed, duration=seconds, reason="the table holds no result for this network")
        return Evaluation(proposal, metrics, costs, epochs=proposal.fidelity.epochs, seed=seed, duration=seconds)


class TableEvaluator(Evaluator):
    """Answers from a problem's table, as training would."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def evaluate(self, candidates: Sequence[Candidate], deadline: float) -> Iterator[Evaluation]:
        """Every evaluation, at once; the table's repetition is drawn by the candidate's seed."""
        for candidate in candidates:
            yield self._problem.evaluation(candidate.proposal, candidate.seed)


def _repeat(column: Column, row: int, seed: int) -> int:
    """The repetition that ``seed`` draws of those that have a result."""
    there = np.flatnonzero(np.isfinite(column[row])) if column.ndim == 2 else ()
    return int(there[seed % len(there)]) if len(there) else 0


def _at(column: Column, row: int, repeat: int) -> float:
    return float(column[row] if column.ndim == 1 else column[row, min(repeat, column.shape[1] - 1)])


def _mean(column: Column) -> NDArray[np.float64]:
    values = np.asarray(column, dtype=np.float64)
    if values.ndim == 1:
        return values
    counts = np.isfinite(values).sum(axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)
