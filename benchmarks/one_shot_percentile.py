"""How good is what one-shot methods find, among random architectures that are trained alike, and what does it cost beside evolution?

    python benchmarks/one_shot_percentile.py fashion_mnist.npz --out FOLDER
    python benchmarks/one_shot_percentile.py fashion_mnist.npz --out FOLDER --strategy gdas,single-path --budget 90s --seeds 3

The space is that of ``small_cell.py``, the data a part of the pictures of an .npz (arrays x_train, y_train, x_test, y_test) at half their
resolution. Each method searches with ``metanas search`` and each seed; judged are the architecture that the supernet names first, and the
one that the search gives after it has trained some of them alone. These, the random ones and the plain network are then trained alike,
alone, each from two seeds: for ``--epochs`` on the part's training rows, tested on rows that no search has seen. The *percentile* is the
share of the random architectures that it beats, equals counting half; its interval is a bootstrap over the searches and the random
architectures.

Evolution trains every architecture that it proposes in that same way. Its cost is the time until its best validation accuracy is that of
the found network, trained alike. Everything runs on one thread, ``--at-once`` of them side by side; what is finished stays in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from small_cell import small_cell

from metanas.delivery.files import write_json
from metanas.evaluation import TrainingEvaluator
from metanas.machine import ONE_THREAD, one_thread
from metanas.records import Candidate, Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Architecture, Space
from metanas.strategies import Brief, make_strategy
from metanas.tasks import Task
from metanas.tasks.data import LearningData

METHODS = "darts,darts-second-order,gdas,pc-darts,enas,single-path"
PART, SPACE = "part.npz", Path(__file__).with_name("small_cell.py")
TRAININGS = (101, 102)
"""Seeds of the trainings alone."""
DRAWS = 10_000

Scores = dict[str, float]
"""Mean test and validation accuracy over the trainings alone, seconds of one of them, and the number of parameters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--strategy", default=METHODS)
    parser.add_argument("--budget", default="90s")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random", type=int, default=20)
    parser.add_argument("--evolution", type=int, default=40, help="trials of each evolution")
    parser.add_argument("--rows", type=int, default=4000, help="for the searches; 5,000 others are for the test")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.run:
        with one_thread():
            alone(options, json.loads(options.run))
        return
    write_part(options)
    with ThreadPoolExecutor(options.at_once) as pool:
        run_all(options, lambda jobs: list(pool.map(lambda job: job(), jobs)))


def run_all(options: argparse.Namespace, together: Callable[[Iterable[Callable[[], Any]]], list[Any]]) -> None:
    """The searches, then all trainings alone, then the tables."""
    turns = [(name, seed) for seed in range(options.seeds) for name in options.strategy.split(",")]
    found = dict(zip(turns, together(partial(searched, options, *turn) for turn in turns), strict=True))
    space = small_cell(task_of(options).prepare()[0].shape)
    drawn = random_ones(space, options.random)
    wanted = {a.key: a for a in (*drawn, space.baseline, *(a for pair in found.values() for a in pair["architectures"]))}
    jobs: list[Callable[[], Any]] = [partial(in_process, options, f"alone-{key}", {"choices": a.as_dict}) for key, a in wanted.items()]
    jobs += [partial(in_process, options, f"evolution-{seed}", {"evolution": seed}) for seed in range(options.seeds)]
    results = together(jobs)
    scores = dict(zip(wanted, results[: len(wanted)], strict=True))
    report(
        options,
        found,
        [scores[a.key] for a in drawn],
        scores,
        scores[space.baseline.key],
        [evolution["course"] for evolution in results[len(wanted) :]],
    )


def write_part(options: argparse.Namespace) -> None:
    """The part of the data on which everything is done."""
    if not (options.out / PART).exists():
        with np.load(options.data, allow_pickle=False) as whole:
            rng = np.random.default_rng(0)
            train = rng.permutation(len(whole["y_train"]))[: options.rows]
            test = rng.permutation(len(whole["y_test"]))[:5000]
            x_train, x_test = halved(whole["x_train"][train]), halved(whole["x_test"][test])
            np.savez(options.out / PART, x_train=x_train, y_train=whole["y_train"][train], x_test=x_test, y_test=whole["y_test"][test])


