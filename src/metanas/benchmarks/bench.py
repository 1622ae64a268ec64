"""Strategies on problems with tables of answers, over many seeds: what is missing is run, then all of it is judged."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from metanas.benchmarks.archive import Archive, Header, table_key
from metanas.benchmarks.code_version import code_version, strategy_settings
from metanas.benchmarks.curves import curves
from metanas.benchmarks.many import Failure, Job, Source, run_many
from metanas.benchmarks.pareto import Trade, judged, parse_objective
from metanas.benchmarks.problem import Problem
from metanas.benchmarks.random_curve import random_curve
from metanas.benchmarks.report import Outcome
from metanas.benchmarks.runs import Budget, Run
from metanas.benchmarks.statistics import Ranking, ranking
from metanas.benchmarks.words import is_share, ranking_words
from metanas.errors import InputError
from metanas.records import Objective
from metanas.strategies import Brief, make_strategy, strategies

SCHEMA = 1
BASELINES = ("random", "local-search")
"""Run beside every strategy, where they exist."""
REPORT = "bench.json"
_LONGEST_CURVE = 5_000
"""Evaluations up to which the exact curve of random search is worked out."""


class Progress(Protocol):
    """Is told how far the bench is."""

    def __call__(self, done: int, whole: int, now: str) -> None:
        """``done`` of ``whole`` runs are made; ``now`` names the last one."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    Args:
        sources: of the problems.
        strategies: names; :data:`BASELINES` join unless ``baselines`` is False.
        seeds: of the runs, each on every problem with every strategy.
        budget: of each run.
        objective: names of goals joined by commas; None takes each problem's guiding metric, a single other one takes its place.
        targets: results to be reached, as they are printed (percent for shares).
        workers: processes; 0 takes this one.
        out: folder of the results; None keeps nothing.
        baselines: whether to add the baselines.
        plugins: files of the user's in which strategies stand, already imported here.
    """

    sources: tuple[Source, ...]
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    budget: Budget
    objective: str | None = None
    targets: tuple[float, ...] = ()
    workers: int = 0
    out: Path | None = None
    baselines: bool = True
    plugins: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All strategies, each once, baselines last."""
        added = [name for name in BASELINES if self.baselines and name in strategies()]
        return tuple(dict.fromkeys([*self.strategies, *added]))


@dataclass(frozen=True, eq=False)
class Bench:
    """What was found.

    Args:
        outcomes: one per problem.
        ranking: of the strategies over several problems; None for a single one.
        made: number of runs made; the others had been made before.
        seconds: that it took.
        files: written.
    """

    outcomes: tuple[Outcome, ...]
    ranking: Ranking | None
    made: int
    seconds: float
    files: tuple[Path, ...] = field(default=())

    @property
    def failures(self) -> int:
        """Runs that a fault of their strategy ended."""
        return sum(len(by_seed) for outcome in self.outcomes for by_seed in outcome.failures.values())

    def to_json(self) -> dict[str, Any]:
        """A JSON object with a schema version."""
        ranks = None
        if self.ranking is not None:
            ranks = {name: _known(value) for name, value in vars(self.ranking).items()} | {"sentence": ranking_words(self.ranking)}
        problems = [outcome.to_json() for outcome in self.outcomes]
        files = [str(file) for file in self.files]
        return {"schema": SCHEMA, "problems": problems, "ranking": ranks, "runs_made": self.made, "seconds": self.seconds, "files": files}


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_bench(plan: Plan, progress: Progress | None = None) -> Bench:
    """Make the runs that are missing, and judge all of them.

    Raises:
        InputError: for a strategy, goal, clock or table that there is not.
        MetaNASError: if a worker process dies; what had finished is kept in ``plan.out``.
    """
    began = time.monotonic()
    _check(plan)
    problems = tuple(judged(problem, _objective(plan, problem)) for problem in (source.open() for source in plan.sources))
    _check_problems(plan, problems)
    archive = None if plan.out is None else Archive(plan.out)
    runs, failures, made = _make(plan, problems, archive, progress or (lambda done, whole, now: None))
    if archive is not None:
        archive.merge()
    outcomes = tuple(_outcome(plan, place, problem, runs, failures) for place, problem in enumerate(problems))
    ranks = _ranking(outcomes)
    bench = Bench(outcomes, ranks, made, time.monotonic() - began)
    return bench if plan.out is None else _written(bench, plan.out)


def _check(plan: Plan) -> None:
    """Find what is wrong before the first table is opened."""
    if not plan.seeds or not plan.strategies:
        raise InputError("a bench needs at least one seed and one strategy")
    if not (math.isfinite(plan.budget.evaluations) or plan.budget.clock):
        raise InputError("a bench needs a budget: --evaluations, --clock or both")


def _check_problems(plan: Plan, problems: Sequence[Problem]) -> None:
    """Find what is wrong before the first run: with the strategies, the clock and the goals."""
    for problem in problems:
        if plan.budget.clock and not problem.clock:
            note, plain = problem.seconds_note.rstrip("."), "the table has no training times"
            raise InputError(
                f"there is no clock to simulate for {problem.name} on {problem.dataset}: {note if note.startswith(plain) else plain}; "
                "leave --clock out and give --evaluations"
            )
        objective = _objective(plan, problem)
        for name in plan.names:
            make_strategy(name, Brief(problem.space, objective, problem.fidelities))


