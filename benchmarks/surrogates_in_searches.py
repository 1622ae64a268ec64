"""Which of two models orders networks better in whole searches: the one that earlier tasks taught, or the one that knows this task alone.

    python benchmarks/surrogates_in_searches.py DATA TABLES FOLDER --sets kin8nm,phoneme

FOLDER is what ``prior_on_real_data.py DATA TABLES --out FOLDER`` has left: searches with and without a prior on the same data, and priors
that have not seen them. Both models are told the first results of one search, and asked to order 250 networks that other searches tried and
this one had not. Printed is Spearman's correlation with the measured scores, mean over six searches (three of each kind), and how good the
ten are that a model puts first, on average: 0 is the median of the 250, 1 the best of them. Below that, how large the networks are that
searches come to.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prior_on_real_data import task_of
from scipy.stats import spearmanr

from metanas.machine import one_thread
from metanas.meta.prior import load_prior
from metanas.records import LOWER_IS_BETTER
from metanas.search.loop import CONFIRMING
from metanas.spaces import Architecture, make_space
from metanas.strategies.cold import Cold, promising

AT = (8, 16, 32, 64, 96)
ASKED, SEARCHES, FIRST, LAST = 250, 3, 10, 50
Told = list[tuple[Architecture, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("out", type=Path, metavar="FOLDER")
    parser.add_argument("--sets", default="kin8nm,phoneme,cal_housing,concrete")
    parser.add_argument("--per-class", type=int, default=None)
    options = parser.parse_args()
    print("| data set | results | taught: correlation | its first ten | cold: correlation | its first ten |\n|---|" + "---|" * 5)
    with one_thread():
        for name in options.sets.split(","):
            compare(options, name)
        for name in options.sets.split(","):
            sizes = [size for store in options.out.glob(f"{name}-*/store.db") for size in parameters(store)[-LAST:]]
            print(f"{name}: the last {LAST} networks of a search have {np.median(sizes):,.0f} parameters (median)")


def compare(options: argparse.Namespace, name: str) -> None:
    """The rows of a data set."""
    task = task_of(options, name)
    space = make_space("mlp", task.prepare()[0].shape)
    surrogate = load_prior(options.out / f"{name}.prior").surrogate(space, task.describe())
    assert surrogate is not None
    sign = -1.0 if task.metric in LOWER_IS_BETTER else 1.0
    stores = [sorted(options.out.glob(f"{name}-{arm}-*/store.db")) for arm in ("cold", "warm")]
    searches = [results(store, sign) for some in stores for store in some]
    judged = [*range(SEARCHES), *range(len(stores[0]), len(stores[0]) + SEARCHES)]
    for count in AT:
        found = []
        for own in judged:
            known, values = [a for a, _ in searches[own][:count]], np.array([v for _, v in searches[own][:count]])
            told = {a.key for a in known}
            others = {a.key: (a, v) for place, search in enumerate(searches) if place != own for a, v in search if a.key not in told}
            pairs = list(others.values())
            chosen = np.random.default_rng(0).permutation(len(pairs))[:ASKED]
            asked, scores = [pairs[k][0] for k in chosen], np.array([pairs[k][1] for k in chosen])
            cold = Cold(space)
            cold.fit(known, promising(values), count)
            means = surrogate.condition(known, values, asked)[0], cold.condition(known, promising(values), asked)[0]
            found.append([number for mean in means for number in (spearmanr(mean, scores)[0], first_ten(mean, scores))])
        print(f"| {name} | {count} | " + " | ".join(f"{value:.2f}" for value in np.mean(found, axis=0)) + " |", flush=True)


def results(store: Path, sign: float) -> Told:
    """What a search tried, in order, and how good it was, larger is better."""
    query = f"select architecture, score from evaluations where score is not null and proposal < {CONFIRMING} order by proposal"
    with sqlite3.connect(store) as connection:
        return [(Architecture.from_json(json.loads(record)), sign * score) for record, score in connection.execute(query)]


def parameters(store: Path) -> list[int]:
    """Of the networks that a search tried, in order."""
    with sqlite3.connect(store) as connection:
        rows = connection.execute(f"select costs from evaluations where score is not null and proposal < {CONFIRMING} order by proposal")
        return [int(json.loads(costs)["parameters"]) for (costs,) in rows]


def first_ten(mean: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """How good those are that a model puts first, between the median and the best."""
    middle = float(np.median(scores))
    return float((scores[np.argsort(-mean)[:FIRST]].mean() - middle) / (scores.max() - middle))


if __name__ == "__main__":
    main()
