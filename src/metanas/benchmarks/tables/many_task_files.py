"""The files of ``many-task``: the architectures, and shards of measured trainings; ``docs/many_task.md`` describes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.records import TaskDescription, lower_is_better
from metanas.spaces import Architecture, Space, make_space
from metanas.spaces.decision import Value

SCHEMA = 1
ARCHITECTURES = "many_task/architectures.json"
SHARDS = "many_task/shards"
"""Relative to the folder of the tables of all benchmarks."""
POINTS = 9
"""Evaluations of every training, at evenly spaced epochs."""
LARGEST = 64 * 2**20
"""Bytes of a shard."""
_DAMAGED = "{} can't be read as a shard of many-task: it is truncated, damaged or something else; get it again"
KEY = b"many_task"
"""Of a shard's metadata, under which JSON tells of its tasks."""
INACTIVE = -1
"""Stands for a decision that is not open in ranks of options."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeasuredTask:
    """A task and what was measured of it.

    Args:
        name: of the task.
        source: the group it belongs to; no group may stand on both sides of a split.
        kind: of data: table, image, sound, series, text or generated.
        licence: of the data.
        shipped: whether a prior that is shipped may learn from it.
        epochs: of every training.
        metric: of the scores.
        description: its shapes and statistics.
        space: with nothing but the measured architectures in it, in the order of the rows below.
        validation, test: scores ``(architectures, seeds, points)``; NaN where there is no training with that seed, or it failed.
        validation_loss: cross-entropy, likewise; NaN for regression.
        seconds: of one core for a whole training, ``(architectures, seeds)``.
        parameters, flops: ``(architectures,)``.
        facts: what else the shard says: recipe, licence, sizes of the parts, baselines, the seconds that it took to measure the task.
    """

    name: str
    source: str
    kind: str
    licence: str
    shipped: bool
    epochs: int
    metric: str
    description: TaskDescription
    space: Space
    validation: Floats
    test: Floats
    validation_loss: Floats
    seconds: Floats
    parameters: Floats
    flops: Floats
    facts: Mapping[str, Any]

    @property
    def sign(self) -> float:
        """-1 where less of the metric is better, else 1."""
        return -1.0 if lower_is_better(self.metric) else 1.0

    def after(self, point: int) -> tuple[Floats, Floats]:
        """Validation and test score ``(architectures, seeds)`` of the best evaluation up to ``point`` (from 1), as a search keeps it.

        The best is the one with the best validation score, of equals that of the lowest loss, of these the first.
        """
        loss = np.nan_to_num(self.validation_loss, nan=0.0)
        best = [array[:, :, 0].copy() for array in (self.sign * self.validation, loss, self.test)]
        for place in range(1, point):
            score, now = self.sign * self.validation[:, :, place], loss[:, :, place]
            better = (score > best[0]) | ((score == best[0]) & (now < best[1]))
            for kept, fresh in zip(best, (score, now, self.test[:, :, place]), strict=True):
                kept[better] = fresh[better]
        lost = ~np.isfinite(self.validation[:, :, point - 1])
        return np.where(lost, np.nan, self.sign * best[0]), np.where(lost, np.nan, best[2])

    def regret(self, scores: Floats, of: Literal["validation", "test"] = "test") -> Floats:
        """Scores as normalised regret: 0 for the best architecture (mean over its seeds, whole training), 1 for the median one.

        Where these differ by less than :data:`LEAST_RANGE`, that counts as their difference.
        """
        column = self.sign * self.after(POINTS)[0 if of == "validation" else 1]
        means = mean_over_seeds(column)
        best, median = np.nanmax(means), np.nanmedian(means)
        return np.asarray((best - self.sign * scores) / max(float(best - median), LEAST_RANGE))


LEAST_RANGE = 0.005
"""Least distance of the median from the best result that regret is divided by."""


def mean_over_seeds(scores: Floats) -> Floats:
    """The mean over the seeds that have a score, ``(architectures, seeds)`` to ``(architectures,)``; NaN where none has."""
    there = np.isfinite(scores)
    counts = there.sum(axis=1)
    return np.where(counts > 0, np.where(there, scores, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)


def adapted(space: Space, choices: Mapping[str, Value]) -> Architecture:
    """The architecture of these choices in a space that may lack some of the decisions (a table without numbers encodes none)."""
    names = {decision.name for decision in space.decisions}
    return space.architecture({name: option for name, option in choices.items() if name in names})


def read_choices(file: Path) -> dict[str, list[dict[str, Value]]]:
    """The choices of all architectures, by name of the space.

    Raises:
        InputError: if there is no such file, or it is something else.
    """
    if not file.is_file():
        raise InputError(f"there is no file {file}; get the table, or say in which folder it lies")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA:
            raise InputError(f"{file} was written with schema {record['schema']}, this version of metanas reads {SCHEMA}; update metanas")
        return {
            name: [
                {d: options[code] for (d, options), code in zip(space["decisions"].items(), codes, strict=True) if code != INACTIVE}
                for codes in space["codes"]
            ]
            for name, space in record["spaces"].items()
        }
    except InputError:
        raise
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{file} doesn't list the architectures of many-task; get it again") from error


def shards_of(folder: Path) -> Iterator[tuple[Path, tuple[dict[str, Any], ...]]]:
    """Every shard in a folder of tables, with what it says of its tasks.

    Raises:
        InputError: if a file is no shard.
    """
    for file in sorted((folder / SHARDS).glob("*.parquet")):
        yield file, _facts(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _facts(file: Path, changed: int) -> tuple[dict[str, Any], ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.stat().st_size > LARGEST:
        raise InputError(f"{file} is larger than {LARGEST // 2**20} MB: it is no shard of many-task; get it again")
    try:
        record = json.loads(pq.read_schema(file).metadata[KEY])
        if record["schema"] != SCHEMA or record["points"] != POINTS:
            raise InputError(f"{file} was written with schema {record['schema']}, this version of metanas reads {SCHEMA}; update metanas")
        tasks = tuple(dict(task) for task in record["tasks"])
        assert all(isinstance(task["recipe"]["name"], str) for task in tasks)
    except InputError:
        raise
    except (pa.ArrowException, AssertionError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} can't be read as a shard of many-task: it is truncated, damaged or something else; get it again"
        ) from error
    return tasks


def measured_tasks(folder: Path) -> Iterator[MeasuredTask]:
    """Every task whose shard is there.

    Args:
        folder: holds the tables of all benchmarks.

    Raises:
        InputError: if a file isn't what it should be.
    """
    choices = read_choices(folder / ARCHITECTURES)
    for file, tasks in shards_of(folder):
        for task in tasks:
            yield read_task(file, task, choices)


def read_task(file: Path, facts: Mapping[str, Any], choices: Mapping[str, list[dict[str, Value]]]) -> MeasuredTask:
    """One task of a shard.

    Args:
        file: the shard.
        facts: what it says of the task.
        choices: of all architectures, see :func:`read_choices`.

    Raises:
        InputError: if the shard isn't what it should be, or was made with other architectures or another version of the space.
    """
    try:
        recipe, description = facts["recipe"], TaskDescription.from_json(facts["description"])
        chosen = choices[recipe["space"]]
        made = make_space(recipe["space"], description.shape)
        space = made.only([adapted(made, one) for one in chosen])
        scores, costs = _columns(file, recipe["name"], len(chosen))
        return MeasuredTask(
            recipe["name"],
            recipe["source"],
            facts["kind"],
            facts["licence"],
            facts["shipped"],
            recipe["epochs"],
            facts["metric"],
            description,
            space,
            scores["validation"],
            scores["test"],
            scores["validation_loss"],
            costs["seconds"],
            np.nanmax(costs["parameters"], axis=1),
            np.nanmax(costs["flops"], axis=1),
            facts,
        )
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} does not fit the architectures or this version of metanas; get both again, or update metanas") from error


def _columns(file: Path, name: str, count: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Curves ``(architectures, seeds, points)`` and costs ``(architectures, seeds)`` of a task."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds, costs = ("validation", "test", "validation_loss"), ("seconds", "parameters", "flops")
    names = ["architecture", "seed", *(f"{kind}_{point}" for kind in kinds for point in range(1, POINTS + 1)), *costs]
    try:
        table = pq.read_table(file, columns=names, filters=[("task", "=", name)], use_threads=False)
        columns = {column: np.asarray(table[column].cast(pa.float64()).to_numpy()) for column in names}
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{file} can't be read as a shard of many-task: it is truncated, damaged or something else; get it again"
        ) from error
    rows, seeds = (columns[column].astype(np.int64) for column in names[:2])
    if not len(rows) or not (0 <= rows.min() <= rows.max() < count and 0 <= seeds.min() <= seeds.max() < 100):
        raise ValueError("trainings of other architectures")
    shape = (count, int(seeds.max()) + 1)
    curves = {kind: np.full((*shape, POINTS), np.nan) for kind in kinds}
    for kind, curve in curves.items():
        curve[rows, seeds] = np.stack([columns[f"{kind}_{point}"] for point in range(1, POINTS + 1)], axis=1)
    paid = {cost: np.full(shape, np.nan) for cost in costs}
    for cost, column in paid.items():
        column[rows, seeds] = columns[cost]
    return curves, paid
