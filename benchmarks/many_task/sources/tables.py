"""Real tables: those of the data folder, and those that scikit-learn carries with it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..raw import Raw, Request, binned, numbered, source

_NONE_STATED = "none stated (UCI and other public archives)"
_NON_COMMERCIAL = "CC BY-NC 4.0"
_SKLEARN = "UCI data set as distributed with scikit-learn (BSD-3-Clause)"


@lru_cache(maxsize=2)
def _parquet(file: Path) -> pd.DataFrame:
    return pd.read_parquet(file).drop(columns="split")


def _table(request: Request, name: str) -> Raw:
    """A table; the option ``target`` names the column to predict, ``target:3`` a column of numbers as three classes of equal size."""
    table = _parquet(request.data / "tabular" / f"{name}.parquet")
    column, _, classes = str(request.options.get("target", "target")).partition(":")
    known = table[table[column].notna()]
    values, inputs = known[column], known.drop(columns=column)
    if column != "target" and "target" in inputs and not request.options.get("hint", True):
        inputs = inputs.drop(columns="target")
    if classes:
        targets = binned(values.to_numpy(np.float64), int(classes))
    elif pd.api.types.is_numeric_dtype(values.dtype):
        targets = values.to_numpy(np.float64)
    else:
        targets = numbered(values.astype(str))
    return Raw(inputs.reset_index(drop=True), targets)


def _register(name: str, tasks: int, rows: int, classes: int = 0, licence: str = _NONE_STATED, **options: Any) -> None:
    source(name, "table", tasks=tasks, rows=rows, classes=classes, licence=licence, shipped=False, **options)(
        lambda request: _table(request, name)
    )


_register("adult", 9, 48842, 2, target=("target", "hours_per_week", "relationship", "age", "education_num:3"))
_register("phoneme", 6, 5404, 2, target=("target", "v1", "target"))
_register("credit_g", 6, 1000, 2, target=("target", "credit_amount", "duration:3", "housing"))
_register("segment", 7, 2310, 7, target=("target", "hue-mean", "target", "region-centroid-row:3"))
_register("sick", 6, 3772, 2, target=("target", "referral source", "TSH:3", "age"))
_register("car", 6, 1728, 4, target=("target", "safety", "target"))
_register("vehicle", 6, 846, 4, target=("target", "HOLLOWS RATIO", "target"))
_register("cal_housing", 8, 20640, target=("target", "target:4", "medianIncome", "housingMedianAge:3", "latitude"))
_register("kin8nm", 6, 8192, target=("target", "target:3", "target"))
_register("concrete", 6, 1030, licence=_NON_COMMERCIAL, target=("target", "target:4", "x0"))
_register("energy", 6, 768, licence=_NON_COMMERCIAL, target=("target", "target:3", "target"))


def _sklearn(name: str) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    return loaded.data, loaded.target.to_numpy()


@source("iris", "table", tasks=3, rows=150, classes=3, licence=_SKLEARN, target=("species", "petal length (cm)", "species"))
def _iris(request: Request) -> Raw:
    return _flowers("iris", request)


@source("wine", "table", tasks=4, rows=178, classes=3, licence=_SKLEARN, target=("cultivar", "alcohol", "cultivar", "color_intensity"))
def _wine(request: Request) -> Raw:
    return _flowers("wine", request)


@source("breast_cancer", "table", tasks=6, rows=569, classes=2, licence=_SKLEARN, target=("diagnosis", "worst area", "mean smoothness:3"))
def _breast_cancer(request: Request) -> Raw:
    return _flowers("breast_cancer", request)


@source("diabetes", "table", tasks=5, rows=442, licence=_SKLEARN, target=("progression", "progression:2", "bmi", "progression:3"))
def _diabetes(request: Request) -> Raw:
    return _flowers("diabetes", request)


def _flowers(name: str, request: Request) -> Raw:
    inputs, targets = _sklearn(name)
    column, _, classes = str(request.options["target"]).partition(":")
    if column in inputs:
        inputs, targets = inputs.drop(columns=column), inputs[column].to_numpy(np.float64)
    values = targets.astype(np.float64) if name == "diabetes" or column in _sklearn(name)[0] else targets.astype(np.int64)
    return Raw(inputs, binned(values, int(classes)) if classes else values)
