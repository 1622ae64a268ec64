"""Figures of the shards that are there: what they hold, what they cost, how noisy they are, how alike tasks are.

    python -m benchmarks.many_task.report TABLES [--write docs/many_task.md]

TABLES is the folder that holds ``many_task/``. With ``--write`` the figures replace those between two marks in the page.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from metanas.benchmarks.tables.many_task_files import POINTS, SHARDS, MeasuredTask, mean_over_seeds, measured_tasks

from .raw import Array

MARKS = ("<!-- figures: written by benchmarks/many_task/report.py -->", "<!-- end of figures -->")
BUDGETS = (1, 2, 5, 10, 25, 50)
DRAWS = 200
PARTS: tuple[Literal["validation"], Literal["test"]] = ("validation", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, help="folder that holds many_task/")
    parser.add_argument("--write", type=Path, default=None, help="page whose figures are to be replaced")
    options = parser.parse_args()
    tasks = list(measured_tasks(options.tables))
    megabytes = sum(file.stat().st_size for file in (options.tables / SHARDS).glob("*.parquet")) / 1e6
    text = "\n\n".join(sections(tasks, megabytes))
    if options.write is None:
        print(text)
        return
    page = options.write.read_text(encoding="utf-8")
    head, _, rest = page.partition(MARKS[0])
    options.write.write_text(f"{head}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}", encoding="utf-8")


def sections(tasks: Sequence[MeasuredTask], megabytes: float) -> Iterator[str]:
    """Paragraphs and tables, in Markdown."""
    hours = sum(task.facts["seconds"] for task in tasks) / 3600
    processors = " and ".join(sorted({task.facts["made_with"]["processor"] for task in tasks}))
    yield (
        f"{len(tasks)} tasks are there, {megabytes:.1f} MB; they took {hours:.1f} hours of one core ({processors}), by their own clock, "
        "beside other work on the same machine."
    )
    for space in ("mlp", "convnet"):
        chosen = [task for task in tasks if task.space.name == space]
        if chosen:
            yield f"### `{space}`"
            yield _holds(chosen)
            yield _noise(chosen)
            yield from _alike(chosen)


def _holds(tasks: Sequence[MeasuredTask]) -> str:
    rows = [
        "| kind | sources | tasks | training examples | trainings | failed | seconds of a task |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in [*sorted({task.kind for task in tasks}), "all"]:
        chosen = [task for task in tasks if kind in (task.kind, "all")]
        examples = np.median([task.facts["parts"][0] for task in chosen])
        made = sum(int(np.isfinite(task.seconds).sum()) for task in chosen)
        failed = made - sum(int(np.isfinite(task.validation[:, :, -1]).sum()) for task in chosen)
        seconds = np.mean([task.facts["seconds"] for task in chosen])
        sources = len({task.source for task in chosen})
        rows.append(f"| {kind} | {sources} | {len(chosen)} | {examples:.0f} (median) | {made:,} | {failed} | {seconds:.0f} |")
    return "\n".join(rows)


def scores(task: MeasuredTask, of: int) -> Array:
    """Validation (0) or test (1) score ``(architectures, seeds)`` after the whole training, larger is better."""
    return np.asarray(task.sign * task.after(POINTS)[of])


def correlation(first: Array, second: Array) -> float:
    """Spearman's, over the architectures that both have."""
    there = np.isfinite(first) & np.isfinite(second)
    a, b = rankdata(first[there]), rankdata(second[there])
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def _noise(tasks: Sequence[MeasuredTask]) -> str:
    lines = []
    for of, part in enumerate(("validation", "test")):
        between = [correlation(*scores(task, of)[:, :2].T) for task in tasks]
        lines.append(f"{part} {np.mean(between):.2f} (a tenth of the tasks below {np.quantile(between, 0.1):.2f})")
    across = np.mean([correlation(*(mean_over_seeds(scores(task, of)) for of in (0, 1))) for task in tasks])
    spreads = [np.nanmean(np.nanstd(task.regret(task.after(POINTS)[1])[_often(task)], axis=1, ddof=1)) for task in tasks]
    return (
        f"Rank correlation of the architectures between two seeds: {lines[0]}, {lines[1]}; between validation and test, means over seeds: "
        f"{across:.2f}. Spread of the test regret of one training of a top architecture between seeds: {np.median(spreads):.2f} (median "
        "over tasks; the distance from the best to the median architecture is 1)."
    )


