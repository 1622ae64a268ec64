"""Strategies compared by whole searches on one real data set: the same budget for all, several seeds, paired by seed.

    python benchmarks/compare_strategies.py fashion_mnist.npz --strategy random,evolution,bayes --budget 2m --seeds 5 --out FOLDER

Every search runs with one worker and no memory of the others, ``--at-once`` of them side by side; strategies take turns, so that a busy
machine is busy for all of them. Finished searches stay in FOLDER; running again adds what is missing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import friedmanchisquare, wilcoxon


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--strategy", default="random,evolution,reinforce,bayes,hyperband:evolution")
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, help="search on so many training examples of an .npz; the test part stays whole")
    parser.add_argument("--more", nargs="*", default=[], help="further options of `metanas search`, each as --name=value")
    options = parser.parse_args()
    if options.rows:
        options.data = part(options.data, options.rows, options.out)
    names = options.strategy.split(",")
    turns = [(name, seed) for seed in range(options.seeds) for name in names]
    with ThreadPoolExecutor(options.at_once) as pool:
        results = dict(zip(turns, pool.map(lambda turn: result(options, *turn), turns), strict=True))
    report({name: [results[name, seed] for seed in range(options.seeds)] for name in names})


def part(data: Path, rows: int, folder: Path) -> Path:
    """An archive with some of the training examples, drawn at random."""
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(data, allow_pickle=False) as whole:
        kept = np.sort(np.random.default_rng(0).permutation(len(whole["y_train"]))[:rows])
        chosen = {name: whole[name][kept] if name.endswith("train") else whole[name] for name in whole.files}
    np.savez(folder / "part.npz", **chosen)
    return folder / "part.npz"


def result(options: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """``result.json`` of one search; what was cut off begins anew."""
    folder = options.out / f"{name.replace(':', '-')}-{seed}"
    if not (folder / "result.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "metanas", "search", str(options.data), "--strategy", name, "--seed", str(seed)]
        command += ["--budget", options.budget, "--metric", options.metric, "--workers", "1", "--no-store", "--out", str(folder)]
        subprocess.run([*command, *options.more], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """A row per strategy, then the tests over seeds."""
    print(f"{'strategy':22}{'test':>16}{'validation':>18}{'trials':>8}{'parameters':>12}{'seconds':>9}")
    scores = {name: [float(r["test"]["score"]) for r in runs] for name, runs in found.items()}
    for name, runs in found.items():
        validation = [float(r["validation"]["score"]) for r in runs if r["validation"].get("score") is not None]
        trials, parameters, seconds = (statistics.median(r[key] for r in runs) for key in ("trials", "parameters", "seconds"))
        print(f"{name:22}{spread(scores[name]):>16}{spread(validation):>18}{trials:8.0f}{parameters:12,.0f}{seconds:9.0f}")
    if len(scores) > 2:
        print(f"Friedman over {len(next(iter(scores.values())))} seeds: p = {friedmanchisquare(*scores.values()).pvalue:.2g}")
    first, *others = scores
    for name in others:
        differences = [a - b for a, b in zip(scores[name], scores[first], strict=True)]
        p = wilcoxon(differences).pvalue if any(differences) else 1.0
        print(f"{name} against {first}: {100 * statistics.fmean(differences):+.2f} points, Wilcoxon p = {p:.2g}")


def spread(values: list[float]) -> str:
    """Mean and standard deviation in percent."""
    return f"{100 * statistics.fmean(values):.2f} ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else "–"


if __name__ == "__main__":
    main()
