"""Why evolution finds more here than published: regularised evolution on NAS-Bench-201 once more, on its own, with each difference alone.

    python benchmarks/published_evolution.py --path TABLES --seeds 500

The published runs (Dong and Yang 2020) have a population of 10, tournaments of 3, and train what they propose again once more. The protocol
is theirs but for the clock: 95 evaluations, validation after 12 epochs guides, test accuracy after 200 epochs is reported.
"""

from __future__ import annotations

import argparse
from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.tables import open_problem

Table = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--evaluations", type=int, default=95)
    options = parser.parse_args()
    sets = ("cifar10", "cifar100", "imagenet16-120")
    tables = [as_arrays(options.path, name) for name in sets]
    print("| population | tournament | what is proposed again | " + " | ".join(sets) + " |\n|---|---|---|---|---|---|")
    for population, tournament in ((10, 3), (20, 5)):
        for counted in (True, False):
            cells = []
            for guide, test in tables:
                found = [evolved(guide, test, seed, population, tournament, counted, options.evaluations) for seed in range(options.seeds)]
                cells.append(f"{100 * np.mean(found):.2f} ± {100 * np.std(found):.2f}")
            print(f"| {population} | {tournament} | {'counts' if counted else 'does not count'} | {' | '.join(cells)} |", flush=True)


def as_arrays(path: Path, name: str) -> tuple[Table, Table]:
    """Guiding results, one per repetition, and test results of all cells, each axis a decision: ``(5,) * 6`` (and repetitions)."""
    problem = open_problem("nasbench201", name, path, guide="12")
    options = [d.options for d in problem.space.decisions]
    guide = np.asarray(problem.levels[-1].metrics[problem.metric]).reshape(problem.rows, -1)
    assert problem.tested is not None
    first, second = np.empty((*map(len, options), guide.shape[1])), np.empty(tuple(map(len, options)))
    for architecture in problem.space.enumerate(most=problem.rows):
        at = tuple(o.index(choice) for o, choice in zip(options, architecture.as_dict.values(), strict=True))
        first[at], second[at] = guide[problem.row(architecture)], problem.tested[problem.row(architecture)]
    return first, second


def evolved(guide: Table, test: Table, seed: int, population: int, tournament: int, counted: bool, evaluations: int) -> float:
    """The test result of the best by validation (Real et al. 2019, algorithm 1)."""
    rng, alive, seen, n = np.random.default_rng(seed), deque[tuple[int, ...]](maxlen=population), dict[tuple[int, ...], float](), 0
    while n < evaluations:
        if len(alive) < population:
            child = tuple(int(rng.integers(k)) for k in test.shape)
        else:
            parent = max((alive[k] for k in rng.integers(population, size=tournament)), key=lambda cell: seen[cell])
            place = int(rng.integers(test.ndim))
            other = (parent[place] + 1 + int(rng.integers(test.shape[place] - 1))) % test.shape[place]
            child = (*parent[:place], other, *parent[place + 1 :])
        n += counted or child not in seen
        seen[child] = float(guide[child][seed % guide.shape[-1]])
        alive.append(child)
    return float(test[max(seen, key=lambda cell: seen[cell])])


if __name__ == "__main__":
    main()
