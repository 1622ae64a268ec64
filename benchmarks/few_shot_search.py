"""Meta-learned architectures against fixed ones: Omniglot, Vinyals' test classes, the same time for all.

    python benchmarks/few_shot_search.py omniglot.npz --budget 10m --seeds 3 --out FOLDER
    python benchmarks/few_shot_search.py omniglot.npz --budget 10m --seeds 3 --out FOLDER --only t-nas,maml

- ``t-nas``, ``metanas-reptile``: meta-learn the supernet of the few-shot space around the four-convolution network;
- ``maml``: on the four-convolution network;
- ``maml-random``: on an architecture of that space drawn at random (another for each seed), as wide as gives it the same number of
  parameters within 10 %.

Every run is a process of its own with one thread, ``--at-once`` of them side by side, methods in turn, so that a busy machine is busy for
all. The budget is for training with its validations; then the state that validated best is judged on fixed test episodes of classes never
seen before. Runs that were cut off go on where they stood; finished ones are read again. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

from metanas.delivery.files import write_json
from metanas.delivery.model import FOLDER
from metanas.machine import ONE_THREAD
from metanas.meta import few_shot_space, four_conv, load_checkpoint
from metanas.meta.space_learner import SpaceLearner
from metanas.search.meta import meta_train
from metanas.search.meta.loop import BEST
from metanas.search.meta.points import EpisodeScore
from metanas.spaces import Architecture, TaskShape
from metanas.spaces.graph import Graph
from metanas.tasks.few_shot import EpisodeSampler, read_few_shot

METHODS = ("t-nas", "metanas-reptile", "maml", "maml-random")
WAYS, SHOTS = 5, 1
WITHIN = 0.1
WIDEST = 4
"""So many times as wide as the four-convolution network a random architecture may be."""
VALIDATION_EPISODES = 100
TOGETHER = 20
"""Test episodes that are judged in one call."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(METHODS))
    parser.add_argument("--width", type=int, default=32, help="channels of the four-convolution network and of the supernet")
    parser.add_argument("--queries", type=int, default=5, help="of each class, in training episodes")
    parser.add_argument("--test-episodes", type=int, default=1000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run", nargs=2, metavar=("METHOD", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        one_run(options, options.run[0], int(options.run[1]))
        return
    methods = [name.strip() for name in options.only.split(",")]
    if strange := set(methods) - set(METHODS):
        parser.error(f"--only knows {', '.join(METHODS)}, not {', '.join(sorted(strange))}")
    turns = [(method, seed) for seed in range(options.seeds) for method in methods]
    with ThreadPoolExecutor(options.at_once) as pool:
        results = dict(zip(turns, pool.map(lambda turn: in_process(options, *turn), turns), strict=True))
    report({method: [results[method, seed] for seed in range(options.seeds)] for method in methods})


def in_process(options: argparse.Namespace, method: str, seed: int) -> dict[str, Any]:
    """What one run found, by a process of its own unless it has ended before."""
    place = options.out / f"{method}-{seed}"
    if not (place / "found.json").exists():
        command = [sys.executable, __file__, *sys.argv[1:], "--run", method, str(seed)]
        place.mkdir(parents=True, exist_ok=True)
        with (place / "log.txt").open("a") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, env={**os.environ, **ONE_THREAD})
    found: dict[str, Any] = json.loads((place / "found.json").read_text(encoding="utf-8"))
    return found


# -- one run -----------------------------------------------------------------------------------------------------------------


def one_run(options: argparse.Namespace, method: str, seed: int) -> None:
    """Train, judge, write ``found.json``."""
    torch.set_num_threads(1)
    place = options.out / f"{method}-{seed}"
    data = read_few_shot(options.data, split="vinyals", ways=WAYS)
    family = EpisodeSampler(data, WAYS, SHOTS)
    chosen: dict[str, Any] = {"method": method, "width": options.width}
    if method == "maml-random":
        graph = random_graph(family.shape, options.width, seed)
        write_json(place / "graph.json", graph.to_json())
        chosen = {"method": "maml", "network": str(place / "graph.json")}
    elif method == "maml":
        chosen["network"] = "four-conv"
    result = place / "training" / "result.json"
    if not result.exists() or not json.loads(result.read_text(encoding="utf-8"))["complete"]:
        asked = {"split": "vinyals", "ways": WAYS, "shots": SHOTS, "queries": options.queries, "seed": seed, "device": options.device}
        episodes = {"validation_episodes": VALIDATION_EPISODES, "test_episodes": 2}  # the test proper follows, outside the budget
        meta_train(options.data, **chosen, **asked, **episodes, budget=options.budget, out=place / "training")
    record = json.loads(result.read_text(encoding="utf-8"))
    kept = {name: record[name] for name in ("parameters", "steps", "best_step", "episodes_seen", "seconds", "settings")}
    judged = judge(result.parent / FOLDER / BEST, family, options)
    write_json(result.parent.parent / "found.json", {"method": method, "seed": seed, **kept, **judged})


