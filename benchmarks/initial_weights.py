"""Epochs to a given accuracy from learned initial weights against fresh ones, on data sets that were left out.

    python -m benchmarks.initial_weights pictures --data ../shared/data [--seeds 3] [--examples 150] [--epochs 15] [--out rows.jsonl]
    python -m benchmarks.initial_weights tables --data ../shared/data
    python -m benchmarks.initial_weights report rows.jsonl

Each data set is left out in turn: a bank is made of all others by Reptile (the space's plain network on as many examples), and networks of
the space are trained on the one left out, from fresh weights, from the bank's, and from those that the quick check prefers: its plain
network, the plain one with some choices changed at random, and random ones. The goal is the fresh training's final validation accuracy (of
the plain network: the mean over the seeds) less one standard error; counted are the epochs until it is reached for the first time, and
the accuracy after the last. Small pictures (8 to 16 pixels a side, grey), one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from metanas.evaluation.guard import TrainingSettings, Watch
from metanas.evaluation.learner import Learner
from metanas.evaluation.recipe import step_size, warm_up_steps
from metanas.evaluation.start import Weights, checked_start, take
from metanas.evaluation.tensors import Tensors
from metanas.meta.initialiser import Bank, EarlierData, reptile
from metanas.meta.prior.embedding import attribute_names, embedded
from metanas.records import Candidate, Fidelity, Proposal
from metanas.spaces import Architecture, Space, make_space
from metanas.tasks import Task
from metanas.tasks.metrics import compute_one

SPACES = {"pictures": "convnet", "tables": "mlp"}
KINDS = ("plain", "changed", "random")
CHANGES = 4
"""Choices by which a changed network differs from the plain one."""
LARGEST = 150_000
"""Parameters of networks that are drawn."""
VALIDATION = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=(*SPACES, "report"))
    parser.add_argument("rows", nargs="?", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", default="plain,changed", help=f"of networks, one of each per seed: {', '.join(KINDS)}")
    parser.add_argument("--examples", type=int, default=150)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3, help="of Reptile over the earlier tasks")
    parser.add_argument("--inner", type=int, default=8, help="epochs of its trainings")
    parser.add_argument("--sets", help="only these are left out, comma separated")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "report":
        rows = [json.loads(line) for line in asked.rows.read_text().splitlines()]
    else:
        rows = []
        for row in measured(asked):
            rows.append(row)
            if asked.out is not None:
                with asked.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print("\n".join(table(rows)))


def measured(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row per data set left out, seed and network."""
    known = dict(pictures(asked.data, asked.examples) if asked.what == "pictures" else tables(asked.data, asked.examples))
    for name in asked.sets.split(",") if asked.sets else known:
        began = time.process_time()
        earlier = [earlier_data(SPACES[asked.what], other, task) for other, task in known.items() if other != name]
        bank = reptile(earlier, rounds=asked.rounds, epochs=asked.inner, origin="benchmark")
        made = time.process_time() - began
        task = known[name]
        data, embedding = Tensors.of(task.prepare()[0]), embedded(task.describe(), attribute_names())
        space = make_space(SPACES[asked.what], data.data.shape)
        for seed in range(asked.seeds):
            for kind in asked.kinds.split(","):
                candidate = closed(space, drawn(space, kind, seed), asked.epochs, seed)
                row = compared(candidate, data, bank, embedding)
                yield {"set": name, "seed": seed, "kind": kind, "bank_seconds": made, "validation": len(data.y_val), **row}


