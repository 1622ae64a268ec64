"""Classification data as classes to draw episodes from: arrays by class, Omniglot, and every data set that a task is read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.tasks.arrays import DEFAULT_RATE, decide, shrink, to_inputs, white_of
from metanas.tasks.data import Array
from metanas.tasks.few_shot.class_data import ClassData, ClassSplit, by_class, check_classes, random_split
from metanas.tasks.few_shot.episode import PARTS
from metanas.tasks.few_shot.omniglot import is_omniglot, read_omniglot
from metanas.tasks.few_shot.splits import omniglot_split, split_by_numbers
from metanas.tasks.options import Options, did_you_mean, some
from metanas.tasks.preprocessing import fit
from metanas.tasks.task import Task

RANDOM = "random"


def read_few_shot(source: str | Path, *, split: str | None = None, ways: int = 5, **options: Any) -> ClassData:
    """The classes of a data set.

    Args:
        source: an ``.npz`` with ``x (classes, examples, ...)``, or with ``x_train`` and ``x_val`` and/or ``x_test`` like that (CIFAR-FS);
            Omniglot's own archives or the folder they are in; or anything that ``Task.read`` reads as classification, all of whose rows
            are pooled.
        split: the name of a split of the data: ``"vinyals"`` and ``"alphabets"`` for Omniglot, ``"given"`` where arrays come in parts, or
            the name of an array with 0, 1 or 2 for each class; or ``"random"``, ``"random:SEED"``. None takes the first of these that
            there is; what is drawn is drawn with seed 0 where no other is named, so that test classes are the same for everybody.
        ways: each part of a random split gets at least so many classes.
        options: as for ``Task.read`` where the source is read as a task; ``kind`` and ``size`` elsewhere, too.

    Raises:
        InputError: one clear sentence on what is wrong and what to do.
    """

    split, seed = _seeded(split)

    def drawn(classes: int) -> ClassSplit:
        return random_split(classes, ways, seed)

    path = Path(source)
    if path.exists() and is_omniglot(path):
        return _omniglot(path, split, drawn)
    if path.suffix.lower() == ".npz" and path.is_file():
        from metanas.tasks.readers.npz import load_npz

        arrays = load_npz(path)
        if "y_train" not in arrays and ("x" in arrays or "x_train" in arrays):
            return _arrays(path.name, arrays, split, drawn, options)
    if split not in (None, RANDOM):
        raise InputError(f"{source} has no split named {split!r}; its classes can be split at random only: leave out --split")
    return of_task(Task.read(source, **options), drawn)


def _seeded(split: str | None) -> tuple[str | None, int]:
    """The name of a split, and the seed behind the colon."""
    name, colon, seed = (split or "").partition(":")
    if colon and (name != RANDOM or not seed.isdecimal()):
        raise InputError(f"--split {split} is not understood; a split with a seed is written random:3")
    return name or None, int(seed or 0)


def of_arrays(
    x: Array,
    *,
    split: ClassSplit | Mapping[str, Array] | None = None,
    classes: Sequence[str] = (),
    ways: int = 5,
    seed: int = 0,
    name: str = "arrays",
    **options: Any,
) -> ClassData:
    """The classes of an array ``(classes, examples, ...)``; the axes after these as in ``Task.from_arrays``.

    Args:
        x: the examples.
        split: as it is, or class numbers by ``"train"``, ``"val"`` and ``"test"``; None draws one with ``seed``.
        classes: their names.
        ways: each part of a split that is drawn gets at least so many classes.
        seed: of a split that is drawn.
        name: of the data.
        options: ``kind`` of the data, ``size`` of pictures, ``rate`` of sound.

    Raises:
        InputError: if the array or the split does not suit.
    """
    if x.ndim < 3:
        raise InputError(f"examples by class need an array (classes, examples, ...), not one of shape {x.shape}")
    if isinstance(split, Mapping):
        split = ClassSplit("given", *(np.asarray(split.get(part, ()), np.int64) for part in PARTS))
    asked = Options.of(options)
    asked.require("arrays by class", "rate", "size")
    flat = x.reshape(-1, *x.shape[2:])
    data, note = (asked.data, None) if asked.data else decide(flat)
    white = white_of(flat) if data == "image" else 255.0
    inputs = to_inputs(flat, data, white=white)
    if data == "image":
        inputs, shrunk = shrink(inputs, asked.size)
        note = note or shrunk
    labels = np.repeat(np.arange(len(x)), x.shape[1])
    rate = (asked.rate or DEFAULT_RATE) if data == "sound" else 0
    rows = np.arange(len(labels))
    task = Task(
        name=name,
        kind="classification",
        data=data,
        inputs=inputs,
        targets=labels,
        classes=check_classes(classes, len(x), "classes"),
        target="label",
        train=rows,
        validation=rows[:0],
        test=rows[:0],
        metric="accuracy",
        notes=(note,) if note else (),
        rate=rate,
        white=white,
    )
    return of_task(task, lambda count: random_split(count, ways, seed) if split is None else split)


def of_task(task: Task, cut: Callable[[int], ClassSplit]) -> ClassData:
    """The classes of a classification task, the rows of all its parts pooled.

    What the network or the preprocessing knows of the inputs was measured on the rows of training classes alone.

    Args:
        task: whose classes are taken.
        cut: gives the split for a number of classes.

    Raises:
        InputError: for regression, or a split that names a class that is not there.
    """
    if task.kind != "classification":
        raise InputError(f"{task.name} is a regression problem, and episodes are drawn from classes; take data with classes")
    split = cut(len(task.classes))
    unknown = [int(c) for part in PARTS for c in split.of(part) if not 0 <= c < len(task.classes)]
    if unknown or not len(split.train):
        what = f"names class {unknown[0]}, but there are classes 0 to {len(task.classes) - 1}" if unknown else "has no training classes"
        raise InputError(f"the split {split.name!r} of {task.name} {what}; choose another")
    pooled = np.sort(np.concatenate([task.train, task.validation, task.test]))
    train, val, test = (pooled[np.isin(task.targets[pooled], split.of(part))] for part in PARTS)
    preprocessing = fit(replace(task, train=train, validation=val, test=test, mirror=bool(task.mirror)))
    x, starts = by_class(preprocessing.transform(task.rows(pooled)), task.targets[pooled], len(task.classes))
    return ClassData(task.name, x, starts, task.classes, split, preprocessing, notes=task.notes)


def _omniglot(path: Path, split: str | None, drawn: Callable[[int], ClassSplit]) -> ClassData:
    x, alphabets, characters = read_omniglot(path)
    chosen = drawn(len(x)) if split == RANDOM else omniglot_split(split or "vinyals", alphabets, characters)
    names = [f"{a}/{c}" for a, c in zip(alphabets, characters, strict=True)]
    return replace(of_arrays(x, split=chosen, classes=names, name="omniglot"), turned=True)


def _arrays(
    file: str, arrays: Mapping[str, Array], split: str | None, drawn: Callable[[int], ClassSplit], options: Mapping[str, Any]
) -> ClassData:
    """An ``.npz`` of examples by class."""
    parts = [arrays[name] for name in ("x", "x_train", "x_val", "x_test") if name in arrays]
    if "x" in arrays:
        parts = parts[:1]
    for part in parts:
        if part.ndim < 3 or part.shape[1:] != parts[0].shape[1:]:
            shapes = ", ".join(str(p.shape) for p in parts)
            raise InputError(f"{file!r} must hold arrays (classes, examples, ...), alike but for the number of classes, not {shapes}")
    x = np.concatenate(parts)
    characters = {"alphabet", "alphabet_names", "character"} <= arrays.keys()
    chosen = _chosen(file, arrays, [len(p) for p in parts], split, drawn)
    data = of_arrays(x, split=chosen, classes=_names(arrays, len(x)), name=Path(file).stem, **options)
    return replace(data, turned=characters)


def _names(arrays: Mapping[str, Array], classes: int) -> tuple[str, ...]:
    if {"alphabet", "alphabet_names", "character"} <= arrays.keys():
        return tuple(f"{arrays['alphabet_names'][a]}/{c}" for a, c in zip(arrays["alphabet"], arrays["character"], strict=True))
    given = [arrays[name] for name in ("names_train", "names_val", "names_test") if name in arrays] or [
        arrays[name] for name in ("names", "class_names") if name in arrays
    ]
    names = [str(n) for array in given for n in array.reshape(-1)]
    return check_classes(names, classes, "the names in the file")


def _chosen(file: str, arrays: Mapping[str, Array], sizes: list[int], split: str | None, drawn: Callable[[int], ClassSplit]) -> ClassSplit:
    """The split asked for, or the first that the archive has: by numbers for each class, by alphabets, by its parts; else one drawn."""
    classes = sum(sizes)
    known: dict[str, Callable[[], ClassSplit]] = {}
    for name, array in arrays.items():
        if array.shape == (classes,) and array.dtype.kind in "iu" and set(np.unique(array)) == {0, 1, 2}:
            known[name] = partial(split_by_numbers, name, array)
    if {"alphabet", "alphabet_names", "character"} <= arrays.keys():
        alphabets = [str(arrays["alphabet_names"][a]) for a in arrays["alphabet"]]
        known.setdefault("alphabets", partial(omniglot_split, "alphabets", alphabets, list(arrays["character"])))
    if len(sizes) > 1:
        known["given"] = partial(_given, sizes, drawn)
    known[RANDOM] = partial(drawn, classes)
    name = next(iter(known)) if split is None else split
    if name not in known:
        raise InputError(f"{file!r} has no split named {name!r}{did_you_mean(name, known)}; choose one of {some(known)}")
    return known[name]()


def _given(sizes: list[int], drawn: Callable[[int], ClassSplit]) -> ClassSplit:
    """Classes as the archive's parts have them; of two the second is the test part, and validation classes are drawn from the first."""
    numbers = [np.arange(a, b) for a, b in pairwise(np.cumsum([0, *sizes]))]
    if len(sizes) == 3:
        return ClassSplit("given", *numbers)
    val = drawn(sizes[0]).val
    return ClassSplit("given", np.setdiff1d(numbers[0], val), val, numbers[1])
