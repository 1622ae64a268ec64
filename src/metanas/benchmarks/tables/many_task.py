"""many-task: hundreds of small tasks from tables, pictures, sounds, series, texts and generators, each with the same architectures.

A benchmark for search that learns across tasks: 300 fully connected networks (``mlp``) on most tasks, 150 convolution networks
(``convnet``) on others, their learning curves with two seeds each, seven for the best of each task. See ``docs/many_task.md``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.many_task_files import ARCHITECTURES, POINTS, SHARDS, MeasuredTask, read_choices, read_task, shards_of
from metanas.benchmarks.tables.many_task_names import CONVNET, MLP
from metanas.benchmarks.tables.registry import register_benchmark
from metanas.benchmarks.tables.rows import row_finder
from metanas.errors import InputError
from metanas.records import Fidelity

REGRET = "loss:regret"
"""Normalised regret: 0 for the best architecture, 1 for the median one; less is better."""
LEVELS = (1, 3, 9)
"""Points of the learning curve, of nine, that are fidelities."""
EPOCHS = {f"{source}-{n}": e for source, epochs in MLP.items() for n, e in enumerate(epochs)} | {
    f"{source}-c{n}": e for source, epochs in CONVNET.items() for n, e in enumerate(epochs)
}
"""Of a training, by task."""


@register_benchmark(
    "many-task",
    title="the same small networks on hundreds of tasks, for learning across tasks (docs/many_task.md)",
    datasets=tuple(EPOCHS),
    file=ARCHITECTURES,
    rows={name: 150 if name.rpartition("-")[2].startswith("c") else 300 for name in EPOCHS},
    epochs={name: tuple(epochs * point // POINTS for point in LEVELS) for name, epochs in EPOCHS.items()},
    clock=True,
    licence="Apache-2.0 for the table; every task says the licence of its data",
)
def many_task(folder: Path, dataset: str, *, normalised: bool = True) -> Problem:
    """The problem; guided by :data:`REGRET` of the validation score, which is also what is reported of the test score.

    Its levels are a ninth, a third and all of the epochs of one training, whose learning rate ends at zero after the last. As in a search,
    the best evaluation so far counts. Costs: ``parameters`` and ``flops``.

    Args:
        folder: holds the tables of all benchmarks.
        dataset: name of a task.
        normalised: False guides by the task's own metric.

    Raises:
        InputError: if a file isn't what it should be, or the task's shard isn't there.
    """
    choices = read_choices(folder / ARCHITECTURES)
    for file, tasks in shards_of(folder):
        for facts in tasks:
            if facts["recipe"]["name"] == dataset:
                return problem_of(read_task(file, facts, choices), normalised=normalised)
    raise InputError(f"no shard in {folder / SHARDS} holds the task {dataset!r}; get or make the shards that are missing")


def problem_of(task: MeasuredTask, *, normalised: bool = True) -> Problem:
    """The problem of a task that has been read; see :func:`many_task`."""
    levels = []
    for point in LEVELS:
        validation, _ = task.after(point)
        metrics = {task.metric: validation, REGRET: task.regret(validation, "validation")}
        levels.append(Level(Fidelity(task.epochs * point // POINTS), metrics, task.seconds * point / POINTS))
    tested = task.after(POINTS)[1]
    made_with = task.facts.get("made_with", {})
    return Problem(
        "many-task",
        task.name,
        task.space,
        row_finder(task.space.decisions, [a.choices for a in task.space.listed]),
        tuple(levels),
        REGRET if normalised else task.metric,
        {task.metric: tested, REGRET: task.regret(tested)},
        {"parameters": np.asarray(task.parameters), "flops": np.asarray(task.flops)},
        f"measured: one core of {made_with.get('processor', 'an unknown processor')}, networks of similar size trained together",
    )
