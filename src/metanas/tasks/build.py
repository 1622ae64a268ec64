"""From what a reader found to a task: targets encoded, unusable rows left out, parts cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import DataKind
from metanas.tasks.columns import clean, unknown_categories
from metanas.tasks.data import Array
from metanas.tasks.metrics import ONE_CLASS, check_metric, default_metric
from metanas.tasks.options import Options, did_you_mean, number_of, some
from metanas.tasks.splits import TEST, TRAIN, VALIDATION, Parts, cut
from metanas.tasks.targets import FEWEST_ROWS, Targets, drop_rare, encode
from metanas.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd


RARER = 2 / 3
"""With less than this share of the other's training rows the first of two classes is the positive one; else the second (1, true, yes)."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a reader found in a data set.

    Args:
        name: of the task.
        data: kind of data.
        inputs: as ``Task.inputs``, a row per example; the columns of tables as they were read.
        values: the raw targets, a row per example.
        target: what they are called.
        given: part of each row (0 training, 1 validation, 2 test) as far as the data set says, else 0; None if it says nothing.
        groups, times: values by which the parts must be cut, NaN where missing, or None.
        class_names: names for whole-number targets, by number; empty if they have none.
        numbered: see :func:`metanas.tasks.targets.encode`.
        notes: sentences for the user.
        source: absolute path or name of the data set, or None.
        facts: further fields of the task: ``rate``, ``mirror``, ``text``.
    """

    name: str
    data: DataKind
    inputs: Any
    values: Any
    target: str
    given: Array | None = None
    groups: pd.Series | None = None
    times: Array | None = None
    class_names: tuple[str, ...] = ()
    numbered: bool = False
    notes: list[str] = field(default_factory=list)
    source: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def assemble(found: Found, options: Options) -> Task:
    """The task.

    Raises:
        InputError: if the data can't be learned from, or the metric doesn't suit them.
    """
    if found.groups is not None and found.times is not None:
        raise InputError("rows can be kept together by group or ordered by time, not both; give one of the two options")
    targets = encode(found.values, found.target, options.problem, numbered=found.numbered)
    given = np.zeros(len(found.values), np.int8) if found.given is None else np.asarray(found.given, np.int8)
    targets = _keep(targets, *_timed(found, targets))
    _check_size(given[targets.rows])
    if targets.kind == "classification":
        targets = drop_rare(targets, given[targets.rows])
    rows, given = targets.rows, given[targets.rows]
    _check_size(given)
    parts = cut(
        targets.values if targets.kind == "classification" else None,
        given,
        seed=options.seed,
        groups=None if found.groups is None else _group_numbers(found.groups)[rows],
        times=None if found.times is None else found.times[rows],
    )
    targets = _positive_last(replace(targets, classes=_named(targets.classes, found.class_names)), parts, options)
    inputs, more = _inputs(found, rows[parts.train])
    metric, note = default_metric(targets.kind, targets.values[parts.train])
    if options.metric is not None:
        metric, note = check_metric(options.metric, targets.kind), None
    return Task(
        name=options.name or found.name,
        kind=targets.kind,
        data=found.data,
        inputs=inputs if len(rows) == len(found.values) else take(inputs, rows),
        targets=targets.values,
        classes=targets.classes,
        target=found.target,
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
        metric=metric,
        recut=found.groups is None and found.times is None and not bool((given == VALIDATION).any()),
        notes=tuple(
            found.notes + more + targets.notes + _lacking(targets, parts) + ([note] if note else []) + _told_positive(metric, targets)
        ),
        source=None if found.source is None else {"source": found.source, **replace(options, data=found.data).to_json()},
        **found.facts,
    )


def _inputs(found: Found, train: Array) -> tuple[Any, list[str]]:
    """The raw inputs of all rows, of a table the usable columns, and notes; only the rows ``train`` decide what a column is."""
    if found.data != "table":
        return found.inputs, []
    features, notes = clean(found.inputs, train)
    return features, notes + unknown_categories(features, found.given)


def _positive_last(targets: Targets, parts: Parts, options: Options) -> Targets:
    """Of two classes, the positive one as number 1: the one that the user named, else the later, unless the other is much rarer.

    Raises:
        InputError: if there is no such class, or there are not two.
    """
    asked = options.positive
    if len(targets.classes) != 2:
        if asked is not None:
            raise InputError(f"--positive {asked} means nothing here: it names one of two classes; leave it out")
        return targets
    if asked is not None and asked not in targets.classes:
        raise InputError(f"--positive {asked} is no class{did_you_mean(asked, targets.classes)}; the classes are {some(targets.classes)}")
    counts = np.bincount(targets.values[parts.train], minlength=2)
    place = targets.classes.index(asked) if asked is not None else int(counts[0] >= RARER * counts[1])
    return targets if place == 1 else replace(targets, values=1 - targets.values, classes=targets.classes[::-1])


def take(inputs: Any, rows: Array) -> Any:
    """The given rows of raw inputs of any kind of data."""
    if hasattr(inputs, "iloc"):
        return inputs.iloc[rows].reset_index(drop=True)
    if isinstance(inputs, list):
        return [inputs[i] for i in rows]
    return inputs[rows]


def _timed(found: Found, targets: Targets) -> tuple[Array, list[str]]:
    """Which of the targets' rows have a moment where one is needed."""
    if found.times is None:
        return np.ones(len(targets.rows), bool), []
    known = ~np.isnan(found.times[targets.rows])
    if not known.any():
        raise InputError("the time column holds neither numbers nor dates; choose another column")
    lost = int((~known).sum())
    return known, [f"{number_of(lost, 'row')} without a readable time left out"] if lost else []


def _keep(targets: Targets, known: Array, notes: list[str]) -> Targets:
    if known.all():
        return targets
    return Targets(targets.kind, targets.values[known], targets.classes, targets.rows[known], [*targets.notes, *notes])


def _group_numbers(groups: pd.Series) -> Array:
    """A number per group; every row without a group is a group of its own."""
    import pandas as pd

    codes = np.asarray(pd.factorize(groups)[0], np.int64)
    alone = codes < 0
    codes[alone] = codes.max() + 1 + np.arange(int(alone.sum()))
    return codes


def _check_size(given: Array) -> None:
    learning = int((given != TEST).sum())
    if len(given) < FEWEST_ROWS or learning < FEWEST_ROWS // 2:
        what = f"{len(given)} usable rows" if len(given) < FEWEST_ROWS else f"{learning} usable rows outside the test part"
        raise InputError(f"{what} are too few to learn from; at least {FEWEST_ROWS} are needed, and half of them outside the test part")
    if not (given == TRAIN).any():
        raise InputError("no rows are marked as training rows; mark some, or remove the marks so that the parts are cut here")


def _lacking(targets: Targets, parts: Parts) -> list[str]:
    if targets.kind == "regression":
        return []
    absent = np.setdiff1d(np.arange(len(targets.classes)), targets.values[parts.train])
    if not absent.size:
        return []
    names = some(np.array(targets.classes)[absent])
    return [f"the training part has no example of {names}, which can't be learned then; the groups or the order in time leave no other cut"]


def _told_positive(metric: str, targets: Targets) -> list[str]:
    """Which class the metric is about, where it is about one of two."""
    if metric not in ONE_CLASS or len(targets.classes) != 2:
        return []
    other, positive = targets.classes
    return [f"{metric} is that of class {positive!r}; give --positive {other!r} for the other class"]


def _named(classes: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The classes by their names, if they are numbers and all have one."""
    if not names or not all(c.isdigit() and int(c) < len(names) for c in classes):
        return classes
    return tuple(names[int(c)] for c in classes)