def halved(pictures: np.ndarray) -> np.ndarray:
    """Pictures ``(n, height, width)`` of bytes at half their resolution: means of two by two."""
    n, height, width = pictures.shape
    means: np.ndarray = pictures.reshape(n, height // 2, 2, width // 2, 2).mean((2, 4)).round().astype(np.uint8)
    return means


def task_of(options: argparse.Namespace) -> Task:
    return Task.read(options.out / PART)


def random_ones(space: Space, n: int) -> list[Architecture]:
    """``n`` different architectures drawn at random."""
    rng, drawn = np.random.default_rng(2026), dict[str, Architecture]()
    while len(drawn) < n:
        architecture = space.sample(rng)
        drawn.setdefault(architecture.key, architecture)
    return list(drawn.values())


def searched(options: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """``architectures`` (the supernet's first, and the search's), ``seconds``, whether choices collapsed, how well shared weights rank."""
    folder = options.out / f"{name}-{seed}"
    if not (folder / "result.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "metanas", "search", str(options.out / PART), "--strategy", name, "--seed", str(seed)]
        command += ["--space", str(SPACE), "--budget", options.budget, "--workers", "1", "--no-store", "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **ONE_THREAD})
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    guesses = [a["architecture"] for a in result["oneshot"]["answers"] if a.get("why", "guessed") == "guessed"]
    first = guesses[0] if guesses else result["architecture"]
    return {
        "architectures": [Architecture.from_json(first), Architecture.from_json(result["architecture"])],
        "seconds": result["seconds"],
        "collapsed": bool(result["oneshot"]["diagnosis"].get("collapsed")),
        "rank_correlation": result["oneshot"]["rank_correlation"],
    }


def in_process(options: argparse.Namespace, name: str, what: dict[str, Any]) -> Any:
    """What a process of its own writes."""
    written = options.out / "alone" / f"{name}.json"
    if not written.exists():
        command = [sys.executable, __file__, str(options.data), "--out", str(options.out), "--epochs", str(options.epochs)]
        command += ["--evolution", str(options.evolution), "--run", json.dumps({**what, "file": str(written)})]
        subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    return json.loads(written.read_text(encoding="utf-8"))


def alone(options: argparse.Namespace, what: dict[str, Any]) -> None:
    """Train one architecture alike the others, or all that evolution proposes."""
    task = task_of(options)
    data, written = task.prepare()[0], Path(what["file"])
    written.parent.mkdir(exist_ok=True)
    space = small_cell(data.shape)
    if "evolution" in what:
        write_json(written, {"course": evolved(options, space, data, what["evolution"])})
        return
    with np.load(options.out / PART, allow_pickle=False) as part:
        tested = replace(data, x_val=part["x_test"].reshape(-1, *data.x_val.shape[1:]), y_val=part["y_test"].astype(np.int64))
    architecture = space.architecture(what["choices"])
    trained = [trained_alone(space, architecture, options.epochs, data, seed) for seed in TRAININGS]
    test = [trained_alone(space, architecture, options.epochs, tested, seed).metrics["accuracy"] for seed in TRAININGS]
    scores: Scores = {
        "test": statistics.fmean(test),
        "validation": statistics.fmean(e.metrics["accuracy"] for e in trained),
        "seconds": statistics.fmean(e.duration for e in trained),
        "parameters": space.graph(architecture).parameters,
    }
    write_json(written, scores)


def trained_alone(space: Space, architecture: Architecture, epochs: int, data: LearningData, seed: int) -> Evaluation:
    proposal = Proposal(seed, architecture, Fidelity(epochs))
    candidate = Candidate(proposal, space.graph(architecture), space.recipe(architecture), seed)
    (evaluation,) = TrainingEvaluator(data).evaluate([candidate], math.inf)
    assert not evaluation.failed, evaluation.reason
    return evaluation


def evolved(options: argparse.Namespace, space: Space, data: LearningData, seed: int) -> list[tuple[float, float]]:
    """After each trial of evolution: seconds so far, and its best validation accuracy."""
    fidelity = Fidelity(options.epochs)
    strategy = make_strategy("evolution", Brief(space, Objective.of("accuracy"), (fidelity,), seed=seed))
    course, best, began = [], 0.0, time.monotonic()
    for _ in range(options.evolution):
        (proposal,) = strategy.ask(1)
        evaluation = trained_alone(space, proposal.architecture, options.epochs, data, TRAININGS[0])
        strategy.tell([replace(evaluation, proposal=proposal)])
        best = max(best, evaluation.metrics["accuracy"])
        course.append((time.monotonic() - began, best))
    return course


# -- what came of it ---------------------------------------------------------------------------------------------------


def report(
    options: argparse.Namespace,
    found: dict[tuple[str, int], dict[str, Any]],
    drawn: list[Scores],
    scores: dict[str, Scores],
    plain: Scores,
    evolutions: list[list[tuple[float, float]]],
) -> None:
    """The percentiles per method and pooled, then what evolution takes for the same."""
    field = np.array([s["test"] for s in drawn])
    print(f"{len(drawn)} random architectures: {spread(field)}, best {100 * field.max():.2f}; plain network {100 * plain['test']:.2f}\n")
    print("| method | test accuracy | percentile | of the supernet's first | agreement | search | evolution to the same |")
    print("|---|---|---|---|---|---|---|")
    pooled: list[list[float]] = []
    for name in options.strategy.split(","):
        runs = [found[name, seed] for seed in range(options.seeds)]
        pairs = [[scores[a.key] for a in run["architectures"]] for run in runs]
        first, answer = ([pair[i]["test"] for pair in pairs] for i in (0, 1))
        pooled.append(answer)
        seconds = statistics.fmean(run["seconds"] for run in runs)
        agreement = [run["rank_correlation"] for run in runs if run["rank_correlation"] is not None]
        cells = [
            f"{name} (collapsed: {n})" if (n := sum(run["collapsed"] for run in runs)) else name,
            spread(np.array(answer)),
            interval([answer], field),
            interval([first], field),
            f"{statistics.fmean(agreement):.2f}" if agreement else "–",
            f"{seconds:.0f} s",
            cost(evolutions, [pair[1]["validation"] for pair in pairs], seconds),
        ]
        print(f"| {' | '.join(cells)} |")
    print(f"\nPooled over {sum(map(len, pooled))} searches: percentile {interval(pooled, field)}")


def percentile(value: float, field: np.ndarray) -> float:
    return float(100 * ((field < value).mean() + (field == value).mean() / 2))


def interval(groups: list[list[float]], field: np.ndarray) -> str:
    """Mean percentile with its 95 % bootstrap interval, over searches within their method and over the random architectures."""
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        others = rng.choice(field, len(field))
        draws.append(statistics.fmean(percentile(v, others) for g in groups for v in rng.choice(g, len(g))))
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{statistics.fmean(percentile(v, field) for g in groups for v in g):.0f} ({low:.0f} to {high:.0f})"


def cost(evolutions: list[list[tuple[float, float]]], targets: list[float], seconds: float) -> str:
    """Median time until evolution has such a validation accuracy, over all pairs of an evolution and a found network."""
    times = [next((at for at, best in course if best >= target), math.inf) for course in evolutions for target in targets]
    reached, median = sum(map(math.isfinite, times)), statistics.median(times)
    shown = f"{median:.0f} s ({median / seconds:.1f} times)" if math.isfinite(median) else f"over {max(c[-1][0] for c in evolutions):.0f} s"
    return f"{shown}, reached in {reached} of {len(times)}"


def spread(values: np.ndarray) -> str:
    return f"{100 * values.mean():.2f} ± {100 * values.std(ddof=1):.2f}" if len(values) > 1 else f"{100 * values.mean():.2f}"


if __name__ == "__main__":
    main()