def _objective(plan: Plan, problem: Problem) -> Objective:
    return problem.objective if plan.objective is None else parse_objective(plan.objective, problem)


def _goal_names(objective: Objective) -> tuple[str, ...]:
    return tuple("+".join(name for name, _ in goal.terms) for goal in objective.goals)


Made = dict[tuple[int, str, int], Run]
"""Place of the problem, strategy and seed to the run."""


def _make(
    plan: Plan, problems: Sequence[Problem], archive: Archive | None, progress: Progress
) -> tuple[Made, dict[tuple[int, str, int], str], int]:
    """All runs: those of the archive, and the missing ones made now."""
    runs: Made = {}
    failures: dict[tuple[int, str, int], str] = {}
    jobs: dict[Job, tuple[tuple[int, str, int], Header]] = {}
    for place, (source, problem) in enumerate(zip(plan.sources, problems, strict=True)):
        objective = _objective(plan, problem)
        headers = _headers(plan, place, problem, objective)
        there = {key: h for key, h in headers.items() if archive is not None and archive.has(h, plan.budget)}
        if archive is not None and there:
            loaded = archive.load(there.values(), problem.sign)
            runs |= {key: loaded[header.id] for key, header in there.items()}
        missing = {key: header for key, header in headers.items() if key not in there}
        jobs |= {Job(source, k[1], k[2], plan.budget, objective, plan.plugins): (k, header) for k, header in missing.items()}
    whole = len(runs) + len(jobs)
    progress(len(runs), whole, "")
    for job, found in run_many(list(jobs), plan.workers):
        key, header = jobs[job]
        if isinstance(found, Failure):
            failures[key] = found.reason
        else:
            runs[key] = found
            if archive is not None:
                archive.add(header, found, problems[key[0]])
        progress(len(runs) + len(failures), whole, f"{header.dataset} {job.strategy}")
    return runs, failures, len(jobs)


def _headers(plan: Plan, place: int, problem: Problem, objective: Objective) -> dict[tuple[int, str, int], Header]:
    """One per run; all strategies of a seed stand together, so that a bench that was stopped has whole seeds."""
    key, epochs, goals = table_key(problem), problem.fidelities[-1].epochs, _goal_names(objective)
    known = {name: (strategy_settings(name), code_version(name)) for name in plan.names}
    return {
        (place, name, seed): Header(problem.name, problem.dataset, key, epochs, goals, name, *known[name], seed)
        for seed in plan.seeds
        for name in plan.names
    }


def _outcome(plan: Plan, place: int, problem: Problem, runs: Made, failures: Mapping[tuple[int, str, int], str]) -> Outcome:
    objective = _objective(plan, problem)
    several = len(objective.goals) > 1
    kept = {name: [runs[place, name, s].until(plan.budget) for s in plan.seeds if (place, name, s) in runs] for name in plan.names}
    kept = {name: found for name, found in kept.items() if found}
    found_curves = {name: curves(problem, found, plan.budget) for name, found in kept.items()}
    chance = None
    if not several and objective == problem.objective:
        chance = random_curve(problem, _draws(problem, plan.budget), plan.seeds)
    failed: dict[str, dict[int, str]] = {}
    for (where, name, seed), reason in sorted(failures.items()):
        if where == place:
            failed.setdefault(name, {})[seed] = reason
    targets = tuple(target / 100 if is_share(problem.metric) else target for target in plan.targets)
    trade = Trade(problem, objective) if several else None
    return Outcome(problem, plan.budget, kept, found_curves, chance, trade, _goal_names(objective), targets, failed)


def _draws(problem: Problem, budget: Budget) -> int:
    """Evaluations at the highest fidelity that the budget allows, of a clock on average."""
    times = problem.levels[-1].seconds
    mean = float(np.nanmean(times)) if budget.clock and times is not None else 0.0
    fit = math.ceil(budget.seconds / mean) if mean > 0 else _LONGEST_CURVE
    return max(1, int(min(budget.evaluations, fit, _LONGEST_CURVE)))


def _ranking(outcomes: Sequence[Outcome]) -> Ranking | None:
    """Over the strategies that have results on every problem."""
    if len(outcomes) < 2:
        return None
    names = [name for name in outcomes[0].means if all(math.isfinite(o.means.get(name, math.nan)) for o in outcomes)]
    return ranking({name: [outcome.means[name] for outcome in outcomes] for name in names}) if len(names) > 1 else None


def _written(bench: Bench, out: Path) -> Bench:
    """The bench with its report and plots written to ``out``."""
    from metanas.benchmarks import plots
    from metanas.benchmarks.archive import EVALUATIONS, RUNS

    out.mkdir(parents=True, exist_ok=True)
    files = [file for file in (out / EVALUATIONS, out / RUNS, out / REPORT) if file.exists() or file.name == REPORT]
    if plots.available():
        for outcome in bench.outcomes:
            files += plots.save_plots(outcome, out) if outcome.runs else []
        if bench.ranking is not None:
            files += plots.save_ranking(bench.ranking, out)
    bench = Bench(bench.outcomes, bench.ranking, bench.made, bench.seconds, tuple(files))
    (out / REPORT).write_text(json.dumps(bench.to_json(), indent=1), encoding="utf-8")
    return bench
