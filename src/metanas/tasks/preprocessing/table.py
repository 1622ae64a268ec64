"""Tables: numbers scaled, categories as indicators, missing values filled and marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.spaces.shape import DataKind, TaskShape
from metanas.tasks.data import Array
from metanas.tasks.options import some
from metanas.tasks.preprocessing.base import Output, Preprocessing, outputs, register
from metanas.tasks.values import as_categories, as_numbers

if TYPE_CHECKING:
    import pandas as pd

    from metanas.tasks.task import Task

MOST_CATEGORIES = 64
FEWEST_SEEN = 3
"""How often a category must occur in the training part to get an indicator of its own."""
BEND = 3.0
"""Where the numbers of a heavy-tailed column are bent."""
HEAVY = 6.0
"""Fourth standardised moment (3 for a normal distribution) above which a column counts as heavy-tailed."""
FARTHEST = 10.0
"""Scaled numbers are cut at plus and minus this, for outliers that training has not seen."""
_FINEST, _NARROW = 1e-300, 1e-6
"""Half ranges below the first can't be scaled; quartiles nearer than the second (as a share of the half range) do not tell the spread."""


@dataclass(frozen=True)
class Number:
    """A numeric column, scaled to mean 0 and deviation 1.

    The numbers of a heavy-tailed column are bent before: ``z = (x - median) / quartile distance * 1.349`` (half the range instead of
    the quartiles where these meet), then ``z / sqrt(1 + (z / 3)^2)``, so that outliers do no harm (Holzmueller et al. 2024, "Better by
    Default", section 3: robust scale and smooth clip). Others stay straight: with light tails that was better on smooth relations.

    Args:
        name: of the column.
        fill: the median, for missing values.
        centre, scale: ``z = (x - centre) * scale``.
        bent: whether z is bent.
        mean, std: of the result in the training part.
        missing: whether an indicator marks missing values.
        decimal_comma: whether a comma in texts stands before decimals, as in training.
    """

    name: str
    fill: float
    centre: float
    scale: float
    bent: bool
    mean: float
    std: float
    missing: bool
    decimal_comma: bool = False

    def read(self, values: pd.Series) -> NDArray[np.float64]:
        """A raw column as numbers, NaN for what is none."""
        return as_numbers(values, self.decimal_comma or None)

    @classmethod
    def fit(cls, name: str, values: NDArray[np.float64]) -> Number | None:
        """None if no value is known, or all are the same (or nearer than numbers can be scaled) and none is missing."""
        known = values[np.isfinite(values)]
        missing = known.size < values.size
        if not known.size:
            return None
        low, median, high = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
        reach = float(known.max()) / 2 - float(known.min()) / 2
        if reach < _FINEST:
            return cls(name, median, median, 1.0, False, 0.0, 1.0, True) if missing else None
        within = (known - median) / reach
        bent = bool((((within - within.mean()) / within.std()) ** 4).mean() > HEAVY)
        spread = (high - low) / 1.349
        if spread < _NARROW * reach:
            spread = reach
        number = cls(name, median, median, 1 / spread, bent, 0.0, 1.0, missing)
        scaled = number._scaled(known)
        return replace(number, mean=float(scaled.mean()), std=float(scaled.std()) or 1.0)

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            z = np.clip((values - self.centre) * self.scale, -1e9, 1e9)
        return z / np.hypot(1, z / BEND) if self.bent else z

    def transform(self, values: NDArray[np.float64]) -> Array:
        """``(n,)`` to float32 ``(n,)`` within plus and minus 10; what is missing or infinite counts as the median."""
        scaled = self._scaled(np.where(np.isfinite(values), values, self.fill))
        return np.clip((scaled - self.mean) / self.std, -FARTHEST, FARTHEST).astype(np.float32)


