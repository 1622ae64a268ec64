"""The three parts of a task, how they are cut, and the registry of what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metanas.tasks.splits import at_random

from .raw import Array, Raw

TRAIN, VALIDATION, TEST = 0, 1, 2
FEWEST = 6
"""Examples that a class needs."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Examples cut into training, validation and test part; what is fitted is fitted on the first alone.

    Args:
        inputs: of the three parts, of the kinds that :class:`Raw` has, or tables.
        targets: of the three parts.
        rate: sound only: samples per second.
    """

    inputs: tuple[Any, Any, Any]
    targets: tuple[Array, Array, Array]
    rate: int = 0

    @property
    def classification(self) -> bool:
        """Whether the targets are classes."""
        return self.targets[0].dtype.kind == "i"

    def each(self, change: Callable[[Any], Any]) -> Parts:
        """The same with every part's inputs changed in the same way."""
        train, validation, test = (change(x) for x in self.inputs)
        return replace(self, inputs=(train, validation, test))


Changer = Callable[..., Parts]
"""``(parts, rng, **settings)`` to the changed parts."""

STEPS: dict[str, Changer] = {}


def step(change: Changer) -> Changer:
    """Decorator that makes a view or change known by its function's name."""
    STEPS[change.__name__] = change
    return change


def cut(raw: Raw, sizes: Sequence[int], domains: str, rng: np.random.Generator) -> Parts:
    """Disjoint parts at random, by class in proportion.

    Args:
        raw: to be cut; classes of fewer than :data:`FEWEST` examples are left out.
        sizes: examples wanted in each part; where there are fewer, the parts shrink in proportion.
        domains: "" pays no attention to domains, "test" tests on domains of its own, "all" has no domain in two parts.
        rng: of the cut.
    """
    if raw.classification:
        counts = np.bincount(raw.targets)
        raw = raw.take(np.flatnonzero(counts[raw.targets] >= FEWEST))
        raw = replace(raw, targets=np.unique(raw.targets, return_inverse=True)[1].astype(np.int64))
    labels = raw.targets if raw.classification else np.zeros(len(raw), np.int64)
    shrunk = min(1.0, len(raw) / sum(sizes))
    wanted = [int(size * shrunk) for size in sizes]
    rest, parts = np.arange(len(raw)), []
    for part in (TEST, VALIDATION):
        pool = rest
        if raw.domain is not None and (domains == "all" or (domains == "test" and part == TEST)):
            pool = _some_domains(rest, raw.domain[rest], wanted[part], rng)
            parts.append(_sample(pool, labels, wanted[part], rng))
            rest = np.setdiff1d(rest, pool)
        else:
            parts.append(_sample(pool, labels, wanted[part], rng))
            rest = np.setdiff1d(rest, parts[-1])
    rows = (_sample(rest, labels, wanted[TRAIN], rng), parts[1], parts[0])
    known = np.unique(labels[rows[TRAIN]])
    train, validation, test = (raw.take(r[np.isin(labels[r], known)]) for r in rows)
    targets = train.targets, validation.targets, test.targets
    return _renumbered(Parts((train.inputs, validation.inputs, test.inputs), targets, raw.rate))


def _renumbered(parts: Parts) -> Parts:
    """The same with classes numbered without gaps."""
    if not parts.classification:
        return parts
    known = np.unique(parts.targets[TRAIN])
    train, validation, test = (np.searchsorted(known, y).astype(np.int64) for y in parts.targets)
    return replace(parts, targets=(train, validation, test))


def _sample(rows: Array, labels: Array, count: int, rng: np.random.Generator) -> Array:
    if count >= len(rows):
        return rows
    return np.sort(at_random(rows, labels[rows], count, rng)[1])


def _some_domains(rows: Array, domain: Array, count: int, rng: np.random.Generator) -> Array:
    """All rows of so many random domains that there are ``count`` or nearly so, and never more than half of all."""
    names, sizes = np.unique(domain, return_counts=True)
    chosen: list[int] = []
    for place in rng.permutation(len(names)):
        held = int(sizes[chosen].sum())
        if held < count and (held + sizes[place] <= len(rows) // 2):
            chosen.append(int(place))
    return rows[np.isin(domain, names[chosen or [int(sizes.argmin())]])]


def chosen_classes(raw: Raw, count: int, rng: np.random.Generator) -> Raw:
    """The examples of ``count`` random classes."""
    kept = rng.permutation(np.unique(raw.targets))[: max(2, count)]
    return raw.take(np.flatnonzero(np.isin(raw.targets, kept)))


def merged_classes(raw: Raw, count: int, rng: np.random.Generator) -> Raw:
    """The classes joined at random to ``count``."""
    names = rng.permutation(np.unique(raw.targets))
    place = np.empty(names.max() + 1, np.int64)
    place[names] = np.arange(len(names)) % max(2, count)
    return replace(raw, targets=place[raw.targets])


def imbalanced(raw: Raw, share: float, rng: np.random.Generator) -> Raw:
    """Every other class thinned out to ``share``."""
    thin = rng.permutation(np.unique(raw.targets))[1::2]
    return raw.take(np.flatnonzero(~np.isin(raw.targets, thin) | (rng.uniform(size=len(raw)) < share)))


Selection = Callable[[Raw, Any, np.random.Generator], Raw]
SELECTIONS: Mapping[str, Selection] = {"classes": chosen_classes, "merge": merged_classes, "imbalance": imbalanced}
"""What is done to raw examples before the cut: ``(raw, amount, rng)`` to the examples that are left."""
