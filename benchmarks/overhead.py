"""The search's own cost per trial: everything but the evaluation, with a store on disk.

    python benchmarks/overhead.py --trials 400

An executor that answers at once takes the place of training; what remains is asking, closing the graph, looking into the store,
writing to it, telling and observing.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metanas.experience import Experience
from metanas.interfaces import Executor
from metanas.records import Candidate, Evaluation, Fidelity, Objective, TaskDescription
from metanas.search.journal import Journal
from metanas.search.loop import Loop
from metanas.spaces import TaskShape, make_space
from metanas.strategies import Brief, make_strategy

SHAPES = {"mlp": TaskShape("table", (14,), 2, numeric=6), "convnet": TaskShape("image", (1, 28, 28), 10)}


class Instant(Executor):
    """Answers every candidate at once with a made-up score and a curve of 30 epochs."""

    def __init__(self) -> None:
        self.waiting: list[Candidate] = []

    def submit(self, group: Sequence[Candidate], *rest: Any) -> None:
        self.waiting += group

    def call(self, *job: Any) -> None:
        raise NotImplementedError

    def results(self, timeout: float) -> list[Evaluation]:
        done, self.waiting = self.waiting, []
        curve = tuple({"epoch": float(e), "loss": 1 / e, "score": 1 - 1 / e} for e in range(1, 31))
        return [Evaluation(c.proposal, {"accuracy": (c.seed % 1000) / 1000}, {}, curve, 30, c.seed, 0.0) for c in done]

    def drop(self, patience: float = 0.0) -> None:
        self.waiting.clear()

    def close(self) -> None:
        self.waiting.clear()


def measure(space_name: str, strategy: str, trials: int) -> float:
    """Milliseconds per trial."""
    shape = SHAPES[space_name]
    space = make_space(space_name, shape).within(parameters=100_000)
    brief = Brief(space, Objective.of("accuracy"), (Fidelity(1), Fidelity(3), Fidelity(9)))
    with tempfile.TemporaryDirectory() as folder, Experience(Path(folder) / "store.db") as experience:
        experience.add_task("task", TaskDescription("task", "classification", shape, 1000, "accuracy"))
        search = experience.start_search("task", strategy=strategy, space=space_name, metric="accuracy", seed=0)
        journal = Journal(experience, search, "task", "accuracy", lambda: 0.0)
        loop = Loop(space, make_strategy(strategy, brief), brief.objective, Instant(), journal, seed=0, lookahead=8, trials=trials)
        began = time.perf_counter()
        loop.run(float("inf"))
        return 1e3 * (time.perf_counter() - began) / len(loop.evaluations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=400)
    trials = parser.parse_args().trials
    for space in SHAPES:
        for strategy in ("random", "evolution", "hyperband:evolution"):
            print(f"{space:10}{strategy:22}{measure(space, strategy, trials):6.2f} ms per trial", flush=True)


if __name__ == "__main__":
    main()
