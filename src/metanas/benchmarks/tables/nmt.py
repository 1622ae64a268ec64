"""NMT: 648 Transformers that translate Somali, Swahili or Tagalog to English, with their vocabularies and learning rates.

Zhang and Duh 2020, "Reproducible and Efficient Benchmarks for Hyperparameter Optimization of Neural Machine Translation Systems": the
BLEU score on development data and the time that decoding it took. Where training failed the score is 0 in the file; here it is missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.registry import WHOLE, register_benchmark
from metanas.benchmarks.tables.rows import choices_of, row_finder
from metanas.benchmarks.tables.values import demand_all, ranks, within
from metanas.errors import InputError
from metanas.spaces import Decision, Space, TaskShape

FILE = "joint_arch_hpo/nmt.npz"
ROWS = 648
TASKS = ("so-en", "sw-en", "tl-en")
DECISIONS = (
    Decision("bpe", (1000, 2000, 4000, 8000, 16000, 32000), ordered=True),
    Decision("n_layers", (1, 2, 4), ordered=True),
    Decision("n_embed", (256, 512, 1024), ordered=True),
    Decision("n_hidden", (1024, 2048), ordered=True),
    Decision("n_heads", (8, 16), ordered=True),
    Decision("initial_lr", (3e-4, 6e-4, 1e-3), ordered=True),
)
"""Steps of the byte-pair encoding, layers, widths, attention heads and learning rate, named as in the table."""
SHAPE = TaskShape("text", (100,), 32_000, vocabulary=32_000)
"""Only a frame: what is translated has no fixed length, and no network is built."""


@register_benchmark(
    "nmt",
    title="Transformers that translate to English, and their learning rates (Zhang and Duh 2020)",
    datasets=TASKS,
    file=FILE,
    rows=ROWS,
    epochs=(WHOLE.epochs,),
    licence="Apache-2.0",
)
def nmt(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``bleu`` (0 to 100), its cost ``seconds:decoding`` is at most 1,500, where the authors stopped.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: ``so-en``, ``sw-en`` or ``tl-en``.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file = folder / FILE
    numbers = {"config": ("rows", len(DECISIONS)), f"{dataset}_bleu": ("rows",), f"{dataset}_decoding_s": ("rows",)}
    table = load_arrays(file, numbers, {"fields": (len(DECISIONS),)}, lengths={"rows": ROWS})
    if table["fields"].tolist() != [decision.name for decision in DECISIONS]:
        raise InputError(f"{file} has other fields than {', '.join(d.name for d in DECISIONS)}: it is another table; get the right one")
    space = Space("nmt", SHAPE, DECISIONS)
    columns = [ranks(d, column, f"field {d.name!r} of {file}") for d, column in zip(DECISIONS, table["config"].T, strict=True)]
    codes = np.stack(columns, axis=1)
    demand_all(space, codes, file)
    row = row_finder(DECISIONS, choices_of(DECISIONS, codes))
    scores = np.round(within(table[f"{dataset}_bleu"], 100, f"column '{dataset}_bleu' of {file}"), 2)
    scores[scores == 0] = np.nan
    costs = {"seconds:decoding": table[f"{dataset}_decoding_s"]}
    note = "the table has no training times, only those of decoding"
    return Problem("nmt", dataset, space, row, (Level(WHOLE, {"bleu": scores}),), "bleu", costs=costs, seconds_note=note)
