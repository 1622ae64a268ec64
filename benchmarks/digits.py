"""The demo's task over ten random splits: mean test accuracy, size and time of a 60-second search on the digits.

python benchmarks/digits.py --splits 10 --budget 60s
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import metanas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--max-params", default="50k")
    options = parser.parse_args()
    scores = []
    for split in range(options.splits):
        began = time.monotonic()
        task = metanas.Task.from_sklearn("digits", seed=split)
        with tempfile.TemporaryDirectory() as folder:
            found = metanas.search(
                task, budget=options.budget, seed=split, store=False, max_params=options.max_params, out=Path(folder) / "run"
            )
        scores.append(found.score)
        beside = {name: round(b["score"], 4) for name, b in found.result.baselines.items() if "score" in b}
        print(
            f"split {split}: {found.score:.4f}  {found.result.parameters} parameters  {time.monotonic() - began:.1f} s  {beside}",
            flush=True,
        )
    print(f"mean test accuracy {statistics.fmean(scores):.4f}, standard deviation {statistics.stdev(scores):.4f}, {len(scores)} splits")


if __name__ == "__main__":
    main()
