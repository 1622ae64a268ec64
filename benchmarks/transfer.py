"""What earlier tasks are worth on one that was never seen: each task (source) of a table left out in turn.

    python benchmarks/transfer.py openml_mlp --path TABLES
    python benchmarks/transfer.py fcnet --path TABLES --seeds 10 --strategy random,bayes,meta-bayes

A surrogate learns from ``--architectures`` random rows of every other data set of the table; then strategies search on the one that was
left out. Printed is the mean normalised regret of the best so far by validation (0: best row, 1: median row) after 1, 2, 5, 10, 25 and 50
evaluations, over data sets and seeds; and how many it took to the best row. ``portfolio`` proposes what was best on average over the
others, in a greedy order; ``copy-the-best`` knows all rows of the others, and proposes them in the order of their mean regret.
``meta-bayes`` has the learned surrogate (``--surrogate``), ``rgpe`` is the same with one Gaussian process per data set, ranked, in its
place; without either it is Bayesian optimisation from nothing. ``meta`` has also a policy over strategies that was learned on the same data
sets, each left out in turn for its surrogate. ``warm-start:NAME`` begins with the portfolio. Intervals are a bootstrap over data sets.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.tables import benchmarks, open_problem
from metanas.interfaces import Director, Policy
from metanas.machine import one_thread
from metanas.meta.director import World, learn_director, left_out
from metanas.meta.policy import Controller, TaskPolicy, learn_policy
from metanas.meta.prior import Form
from metanas.meta.prior.ensemble import MOST_RESULTS, columns
from metanas.meta.surrogate import History, Posterior, RankedEnsemble, TaskProcess, TaughtProcess, normal_scores, portfolio
from metanas.meta.surrogate.kinds import PROCESSES, taught
from metanas.records import Proposal, TaskDescription
from metanas.spaces import Architecture, Graph, Space, TaskShape
from metanas.strategies import Brief, make_strategy
from metanas.strategies.codes import Codes

AT = (1, 2, 5, 10, 25, 50)
TASK = TaskDescription("left out", "classification", TaskShape("table", (1,), 2), 1, "accuracy")
Vector = NDArray[np.float64]
Expect = Callable[[Vector, Vector, Vector], Posterior]
"""Architectures, results, architectures that are asked about."""
STEPS, FOLD_STEPS = 400, 150
"""Of learning a deep kernel, and of doing so without some of the earlier tasks, for the director."""
ORDERS = ("portfolio", "copy-the-best")
REWARDED = 150
"""Evaluations of an earlier task that the rewards of the policy's training go by."""


class Taught:
    """A prior made of one surrogate, for one space."""

    def __init__(
        self, expect: Expect, space: Space, first: Sequence[Architecture], policy: Policy | None, director: Director | None
    ) -> None:
        self._expect, self._space, self._first, self._policy, self._director = expect, space, list(first), policy, director

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        """What was best on average."""
        return self._first[:n]

    def surrogate(self, space: Space, task: TaskDescription) -> Taught:
        """Itself."""
        return self

    def policy(self, space: Space, task: TaskDescription) -> Policy | None:
        """The learned policy."""
        return self._policy

    def director(self, space: Space, task: TaskDescription) -> Director | None:
        """The learned policy over strategies."""
        return self._director

    def initial_weights(self, graph: Graph, task: TaskDescription) -> None:
        """None."""

    def condition(self, architectures: Sequence[Architecture], values: Vector, asked: Sequence[Architecture]) -> tuple[Vector, Vector]:
        """By the surrogate."""
        x, wanted = (np.array([self._space.encode(a) for a in some]) for some in (architectures, asked))
        found = self._expect(x.reshape(len(architectures), wanted.shape[1]), values, wanted)
        return found.mean, found.deviation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--strategy", default="random,evolution,bayes,bananas,meta-policy,meta-bayes,meta")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--architectures", type=int, default=500)
    parser.add_argument("--datasets", default="")
    parser.add_argument("--surrogate", choices=list(PROCESSES), default=next(iter(PROCESSES)))
    options = parser.parse_args()
    with one_thread():
        run(options)


