"""The data sets that scikit-learn carries with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks.arrays import to_inputs
from metanas.tasks.build import Found, assemble
from metanas.tasks.options import Options, did_you_mean
from metanas.tasks.task import Task

DATA_SETS = ("digits", "iris", "wine", "breast_cancer", "diabetes")
INK = 16.0
"""The most ink of a pixel in the digits."""


class SklearnReader(TaskReader):
    """Makes tasks of data sets by name; digits are pictures, the others tables."""

    def reads(self, path: Path) -> bool:
        """One of the names."""
        return str(path) in DATA_SETS

    def read(self, path: Path, **options: Any) -> Task:
        """The task; options: metric, seed, name, kind (``"table"`` gives the digits as 64 columns).

        Raises:
            InputError: for an unknown name.
        """
        from sklearn import datasets

        name = str(path)
        if name not in DATA_SETS:
            raise InputError(f"there is no built-in data set {name!r}{did_you_mean(name, DATA_SETS)}; there are {', '.join(DATA_SETS)}")
        asked = Options.of(options)
        asked.require(f"the data set {name!r}", "mirror")
        bunch = getattr(datasets, f"load_{name}")()
        as_pictures = name == "digits" and asked.data != "table"
        if asked.data not in (None, "image" if as_pictures else "table"):
            raise InputError(f"the data set {name!r} is no {asked.data}; leave --kind out")
        found = Found(
            name=name,
            data="image" if as_pictures else "table",
            inputs=to_inputs(bunch.images, "image", white=INK) if as_pictures else _table(bunch),
            values=bunch.target,
            target="target" if name == "diabetes" else "label",
            class_names=() if name == "diabetes" else tuple(str(c) for c in bunch.target_names),
            numbered=name != "diabetes",
            source=name,
            facts={"mirror": bool(asked.mirror), "white": INK} if as_pictures else {},
        )
        return assemble(found, asked)


def _table(bunch: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(np.asarray(bunch.data, np.float64), columns=[str(c) for c in bunch.feature_names])