def random_graph(shape: TaskShape, width: int, seed: int) -> Graph:
    """An architecture of the space drawn at random, as wide as gives it the parameters of the four-convolution network."""
    aim, rng = four_conv(shape, width=width).parameters, np.random.default_rng(seed)
    space = few_shot_space(shape, width=width)
    while True:
        drawn = space.sample(rng)
        graphs = [few_shot_space(shape, width=w).graph(Architecture(drawn.space, drawn.choices)) for w in range(2, WIDEST * width + 1)]
        best = min(graphs, key=lambda graph: abs(graph.parameters - aim))
        if abs(best.parameters - aim) <= WITHIN * aim and drawn != space.baseline:
            return best


def judge(checkpoint: Path, family: EpisodeSampler, options: argparse.Namespace) -> dict[str, Any]:
    """Scores on the test episodes; of a learner in a space also of the decoded networks, and what these are."""
    found = load_checkpoint(checkpoint, device=options.device)
    learner, state = found.learner, found.state
    scores: dict[str, list[float]] = {}
    architectures: list[Architecture] = []
    for first in range(0, options.test_episodes, TOGETHER):
        episodes = family.batch("test", first, min(TOGETHER, options.test_episodes - first)).tensors(options.device)
        if isinstance(learner, SpaceLearner):
            compared = learner.compare(state, episodes)
            architectures += compared.architectures
            parts = {name: getattr(compared, name) for name in ("soft", "decoded", "alone")}
        else:
            parts = {"soft": learner.evaluate(state, episodes)["accuracy"]}
        for name, values in parts.items():
            scores.setdefault(name, []).extend(values.tolist())
    told: dict[str, Any] = {name: dataclasses.asdict(EpisodeScore.of(values)) for name, values in scores.items()}
    if isinstance(learner, SpaceLearner):
        space, counts = learner.model.space, Counter(architectures)
        sizes = [space.graph(a).parameters for a in architectures]
        most = [{"choices": dict(a.choices), "episodes": n} for a, n in counts.most_common(5)]
        told |= {"distinct": len(counts), "most_common": most, "decoded_parameters": statistics.fmean(sizes)}
    return told


# -- the table ---------------------------------------------------------------------------------------------------------------


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """Markdown: a row for each method and way to judge it, then the seeds one by one."""
    print("| method | test accuracy (%) | parameters | outer steps | training episodes | architectures |")
    print("|---|---|---|---|---|---|")
    views = {"soft": "", "decoded": ", decoded", "alone": ", decoded and adapted alone"}
    for method, runs in found.items():
        for view, words in views.items():
            if view in runs[0]:
                key = "parameters" if view == "soft" else "decoded_parameters"
                numbers = (statistics.fmean(r[name] for r in runs) for name in (key, "steps", "episodes_seen"))
                distinct = f"{statistics.fmean(r['distinct'] for r in runs):.0f}" if "distinct" in runs[0] else "1"
                print(f"| `{method}`{words} | {interval([r[view]['mean'] for r in runs])} | {cells(numbers)} | {distinct} |")
    print(
        f"\nMeans over {len(next(iter(found.values())))} seeds with 95 % intervals (Student's t); `architectures`: distinct ones among the"
    )
    print("test episodes of a seed. Seed by seed, with the interval over episodes:\n")
    for method, runs in found.items():
        for view in views:
            if view in runs[0]:
                each = ", ".join(f"{100 * r[view]['mean']:.2f} ± {100 * r[view]['margin']:.2f}" for r in runs)
                print(f"- `{method}` ({view}): {each}")


def cells(numbers: Any) -> str:
    return " | ".join(f"{number:,.0f}" for number in numbers)


def interval(values: list[float]) -> str:
    """Mean and half of its 95 % interval, in percent."""
    if len(values) < 2:
        return f"{100 * values[0]:.2f}"
    margin = student.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{100 * statistics.fmean(values):.2f} ± {100 * margin:.2f}"


if __name__ == "__main__":
    main()
