"""What a prior is worth in whole searches on data sets that it has never seen: with and without it, at the same budget.

    python benchmarks/prior_on_real_data.py DATA benchmarks --budget 2m --seeds 5 --out FOLDER
    python benchmarks/prior_on_real_data.py DATA benchmarks --per-class 10 --budget 30s --seeds 5 --out FOLDER
    python benchmarks/prior_on_real_data.py DATA benchmarks --sets fashion_mnist,sign_digits,cifar_fs --out FOLDER

DATA holds ``tabular/NAME.parquet``, and what the picture sources of many-task are made of, which are searched on at their full resolution
with up to 4,000 examples; the second folder holds ``many_task/``. For every data set a prior is learned of all many-task tasks of other
sources, then ``metanas search`` runs with it (*warm*) and without any (*cold*), ``--at-once`` searches side by side, one worker each, in
turn. Reported per data set: test scores, and the time until the best validation score is within one standard error of the one that the
median cold search ends with (of an accuracy by the number of validation rows, of an error likewise); searches that don't get there within
the budget are shown as such. What is finished stays in FOLDER, and the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from many_task.raw import SOURCES, Array
from many_task.recipe import Recipe
from many_task.ship import lesson_of
from scipy.stats import wilcoxon

from metanas import Task
from metanas.benchmarks.tables.many_task_files import measured_tasks
from metanas.delivery.files import write_json
from metanas.machine import one_thread
from metanas.meta.prior import learn, save_prior
from metanas.records import LOWER_IS_BETTER, Evaluation
from metanas.search import search as search_for

SETS = "phoneme,credit_g,segment,car,vehicle,kin8nm,cal_housing,concrete"
ARMS = ("cold", "warm")
SIZES = (3000, 1000, 2000)
"""Most training, validation and test examples of pictures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--per-class", type=int, default=None, help="training rows of a class; of numbers four times as many in all")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        name, arm, seed = options.run.split(":")
        search(options, name, arm, int(seed))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    settings, asked = options.out / "settings.json", {"budget": options.budget, "per_class": options.per_class}
    if settings.exists() and json.loads(settings.read_text(encoding="utf-8")) != asked:
        parser.error(f"{options.out} holds searches with other settings, see {settings}; take another --out")
    write_json(settings, asked)
    names = options.sets.split(",")
    for name in names:
        prepare(options, name)
    turns = [(name, arm, seed) for seed in range(options.seeds) for name in names for arm in ARMS]
    with ThreadPoolExecutor(options.at_once) as pool:
        found = dict(zip(turns, pool.map(lambda turn: searched(options, *turn), turns), strict=True))
    report(names, found, options.seeds)


def prepare(options: argparse.Namespace, name: str) -> None:
    """The prior of everything but a data set's source, and the rows of a table."""
    task_of(options, name)
    prior = options.out / f"{name}.prior"
    if not prior.exists():
        with one_thread():
            save_prior(prior, learn([lesson_of(task) for task in measured_tasks(options.tables) if task.source != name]))


def task_of(options: argparse.Namespace, name: str) -> Task:
    """The data of the searches."""
    if SOURCES[name].kind == "image":
        task = pictures(options.data, name, options.per_class)
    else:
        file = options.out / f"{name}.parquet"
        if not file.exists():
            drawn(pd.read_parquet(options.data / "tabular" / f"{name}.parquet"), options.per_class).to_parquet(file)
        task = Task.read(file, target="target")
    return task.with_metric("accuracy" if task.kind == "classification" else "rmse")


def pictures(data: Path, name: str, per_class: int | None) -> Task:
    """The ordinary task of a picture source at its own resolution; with few examples per class, a quarter of them are for validation."""
    ordinary = {option: choices[0] for option, choices in SOURCES[name].options.items()}
    alone = "all" if SOURCES[name].domain == "must" else ""
    parts = Recipe(name, name, "convnet", 0, SIZES, epochs=1, options=ordinary, domains=alone).parts(data)
    (x, x_val, x_test), (y, y_val, y_test) = parts.inputs, parts.targets
    if per_class is not None:
        few = per_class // 4
        (x, y), (x_val, y_val) = some_of_each(x, y, per_class - few), some_of_each(x_val, y_val, few)
    return Task.from_arrays(x, y, x_test, y_test, x_val=x_val, y_val=y_val, kind="image,classification", name=name)


def some_of_each(x: Array, y: Array, count: int) -> tuple[Array, Array]:
    """Examples of every class, drawn at random."""
    mixed = np.random.default_rng(0).permutation(len(y))
    kept = np.sort(np.concatenate([mixed[y[mixed] == label][:count] for label in np.unique(y)]))
    return x[kept], y[kept]


