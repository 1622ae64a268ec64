"""NAS-Bench-201: 15,625 cells, each trained on three image data sets, for 12 and for 200 epochs.

Dong and Yang 2020, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search". The 12-epoch trainings have a
short learning-rate schedule of their own: they are not the twelfth epoch of the long ones. Measured latency and energy from
HW-NAS-Bench (Li et al. 2021) and HELP (Lee et al. 2021), accuracy under attack from Jung, Lukasik and Keuper 2023; each is there where
its file lies beside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.registry import Published, register_benchmark
from metanas.benchmarks.tables.rows import choices_of, row_finder
from metanas.benchmarks.tables.values import demand_all, shares, whole
from metanas.errors import InputError
from metanas.records import Fidelity
from metanas.spaces import Space, TaskShape
from metanas.spaces.cell import OPERATIONS, cell_choices

ROWS = 5**6
FILE = "nasbench201/nasbench201.npz"
PREFIX = {"cifar10": "c10", "cifar100": "c100", "imagenet16-120": "in16"}
"""Data set to the start of its columns' names."""
SHAPES = {
    "cifar10": TaskShape("image", (3, 32, 32), 10),
    "cifar100": TaskShape("image", (3, 32, 32), 100),
    "imagenet16-120": TaskShape("image", (3, 16, 16), 120),
}
IMAGES = {"cifar10": 25_000, "cifar100": 50_000, "imagenet16-120": 151_700}
"""Training images behind the validation results."""
SPEED = 1e12
"""FLOPs per second that the simulated clock assumes; twelve epochs on CIFAR-10 then take about two minutes, as published."""
MEASURED = {"latency": ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga"), "energy": ("edgegpu", "eyeriss", "fpga")}
"""What HW-NAS-Bench measured (on Eyeriss and the FPGA: estimated), and on which devices."""

Column = NDArray[np.float64]


@register_benchmark(
    "nasbench201",
    title="cells of six edges with five operations each, on images (Dong and Yang 2020)",
    datasets=tuple(PREFIX),
    file=FILE,
    rows=ROWS,
    epochs=(12, 200),
    licence="MIT and Apache-2.0; the accuracies under attack come from a GPL-3 project",
    published={
        "cifar10": Published(test=0.9437, validation=0.9157),
        "cifar100": Published(test=0.7351, validation=0.7326),
        "imagenet16-120": Published(test=0.4731, validation=0.4733),
    },
)
def nasbench201(folder: Path, dataset: str, guide: str = "200", mean_validation: bool = False, clock: str = "none") -> Problem:
    """The problem; reported is always the test accuracy after 200 epochs, the mean over up to three trainings.

    Costs: ``parameters``, ``flops`` (of one image, forward, two per multiply-accumulate, pooling and normalisation included),
    ``latency:DEVICE`` (seconds), ``energy:DEVICE`` (joules); NaN where a device can't run the cell. On CIFAR-10 further metrics at 200
    epochs: ``accuracy:ATTACK``.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: ``cifar10``, ``cifar100`` or ``imagenet16-120``.
        guide: ``200`` has both fidelities; ``12`` has 12 epochs alone, so that they guide: the published protocol of short trainings.
        mean_validation: takes the validation accuracy after 200 epochs as the mean over trainings (``nasbench201_mean_val.npz``, which
            is for checking and not given away) instead of that of one training.
        clock: ``flops`` simulates training times by epochs x images x three times the FLOPs, for the table has none.

    Raises:
        InputError: if a file or an option isn't what it should be.
    """
    guide = str(guide)
    if guide not in ("12", "200") or clock not in ("none", "flops"):
        raise InputError("nasbench201 takes the options guide=12 or guide=200 and clock=none or clock=flops; choose one of these")
    prefix, space = PREFIX[dataset], cell_choices(SHAPES[dataset])
    names = [f"{prefix}_{name}" for name in ("val_acc_12", "val_acc_200", "test_acc_200", "params_m", "flops_m")]
    table = load_arrays(folder / FILE, {"ops": ("rows", 6), **dict.fromkeys(names, ("rows",))}, lengths={"rows": ROWS})
    short, long, tested = (shares(table[name], f"column {name!r} of {folder / FILE}") for name in names[:3])
    costs = {name: np.round(table[column].astype(np.float64) * 1e6) for name, column in (("parameters", names[3]), ("flops", names[4]))}
    costs["flops"] *= 2
    if mean_validation:
        long = _mean_validation(folder, prefix)
    levels = [Level(Fidelity(12), {"accuracy": short})]
    if guide == "200":
        levels.append(Level(Fidelity(200), {"accuracy": long, **(_attacks(folder) if dataset == "cifar10" else {})}))
    note = "the table has no training times (--option clock=flops simulates some)"
    if clock == "flops":
        work = 3 * costs["flops"] * IMAGES[dataset] / SPEED
        levels = [Level(level.fidelity, level.metrics, level.fidelity.epochs * work) for level in levels]
        note = f"simulated, not measured: epochs x {IMAGES[dataset]:,} images x 3 x FLOPs at {SPEED:.0e} FLOPs per second"
    costs |= _devices(folder, prefix)
    row = row_finder(space.decisions, choices_of(space.decisions, _codes(table["ops"], space, folder / FILE)))
    return Problem("nasbench201", dataset, space, row, tuple(levels), "accuracy", {"accuracy": tested}, costs, note)


def _codes(ops: NDArray[Any], space: Space, file: Path) -> NDArray[np.int64]:
    """Operations as ranks of options; refused unless every cell is there once."""
    codes = whole(ops, f"column 'ops' of {file}")
    if codes.min() < 0 or codes.max() >= len(OPERATIONS):
        raise InputError(f"column 'ops' of {file} holds numbers that are no operation; get the file again")
    demand_all(space, codes, file)
    return codes


def _mean_validation(folder: Path, prefix: str) -> Column:
    file, name = folder / "nasbench201" / "nasbench201_mean_val.npz", f"{prefix}_val_acc_200_mean"
    return shares(load_arrays(file, {name: ("rows",)}, lengths={"rows": ROWS})[name], f"column {name!r} of {file}")


def _attacks(folder: Path) -> dict[str, Column]:
    """Accuracy under attack by ``accuracy:ATTACK``, e.g. ``accuracy:pgd@Linf_eps-1.0`` (strength in units of 1/255)."""
    file = folder / "nb201_robustness" / "nb201_robustness.npz"
    if not file.is_file():
        return {}
    table = load_arrays(file, {"accuracy": ("rows", "attacks")}, {"attack": ("attacks",)}, lengths={"rows": ROWS})
    accuracies = np.ascontiguousarray(shares(table["accuracy"], f"{file}").T)
    return {f"accuracy:{attack}": column for attack, column in zip(table["attack"].tolist(), accuracies, strict=True)}


def _devices(folder: Path, prefix: str) -> dict[str, Column]:
    """Seconds and joules by device; HELP measured images of 32 x 32, so its devices are there for CIFAR-10 alone."""
    found: dict[str, Column] = {}
    file = folder / "hardware" / "hwnasbench_nb201.npz"
    if file.is_file():
        names = {f"{kind}:{device}": f"{prefix}_{device}_{kind}" for kind, devices in MEASURED.items() for device in devices}
        table = load_arrays(file, dict.fromkeys(names.values(), ("rows",)), lengths={"rows": ROWS})
        found = {name: _measured(table[column]) for name, column in names.items()}
    file = folder / "hardware" / "help_latency.npz"
    if prefix == "c10" and file.is_file():
        table = load_arrays(file, {"nb201_latency_ms": ("devices", "rows")}, {"nb201_devices": ("devices",)}, lengths={"rows": ROWS})
        for device, column in zip(table["nb201_devices"].tolist(), table["nb201_latency_ms"], strict=True):
            found.setdefault(f"latency:{device}", _measured(column))
    return found


def _measured(thousandths: NDArray[Any]) -> Column:
    """Milliseconds or millijoules as seconds or joules; -1 says that the device can't run the cell."""
    return np.where(thousandths < 0, np.nan, thousandths.astype(np.float64) / 1000)
