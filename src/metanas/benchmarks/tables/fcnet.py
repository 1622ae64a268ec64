"""FCNet: 62,208 networks of two hidden layers with their training settings, on four regression data sets.

Klein and Hutter 2019, "Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization": the mean squared error on validation
data after 100 epochs, of four trainings each, and the mean time of one. The table has no learning curves and no test errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.registry import register_benchmark
from metanas.benchmarks.tables.rows import row_finder
from metanas.benchmarks.tables.values import load_grid, within
from metanas.errors import InputError
from metanas.records import Fidelity
from metanas.spaces import TaskShape
from metanas.spaces.decision import Value
from metanas.spaces.fcnet import fcnet_choices

FILE = "joint_arch_hpo/fcnet.npz"
ROWS = 62_208
SEEDS = 4
EPOCHS = 100
FEATURES = {"protein_structure": 9, "naval_propulsion": 15, "parkinsons_telemonitoring": 20, "slice_localization": 385}
FIELDS = {
    "layer1.units": "n_units_1",
    "layer1.activation": "activation_fn_1",
    "layer1.dropout": "dropout_1",
    "layer2.units": "n_units_2",
    "layer2.activation": "activation_fn_2",
    "layer2.dropout": "dropout_2",
    "recipe.learning_rate": "init_lr",
    "batch_size": "batch_size",
    "schedule": "lr_schedule",
}
"""Decision to the table's field."""
BEST: Mapping[str, Mapping[str, Value]] = {
    "naval_propulsion": {
        "layer1.activation": "tanh",
        "layer2.activation": "relu",
        "layer1.units": 128,
        "layer2.units": 512,
        "batch_size": 8,
        "recipe.learning_rate": 5e-4,
    },
    "protein_structure": {"layer1.units": 512, "layer2.units": 512, "layer1.dropout": 0.0, "layer2.dropout": 0.3},
}
"""What is published of the best network's choices."""


@register_benchmark(
    "fcnet",
    title="networks of two hidden layers and their training settings, on tables (Klein and Hutter 2019)",
    datasets=tuple(FEATURES),
    file=FILE,
    rows=ROWS,
    epochs=(EPOCHS,),
    clock=True,
    licence="Apache-2.0",
)
def fcnet(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``mse`` (of standardised targets), its cost ``seconds`` is the training time.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: one of :data:`FEATURES`.

    Raises:
        InputError: if the file isn't what it should be, or its best network isn't the published one.
    """
    file = folder / FILE
    error, time = f"{dataset}_valid_mse", f"{dataset}_runtime_s"
    space = fcnet_choices(TaskShape("table", (FEATURES[dataset],), 1, numeric=FEATURES[dataset]))
    choices, table = load_grid(file, space, FIELDS, {error: ("rows", SEEDS), time: ("rows",)})
    errors = within(table[error], np.inf, f"column {error!r} of {file}")
    seconds = within(table[time], np.inf, f"column {time!r} of {file}")
    levels = (Level(Fidelity(EPOCHS), {"mse": errors}, seconds),)
    note = "measured by the authors: mean time of a training"
    problem = Problem("fcnet", dataset, space, row_finder(space.decisions, choices), levels, "mse", {}, {"seconds": seconds}, note)
    best = dict(choices[int(np.nanargmax(problem.validation))])
    if any(best[name] != option for name, option in BEST.get(dataset, {}).items()):
        raise InputError(f"{file} has another best network for {dataset} than is published: it is another table; get the right one")
    return problem
