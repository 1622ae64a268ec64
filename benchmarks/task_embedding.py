"""What task embeddings cost, and how well they foretell on which tasks the same architectures do well.

    python -m benchmarks.task_embedding cost --data ../shared/data
    python -m benchmarks.task_embedding transfer --tables benchmarks [--data ../shared/data] [--seeds 5]

``transfer`` trains the encoder on four folds of many-task's sources and asks about the tasks of the fifth: the rank correlation between
foretold and true similarity to the tasks that were trained on, and the true similarity of the task foretold to be nearest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from metanas.benchmarks.tables.many_task_files import POINTS, MeasuredTask, mean_over_seeds, measured_tasks
from metanas.meta.tasks import TaskEncoder, plain_embedding, rank_correlations, task_graph, train_encoder
from metanas.tasks import Task

from .many_task.recipe import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    cost = verbs.add_parser("cost")
    cost.add_argument("--data", type=Path, required=True)
    cost.set_defaults(run=lambda asked: print_cost(asked.data))
    transfer = verbs.add_parser("transfer")
    transfer.add_argument("--tables", type=Path, required=True)
    transfer.add_argument("--data", type=Path, help="describe the tasks anew, from these data sets")
    transfer.add_argument("--space", default="mlp")
    transfer.add_argument("--seeds", type=int, default=5)
    transfer.set_defaults(run=lambda asked: print_transfer(asked.tables, asked.data, asked.space, asked.seeds))
    asked = parser.parse_args()
    asked.run(asked)


def print_cost(data: Path) -> None:
    """Seconds of processor time: reading off what networks get, the description beyond that, its graph, and the untrained encoder."""
    Task.from_sklearn("iris").describe()  # loads scikit-learn
    encoder = TaskEncoder()
    weights = encoder.init(0)
    print("| task | training examples | prepared | described | graph and vector | bytes of JSON |\n|---|---|---|---|---|---|")
    for name, task in examples(data):
        prepared, _ = timed(task.prepare)
        described, found = timed(task.describe)
        embedded, _ = timed(lambda found=found: encoder.encode(weights, [task_graph(found)]))
        size = len(json.dumps(found.to_json()))
        print(f"| {name} | {found.examples} | {prepared:.2f} | {described:.3f} | {embedded:.3f} | {size} |", flush=True)


def examples(data: Path) -> Iterator[tuple[str, Task]]:
    """One task of every kind of data, and 60,000 pictures: Fashion-MNIST's 30,000 and their mirror images."""
    for name in ("iris", "diabetes", "digits"):
        yield name, Task.from_sklearn(name)
    fashion = np.load(data / "fashion_mnist" / "fashion_mnist.npz")
    x, y, held, labels = (fashion[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    x, y = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])
    yield "Fashion-MNIST and its mirror image", Task.from_arrays(x, y, held, labels, x_val=held[:1000], y_val=labels[:1000])
    yield "adult", Task.read(data / "tabular" / "adult.parquet")
    yield "Adiac", Task.read(data / "timeseries" / "Adiac.npz")
    yield "spoken digits", Task.read(data / "fsdd" / "fsdd.npz")
    yield "AG news", Task.read(data / "ag_news_small" / "ag_news_small.parquet", text="text", target="label")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def print_transfer(tables: Path, data: Path | None, space: str, seeds: int) -> None:
    tasks = [task for task in measured_tasks(tables) if task.facts["recipe"]["space"] == space]
    described = [Recipe.from_json(task.facts["recipe"]).task(data).describe() if data else task.description for task in tasks]
    alike = rank_correlations(np.stack([goodness(task) for task in tasks]))
    graphs, plain = [task_graph(one) for one in described], np.stack([plain_embedding(one) for one in described])
    folds = json.loads((tables / "many_task" / "splits.json").read_text(encoding="utf-8"))["sources"]
    found: dict[str, list[tuple[float, float]]] = {}
    for fold in folds:
        held = np.array([task.source in fold for task in tasks])
        old, new = np.flatnonzero(~held), np.flatnonzero(held)
        if not len(old) or not len(new):
            continue
        centred = plain / np.maximum(plain[old].std(0), 0.1)
        distances = ((centred[new, None] - centred[old]) ** 2).sum(2)
        found.setdefault("nearest by plain attributes", []).append(judged(-distances, alike[np.ix_(new, old)]))
        mean = np.nanmean(alike[np.ix_(old, old)], axis=0)
        found.setdefault("the most typical task", []).append(judged(np.tile(mean, (len(new), 1)), alike[np.ix_(new, old)]))
        for seed in range(seeds):
            weights = train_encoder([graphs[k] for k in old], alike[np.ix_(old, old)], seed)
            with torch.no_grad():
                vectors = TaskEncoder().encode(weights, graphs).numpy()
            found.setdefault("task encoder", []).append(judged(vectors[new] @ vectors[old].T, alike[np.ix_(new, old)]))
    print("| foretold by | rank correlation with the true similarity | true similarity of the nearest |\n|---|---|---|")
    for name, pairs in found.items():
        figures = [f"{fmean(column):.3f} ± {stdev(column):.3f}" for column in zip(*pairs, strict=True)]
        print(f"| {name} | {figures[0]} | {figures[1]} |")
    print(f"\n{len(tasks)} tasks; mean and standard deviation over folds of sources and seeds.")


def goodness(task: MeasuredTask) -> np.ndarray:
    """Of every architecture, the mean over seeds of its validation score, more is better."""
    return mean_over_seeds(task.sign * task.after(POINTS)[0])


def judged(foretold: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Both figures, averaged over new tasks ``(new, old)``."""
    correlations = [spearmanr(a, b, nan_policy="omit").statistic for a, b in zip(foretold, true, strict=True)]
    nearest = true[np.arange(len(true)), foretold.argmax(1)]
    return float(np.nanmean(correlations)), float(np.nanmean(nearest))


if __name__ == "__main__":
    main()