def _often(task: MeasuredTask) -> Array:
    """The architectures with more than two seeds."""
    return np.asarray(np.isfinite(task.validation[:, :, -1]).sum(1) > 2)


def _alike(tasks: Sequence[MeasuredTask]) -> Iterator[str]:
    means = [mean_over_seeds(scores(task, 1)) for task in tasks]
    pairs = [(a, b) for a in range(len(tasks)) for b in range(a)]
    found = np.array([correlation(means[a], means[b]) for a, b in pairs])
    same = np.array([tasks[a].source == tasks[b].source for a, b in pairs], bool)
    told = [
        f"{name} {found[which].mean():.2f}" for name, which in (("of one source", same), ("of different sources", ~same)) if which.any()
    ]
    low = f"a twentieth of the latter below {np.quantile(found[~same], 0.05):.2f}" if (~same).any() else ""
    yield f"Rank correlation of the architectures between two tasks (test, means over seeds): {', '.join(told)} ({low})."
    if len({task.source for task in tasks}) < 3:
        return
    yield "Mean normalised test regret after so many evaluations, the best by validation (means over seeds) chosen:"
    rows = ["| | " + " | ".join(map(str, BUDGETS)) + " |", "| --- |" + " --- |" * len(BUDGETS)]
    for name, order in (("random", _random), ("best on average on other sources", _portfolio)):
        regrets = regret_curves(tasks, order)
        rows.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in regrets) + " |")
    yield "\n".join(rows)
    counts = Counter(int(np.argmax(np.nan_to_num(mean, nan=-np.inf))) for mean in means)
    yield f"{len(counts)} different architectures are the best of some task; the most frequent one is best on {max(counts.values())}."


Order = Callable[[Array, Array, np.random.Generator], Array]
"""``(regret of all tasks (tasks, architectures), which of them are of other sources, rng)`` to architectures in order."""


def _random(regrets: Array, others: Array, rng: np.random.Generator) -> Array:
    return rng.permutation(regrets.shape[1])


def _portfolio(regrets: Array, others: Array, rng: np.random.Generator) -> Array:
    """Each the one that most improves the best so far, on average over the other tasks."""
    best = np.full(int(others.sum()), np.inf)
    chosen: list[int] = []
    known = np.minimum(np.nan_to_num(regrets[others], nan=10.0), 10.0)
    for _ in range(max(BUDGETS)):
        gains = np.minimum(best[:, None], known).mean(0)
        gains[chosen] = np.inf
        chosen.append(int(gains.argmin()))
        best = np.minimum(best, known[:, chosen[-1]])
    return np.array(chosen)


def regret_curves(tasks: Sequence[MeasuredTask], order: Order) -> Array:
    """Mean test regret over tasks after each of :data:`BUDGETS` evaluations."""
    validation, test = (np.stack([mean_over_seeds(task.regret(task.after(POINTS)[of], PARTS[of])) for task in tasks]) for of in (0, 1))
    sources = np.array([task.source for task in tasks])
    rng = np.random.default_rng(0)
    curves = []
    for place, source in enumerate(sources):
        for _ in range(DRAWS if order is _random else 1):
            drawn = order(test, sources != source, rng)
            guides = np.nan_to_num(validation[place, drawn], nan=np.inf)
            curves.append([test[place, drawn[int(guides[:budget].argmin())]] for budget in BUDGETS])
    return np.asarray(np.nanmean(np.array(curves).reshape(len(tasks), -1, len(BUDGETS)), axis=(0, 1)))


if __name__ == "__main__":
    main()
