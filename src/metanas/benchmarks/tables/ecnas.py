"""EC-NAS: cells of NAS-Bench-101 on CIFAR-10, with what their training took in time, energy and carbon dioxide.

Bakhtiarifard, Igel and Selvan 2024, "EC-NAS: Energy Consumption Aware Tabular Benchmarks for Neural Architecture Search".
``cifar10-v5``: the 2,532 cells of at most five vertices, after 4 epochs, one training each. ``cifar10-v4``: the 91 of at most four, after
4, 12, 36 and 108 epochs, three trainings each. Costs that name a graphics card come from tables whose longer trainings look
extrapolated from 4 epochs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.registry import Published, register_benchmark
from metanas.benchmarks.tables.rows import Choices, listed, row_finder
from metanas.benchmarks.tables.values import whole, within
from metanas.errors import InputError
from metanas.records import Fidelity
from metanas.spaces import Space, TaskShape
from metanas.spaces.decision import Value
from metanas.spaces.ecnas import CONV1, CONV3, POOL, ecnas_choices

FILE = "ecnas/ecnas.npz"
SHAPE = TaskShape("image", (3, 32, 32), 10)
NAMES = ("input", CONV1, CONV3, POOL, "output")
"""Operations in the order of the table's numbers."""
PADDING = 255
VERTICES = {"cifar10-v5": 5, "cifar10-v4": 4}
ROWS = {"cifar10-v5": 2_532, "cifar10-v4": 91}
EPOCHS = {"cifar10-v5": (4,), "cifar10-v4": (4, 12, 36, 108)}
CARDS = ("rtx3090", "quadrortx6000", "titanxp", "rtx3060")
JOULES = 3.6e6
"""Of a kilowatt-hour."""


