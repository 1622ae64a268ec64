"""Shards: a Parquet file for a few tasks, a row per training, and in its metadata all that is known of the tasks."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

import metanas
from metanas.benchmarks.tables.many_task_files import KEY, POINTS, SCHEMA
from metanas.tasks import Task
from metanas.tasks.metrics import compute_one

from .catalogue import catalogue
from .raw import Array
from .recipe import Recipe
from .trainings import Judge, Training

SIZES = {"mlp": 4, "convnet": 2}
"""Tasks of a shard."""
LOSSES = (1, 3, 9)
"""Points of which the training loss is kept."""
_BITS, _FEW_BITS = 12, 9
"""Binary digits that are kept of scores, and of losses and seconds: errors of a ten-thousandth and a thousandth."""


def shards() -> list[tuple[str, tuple[Recipe, ...]]]:
    """Names of all files in the order in which they are made, with the recipes of their tasks."""
    named = []
    for space, size in SIZES.items():
        recipes = [recipe for recipe in catalogue() if recipe.space == space]
        chunks = [tuple(recipes[start : start + size]) for start in range(0, len(recipes), size)]
        named += [(f"{space}-{number:03}.parquet", chunk) for number, chunk in enumerate(chunks)]
    return named


def rows_of(name: str, trainings: Sequence[Training]) -> dict[str, Any]:
    """The columns of a task's trainings."""
    columns: dict[str, Any] = {
        "task": [name] * len(trainings),
        "architecture": np.array([t.architecture for t in trainings], np.int16),
        "seed": np.array([t.seed for t in trainings], np.int8),
    }
    for kind in ("validation", "test", "validation_loss"):
        curves = rounded(np.stack([getattr(t, kind) for t in trainings]), _FEW_BITS if kind == "validation_loss" else _BITS)
        columns |= {f"{kind}_{point}": curves[:, point - 1] for point in range(1, POINTS + 1)}
    losses = rounded(np.stack([t.loss for t in trainings]), _FEW_BITS)
    columns |= {f"loss_{point}": losses[:, point - 1] for point in LOSSES}
    columns["seconds"] = rounded(np.array([t.seconds for t in trainings], np.float32), _FEW_BITS)
    columns["parameters"] = np.array([t.parameters for t in trainings], np.int32)
    columns["flops"] = np.array([t.flops for t in trainings], np.int32)
    return columns


def rounded(values: Array, bits: int) -> Array:
    """float32 with fewer binary digits, which takes less room when packed."""
    mantissa, exponent = np.frexp(values.astype(np.float32))
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits), np.float32)


def facts(recipe: Recipe, task: Task, judge: Judge, seconds: float) -> dict[str, Any]:
    """All that is known of a task, as JSON; no examples.

    Args:
        recipe: of the task.
        task: made by it.
        judge: of it.
        seconds: of one core that its trainings took, with everything around them.
    """
    source = recipe.group
    return {
        "recipe": recipe.to_json(),
        "kind": source.kind,
        "licence": source.licence,
        "shipped": source.shipped,
        "metric": judge.metric,
        "parts": [len(task.train), len(task.validation), len(task.test)],
        "fingerprint": task.fingerprint,
        "description": task.describe().to_json(),
        "baselines": baselines(task, judge),
        "seconds": round(seconds, 1),
        "made_with": {"metanas": metanas.__version__, "torch": torch.__version__, "processor": processor()},
    }


def baselines(task: Task, judge: Judge) -> dict[str, float]:
    """Test scores of a constant and of a linear model on the inputs that networks get."""
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = task.prepare()[0]
    held = judge.tensors.x_val.numpy().reshape(len(judge.tensors.x_val), -1)[judge.held :]
    x, y = data.x_train.reshape(len(data.x_train), -1), data.y_train
    target = task.test_data()[1]
    if data.kind == "regression":
        linear = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7))).fit(x, y[:, 0])
        outputs, constant = linear.predict(held)[:, None], np.full((len(held), 1), y.mean())
    else:
        weights = None if data.class_weights is None else "balanced"
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000, tol=1e-3, class_weight=weights)).fit(x, y)
        outputs = np.zeros((len(held), data.shape.outputs))
        outputs[:, model.classes_] = model.predict_proba(held)
        constant = np.tile(np.bincount(y, minlength=data.shape.outputs) / len(y), (len(held), 1))
    return {
        "constant": round(compute_one(judge.metric, target, constant), 5),
        "linear": round(compute_one(judge.metric, target, outputs), 5),
    }


def processor() -> str:
    """The model of the processor, as far as the system says it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def write(file: Path, columns: Sequence[Mapping[str, Any]], tasks: Sequence[Mapping[str, Any]]) -> None:
    """A whole shard or none: the file appears under its name when it is complete."""
    table = pa.concat_tables([pa.table(dict(one)) for one in columns])
    place = table.schema.get_field_index("task")
    table = table.set_column(place, "task", table["task"].combine_chunks().dictionary_encode())
    record = {"schema": SCHEMA, "points": POINTS, "tasks": list(tasks)}
    table = table.replace_schema_metadata({KEY: json.dumps(record).encode()})
    unfinished = file.with_suffix(".unfinished")
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [name for name in table.schema.names if name not in floats]
    settings = {"use_byte_stream_split": floats, "use_dictionary": others, "write_statistics": False}
    pq.write_table(table, unfinished, compression="zstd", compression_level=15, **settings)
    os.replace(unfinished, file)


def known_tasks(file: Path) -> list[dict[str, Any]]:
    """What a shard says of its tasks."""
    record = json.loads(pq.read_schema(file).metadata[KEY])
    if record["schema"] != SCHEMA:
        raise ValueError(f"{file} has schema {record['schema']}, and this code reads {SCHEMA}")
    return list(record["tasks"])
