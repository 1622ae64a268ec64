"""Targets: whether they are classes or numbers, and their form for learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.errors import InputError
from metanas.tasks.data import Array, Kind
from metanas.tasks.options import number_of, some
from metanas.tasks.splits import TEST, TRAIN
from metanas.tasks.values import as_categories, as_numbers

if TYPE_CHECKING:
    import pandas as pd

MOST_NUMERIC_CLASSES = 20
"""A column of numbers with more different values is a regression target."""
ROWS_PER_CLASS = 5
"""Rows that numbered classes have on average, if they are more than that."""
FEWEST_ROWS = 10
MOST_RARE = 0.1
"""Largest share of rows that may be left out because their classes are rare."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of the rows that are known.

    Args:
        kind: of the task.
        values: int64 class numbers ``(rows,)`` or float32 ``(rows, outputs)``.
        classes: their names; empty for regression.
        rows: the rows of the data set that they belong to, ascending.
        notes: sentences for the user.
    """

    kind: Kind
    values: Array
    classes: tuple[str, ...]
    rows: Array
    notes: list[str]


def encode(values: pd.Series | Array, name: str, problem: Kind | None, *, numbered: bool = False) -> Targets:
    """Targets from raw values; rows without a target are left out.

    Args:
        values: one per row, or a matrix of numbers with a row each (regression with several outputs).
        name: what to call the target in messages.
        problem: what the user says it is; None decides by the values: texts are classes, and so are numbers with at most
            20 different values.
        numbered: whether whole numbers are classes as a rule (arrays, which hold no texts): then they may be more than 20, if they
            are consecutive from 0 or 1, as numbers of classes are, and have at least five rows each on average.

    Raises:
        InputError: for targets that are not finite numbers in regression, or that are all the same.
    """
    import pandas as pd

    if not isinstance(values, pd.Series) and np.ndim(values) == 2 and np.shape(values)[1] > 1:
        matrix = _matrix(values, name)
        if problem != "regression" and _one_hot(matrix):
            targets = _classes(pd.Series(matrix.argmax(1)), name)
            targets.notes.append(f"{name!r} has a single 1 in every row, so it was taken as classes; give --kind regression if it is not")
            return targets
        if problem == "classification":
            raise InputError(f"{name!r} has {np.shape(values)[1]} columns, but a class is a single value; give one class per row")
        return _numbers(matrix, name)
    series = values if isinstance(values, pd.Series) else pd.Series(np.asarray(values).reshape(-1))
    problem, note = (problem, None) if problem else _decide(series, name, numbered)
    targets = _numbers(_checked_numbers(series, name)[:, None], name) if problem == "regression" else _classes(series, name)
    if note:
        targets.notes.append(note)
    return targets


def _decide(series: pd.Series, name: str, numbered: bool) -> tuple[Kind, str | None]:
    import pandas as pd

    if pd.api.types.is_bool_dtype(series.dtype):
        return "classification", None
    numbers = as_numbers(series)
    present = numbers[np.isfinite(numbers)]
    if pd.api.types.is_numeric_dtype(series.dtype):
        numeric = bool(present.size)
    else:
        numeric = present.size > 0.95 * max(1, int((as_categories(series).codes >= 0).sum()))
    if not numeric:
        return "classification", None
    unique = np.unique(present)
    kinds, whole = len(unique), bool((present == np.floor(present)).all())
    counted = whole and unique[0] in (0, 1) and bool((np.diff(unique) == 1).all())
    what = f"{name!r} holds {'whole ' if whole else ''}numbers ({kinds} different"
    if kinds > MOST_NUMERIC_CLASSES:
        if numbered and counted and present.size >= ROWS_PER_CLASS * kinds:
            return "classification", f"{what}, consecutive), so they are classes; give --kind regression to predict the number"
        return "regression", f"{what}), so this is regression; give --kind classification if they are classes"
    note = f"{name!r} holds only {kinds} different numbers, so they are classes; give --kind regression to predict the number"
    return "classification", None if (whole and kinds <= 2) or (numbered and counted) else note


def _matrix(values: Any, name: str) -> Array:
    """Targets ``(n, outputs)`` as float64.

    Raises:
        InputError: if they are no numbers.
    """
    try:
        return np.asarray(values, np.float64)
    except ValueError as error:
        raise InputError(f"{name!r} has several columns, so they must be numbers; give one class per row") from error


def _one_hot(matrix: Array) -> bool:
    return bool(((matrix == 0) | (matrix == 1)).all() and (matrix.sum(1) == 1).all())


def _checked_numbers(series: pd.Series, name: str) -> Array:
    numbers = as_numbers(series)
    words = np.isnan(numbers) & (as_categories(series).codes >= 0)
    if words.any():
        example = series[words].iloc[0]
        what = f"{number_of(int(words.sum()), 'value')} such as {str(example)!r} are no numbers"
        raise InputError(f"target {name!r} can't be predicted as a number: {what}; use --kind classification")
    return numbers


def _numbers(numbers: Array, name: str) -> Targets:
    known = ~np.isnan(numbers).any(1)
    rows = np.flatnonzero(known)
    if not rows.size:
        raise InputError(f"target {name!r} has no values")
    with np.errstate(over="ignore"):
        values = numbers[rows].astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"target {name!r} has infinite values (or above 3e38); remove these rows or correct them")
    if (values == values[0]).all():
        raise InputError(f"target {name!r} has the same value in every row ({values[0][0]:g}), so there is nothing to learn")
    return Targets("regression", values, (), rows, _dropped(len(numbers) - len(rows), name))


def _classes(series: pd.Series, name: str) -> Targets:
    categories = as_categories(series)
    names = [str(c) for c in categories.categories]
    rows = np.flatnonzero(categories.codes >= 0)
    if not rows.size:
        raise InputError(f"target {name!r} has no values")
    if len(names) < 2:
        raise InputError(f"target {name!r} has a single class, {names[0]!r}, in every row; at least two are needed")
    order = _ascending(names)
    rank = np.argsort(np.array(order, np.int64))
    values = rank[np.asarray(categories.codes, np.int64)[rows]]
    return Targets("classification", values, tuple(names[i] for i in order), rows, _dropped(len(series) - len(rows), name))


def _ascending(names: list[str]) -> list[int]:
    """The places of the names in order: of numbers if all are, else of the alphabet."""
    try:
        keys: list[Any] = [float(name) for name in names]
    except ValueError:
        keys = list(names)
    return sorted(range(len(names)), key=keys.__getitem__)


def _dropped(count: int, name: str) -> list[str]:
    return [f"{number_of(count, 'row')} without a value in {name!r} left out"] if count else []


def drop_rare(targets: Targets, given: Array) -> Targets:
    """Leave out the classes that have too few rows to stand in every part.

    Args:
        targets: of classification.
        given: part of each of ``targets.rows`` (0 training, 1 validation, 2 test).

    Raises:
        InputError: if a class of the test part is unknown elsewhere, or fewer than two classes are left.
    """
    count = len(targets.classes)
    own = np.bincount(targets.values[given == TRAIN], minlength=count)
    tested = np.bincount(targets.values[given == TEST], minlength=count)
    learned = np.bincount(targets.values[given != TEST], minlength=count)
    unseen = [targets.classes[i] for i in np.flatnonzero((tested > 0) & (learned == 0))]
    if unseen:
        advice = "add training examples or remove these rows"
        raise InputError(f"the test part has classes that the training part lacks: {some(unseen)}; {advice}")
    needed = 3 - int((given == 1).any()) - int((given == TEST).any())
    rare = own < needed
    if not rare.any():
        return targets
    singles = int((own <= 1).sum())
    if rare.sum() > count - 2:
        kept = count - int(rare.sum())
        enough = f"only {kept} of {count} classes {'has' if kept == 1 else 'have'} {needed} rows or more"
        what = "every class has a single row" if singles == count else enough
        raise InputError(f"{what}, so nothing can be learned; give more rows per class, or --kind regression if the target is a number")
    keep = ~rare[targets.values]
    renumbered = np.cumsum(~rare) - 1
    names = some(np.array(targets.classes)[rare])
    lost = int((~keep).sum())
    if lost > MOST_RARE * len(keep):
        what = f"{lost} of {len(keep)} rows are of classes with fewer than {needed} rows to learn from ({names})"
        raise InputError(f"{what}: too many to leave out; join such classes or remove these rows, or give --kind regression for numbers")
    note = f"{number_of(int((~keep).sum()), 'row')} left out, of classes with fewer than {needed} rows to learn from: {names}"
    return Targets(
        targets.kind,
        renumbered[targets.values[keep]],
        tuple(c for c, out in zip(targets.classes, rare, strict=True) if not out),
        targets.rows[keep],
        [*targets.notes, note],
    )
