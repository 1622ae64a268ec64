"""Tables for tests: where the real ones are, and small ones of the same make."""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "benchmarks"
REAL = Path(os.environ.get("METANAS_BENCHMARKS", _BESIDE))
CELLS = 5**6
DEVICES = ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga")


def nasbench201_columns() -> dict[str, np.ndarray]:
    """The columns that cifar10 needs, with the cells in an order of their own and figures that tell them apart."""
    ops = np.array(list(product(range(5), repeat=6)), dtype=np.uint8)[np.random.default_rng(0).permutation(CELLS)]
    convolutions = (ops == 3).sum(axis=1)
    figures = {
        "c10_val_acc_12": 50 + convolutions,
        "c10_val_acc_200": 80 + convolutions + ops[:, 0] / 10,
        "c10_test_acc_200": 79 + convolutions,
        "c10_params_m": 0.1 * convolutions + 0.07,
        "c10_flops_m": 10.0 * convolutions + 8,
    }
    return {"ops": ops, **{name: column.astype(np.float32) for name, column in figures.items()}}


def save(file: Path, columns: dict[str, np.ndarray]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **columns)
    return file


def own_header(**changes: Any) -> dict[str, Any]:
    """A header whose table stands in it: a complete space of six networks; ``None`` takes an entry out."""
    pairs = list(product((8, 16, 32), ("relu", "tanh")))
    header = {
        "format": "metanas-table",
        "version": 1,
        "name": "small",
        "columns": {
            "width": [width for width, _ in pairs],
            "activation": [activation for _, activation in pairs],
            "val": [0.5 + 0.01 * row for row in range(6)],
            "params": [100 * width for width, _ in pairs],
        },
        "decisions": [{"name": "width", "options": [8, 16, 32], "ordered": True}, {"name": "activation", "options": ["relu", "tanh"]}],
        "metrics": {"accuracy": "val"},
        "costs": {"parameters": "params"},
    }
    return {name: value for name, value in {**header, **changes}.items() if value is not None}


def code_blocks(markdown: str, language: str) -> Iterator[str]:
    """The blocks of that language in a Markdown text."""
    for block in markdown.split(f"```{language}\n")[1:]:
        yield block.split("```")[0]
