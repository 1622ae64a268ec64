"""How soon strategies find good networks on tasks whose source was never learned from: the ``many-task`` table, whole sources left out.

    python benchmarks/many_task_regret.py benchmarks --out FOLDER --seeds 3
    python benchmarks/many_task_regret.py benchmarks --out FOLDER --split kinds          # a whole kind of data left out
    python benchmarks/many_task_regret.py benchmarks --out FOLDER --learning-curve       # regret over the number of earlier tasks
    python benchmarks/many_task_regret.py benchmarks --out FOLDER --hostile              # what a prior costs that was told lies

A prior is learned, as ``metanas learn`` does, of all tasks of the other sources (mean validation score of two trainings); then every
strategy searches on the tasks left out, seeing the validation score of one training of what it proposes. Reported is the regret of the
network it would hand over, the best by what it has seen: mean score over all of its trainings, normalised so that the best of the table
is 0 and the median 1; once of the test part, and once of the validation part, which is what searches can see and has no luck of the
cut. Strategies without a prior begin with a random network. Intervals are a bootstrap over sources, tests are Wilcoxon's signed-rank
test over sources. What is finished stays in FOLDER, and the same command goes on; ``--part 0/2`` does every second fold, so that two
processes can share the work. ``FOLDER/SPLIT.json`` holds the figures for the pictures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from many_task.ship import lesson_of
from numpy.typing import NDArray

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.tables.many_task import problem_of
from metanas.benchmarks.tables.many_task_files import POINTS, MeasuredTask, mean_over_seeds, measured_tasks
from metanas.delivery.files import write_json
from metanas.interfaces import Prior
from metanas.machine import one_thread
from metanas.meta.prior import LearnedPrior, Lesson, learn
from metanas.meta.prior.embedding import distance, embedded
from metanas.meta.surrogate import portfolio
from metanas.strategies import Brief, make_strategy

AT = (1, 2, 5, 10, 25, 50)
EVALUATIONS = max(AT)
SIZES = (0, 1, 3, 10, 30, 100)
"""Earlier tasks of the learning curve, beside all."""
CURVE_AT = 5
"""Evaluations after which the learning curve looks."""
COLD = ("random", "evolution", "bayes", "bananas", "meta-bayes, cold", "meta, cold")
WARM = ("meta-policy", "meta-bayes", "meta")
ORDERS = ("portfolio", "nearest task")
Vector = NDArray[np.float64]
PARTS = ("test", "validation")
Course = dict[str, list[list[float]]]
"""By :data:`PARTS`, for every seed the regret after each evaluation."""
Courses = dict[str, dict[str, Course]]
"""By task and method."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, help="folder that holds many_task/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--space", default="mlp")
    parser.add_argument("--split", choices=["sources", "kinds"], default="sources")
    parser.add_argument("--methods", default=",".join((*COLD, *WARM, *ORDERS)).replace(", ", ":"), help="a strategy:cold gets no prior")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=None, help="search on so many tasks of a source at the most; all are learned from")
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--learning-curve", action="store_true")
    parser.add_argument("--draws", type=int, default=2, help="choices of earlier tasks of each size, for the learning curve")
    parser.add_argument("--hostile", action="store_true", help="learn of scores that are upside down")
    parser.add_argument("--shipped", action="store_true", help="learn from sources that a shipped prior may learn from alone")
    options = parser.parse_args()
    if options.hostile and (options.learning_curve or set(options.methods.split(",")) & set(ORDERS)):
        parser.error(f"--hostile is for strategies with a prior: not with --learning-curve, nor with {' or '.join(ORDERS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    tasks = [task for task in measured_tasks(options.tables) if task.space.name == options.space]
    folds = json.loads((options.tables / "many_task" / "splits.json").read_text(encoding="utf-8"))[options.split]
    left_out = dict(folds) if isinstance(folds, dict) else {str(number): sources for number, sources in enumerate(folds)}
    left_out = {name: sources for name, sources in left_out.items() if any(task.source in sources for task in tasks)}
    with one_thread():
        (curve if options.learning_curve else run)(options, tasks, left_out)


def run(options: argparse.Namespace, tasks: Sequence[MeasuredTask], left_out: Mapping[str, Sequence[str]]) -> None:
    """All methods on every fold, then the tables."""
    turn, of = map(int, options.part.split("/"))
    methods = [name.replace(":", ", ") for name in options.methods.split(",")]
    split = f"{options.split}{'-shipped' if options.shipped else ''}{'-hostile' if options.hostile else ''}"
    for name in list(left_out)[turn::of]:
        file = options.out / f"{split}-{name}.json"
        found: Courses = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        asked = of_source([task for task in tasks if task.source in left_out[name]], options.tasks)
        missing = [(task, [m for m in methods if m not in found.get(task.name, {})]) for task in asked]
        if not any(wanted for _, wanted in missing):
            continue
        began = time.process_time()
        known = [t for t in tasks if t.source not in left_out[name] and (t.shipped or not options.shipped)]
        lessons = (upside_down(lesson_of(task)) if options.hostile else lesson_of(task) for task in known)
        prior = learn(list(lessons)) if set(methods) & set(WARM) else None
        taught = time.process_time() - began
        for task, wanted in missing:
            found.setdefault(task.name, {}).update({m: courses(m, task, known, prior, options.seeds) for m in wanted})
            write_json(file, found)
            print(f"{split} {name}: {task.name}, {time.process_time() - began:.0f} s ({taught:.0f} s to learn of {len(known)})", flush=True)
    joined: Courses = {}
    for name in left_out:
        file = options.out / f"{split}-{name}.json"
        joined |= json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    report(options.out / f"{split}.json", joined, {task.name: task for task in tasks}, methods)


def upside_down(lesson: Lesson) -> Lesson:
    """The worst networks said to be the best."""
    return replace(lesson, values=-lesson.values)


def of_source(tasks: Sequence[MeasuredTask], most: int | None) -> list[MeasuredTask]:
    """The first tasks of every source."""
    counts: dict[str, int] = defaultdict(int)
    kept = []
    for task in sorted(tasks, key=lambda task: int(task.name.rpartition("-")[2].removeprefix("c"))):
        counts[task.source] += 1
        if most is None or counts[task.source] <= most:
            kept.append(task)
    return kept


def courses(method: str, task: MeasuredTask, known: Sequence[MeasuredTask], prior: Prior | None, seeds: int) -> Course:
    """Regrets after each evaluation, for each seed."""
    problem = problem_of(task)
    if method in ORDERS:
        order = (by_portfolio if method == "portfolio" else by_nearest)(known, task)
        return together([handed_over(problem, order, seed) for seed in range(seeds)])
    name, _, cold = method.partition(", ")
    given = None if cold or method in COLD else prior
    return together([handed_over(problem, searched(problem, name, task, given, seed), seed) for seed in range(seeds)])


def together(runs: Sequence[tuple[list[float], ...]]) -> Course:
    return {part: [run[place] for run in runs] for place, part in enumerate(PARTS)}


def by_portfolio(known: Sequence[MeasuredTask], task: MeasuredTask) -> Sequence[int]:
    """Rows that were best on average over sources, greedily."""
    regrets: dict[str, list[Vector]] = defaultdict(list)
    for earlier in known:
        regrets[earlier.source].append(earlier.regret(mean_over_seeds(earlier.after(POINTS)[0][:, :2]), "validation"))
    means = np.stack([np.nanmean(some, axis=0) for some in regrets.values()])
    return [int(row) for row in portfolio(np.minimum(means, 5.0), EVALUATIONS)]


def by_nearest(known: Sequence[MeasuredTask], task: MeasuredTask) -> Sequence[int]:
    """The best rows of the task that is nearest by its description, the best first."""
    from metanas.meta.prior.embedding import attribute_names

    at = {id(t): embedded(t.description, attribute_names()) for t in (task, *known)}
    nearest = min(known, key=lambda earlier: distance(at[id(earlier)], at[id(task)]))
    values = nearest.sign * mean_over_seeds(nearest.after(POINTS)[0][:, :2])
    return [int(row) for row in np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:EVALUATIONS]]


