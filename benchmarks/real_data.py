"""Searches on real data sets, several seeds each, beside the baselines that every search trains on the same rows.

    python benchmarks/real_data.py DATA_FOLDER --sets tables --budget 2m --seeds 3 --out results.jsonl
    python benchmarks/real_data.py DATA_FOLDER --sets fashion --budget 10m --seeds 3 --out results.jsonl

DATA_FOLDER holds ``tabular/*.parquet``, ``timeseries/*.npz``, ``fashion_mnist/*.npz``, ``fsdd/*.npz`` and ``trec/*.parquet``. Each finished
run is a line of the output file; running again adds what is missing. The seed changes the search; the test part is the data set's own.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import metanas

TABLES = ("adult", "phoneme", "credit_g", "segment", "sick", "car", "vehicle", "cal_housing", "kin8nm", "concrete", "energy")
SERIES = ("ECG200", "GunPoint", "SyntheticControl", "Trace", "Adiac", "BasicMotions")
SETS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "tables": {name: (f"tabular/{name}.parquet", {"target": "target"}) for name in TABLES},
    "series": {name: (f"timeseries/{name}.npz", {"kind": "series"}) for name in SERIES},
    "fashion": {"fashion": ("fashion_mnist/fashion_mnist.npz", {})},
    "fsdd": {"fsdd": ("fsdd/fsdd.npz", {"kind": "sound"})},
    "trec": {"trec": ("trec/trec.parquet", {"text": "text", "target": "label"})},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", default="tables", help=f"comma separated: {', '.join(SETS)}, or names of data sets")
    parser.add_argument("--budget", default="2m")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--max-params", default=None)
    parser.add_argument("--workers", type=int, default=None, help="processes of each search; as many as cores if not given")
    options = parser.parse_args()
    wanted = options.sets.split(",")
    chosen = {n: how for group, sets in SETS.items() for n, how in sets.items() if group in wanted or n in wanted}
    done = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    for seed in range(options.seeds):
        for name, (path, how) in chosen.items():
            if any((r["set"], r["seed"], r["budget"]) == (name, seed, options.budget) for r in done):
                continue
            record = run(name, options.data / path, how, seed, options.budget, options.max_params, options.workers)
            done.append(record)
            with options.out.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(
                name,
                seed,
                f"{record['score']:.4f}",
                {k: round(v, 4) for k, v in record["baselines"].items()},
                f"{record['seconds']:.0f} s",
                flush=True,
            )
    report([r for r in done if r["set"] in chosen and r["budget"] == options.budget])


def run(name: str, path: Path, how: dict[str, Any], seed: int, budget: str, max_params: str | None, workers: int | None) -> dict[str, Any]:
    """One search; accuracy decides classification, so that the figures compare with published ones."""
    began = time.monotonic()
    task = metanas.Task.read(path, **how)
    task = task.with_metric("accuracy" if task.kind == "classification" else "rmse")
    with tempfile.TemporaryDirectory() as folder:
        found = metanas.search(
            task, budget=budget, seed=seed, store=False, out=Path(folder) / "run", max_params=max_params, workers=workers, began=began
        ).result
    record = found.to_json()
    return {
        "set": name,
        "seed": seed,
        "budget": budget,
        "metric": found.metric,
        "score": found.score,
        "validation": found.validation.get("score"),
        "test_rows": found.examples["test"],
        "baselines": {n: b["score"] for n, b in record["baselines"].items() if "score" in b},
        "seconds": time.monotonic() - began,
        "trials": found.trials,
        "failures": found.failures,
        "parameters": found.parameters,
        "architecture": record["architecture"]["choices"],
    }


def report(records: list[dict[str, Any]]) -> None:
    """A row per data set: ours with its spread over seeds, then each baseline."""
    print(
        f"\n{'set':18}{'metric':10}{'ours':>10}{'sd':>9}{'seeds':>6}{'params':>9}{'trials':>7}{'seconds':>8}  baselines (mean over seeds)"
    )
    for name in dict.fromkeys(r["set"] for r in records):
        rows = [r for r in records if r["set"] == name]
        scores = [r["score"] for r in rows]
        names = dict.fromkeys(n for r in rows for n in r["baselines"])
        beside = {n: statistics.fmean(r["baselines"][n] for r in rows if n in r["baselines"]) for n in names}
        spread = statistics.stdev(scores) if len(scores) > 1 else float("nan")
        middle = {key: statistics.median(r[key] for r in rows) for key in ("parameters", "trials", "seconds")}
        print(
            f"{name:18}{rows[0]['metric']:10}{statistics.fmean(scores):10.4f}{spread:9.4f}{len(rows):6}{middle['parameters']:9.0f}"
            f"{middle['trials']:7.0f}{middle['seconds']:8.0f}  " + "; ".join(f"{n} {v:.4f}" for n, v in beside.items())
        )


if __name__ == "__main__":
    main()
