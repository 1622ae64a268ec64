"""Real data sets, where they lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metanas.tasks import Task

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not beside the repository")

CASES = [
    ("tabular/adult.parquet", {}, "table", "classification", 2, 16281),
    ("tabular/car.parquet", {}, "table", "classification", 4, 346),
    ("tabular/sick.parquet", {}, "table", "classification", 2, 754),
    ("tabular/cal_housing.parquet", {}, "table", "regression", 1, 4128),
    ("tabular/energy.parquet", {}, "table", "regression", 1, 77),
    ("timeseries/Adiac.npz", {}, "series", "classification", 37, 391),
    ("timeseries/BasicMotions.npz", {}, "series", "classification", 4, 40),
    ("fsdd/fsdd.npz", {"group": "speaker"}, "sound", "classification", 10, 300),
    ("fashion_mnist/fashion_mnist.npz", {}, "image", "classification", 10, 10000),
    ("sign_digits/sign_digits.npz", {}, "image", "classification", 10, 421),
    ("trec/trec.parquet", {"text": "text"}, "text", "classification", 6, 500),
]


@pytest.mark.parametrize(("file", "options", "data", "kind", "outputs", "tested"), CASES, ids=[c[0] for c in CASES])
def test_real_data_become_tasks(file: str, options: dict[str, str], data: str, kind: str, outputs: int, tested: int) -> None:
    task = Task.read(DATA / file, **options)
    prepared, fitted = task.prepare()
    assert (task.data, task.kind, fitted.shape.outputs, len(task.test)) == (data, kind, outputs, tested)
    assert np.isfinite(prepared.x_train).all()
    assert prepared.x_train.any()
    if kind == "classification":
        assert set(task.targets[task.train]) == set(range(outputs))
