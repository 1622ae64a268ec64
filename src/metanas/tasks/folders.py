"""Folders with one sub-folder of files per class, and optionally one folder per part above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.tasks.options import number_of, some
from metanas.tasks.splits import PART_NAMES, TEST, TRAIN

_LOOK = 2000
"""Entries of a folder looked at to see what it holds."""


@dataclass(frozen=True, eq=False)
class ClassFiles:
    """Files in the order of their names, with the class and the part (0 training, 1 validation, 2 test) of each.

    ``given`` is None if the folder has no parts.
    """

    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    given: NDArray[np.int8] | None

    @property
    def learned(self) -> NDArray[np.bool_]:
        """Which files are not of the folder's own test part: they alone decide what all are brought to."""
        return np.ones(len(self.paths), bool) if self.given is None else self.given != TEST

    def keep(self, good: Iterable[int]) -> ClassFiles:
        """Only the files at these places."""
        rows = list(good)
        given = None if self.given is None else self.given[rows]
        return ClassFiles(tuple(self.paths[i] for i in rows), tuple(self.classes[i] for i in rows), given)


def holds(folder: Path, suffixes: frozenset[str]) -> bool:
    """Whether a file with one of the suffixes is among the first 2,000 entries of ``folder`` and below."""
    return folder.is_dir() and any(p.suffix.lower() in suffixes for p in islice(folder.rglob("*"), _LOOK))


def find(folder: Path, suffixes: frozenset[str], what: str) -> ClassFiles:
    """The files by class.

    Raises:
        InputError: if there are none, or fewer than two classes.
    """
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is no folder; give a folder with one sub-folder of {what} per class")
    children = _folders(folder)
    parts = {PART_NAMES[c.name.lower()]: c for c in children if c.name.lower() in PART_NAMES}
    if TRAIN not in parts:
        parts = {}
    found: list[tuple[Path, str, int]] = []
    for part, home in parts.items() if parts else [(TRAIN, folder)]:
        for child in _folders(home):
            found += [(path, child.name, part) for path in files_below(child, suffixes)]
    if not found:
        loose = any(p.suffix.lower() in suffixes for p in folder.iterdir() if p.is_file())
        why = f"holds {what}, but in no sub-folders" if loose else f"holds no {what}"
        raise InputError(f"folder {str(folder)!r} {why}; make one sub-folder of {what} per class")
    classes = sorted({c for _, c, _ in found})
    if len(classes) < 2:
        raise InputError(f"folder {str(folder)!r} has {what} of a single class, {classes[0]!r}; at least two sub-folders are needed")
    given = np.array([part for _, _, part in found], np.int8)
    return ClassFiles(tuple(p for p, _, _ in found), tuple(c for _, c, _ in found), given if parts else None)


def files_below(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files with one of the suffixes in ``folder`` and below, sorted, without hidden ones."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file() and not _hidden(p.relative_to(folder)))


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not _hidden(Path(p.name)))


def note_broken(broken: list[Path], what: str, folder: Path) -> Iterator[str]:
    """The note that names files which could not be read, if there are any; ``what`` names one such file."""
    if broken:
        names = [str(p.relative_to(folder)) for p in broken]
        yield f"skipped {number_of(len(broken), what)} that can't be read: {some(names)}"
