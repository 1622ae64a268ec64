"""Accel-NASBench: 5,138 networks like MnasNet on ImageNet, with their speed on six accelerators.

Ahmad et al. 2024, "Accel-NASBench: Sustainable Benchmarking for Accelerator-Aware NAS". Drawn from a larger space; validation accuracy of
one shortened training each, far below what full trainings reach. Thirteen networks occur twice: they are rows with two repetitions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.registry import WHOLE, Published, register_benchmark
from metanas.benchmarks.tables.repeats import Repeats
from metanas.benchmarks.tables.rows import choices_of, listed, row_finder
from metanas.benchmarks.tables.values import ranks, shares
from metanas.errors import InputError
from metanas.records import Fidelity
from metanas.spaces import Decision, Space, TaskShape

FILE = "accelnasbench/accelnasbench.npz"
RUNS = 5_138
ROWS = 5_125
BLOCKS = range(7)
DEEPEST = 5
"""The block that may have four layers."""
SHAPE = TaskShape("image", (3, 224, 224), 1000)
THROUGHPUT = ("a100", "3090", "tpuv2", "tpuv3", "zcu102", "vck190")
LATENCY = ("zcu102", "vck190")


@register_benchmark(
    "accelnasbench",
    title="mobile networks and their speed on six accelerators, on images (Ahmad et al. 2024)",
    datasets=("imagenet",),
    file=FILE,
    rows=ROWS,
    epochs=(WHOLE.epochs,),
    clock=True,
    licence="Apache-2.0",
    published={"imagenet": Published(validation=0.6705)},
)
def accelnasbench(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``accuracy``, a further one ``accuracy:top5``.

    Costs: ``parameters``, ``flops`` (two per multiply-accumulate), ``throughput:DEVICE`` (images per second, more is better),
    ``latency:DEVICE`` (seconds); NaN where nothing was measured.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: ``imagenet``.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file, decisions = folder / FILE, _decisions()
    speeds = [f"throughput_{device}_mean" for device in THROUGHPUT] + [f"latency_{device}_mean" for device in LATENCY]
    columns = ("val_top1", "val_top5", "train_time", "macs_m", "params_m", *speeds)
    numbers = {"code": ("runs", len(decisions)), **dict.fromkeys(columns, ("runs",))}
    table = load_arrays(file, numbers, {"code_fields": (len(decisions),)}, lengths={"runs": RUNS})
    if table["code_fields"].tolist() != [d.name.replace(".", "_") for d in decisions]:
        raise InputError(f"{file} has other fields than those of Accel-NASBench; get the right file")
    codes = [ranks(d, column, f"field {d.name!r} of {file}") for d, column in zip(decisions, table["code"].T, strict=True)]
    runs = Repeats(choices_of(decisions, np.stack(codes, axis=1)))
    metrics = {"accuracy": "val_top1", "accuracy:top5": "val_top5"}
    level = Level(
        Fidelity(WHOLE.epochs),
        {name: runs.spread(shares(table[column], f"column {column!r} of {file}")) for name, column in metrics.items()},
        runs.spread(table["train_time"]),
    )
    costs = {"parameters": np.round(1e6 * runs.mean(table["params_m"])), "flops": np.round(2e6 * runs.mean(table["macs_m"]))}
    costs |= {f"throughput:{device}": runs.mean(table[f"throughput_{device}_mean"]) for device in THROUGHPUT}
    costs |= {f"latency:{device}": runs.mean(table[f"latency_{device}_mean"]) / 1000 for device in LATENCY}
    space = listed(Space("accelnasbench", SHAPE, decisions), runs.choices)
    note = "measured by the authors, of the shortened training"
    return Problem("accelnasbench", dataset, space, row_finder(decisions, runs.choices), (level,), "accuracy", {}, costs, note)


def _decisions() -> tuple[Decision, ...]:
    """Of every block the expansion, the kernel, the layers, and whether there is squeeze-and-excitation; in the order of the code."""
    made: list[Decision] = []
    for block in BLOCKS:
        layers = (1, 2, 3, 4) if block == DEEPEST else (1, 2, 3)
        made += [Decision(f"block{block}.e", (1, 4, 6), ordered=True), Decision(f"block{block}.k", (3, 5), ordered=True)]
        made += [Decision(f"block{block}.l", layers, ordered=True), Decision(f"block{block}.se", (False, True))]
    return tuple(made)