@dataclass(frozen=True)
class Category:
    """A categorical (or 0/1) column: one indicator per category, none for the second of just two.

    ``other``: whether an indicator stands for rare and unknown categories (only where training had some: an indicator never seen active
    would add noise); ``missing``: the same for missing values; ``flag``: the column held 0 and 1, or False and True, as numbers.
    """

    name: str
    categories: tuple[str, ...]
    other: bool
    missing: bool
    flag: bool = False

    def read(self, values: pd.Series) -> pd.Categorical:
        """A raw column as categories."""
        import pandas as pd

        return as_categories(pd.Series(as_numbers(values), index=values.index) if self.flag else values)

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> Category | None:
        """None if training rows have just one category."""
        categories = as_categories(values)
        codes = np.asarray(categories.codes, np.int64)
        counts = np.bincount(codes[codes >= 0], minlength=len(categories.categories))
        missing = bool((codes < 0).any())
        seen = np.flatnonzero(counts)
        frequent = seen[np.argsort(-counts[seen], kind="stable")][:MOST_CATEGORIES]
        if len(seen) > 2:
            frequent = frequent[counts[frequent] >= FEWEST_SEEN]
        other = len(frequent) < len(seen)
        if len(frequent) + other + missing < 2:
            return None
        named = tuple(sorted(str(categories.categories[i]) for i in frequent))
        return cls(name, named, other, missing, flag=getattr(values.dtype, "kind", "") == "f")

    @property
    def single(self) -> bool:
        """Whether one indicator says it all."""
        return len(self.categories) == 2 and not self.other and not self.missing

    @property
    def width(self) -> int:
        """Number of indicators."""
        return 1 if self.single else len(self.categories) + self.other + self.missing

    def transform(self, values: pd.Series) -> Array:
        """``(n,)`` to float32 indicators ``(n, width)``; where no indicator fits, all are 0 (one half for a single one)."""
        found = self.read(values)
        place = {name: i for i, name in enumerate(self.categories)}
        unknown = len(self.categories) if self.other else -1
        columns = [place.get(str(name), unknown) for name in found.categories]
        absent = len(self.categories) + self.other if self.missing else unknown
        where = np.array([*columns, absent], np.int64)[np.asarray(found.codes, np.int64)]
        if self.single:
            return np.where(where < 0, 0.5, where).astype(np.float32)[:, None]
        wide = np.zeros((len(where), self.width + 1), np.float32)
        wide[np.arange(len(where)), where] = 1
        return wide[:, : self.width]


@register
@dataclass(frozen=True)
class TablePreprocessing(Preprocessing):
    """Scaled numbers first, then the marks of their missing values, then the indicators of categories.

    ``given``: number of columns that the training table had besides its target, used or not; 0 if that is not known.
    """

    numbers: tuple[Number, ...] = ()
    categories: tuple[Category, ...] = ()
    given: int = 0
    data: ClassVar[DataKind] = "table"

    @classmethod
    def fit(cls, task: Task) -> TablePreprocessing:
        """Measure the training rows; columns that never change there are not used."""
        table = task.rows(task.train)
        numbers: list[Number] = []
        categories: list[Category] = []
        for name in table.columns:
            column = table[name]
            if hasattr(column, "cat") or _is_flag(column.to_numpy()):
                fitted = Category.fit(name, column)
                categories += [fitted] if fitted else []
            else:
                number = Number.fit(name, column.to_numpy(np.float64))
                commas = name in table.attrs.get("decimal_comma", ())
                numbers += [replace(number, decimal_comma=commas)] if number else []
        width = len(numbers) + sum(n.missing for n in numbers) + sum(c.width for c in categories)
        if not width:
            raise InputError(
                f"there is nothing to learn from: in the training rows each column has one value, or none that occurs {FEWEST_SEEN} times"
            )
        given = int(table.attrs.get("columns", 0))
        shape = TaskShape("table", (width,), outputs(task), numeric=len(numbers))
        return cls(shape, Output.of(task), (0.0,) * width, (1.0,) * width, tuple(numbers), tuple(categories), given)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are used."""
        return tuple(n.name for n in self.numbers) + tuple(c.name for c in self.categories)

    def transform(self, inputs: Any) -> Array:
        """A DataFrame with at least the columns of training, of any types, to float32 ``(n, features)``."""
        missing = [name for name in self.columns if name not in inputs.columns]
        if missing:
            raise InputError(f"the table lacks columns that the network was trained with: {some(missing)}; add them under these names")
        x = np.empty((len(inputs), self.shape.input[0]), np.float32)
        marks = len(self.numbers)
        for place, number in enumerate(self.numbers):
            values = number.read(inputs[number.name])
            x[:, place] = number.transform(values)
            if number.missing:
                x[:, marks] = ~np.isfinite(values)
                marks += 1
        for category in self.categories:
            x[:, marks : marks + category.width] = category.transform(inputs[category.name])
            marks += category.width
        return x

    def details(self) -> dict[str, Any]:
        """The columns."""
        return {
            "numbers": [vars(n) for n in self.numbers],
            "given": self.given,
            "categories": [{**vars(c), "categories": list(c.categories)} for c in self.categories],
        }

    @classmethod
    def restore(cls, common: Mapping[str, Any], details: Mapping[str, Any]) -> TablePreprocessing:
        """The instance that gave ``details``."""
        numbers = tuple(Number(**n) for n in details["numbers"])
        categories = tuple(Category(**{**c, "categories": tuple(c["categories"])}) for c in details["categories"])
        return cls(**common, numbers=numbers, categories=categories, given=int(details.get("given", 0)))


def _is_flag(values: Array) -> bool:
    """Whether all known numbers are 0 or 1."""
    known = values[~np.isnan(values)]
    return bool(((known == 0) | (known == 1)).all())