def pictures(folder: Path, examples: int) -> Iterator[tuple[str, Task]]:
    """Five sources of small grey pictures."""
    from sklearn.datasets import load_digits

    def task(name: str, x: Any, y: Any) -> tuple[str, Task]:
        rows = np.random.default_rng(0).permutation(len(y))[: examples + VALIDATION]
        x, y = np.asarray(x)[rows], np.unique(np.asarray(y)[rows], return_inverse=True)[1]
        held = min(VALIDATION, len(y) // 2)
        few = slice(held, held + examples)
        return name, Task.from_arrays(x[few], y[few], x_val=x[:held], y_val=y[:held], x_test=x[:2], y_test=y[:2], name=name, kind="image")

    fashion = np.load(folder / "fashion_mnist" / "fashion_mnist.npz")
    yield task("fashion_mnist", smaller(fashion["x_train"][:4000], 2), fashion["y_train"][:4000])
    ink = np.load(folder / "omniglot" / "omniglot.npz")["x"][:40]
    yield task("omniglot", smaller(ink.reshape(-1, 28, 28), 2), np.repeat(np.arange(len(ink)), 20))
    signs = np.load(folder / "sign_digits" / "sign_digits.npz")
    yield task("sign_digits", smaller(signs["x_train"], 4), signs["y_train"])
    digits = load_digits()
    yield task("digits", np.minimum(digits.images * 16, 255).astype(np.uint8), digits.target)
    colour = np.load(folder / "cifar_fs" / "cifar_fs.npz")["x_train"][:10]
    yield task("cifar_fs", smaller(colour.mean(-1).reshape(-1, 32, 32), 2), np.repeat(np.arange(len(colour)), 100))


def tables(folder: Path, examples: int) -> Iterator[tuple[str, Task]]:
    """Classification on tables."""
    import pandas as pd

    for name in ("phoneme", "segment", "vehicle", "credit_g", "sick", "car", "adult"):
        whole = pd.read_parquet(folder / "tabular" / f"{name}.parquet")
        rows = whole[whole["split"] == "train"].drop(columns="split").sample(frac=1.0, random_state=0)
        yield name, Task.from_table(rows[: 2 * examples], target="target", name=name)  # about as many are left to train on


def smaller(x: Any, factor: int) -> Any:
    """Pictures ``(n, side, side)`` with squares of pixels averaged."""
    n, side = len(x), x.shape[1] // factor
    return x.reshape(n, side, factor, side, factor).mean((2, 4)).astype(np.uint8)


def earlier_data(space: str, name: str, task: Task) -> EarlierData:
    data = task.prepare()[0]
    its = make_space(space, data.shape)
    return EarlierData(name, name, embedded(task.describe(), attribute_names()), data, closed(its, its.baseline, 1, 0))


def drawn(space: Space, kind: str, seed: int) -> Architecture:
    rng, few = np.random.default_rng(seed), space.within(parameters=LARGEST)
    if kind == "random":
        return few.sample(rng)
    architecture = space.baseline
    for _ in range(CHANGES if kind == "changed" else 0):
        architecture = few.mutate(architecture, rng)
    return architecture


def closed(space: Space, architecture: Architecture, epochs: int, seed: int) -> Candidate:
    return Candidate(Proposal(0, architecture, Fidelity(epochs)), space.graph(architecture), space.recipe(architecture), seed)


def compared(candidate: Candidate, data: Tensors, bank: Bank, embedding: Any) -> dict[str, Any]:
    """Learning curves from fresh and from learned weights, and which of them the check prefers."""
    start = bank.start(candidate.graph, embedding)
    weights = {} if start is None else start.weights
    row: dict[str, Any] = {"fresh": curve(candidate, data, None), "learned": curve(candidate, data, weights)}
    with torch.random.fork_rng():
        torch.manual_seed(candidate.seed)
        fresh = Learner(candidate, data)
        steps = candidate.proposal.fidelity.epochs * fresh.steps_per_epoch
        warm_up = warm_up_steps(steps, fresh.steps_per_epoch)
        watch = Watch(math.inf, time.monotonic(), TrainingSettings())
        _, check = checked_start(fresh, lambda: Learner(candidate, data), weights, data, watch, steps, warm_up)
    known = sum(w.numel() for w in weights.values()) / candidate.graph.parameters
    told = {} if check is None else {"check_fresh": check.fresh, "check_learned": check.learned}
    return {**row, "took": bool(check and check.helps), "known": known, "parameters": candidate.graph.parameters, **told}


def curve(candidate: Candidate, data: Tensors, weights: Weights | None) -> list[float]:
    """Validation accuracy after every epoch."""
    with torch.random.fork_rng():
        torch.manual_seed(candidate.seed)
        learner = Learner(candidate, data)
        if weights:
            take(learner.network, weights)
        steps = candidate.proposal.fidelity.epochs * learner.steps_per_epoch
        warm_up = warm_up_steps(steps, learner.steps_per_epoch)
        scores = []
        for step in range(steps):
            learner.step(step_size(step, steps, warm_up))
            if (step + 1) % learner.steps_per_epoch == 0:
                scores.append(float(compute_one("accuracy", data.data.y_val, learner.validate().outputs.numpy())))
    return scores


def reached(scores: Sequence[float], goal: float) -> int | None:
    """The first epoch, from 1, that reaches the goal."""
    return next((epoch for epoch, score in enumerate(scores, 1) if score >= goal), None)


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line per data set and kind of network: epochs to the goal (unreached ones count as one more than there were), final accuracy."""
    yield "| left out | network | goal | epochs: fresh | learned | checked | unreached | final: fresh | learned | checked | took |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for name in dict.fromkeys(row["set"] for row in rows):
        for kind in KINDS:
            some = [row for row in rows if (row["set"], row["kind"]) == (name, kind)]
            if some:
                yield _line(name, kind, some)


def _line(name: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> str:
    found: dict[str, list[Sequence[float]]] = {
        "fresh": [row["fresh"] for row in rows],
        "learned": [row["learned"] for row in rows],
        "checked": [row["learned" if row["took"] else "fresh"] for row in rows],
    }
    goals = []
    for row in rows:  # other networks differ from seed to seed, so that each has its own goal
        final = fmean(r["fresh"][-1] for r in rows) if kind == "plain" else row["fresh"][-1]
        goals.append(final - math.sqrt(max(final * (1 - final), 1e-9) / row["validation"]))
    epochs = {
        how: [reached(curve, goal) or len(curve) + 1 for curve, goal in zip(curves, goals, strict=True)] for how, curves in found.items()
    }
    never = "/".join(str(sum(e > len(rows[0]["fresh"]) for e in epochs[how])) for how in found)
    cells = [name, kind, f"{fmean(goals):.3f}", *(_spread(epochs[how], 1) for how in found), never]
    cells += [_spread([curve[-1] for curve in found[how]], 3) for how in found]
    return "| " + " | ".join([*cells, f"{sum(row['took'] for row in rows)} of {len(rows)}"]) + " |"


def _spread(numbers: Sequence[float], digits: int) -> str:
    deviation = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else math.nan
    return f"{fmean(numbers):.{digits}f} ± {deviation:.{digits}f}"


if __name__ == "__main__":
    main()