def searched(problem: Problem, name: str, task: MeasuredTask, prior: Prior | None, seed: int) -> Iterator[int]:
    """Rows that a strategy proposes, one after the other."""
    start = problem.space.sample(np.random.default_rng([seed, 7]))
    brief = Brief(problem.space.starting_at(start), problem.objective, problem.fidelities[-1:], seed, task=task.description, prior=prior)
    strategy = make_strategy(name, brief)
    for _ in range(EVALUATIONS):
        (proposal,) = strategy.ask(1)
        yield problem.row(proposal.architecture)
        strategy.tell([problem.evaluation(proposal, seed)])


def handed_over(problem: Problem, rows: Sequence[int] | Iterator[int], seed: int) -> tuple[list[float], ...]:
    """Regrets (by the mean test and validation score) of the best so far by the validation score of one training."""
    assert problem.tested is not None
    column = np.asarray(problem.levels[-1].metrics[problem.metric])
    best, handed = np.inf, list[int]()
    for row in rows:
        seen = column[row, seed % 2]
        better = not handed or seen < best
        best = (seen if np.isfinite(seen) else np.inf) if better else best
        handed.append(row if better else handed[-1])
    means = (problem.tested, -problem.validation)
    return tuple(np.nan_to_num(mean[handed], nan=5.0).round(5).tolist() for mean in means)


# -- the tables --------------------------------------------------------------------------------------------------------


