"""How evaluations scale over worker processes: the same convolution networks trained by one worker and by two.

    python benchmarks/workers.py --candidates 8 --workers 1 2

Prints the seconds and the ratio to one worker; one computing thread each. Starting the workers is not counted.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from metanas.records import Candidate, Fidelity, Proposal
from metanas.search.executors import LocalExecutor
from metanas.search.session import Hello
from metanas.spaces import make_space
from metanas.tasks import Task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--examples", type=int, default=4000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (options.examples, 28, 28), dtype=np.uint8), rng.integers(0, 10, options.examples)
    task = Task.from_arrays(x, y, kind="image")
    data = task.prepare()[0]
    space = make_space("convnet", data.shape)
    graph, recipe = space.graph(space.baseline), space.recipe(space.baseline)
    candidates = [Candidate(Proposal(i, space.baseline, Fidelity(2)), graph, recipe, i) for i in range(options.candidates)]
    seconds: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        data.save(Path(folder))
        for workers in options.workers:
            executor = LocalExecutor(workers, Hello(folder))
            warm = [Candidate(Proposal(-1 - i, space.baseline, Fidelity(1, 0.1)), graph, recipe, 0) for i in range(workers)]
            seconds[workers] = run(executor, warm) * 0 + run(executor, candidates)
            executor.close()
            print(
                f"{workers} workers: {seconds[workers]:6.1f} s, {seconds[options.workers[0]] / seconds[workers]:.2f} times one", flush=True
            )


def run(executor: LocalExecutor, candidates: list[Candidate]) -> float:
    """Seconds until all candidates are evaluated."""
    began = time.monotonic()
    for candidate in candidates:
        executor.submit([candidate], time.monotonic() + 3600)
    left = len(candidates)
    while left:
        left -= len(executor.results(10.0))
    return time.monotonic() - began


if __name__ == "__main__":
    main()
