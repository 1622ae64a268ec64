"""The task: a learning problem as data, parts, kind and metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import DataKind
from metanas.tasks.data import Array, Kind, LearningData
from metanas.tasks.fingerprint import fingerprint
from metanas.tasks.metrics import check_metric, class_weights
from metanas.tasks.options import as_path

if TYPE_CHECKING:
    import pandas as pd

    from metanas.records import TaskDescription
    from metanas.tasks.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """A learning problem; made by one of the constructors.

    Args:
        name: as the user calls it.
        kind: classification or regression.
        data: kind of data.
        inputs: the raw examples. Table: DataFrame of float64 columns (NaN is missing) and categories; image: uint8
            ``(n, channels, height, width)``; series: float32 ``(n, channels, time)``, zero-padded; sound: float32 in [-1, 1]
            ``(n, channels, samples)``; text: list of n strings.
        targets: int64 class numbers ``(n,)``, or float32 ``(n, outputs)`` in the user's unit.
        classes: names of the classes by number, the positive one of two last; empty for regression.
        target: name of the target column, or ``"label"``.
        train, validation, test: int64 row numbers of the parts, disjoint, none empty.
        metric: name of the metric that decides, see :mod:`metanas.tasks.metrics`.
        recut: whether validation rows were drawn from the training rows at random, so that another draw is as good.
        notes: sentences for the user on what was left out, changed or assumed.
        source: keywords with which :meth:`read` reads the same task again (JSON); None if it was made of arrays.
        rate: sound only: samples per second.
        mirror: pictures only: whether they keep their meaning when mirrored left to right; None if that is to be found out.
        white: pictures only: the number that stands for white in arrays of them as the user has them (255 in files).
        text: text only: name of the column with the texts.

    Example:
        >>> task = Task.from_sklearn("iris")
        >>> task
        Task(iris: table, classification in 3 classes by accuracy; 80 training, 40 validation, 30 test examples)
        >>> task.classes
        ('setosa', 'versicolor', 'virginica')
    """

    name: str
    kind: Kind
    data: DataKind
    inputs: Any
    targets: Array
    classes: tuple[str, ...]
    target: str
    train: Array
    validation: Array
    test: Array
    metric: str
    recut: bool = False
    notes: tuple[str, ...] = ()
    source: Mapping[str, Any] | None = None
    rate: int = 0
    mirror: bool | None = None
    white: float = 255.0
    text: str = "text"

    def __repr__(self) -> str:
        """One line, without examples."""
        what = f"classification in {len(self.classes)} classes" if self.classes else self.kind
        parts = ", ".join(
            f"{len(rows):,} {name}" for name, rows in (("training", self.train), ("validation", self.validation), ("test", self.test))
        )
        return f"{type(self).__name__}({self.name}: {self.data}, {what} by {self.metric}; {parts} examples)"

    @classmethod
    def read(cls, source: str | Path, **options: Any) -> Task:
        """Read any data set that a reader knows: a table, an ``.npz``, a folder of pictures or WAV files, a scikit-learn set by name.

        Args:
            source: path, or one of ``digits``, ``iris``, ``wine``, ``breast_cancer``, ``diabetes`` (a file of that name is ``./digits``).
            options: the fields of :class:`metanas.tasks.options.Options`, and ``kind`` for the kind of data, of problem, or both
                (``"series"``, ``"regression"``, ``"sound,classification"``).

        Raises:
            InputError: one clear sentence on what is wrong and what to do.
        """
        from metanas.tasks.readers import reader_for

        reader, path = reader_for(source, options)
        return reader.read(path, **options)

    @classmethod
    def from_table(cls, table: pd.DataFrame | str | Path, **options: Any) -> Task:
        """A table: a DataFrame, or a CSV, TSV or Parquet file. Options: target, group, time, kind, metric, seed, test, name."""
        from metanas.tasks.readers.table import TableReader

        return TableReader().from_table(table, **options)

    @classmethod
    def from_csv(cls, path: str | Path, **options: Any) -> Task:
        """A table in a CSV or TSV file; options as for :meth:`from_table`, and ``text`` for a column of texts to learn from."""
        return cls.from_text(path, **options) if options.get("text") else cls.from_table(path, **options)

    @classmethod
    def from_text(cls, table: pd.DataFrame | str | Path, **options: Any) -> Task:
        """The texts in one column of a table. Options: text, target, group, time, kind, metric, seed, test, name."""
        from metanas.tasks.readers.text import TextReader

        return TextReader().from_table(table, **options)

    @classmethod
    def from_images(cls, folder: str | Path, **options: Any) -> Task:
        """PNG and JPEG files, a sub-folder per class. Options: size, mirror, metric, seed, name."""
        from metanas.tasks.readers.images import ImageReader

        return ImageReader().read(as_path(folder), **options)

    @classmethod
    def from_sounds(cls, folder: str | Path, **options: Any) -> Task:
        """WAV files, a sub-folder per class. Options: rate, seconds, metric, seed, name."""
        from metanas.tasks.readers.sounds import SoundReader

        return SoundReader().read(as_path(folder), **options)

    @classmethod
    def from_npz(cls, path: str | Path, **options: Any) -> Task:
        """Arrays ``x_train, y_train[, x_val, y_val][, x_test, y_test]``.

        Options: kind, group, time, rate, size, mirror, metric, seed, name.
        """
        from metanas.tasks.readers.npz import NpzReader

        return NpzReader().read(as_path(path), **options)

    @classmethod
    def from_sklearn(cls, name: str, **options: Any) -> Task:
        """A data set that scikit-learn carries with it: digits, iris, wine, breast_cancer, diabetes.

        Options: metric, seed, name, kind.
        """
        from metanas.tasks.readers.sklearn import SklearnReader

        return SklearnReader().read(as_path(name), **options)

    @classmethod
    def from_arrays(cls, x_train: Any, y_train: Any, x_test: Any = None, y_test: Any = None, **options: Any) -> Task:
        """Arrays in memory, shaped as in an ``.npz`` (a list of strings is texts); a DataFrame is a table.

        Options: ``x_val``, ``y_val``, ``groups``, ``times`` (one value per training row), and those of :meth:`from_npz`.
        """
        from metanas.tasks.readers.npz import from_arrays

        return from_arrays(x_train, y_train, x_test, y_test, **options)

    def with_metric(self, metric: str) -> Task:
        """The same task decided by another metric.

        Raises:
            InputError: if there is no such metric for this kind of task.
        """
        return replace(self, metric=check_metric(metric, self.kind))

    @property
    def positive(self) -> str:
        """Of two classes, the one that recall, precision and F1 are about (see ``Options.positive``); else empty."""
        return self.classes[1] if len(self.classes) == 2 else ""

    def describe(self) -> TaskDescription:
        """Shapes and statistics of the training part, for those who must not see data; computed once."""
        return self._described

    @cached_property
    def _described(self) -> TaskDescription:
        from metanas.tasks.description import describe

        return describe(self)

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal raw data, targets, kind and parts, in any process (128 bits, hex)."""
        about = [self.kind, self.data, list(self.classes), self.rate]
        return fingerprint(about, self.inputs, [self.targets, self.train, self.validation, self.test])

    def prepare(self) -> tuple[LearningData, Preprocessing]:
        """Network-ready training and validation parts, and the preprocessing fitted on the training rows alone; computed once."""
        return self._prepared

    @cached_property
    def _prepared(self) -> tuple[LearningData, Preprocessing]:
        from metanas.tasks.preprocessing import fit

        preprocessing = fit(self)
        y = self.targets[self.train]
        data = LearningData(
            shape=preprocessing.shape,
            kind=self.kind,
            metric=self.metric,
            recut=self.recut,
            x_train=preprocessing.transform(self.rows(self.train)),
            y_train=y,
            x_val=preprocessing.transform(self.rows(self.validation)),
            y_val=self.targets[self.validation],
            input_mean=np.array(preprocessing.input_mean, np.float32),
            input_std=np.array(preprocessing.input_std, np.float32),
            target_mean=np.array(preprocessing.output.mean, np.float32),
            target_std=np.array(preprocessing.output.std, np.float32),
            class_weights=class_weights(self.metric, y, len(self.classes)) if self.kind == "classification" else None,
            mirror=preprocessing.mirror,
        )
        return data, preprocessing

    def test_data(self) -> tuple[Any, Array]:
        """The raw inputs and the targets of the test rows. Only the one function that scores a frozen list may call this, once."""
        return self.rows(self.test), self.targets[self.test]

    def rows(self, rows: Array) -> Any:
        """The raw inputs of some rows."""
        from metanas.tasks.build import take

        return take(self.inputs, rows)


def check_source(source: str | Path) -> Path:
    """The path as an existing one.

    Raises:
        InputError: if there is nothing at that path.
    """
    path = Path(source)
    if not path.exists():
        raise InputError(f"there is no file or folder {str(source)!r}")
    return path
