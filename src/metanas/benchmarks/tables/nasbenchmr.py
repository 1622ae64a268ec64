"""NAS-Bench-MR: 2,507 networks of parallel resolutions, each trained for eight tasks of vision.

Ding et al. 2022, "Learning Versatile Neural Architectures by Propagating Network Codes": drawn from a far larger space, trained for
image classification, segmentation of street scenes and recognition of actions. One training each, final results.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.registry import WHOLE, Published, register_benchmark
from metanas.benchmarks.tables.rows import choices_of, listed, row_finder
from metanas.benchmarks.tables.values import ranks, shares
from metanas.errors import InputError
from metanas.spaces import Decision, Space, TaskShape

FILE = "nasbenchmr/nasbenchmr.npz"
ROWS = 2_507
BLOCKS = (1, 2, 3, 4)
WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128)
STAGES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Setting:
    """One of the eight: where its columns are and what they mean.

    Args:
        shape: of an example; the outputs are classes.
        best: published, percent.
        metrics: our name to the column's ending, the guiding one first.
    """

    shape: TaskShape
    best: float
    metrics: dict[str, str]


_TOP = {"accuracy": "top1", "accuracy:top5": "top5"}
_SEGMENTS = {"miou": "mIoU", "accuracy:class_mean": "mAcc", "accuracy": "aAcc"}
_PHOTOS, _STREETS, _VIDEOS = (
    TaskShape("image", size, outputs) for size, outputs in (((3, 224, 224), 50), ((3, 512, 1024), 19), ((3, 112, 112), 51))
)
SETTINGS = {
    "cls_50_1000": Setting(_PHOTOS, 86.16, _TOP),
    "cls_50_100": Setting(_PHOTOS, 57.24, _TOP),
    "cls_10_1000": Setting(TaskShape("image", (3, 224, 224), 10), 90.40, _TOP),
    "cls_10c": Setting(_PHOTOS, 67.96, _TOP),
    "seg": Setting(_STREETS, 79.10, _SEGMENTS),
    "seg_4x": Setting(_STREETS, 68.74, _SEGMENTS),
    "video": Setting(_VIDEOS, 28.29, _TOP),
    "video_p": Setting(_VIDEOS, 40.39, _TOP),
}
"""By data set. The sizes of examples are a frame only: no network is built."""


@register_benchmark(
    "nasbenchmr",
    title="networks of parallel resolutions, on images, street scenes and videos (Ding et al. 2022)",
    datasets=tuple(SETTINGS),
    file=FILE,
    rows=ROWS,
    epochs=(WHOLE.epochs,),
    licence="BSD-2-Clause",
    published={name: Published(validation=setting.best / 100) for name, setting in SETTINGS.items()},
)
def nasbenchmr(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``accuracy``, for ``seg`` and ``seg_4x`` ``miou``, as shares. Costs: ``parameters`` and ``flops``.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: one of :data:`SETTINGS`.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file, setting, decisions = folder / FILE, SETTINGS[dataset], _decisions()
    columns = {name: f"{dataset}_{ending}" for name, ending in setting.metrics.items()}
    numbers = {"code": ("rows", len(decisions)), **dict.fromkeys(("flops_g", "params_m", *columns.values()), ("rows",))}
    table = load_arrays(file, numbers, lengths={"rows": ROWS})
    metrics = {name: shares(table[column], f"column {column!r} of {file}") for name, column in columns.items()}
    codes = [ranks(d, column, f"field {d.name!r} of {file}") for d, column in zip(decisions, table["code"].T, strict=True)]
    choices = choices_of(decisions, np.stack(codes, axis=1))
    if len(set(choices)) != ROWS:
        raise InputError(f"{file} holds fewer than {ROWS:,} different networks; get the file again")
    space = listed(Space("nasbenchmr", setting.shape, decisions), choices)
    costs = {
        "parameters": np.round(table["params_m"].astype(np.float64) * 1e6),
        "flops": np.round(table["flops_g"].astype(np.float64) * 1e9),
    }
    metric, note = next(iter(metrics)), "the table has no training times"
    return Problem("nasbenchmr", dataset, space, row_finder(decisions, choices), (Level(WHOLE, metrics),), metric, {}, costs, note)


def _decisions() -> tuple[Decision, ...]:
    """In the order of the code: the stem's widths, then of every stage its blocks, and units and width of each of its branches."""
    made = [Decision(f"stem{number}.width", WIDTHS, ordered=True) for number in (1, 2)]
    for stage in STAGES:
        made.append(Decision(f"stage{stage}.blocks", BLOCKS, ordered=True))
        made += [Decision(f"stage{stage}.branch{branch}.units", BLOCKS, ordered=True) for branch in STAGES[:stage]]
        made += [Decision(f"stage{stage}.branch{branch}.width", WIDTHS, ordered=True) for branch in STAGES[:stage]]
    return (*made, Decision("last.width", WIDTHS, ordered=True))