def run(options: argparse.Namespace) -> None:
    known = next(b for b in benchmarks() if b.name == options.table).datasets
    names = options.datasets.split(",") if options.datasets else list(known)
    problems = {name: open_problem(options.table, name, options.path) for name in names}
    space = next(iter(problems.values())).space
    drawn = list({a.key: a for a in (space.sample(np.random.default_rng([0, k])) for k in range(options.architectures))}.values())
    x = np.stack([space.encode(a) for a in drawn])
    y = {name: np.array([problem.validation[problem.row(a)] for a in drawn]) for name, problem in problems.items()}
    strategies = [*options.strategy.split(","), *ORDERS]
    regrets: dict[str, list[Vector]] = {name: [] for name in strategies}
    reached: dict[str, list[float]] = {name: [] for name in strategies}
    for left in names:
        began = time.process_time()
        others = [name for name in names if name != left]
        histories = [History(x, filled(y[name]), np.zeros(1), name) for name in others]
        kernel = taught(options.surrogate, histories, 0, STEPS)
        order = portfolio(np.stack([normalised(problems[name], y[name]) for name in others]), options.evaluations)
        policy = None
        if "meta-policy" in strategies:
            controller, codes, rows = Controller.of(space, 1), Codes(space), slice(0, REWARDED)
            scores = [normal_scores(filled(y[name]))[rows] for name in others]
            rewards = [partial(rewarded, kernel, codes, x[rows], z) for z in scores]
            policy = TaskPolicy(controller, learn_policy(controller, np.zeros((len(others), 1)), rewards, seed=0), np.zeros(1), space)
        director = None
        if "meta" in strategies:
            worlds = [World.of(*pair) for pair in left_out(histories, lambda some: taught(options.surrogate, some, 0, FOLD_STEPS))]
            director = learn_director(worlds)
        first = [drawn[k] for k in order]
        single = Taught(partial(by_kernel, kernel), space, first, policy, director)
        ranked = Taught(by_ranks(histories, space), space, first, policy, director) if "rgpe" in strategies else single
        for name in strategies:
            if name in ORDERS:
                rows = [problems[left].row(a) for a in first] if name == "portfolio" else copied([problems[other] for other in others])
                course = [best_so_far(normalised(problems[left], problems[left].validation)[rows])]
            else:
                own, prior = ("meta-bayes", ranked) if name == "rgpe" else (name, single)
                course = [searched(problems[left], own, prior, seed, options.evaluations) for seed in range(options.seeds)]
            regrets[name].append(np.mean([regret[: options.evaluations] for regret in course], axis=0))
            reached[name] += [float(np.argmax(regret <= 0)) + 1 if regret[-1] <= 0 else np.inf for regret in course]
        print(f"{left}: {time.process_time() - began:.0f} s of one core", flush=True)
    at = [k for k in AT if k <= options.evaluations]
    print("\n| | " + " | ".join(str(k) for k in at) + " | to the best row |\n|---|" + "---|" * (len(at) + 1))
    for name in strategies:
        found = " | ".join(interval([float(course[k - 1]) for course in regrets[name]]) for k in at)
        print(f"| {name} | {found} | {words(reached[name])} |")


def words(counts: list[float]) -> str:
    """Median and range of the evaluations that it took."""
    some = np.quantile(counts, [0, 0.5, 1], method="higher").tolist()
    low, middle, high = (f"{count:.0f}" if math.isfinite(count) else "never" for count in some)
    return f"{middle} ({low} to {high})"


def copied(others: Sequence[Problem]) -> list[int]:
    """All rows, those first that are best on average over other data sets, whose tables have the same rows."""
    means = np.mean([normalised(other, other.validation) for other in others], axis=0)
    return [int(row) for row in np.argsort(means, kind="stable")]


def by_kernel(kernel: TaughtProcess, x: Vector, y: Vector, asked: Vector) -> Posterior:
    """What the surrogate expects, of a task that it knows nothing of."""
    return kernel.condition(x, y, np.zeros(1), asked)


def by_ranks(histories: Sequence[History], space: Space) -> Expect:
    """What the ranking-weighted ensemble expects, of as many results of each earlier task as a prior keeps."""
    group, share = columns(Form.of(space))
    kept = [(h.x[:MOST_RESULTS] * share, normal_scores(h.y[:MOST_RESULTS])) for h in histories]
    ensemble = RankedEnsemble(tuple(TaskProcess.learn(x, z, group) for x, z in kept))
    return lambda x, y, asked: ensemble.condition(x * share, y, asked * share)


def rewarded(kernel: TaughtProcess, codes: Codes, x: Vector, z: Vector, rows: NDArray[np.int64]) -> Vector:
    """What the surrogate expects of architectures on an earlier task, once it knows what was found there."""
    return kernel.condition(x, z, np.zeros(1), codes.encode(rows)).mean


def searched(problem: Problem, name: str, prior: Taught, seed: int, evaluations: int) -> Vector:
    """Normalised regret of the best so far after each evaluation."""
    space = problem.space.starting_at(problem.space.sample(np.random.default_rng(seed)))
    brief = Brief(space, problem.objective, problem.fidelities, seed)
    strategy = make_strategy(name, replace(brief, task=TASK, prior=prior) if name.startswith(("meta", "warm-start")) else brief)
    values: list[float] = []
    while len(values) < evaluations:
        proposals: list[Proposal] = strategy.ask(1)
        strategy.tell([problem.evaluation(p, seed) for p in proposals])
        values += [problem.validation[problem.row(p.architecture)] for p in proposals]
    return best_so_far(normalised(problem, np.array(values)))


def normalised(problem: Problem, values: Vector) -> Vector:
    """Regret in units of the distance from the median to the best row; what failed counts 3."""
    best, middle = float(np.nanmax(problem.validation)), float(np.nanmedian(problem.validation))
    return np.nan_to_num((best - values) / max(best - middle, 1e-12), nan=3.0)


def best_so_far(regret: Vector) -> Vector:
    return np.minimum.accumulate(regret)


def filled(y: Vector) -> Vector:
    return np.nan_to_num(y, nan=float(np.nanmin(y)))


def interval(values: list[float]) -> str:
    rng = np.random.default_rng(0)
    means = [statistics.fmean(rng.choice(values, len(values))) for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{statistics.fmean(values):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
