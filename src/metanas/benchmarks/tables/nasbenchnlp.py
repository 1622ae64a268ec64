"""NAS-Bench-NLP: recurrent cells as language models on WikiText-2, with learning curves.

Klyuchnikov et al. 2022, "NAS-Bench-NLP: Neural Architecture Search Benchmark for Natural Language Processing", the part on WikiText-2:
345 trainings of 50 epochs. The authors write them as 291 recipes; some of these are the same cell with nodes or inputs in another order,
so there are 265 here, with up to fourteen repetitions. Results are losses per token (the perplexity is their exponential), at the epoch
of the training so far whose validation was best.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.recurrent_cells import NoCell, read_cell, recurrent_space
from metanas.benchmarks.tables.registry import Published, register_benchmark
from metanas.benchmarks.tables.repeats import Repeats
from metanas.benchmarks.tables.rows import listed, row_finder
from metanas.errors import InputError
from metanas.records import Fidelity
from metanas.spaces import TaskShape

FILE = "nasbenchnlp/nasbenchnlp_wikitext2.npz"
RUNS = 345
RECIPES = 291
ROWS = 265
EPOCHS = (5, 10, 25, 50)
WORDS = 33_278
SHAPE = TaskShape("text", (70,), WORDS, vocabulary=WORDS)
"""Of the backpropagation through time; only a frame, for no network is built."""


@register_benchmark(
    "nasbenchnlp",
    title="recurrent cells as language models, on text (Klyuchnikov et al. 2022)",
    datasets=("wikitext-2",),
    file=FILE,
    rows=ROWS,
    epochs=EPOCHS,
    clock=True,
    licence="Apache-2.0",
    published={"wikitext-2": Published(test=math.log(91.5), validation=4.5676, tolerance=1e-3)},
)
def nasbenchnlp(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``loss``, also the reported one (on test data, after 50 epochs); its cost ``parameters``.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: ``wikitext-2``.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file = folder / FILE
    curves = dict.fromkeys(("val_losses", "test_losses", "wall_times"), ("runs", EPOCHS[-1]))
    table = load_arrays(file, {**curves, "params_m": ("runs",)}, {"recipe_json": ("runs",)}, lengths={"runs": RUNS})
    texts = table["recipe_json"].tolist()
    if len(set(texts)) != RECIPES:
        raise InputError(f"{file} holds {len(set(texts)):,} different recipes, not {RECIPES}: it is another table; get the right one")
    try:
        cells = {text: read_cell(text) for text in set(texts)}
    except NoCell as error:
        raise InputError(f"{file} holds a recipe that is no recurrent cell: {error}; get the file again") from error
    runs, space = Repeats([cells[text] for text in texts]), recurrent_space("nasbenchnlp", SHAPE)
    losses, tested, times = (table[name].astype(np.float64) for name in curves)
    levels = tuple(_level(runs, losses[:, :epochs], times[:, :epochs]) for epochs in EPOCHS)
    at_best = np.take_along_axis(tested, np.argmin(losses, axis=1)[:, None], axis=1)[:, 0]
    test = {"loss": runs.mean(np.where(np.isnan(losses).any(axis=1), np.nan, at_best))}
    costs = {"parameters": np.round(1e6 * runs.mean(table["params_m"]))}
    row, note = row_finder(space.decisions, runs.choices), "measured by the authors"
    return Problem("nasbenchnlp", dataset, listed(space, runs.choices), row, levels, "loss", test, costs, note)


def _level(runs: Repeats, losses: NDArray[Any], times: NDArray[Any]) -> Level:
    """Results of trainings that end after as many epochs as ``losses`` and ``times``, ``(runs, epochs)``, have.

    A training that failed has no result. Its time counts only where its cell has no other, so that each result has its own time.
    """
    best = runs.spread(np.where(np.isnan(losses).any(axis=1), np.nan, losses.min(axis=1)))
    seconds = runs.spread(np.nansum(times, axis=1))
    measured = np.isfinite(best)
    seconds = np.where(measured | ~measured.any(axis=1, keepdims=True), seconds, np.nan)
    return Level(Fidelity(losses.shape[1]), {"loss": best}, seconds)
