"""Examples by class, and which classes are there to train, to validate and to test on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.spaces.shape import TaskShape
from metanas.tasks.data import Array
from metanas.tasks.few_shot.episode import EpisodePart
from metanas.tasks.fingerprint import fingerprint
from metanas.tasks.options import some
from metanas.tasks.preprocessing import Preprocessing

VALIDATION_SHARE, TEST_SHARE = 0.15, 0.25
"""Shares of the classes that a random split keeps for validation and test."""


@dataclass(frozen=True, eq=False)
class ClassSplit:
    """Which classes episodes of each part are made of; no class is in two parts.

    Args:
        name: of the split, for example ``"vinyals"``.
        train, val, test: int64 class numbers.

    Raises:
        InputError: if a class is in two parts.
    """

    name: str
    train: Array
    val: Array
    test: Array

    def __post_init__(self) -> None:
        numbers = np.concatenate([self.train, self.val, self.test])
        twice = sorted({int(n) for n in numbers if (numbers == n).sum() > 1}) if len(np.unique(numbers)) < len(numbers) else []
        if twice:
            raise InputError(f"split {self.name!r} has class {twice[0]} in two parts; training, validation and test classes must differ")

    def of(self, part: EpisodePart) -> Array:
        """The classes of a part."""
        parts: dict[str, Array] = {"train": self.train, "val": self.val, "test": self.test}
        return parts[part]

    @property
    def counts(self) -> str:
        """For example ``"1,028 classes to train, 172 to validate and 423 to test on"``."""
        return f"{len(self.train):,} classes to train, {len(self.val):,} to validate and {len(self.test):,} to test on"


def random_split(classes: int, ways: int, seed: int) -> ClassSplit:
    """Classes drawn for each part: about 60, 15 and 25 in 100, but at least ``ways`` in each.

    Raises:
        InputError: if there are too few classes for that.
    """
    if classes < 3 * ways:
        fewer = f"use --ways {classes // 3} or fewer" if classes >= 6 else "take data with more classes"
        raise InputError(
            f"{ways} ways need at least {3 * ways} classes ({ways} to train, {ways} others to validate and {ways} others to test on), "
            f"but the data have {classes}; {fewer}"
        )
    order = np.random.default_rng(seed).permutation(classes)
    test = max(ways, round(TEST_SHARE * classes))
    val = min(max(ways, round(VALIDATION_SHARE * classes)), classes - test - ways)
    return ClassSplit(f"random, seed {seed}", *(np.sort(part) for part in np.split(order, [classes - test - val, classes - test])))


@dataclass(frozen=True, eq=False)
class ClassData:
    """The examples of a classification problem, class by class, as a network takes them.

    Args:
        name: of the data.
        x: ``(examples, *shape.input)``, the examples of class 0 first: uint8 for pictures (channels first), int32 token ids, else float32.
        starts: int64 ``(classes + 1,)``: class c has the rows ``starts[c]`` to ``starts[c + 1] - 1``.
        classes: names.
        split: of the classes.
        preprocessing: what made ``x`` of raw inputs, fitted on the training classes; its shape is that of the whole problem.
        turned: whether classes turned by 90, 180 and 270 degrees are new classes where nothing else is said (handwritten characters).
        notes: sentences for the user on what was assumed.
    """

    name: str
    x: Array
    starts: Array
    classes: tuple[str, ...]
    split: ClassSplit
    preprocessing: Preprocessing
    turned: bool = False
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> TaskShape:
        """Of the whole problem: ``shape.outputs`` is the number of classes."""
        return self.preprocessing.shape

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of examples of each class."""
        sizes: NDArray[np.int64] = np.diff(self.starts)
        return sizes

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal examples, classes and split, in any process (128 bits, hex)."""
        return fingerprint([list(self.classes)], self.x, [self.starts, self.split.train, self.split.val, self.split.test])


def by_class(x: Array, labels: Array, classes: int) -> tuple[Array, Array]:
    """Rows of ``x`` in the order of their class numbers ``labels``, and where each class starts: ``ClassData.x`` and ``.starts``."""
    order = np.argsort(labels, kind="stable")
    return np.ascontiguousarray(x[order]), np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=classes))])


def check_classes(names: Sequence[str], classes: int, what: str) -> tuple[str, ...]:
    """Names for ``classes`` classes; numbers if there are no names.

    Raises:
        InputError: if there are as many names as classes neither, or a name twice.
    """
    if not len(names):
        return tuple(str(c) for c in range(classes))
    if len(names) != classes or len(set(names)) != len(names):
        raise InputError(f"{what} must name each of the {classes} classes once, and is {some(names)}")
    return tuple(str(n) for n in names)
