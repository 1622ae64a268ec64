"""OpenML MLP: 30,000 multilayer perceptrons with their training settings, on eight OpenML data sets.

From HPOBench (Eggensperger et al. 2021, "HPOBench: A Collection of Reproducible Multi-Fidelity Benchmark Problems for HPO"), at the
longest trainings alone: balanced accuracy on validation data of five trainings each. The table has no times and no test results.
"""

from __future__ import annotations

from pathlib import Path

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.registry import register_benchmark
from metanas.benchmarks.tables.rows import row_finder
from metanas.benchmarks.tables.values import load_grid, within
from metanas.records import Fidelity
from metanas.spaces import TaskShape
from metanas.spaces.openml_mlp import openml_mlp_choices

FILE = "joint_arch_hpo/mlp_openml.npz"
ROWS = 30_000
SEEDS = 5
EPOCHS = 243
"""Of HPOBench's longest trainings."""
SHAPES = {
    "australian": (14, 2),
    "blood_transfusion": (4, 2),
    "car": (6, 4),
    "credit_g": (20, 2),
    "kc1": (21, 2),
    "phoneme": (5, 2),
    "segment": (19, 7),
    "vehicle": (18, 4),
}
"""Columns as OpenML lists them (categories not unfolded) and classes, by data set."""
FIELDS = {
    "depth": "depth",
    "width": "width",
    "recipe.learning_rate": "learning_rate_init",
    "recipe.weight_decay": "alpha",
    "batch_size": "batch_size",
}
"""Decision to the table's field."""


@register_benchmark(
    "openml_mlp",
    title="multilayer perceptrons and their training settings, on tables (HPOBench, Eggensperger et al. 2021)",
    datasets=tuple(SHAPES),
    file=FILE,
    rows=ROWS,
    epochs=(EPOCHS,),
    licence="Apache-2.0",
)
def openml_mlp(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``balanced_accuracy``, a further one ``precision`` (mean over the trainings), both shares.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: one of :data:`SHAPES`.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file = folder / FILE
    accuracy, precision = f"{dataset}_bal_acc", f"{dataset}_precision"
    features, outputs = SHAPES[dataset]
    space = openml_mlp_choices(TaskShape("table", (features,), outputs, numeric=features))
    choices, table = load_grid(file, space, FIELDS, {accuracy: ("rows", SEEDS), precision: ("rows",)})
    row = row_finder(space.decisions, choices)
    columns = {"balanced_accuracy": accuracy, "precision": precision}
    metrics = {name: within(table[column], 1, f"column {column!r} of {file}") for name, column in columns.items()}
    levels = (Level(Fidelity(EPOCHS), metrics),)
    return Problem("openml_mlp", dataset, space, row, levels, "balanced_accuracy", seconds_note="the table has no training times")