def drawn(table: pd.DataFrame, per_class: int | None) -> pd.DataFrame:
    """All rows, or all test rows and some of the others."""
    if per_class is None:
        return table
    rng = np.random.default_rng(0)
    test, rest = (table[table["split"] == "test"], table[table["split"] != "test"])
    if pd.api.types.is_float_dtype(rest["target"]):
        kept = rest.iloc[np.sort(rng.permutation(len(rest))[: 4 * per_class])]
    else:
        of_class = (np.flatnonzero(rest["target"] == label) for label in rest["target"].unique())
        kept = rest.iloc[np.sort(np.concatenate([rng.permutation(rows)[:per_class] for rows in of_class]))]
    return pd.concat([kept, test])


def searched(options: argparse.Namespace, name: str, arm: str, seed: int) -> dict[str, Any]:
    """What came of a search, in a process of its own."""
    file = options.out / f"{name}-{arm}-{seed}.json"
    if not file.exists():
        command = [sys.executable, __file__, str(options.data), str(options.tables), "--out", str(options.out), "--budget", options.budget]
        command += [] if options.per_class is None else ["--per-class", str(options.per_class)]
        subprocess.run([*command, "--run", f"{name}:{arm}:{seed}"], check=True, stdout=subprocess.DEVNULL)
        print(f"{name} {arm} {seed}", flush=True)
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record


@dataclass
class Course:
    """Notes the best validation score over time."""

    metric: str
    began: float
    points: list[tuple[float, float]] = field(default_factory=list)

    def on_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        """When the best changed."""
        if best is not None and (not self.points or self.points[-1][1] != best.metrics[self.metric]):
            self.points.append((round(time.monotonic() - self.began, 2), best.metrics[self.metric]))

    def on_message(self, text: str) -> None:
        """Not noted."""

    def on_phase(self, name: str, seconds: float | None) -> None:
        """Not noted."""

    def on_progress(self, share: float) -> None:
        """Not noted."""

    def close(self) -> None:
        """Nothing to do."""


def search(options: argparse.Namespace, name: str, arm: str, seed: int) -> None:
    """One search."""
    task = task_of(options, name)
    course = Course(task.metric, time.monotonic())
    prior = str(options.out / f"{name}.prior") if arm == "warm" else "none"
    folder = options.out / f"{name}-{arm}-{seed}"
    found = search_for(
        task, budget=options.budget, seed=seed, store=False, prior=prior, workers=1, out=folder, observers=[course]
    ).result.to_json()
    record = {"metric": task.metric, "validation_rows": len(task.validation), "course": course.points, "trials": found["trials"]}
    write_json(options.out / f"{name}-{arm}-{seed}.json", {**record, "test": found["test"], "prior": found.get("prior")})


def report(names: Sequence[str], found: dict[tuple[str, str, int], dict[str, Any]], seeds: int) -> None:
    """A row per data set, then the shares of time over all."""
    print("\n| data set | metric | cold test | warm test | Wilcoxon p | cold: seconds to target | warm | share |\n|---|" + "---|" * 7)
    shares = []
    for name in names:
        runs = {arm: [found[name, arm, seed] for seed in range(seeds)] for arm in ARMS}
        metric = runs["cold"][0]["metric"]
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        target = within_reach([run["course"][-1][1] for run in runs["cold"]], sign, runs["cold"][0]["validation_rows"])
        times = {arm: [first_at(run["course"], target, sign) for run in runs[arm]] for arm in ARMS}
        test = {arm: [float(run["test"]["score"]) for run in runs[arm]] for arm in ARMS}
        gaps = [w - c for w, c in zip(test["warm"], test["cold"], strict=True)]
        p = float(wilcoxon(gaps).pvalue) if any(gaps) else 1.0
        middle = {arm: statistics.median(times[arm]) for arm in ARMS}
        share = middle["warm"] / middle["cold"] if math.isfinite(middle["cold"]) else math.nan
        shares.append(share)
        scores = " | ".join(spread(test[arm]) for arm in ARMS)
        print(f"| {name} | {metric} | {scores} | {p:.2g} | {seconds(times['cold'])} | {seconds(times['warm'])} | {share:.2f} |")
    there = [share for share in shares if not math.isnan(share)]
    print(f"\nThe median data set takes {statistics.median(there):.2f} of the time ({len(there)} data sets, {seeds} seeds).")


def within_reach(ends: Sequence[float], sign: float, rows: int) -> float:
    """One standard error behind the median of the final scores."""
    end = statistics.median(ends)
    error = math.sqrt(max(end * (1 - end), 0.0) / rows) if sign > 0 else end / math.sqrt(2 * rows)
    return end - sign * error


def first_at(course: Sequence[Sequence[float]], target: float, sign: float) -> float:
    """Seconds until the target was reached; infinite if it wasn't."""
    return next((at for at, score in course if sign * score >= sign * target), math.inf)


def seconds(times: Sequence[float]) -> str:
    unreached = sum(math.isinf(t) for t in times)
    middle = statistics.median(times)
    words = f"{middle:.1f}" if math.isfinite(middle) else "not reached"
    return f"{words} ({unreached} of {len(times)} never)" if unreached else words


def spread(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.4f} ± {statistics.stdev(values) if len(values) > 1 else 0:.4f}"


if __name__ == "__main__":
    main()