def report(file: Path, found: Courses, tasks: Mapping[str, MeasuredTask], methods: Sequence[str]) -> None:
    """Means over sources with intervals, comparisons, and the figures as a file."""
    done = {name: courses for name, courses in found.items() if name in tasks and all(m in courses for m in methods)}
    seeds = len(next(iter(next(iter(done.values())).values()))[PARTS[0]])
    sources = len({tasks[name].source for name in done})
    curves = {}
    for part in PARTS:
        means = means_of(done, tasks, methods, part)
        print(f"\n{len(done)} tasks of {sources} sources, {seeds} seeds; normalised regret of the {part} part after so many evaluations:\n")
        print("| | " + " | ".join(map(str, AT)) + " |\n|---|" + "---|" * len(AT))
        for method in methods:
            print(f"| {method} | " + " | ".join(words(means[method][:, at - 1]) for at in AT) + " |")
        print()
        for method, others in (
            ("meta", ("portfolio", "meta-bayes", "meta, cold", "meta-bayes, cold")),
            ("meta-bayes", ("meta-bayes, cold",)),
        ):
            for other in others:
                if method in means and other in means:
                    print("\n".join(compared(method, other, means)))
        curves[part] = {m: curve_of(means[m]) for m in methods}
    plain = np.mean([task.regret(mean_over_seeds(task.after(POINTS)[1]))[0] for task in tasks.values() if task.name in done])
    print(f"\nThe plain network has a regret of {plain:.3f} (test).")
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    write_json(
        file, {**before, "tasks": len(done), "sources": sources, "seeds": seeds, "curves": curves["test"], "seen": curves["validation"]}
    )


def means_of(done: Courses, tasks: Mapping[str, MeasuredTask], methods: Sequence[str], part: str) -> dict[str, Vector]:
    """Mean courses of every source, ``(sources, evaluations)`` by method."""
    by_source: dict[str, dict[str, list[Vector]]] = defaultdict(lambda: defaultdict(list))
    for name, methods_of in done.items():
        for method in methods:
            by_source[tasks[name].source][method].append(np.mean(methods_of[method][part], axis=0))
    return {m: np.stack([np.mean(by_source[source][m], axis=0) for source in sorted(by_source)]) for m in methods}


def compared(method: str, other: str, means: Mapping[str, Vector]) -> Iterator[str]:
    """The difference of two methods' regrets, with an interval and a test."""
    from scipy.stats import wilcoxon

    for at in (1, 5, EVALUATIONS):
        gap = means[method][:, at - 1] - means[other][:, at - 1]
        p = float(wilcoxon(gap).pvalue) if np.any(gap) else 1.0
        yield f"- {method} less {other} after {at}: {words(gap)}, p = {p:.2g}"


def words(values: Vector) -> str:
    low, high = bounds(values)
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def bounds(values: Vector) -> tuple[float, float]:
    """95 % interval of the mean, by bootstrap over sources."""
    drawn = np.random.default_rng(0).choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def curve_of(means: Vector) -> dict[str, Any]:
    limits = np.array([bounds(column) for column in means.T])
    rounded = partial(np.round, decimals=5)
    return {
        "points": list(range(1, means.shape[1] + 1)),
        "mean": rounded(means.mean(axis=0)).tolist(),
        "low": rounded(limits[:, 0]).tolist(),
        "high": rounded(limits[:, 1]).tolist(),
    }


# -- the learning curve ------------------------------------------------------------------------------------------------


def curve(options: argparse.Namespace, tasks: Sequence[MeasuredTask], left_out: Mapping[str, Sequence[str]]) -> None:
    """Regret of ``meta`` after some evaluations, over the number of earlier tasks that the prior was learned from."""
    turn, of = map(int, options.part.split("/"))
    files = {fold: options.out / f"curve-{options.split}-{fold}.json" for fold in left_out}
    for fold in list(left_out)[turn::of]:
        if not files[fold].exists():
            write_json(files[fold], by_size(options, tasks, left_out[fold]))
            print(f"fold {fold}", flush=True)
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files.values() if file.exists()]
    print(f"\n| earlier tasks | regret of meta after {CURVE_AT} evaluations |\n|---|---|")
    rows = {}
    for size in (*map(str, SIZES), "all"):
        if values := [value for fold in found for value in fold.get(size, {}).values()]:
            low, high = bounds(np.array(values))
            rows[size] = {"mean": float(np.mean(values)), "low": low, "high": high}
            print(f"| {size} | {words(np.array(values))} |")
    file = options.out / f"{options.split}.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    write_json(file, {**before, "by_tasks": rows})


def by_size(options: argparse.Namespace, tasks: Sequence[MeasuredTask], sources: Sequence[str]) -> dict[str, dict[str, float]]:
    """By number of earlier tasks, the mean regret of every source that is left out."""
    others = [task for task in tasks if task.source not in sources]
    asked = of_source([task for task in tasks if task.source in sources], options.tasks)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for size in (*(size for size in SIZES if size < len(others)), len(others)):
        for draw in range(1 if size in (0, len(others)) else options.draws):
            chosen = np.random.default_rng([draw, size]).permutation(len(others))[:size]
            known = [others[k] for k in sorted(chosen)]
            prior: LearnedPrior | None = learn(list(map(lesson_of, known))) if known else None
            for task in asked:
                course = courses("meta" if known else "meta, cold", task, known, prior, options.seeds)
                at = float(np.mean(course["test"], axis=0)[CURVE_AT - 1])
                found["all" if size == len(others) else str(size)][task.source].append(at)
    return {size: {source: float(np.mean(values)) for source, values in some.items()} for size, some in found.items()}


if __name__ == "__main__":
    main()