@register_benchmark(
    "ecnas",
    title="cells of at most five vertices with time, energy and CO2 of their training, on images (Bakhtiarifard et al. 2024)",
    datasets=tuple(VERTICES),
    file=FILE,
    rows=ROWS,
    epochs=EPOCHS,
    clock=True,
    licence="MIT",
    published={"cifar10-v4": Published(test=0.933, tolerance=5e-4)},
)
def ecnas(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``accuracy``, reported is the test accuracy after the longest training.

    Costs: ``parameters``; of the longest training, mean over its repetitions, ``seconds``, ``energy`` (joules) and ``co2`` (grams); with
    four vertices ``seconds:CARD`` and ``energy:CARD``, too, NaN where the card's table lacks the cell.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: ``cifar10-v5`` or ``cifar10-v4``.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file, most, prefix = folder / FILE, VERTICES[dataset], dataset.removeprefix("cifar10-")
    curves = ("val_acc", "test_acc", "train_time_s", "energy_kwh", "total_co2_g")
    numbers: dict[str, tuple[int | str, ...]] = {
        f"{prefix}_adjacency": ("rows", most, most),
        f"{prefix}_ops": ("rows", most),
        f"{prefix}_epochs": (len(EPOCHS[dataset]),),
        f"{prefix}_params_m": ("rows",),
        **{f"{prefix}_{name}": ("rows", len(EPOCHS[dataset]), "runs") for name in curves},
    }
    table = load_arrays(file, numbers, {f"{prefix}_hash": ("rows",), "op_names": (len(NAMES),)}, lengths={"rows": ROWS[dataset]})
    epochs = tuple(table[f"{prefix}_epochs"].tolist())
    if tuple(table["op_names"].tolist()) != NAMES or epochs != EPOCHS[dataset]:
        raise InputError(f"{file} has other operations or epochs than EC-NAS; get the right file")
    accuracy, tested, seconds, energy, carbon = (table[f"{prefix}_{name}"].astype(np.float64) for name in curves)
    for column, values in (("val_acc", accuracy), ("test_acc", tested)):
        within(values, 1, f"column '{prefix}_{column}' of {file}")
    levels = tuple(Level(Fidelity(e), {"accuracy": accuracy[:, at]}, seconds[:, at]) for at, e in enumerate(epochs))
    costs = {"parameters": np.round(table[f"{prefix}_params_m"].astype(np.float64) * 1e6), "seconds": seconds[:, -1].mean(axis=1)}
    costs |= {"energy": JOULES * energy[:, -1].mean(axis=1), "co2": carbon[:, -1].mean(axis=1)}
    if dataset == "cifar10-v4":
        costs |= _cards(file, table[f"{prefix}_hash"].tolist())
    space = ecnas_choices(SHAPE, most)
    matrices, operations = (whole(table[name], f"column {name!r} of {file}") for name in (f"{prefix}_adjacency", f"{prefix}_ops"))
    choices = _choices(space, matrices, operations, file)
    row, test = row_finder(space.decisions, choices), {"accuracy": tested[:, -1].mean(axis=1)}
    note = "measured by the authors: training time without evaluation"
    return Problem("ecnas", dataset, listed(space, choices), row, levels, "accuracy", test, costs, note)


def _choices(space: Space, adjacency: NDArray[Any], operations: NDArray[Any], file: Path) -> list[Choices]:
    """The choices of every cell.

    Args:
        space: of the cells.
        adjacency: ``(rows, vertices, vertices)``, padded with zeros.
        operations: ``(rows, vertices)``, numbers of :data:`NAMES`, padded with :data:`PADDING`.
        file: the table's.
    """
    found = [_cell(matrix, [o for o in ops if o != PADDING]) for matrix, ops in zip(adjacency.tolist(), operations.tolist(), strict=True)]
    if None in found:
        raise InputError(f"{file} holds graphs that are no cells of NAS-Bench-101; get the file again")
    choices = [tuple((d.name, cell[d.name]) for d in space.decisions if d.name in cell) for cell in found if cell is not None]
    if len(set(choices)) != len(choices):
        raise InputError(f"{file} holds the same cell twice; get the file again")
    return choices


def _cell(matrix: list[list[int]], operations: list[int]) -> dict[str, Value] | None:
    """A cell's choices by name; None if it is no directed acyclic graph whose vertices all lie between its first and its last."""
    last = len(operations) - 1
    inside = all(edge in (0, 1) and (not edge or a < b <= last) for a, row in enumerate(matrix) for b, edge in enumerate(row))
    between = inside and all(any(row[v] for row in matrix) for v in range(1, last + 1)) and all(any(matrix[v]) for v in range(last))
    kinds = last > 0 and operations[0] == 0 and operations[-1] == len(NAMES) - 1 and all(0 < o < len(NAMES) - 1 for o in operations[1:-1])
    if not (between and kinds):
        return None
    cell: dict[str, Value] = {"vertices": last + 1, **{f"vertex{v}.op": NAMES[operations[v]] for v in range(1, last)}}
    cell |= {f"edge{a}-{b}": bool(matrix[a][b]) for b in range(2, last) for a in range(b)}
    return cell | {f"edge{a}-out": bool(matrix[a][last]) for a in range(last - 1)}


def _cards(file: Path, cells: list[str]) -> dict[str, NDArray[np.float64]]:
    """Seconds and joules of the longest training by graphics card, in the order of ``cells`` (hashes)."""
    costs: dict[str, NDArray[np.float64]] = {}
    last = len(EPOCHS["cifar10-v4"]) - 1
    for card in CARDS:
        prefix, units = f"v4_{card}", {"seconds": ("train_time_s", 1.0), "energy": ("energy_kwh", JOULES)}
        numbers = {f"{prefix}_{column}": ("rows", last + 1, 1) for column, _ in units.values()}
        table = load_arrays(file, numbers, {f"{prefix}_hash": ("rows",)})
        rows = {name: row for row, name in enumerate(table[f"{prefix}_hash"].tolist())}
        for name, (column, unit) in units.items():
            measured = unit * table[f"{prefix}_{column}"][:, last, 0].astype(np.float64)
            costs[f"{name}:{card}"] = np.array([measured[rows[cell]] if cell in rows else np.nan for cell in cells])
    return costs
