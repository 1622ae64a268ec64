"""Do training-free scores say how well a network will learn? Random networks on a data set of scikit-learn.

    OMP_NUM_THREADS=1 python benchmarks/zero_cost_correlation.py --data digits --networks 40 --epochs 5

Every network is scored on one batch and then trained for a few epochs with the plain network's recipe (scores can't see a recipe);
one that diverges counts as the worst. Printed: Spearman's rank correlation of each score with the best validation score (ties broken
by the validation loss), and of the sum of ranks of sets of three scores; CPU time per network and score. With 40 networks, correlations
beyond 0.31 in size come by chance once in twenty times.
"""

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr

import metanas
from metanas.evaluation.guard import CandidateFailedError
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train
from metanas.evaluation.zero_cost import SCORES, ZeroCostEvaluator
from metanas.records import Candidate, Fidelity, Proposal, lower_is_better
from metanas.spaces import Architecture, Space, make_space

FOREVER = float("inf")
FLOPS_RATIO = 4
"""FLOPs that a network may have in those of the plain one."""
SIGN = {False: 1.0, True: -1.0}
WORST = -1e9
SHOWN = 12
"""Sets of three scores that are printed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="digits (convolution networks), breast_cancer, diabetes, ... (dense networks)")
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write everything measured there, as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    task = metanas.Task.from_sklearn(options.data, seed=options.seed)
    tensors = Tensors.of(task.prepare()[0])
    whole = make_space(None, tensors.data.shape)
    space = whole.within(flops=FLOPS_RATIO * whole.graph(whole.baseline).flops)
    rng = np.random.default_rng(options.seed)
    rows = [measured(space, plainly_trained(space, rng), tensors, i, options.epochs) for i in range(options.networks)]
    if options.out:
        options.out.write_text(json.dumps(rows), encoding="utf-8")
    report(rows)


def plainly_trained(space: Space, rng: np.random.Generator) -> Architecture:
    """A random architecture with the plain network's recipe."""
    recipe = {name: value for name, value in space.baseline.as_dict.items() if name.startswith("recipe.")}
    return space.architecture({**space.sample(rng).as_dict, **recipe})


def measured(space: Space, architecture: Architecture, tensors: Tensors, number: int, epochs: int) -> dict[str, float]:
    graph, recipe = space.graph(architecture), space.recipe(architecture)
    row: dict[str, float] = {}
    for name in SCORES:
        candidate = Candidate(Proposal(number, architecture, Fidelity(0)), graph, recipe, number)
        began = time.process_time()
        (evaluation,) = ZeroCostEvaluator(tensors, scores=(name,)).evaluate([candidate], FOREVER)
        row[f"ms:{name}"] = 1e3 * (time.process_time() - began)
        row[name] = evaluation.metrics.get(name, float("nan"))
    try:
        outcome = train(Candidate(Proposal(number, architecture, Fidelity(epochs)), graph, recipe, number), tensors, deadline=FOREVER)
        best = next(point for point in outcome.curve if point["epoch"] == outcome.epochs)
        row["value"], row["loss"] = SIGN[lower_is_better(tensors.data.metric)] * best["score"], best["validation_loss"]
    except CandidateFailedError:
        row["value"], row["loss"] = WORST, -WORST
    came = f"{tensors.data.metric} {abs(row['value']):.4f}" if row["value"] > WORST else "diverged"
    print(f"{number:3d}  {came}  {graph.parameters:8,} parameters", flush=True)
    return row


def report(rows: list[dict[str, float]]) -> None:
    order = np.lexsort(([-row["loss"] for row in rows], [row["value"] for row in rows]))
    quality = np.empty(len(rows))
    quality[order] = np.arange(len(rows))
    values = [abs(row["value"]) for row in rows if row["value"] > WORST]
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"\n{len(rows)} networks, validation score {low:.3f} to {high:.3f}, median {middle:.3f}; {len(rows) - len(values)} diverged")
    ranks = {name: rankdata([row[name] if np.isfinite(row[name]) else -np.inf for row in rows]) for name in SCORES}
    for name, rank in ranks.items():
        found = spearmanr(rank, quality)
        spent = statistics.median(row[f"ms:{name}"] for row in rows)
        print(f"{name:12s} {found.statistic:+.2f}  (p {found.pvalue:.4f})  {spent:6.1f} ms")
    print("sums of ranks")
    sets = [(round(float(spearmanr(sum(ranks[n] for n in s), quality).statistic), 2), s) for s in itertools.combinations(SCORES, 3)]
    for value, names in [*sorted(sets, reverse=True)[:SHOWN], *(pair for pair in sets if {"naswot", "synflow"} <= set(pair[1]))]:
        print(f"{value:+.2f}  {' + '.join(names)}")


if __name__ == "__main__":
    main()
