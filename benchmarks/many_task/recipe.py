"""Recipes: all that is needed to make a task again, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from metanas.tasks import Task

from . import changes as changes
from . import sources as sources
from .parts import SELECTIONS, STEPS, TRAIN, Parts, cut
from .raw import SOURCES, Request, Source, Step
from .views import VIEWS, as_tables

SCHEMA = 1


@dataclass(frozen=True)
class Recipe:
    """How a task is made.

    Args:
        name: of the task: its source and a number, with a "c" before that of convolution networks.
        source: name of the source, which is also the group that the task belongs to.
        space: of the architectures that are trained on it.
        seed: of all that is drawn.
        sizes: training, validation and test examples; fewer where the source has not so many.
        epochs: of training.
        options: of the source.
        selections: what is done to the raw examples before they are cut, and how much, see ``parts.SELECTIONS``.
        domains: see :func:`parts.cut`.
        steps: views and changes in order, see ``parts.STEPS``.
    """

    name: str
    source: str
    space: str
    seed: int
    sizes: tuple[int, int, int]
    epochs: int
    options: Mapping[str, Any] = field(default_factory=dict)
    selections: tuple[tuple[str, float], ...] = ()
    domains: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def group(self) -> Source:
        """The source."""
        return SOURCES[self.source]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Recipe:
        """The recipe written by :meth:`to_json`."""
        if record["schema"] != SCHEMA:
            raise ValueError(f"recipe {record['name']} has schema {record['schema']}, and this code reads {SCHEMA}")
        own = {name: value for name, value in record.items() if name != "schema"}
        return cls(
            **{
                **own,
                "sizes": tuple(own["sizes"]),
                "selections": tuple((n, a) for n, a in own["selections"]),
                "steps": tuple((n, s) for n, s in own["steps"]),
            }
        )

    def parts(self, data: Path) -> Parts:
        """Its examples, cut and changed.

        Args:
            data: folder of the data sets of others.
        """
        request = Request(data, self._rng(0), 4 * sum(self.sizes), self.options)
        raw = self.group.read(request)
        for number, (name, amount) in enumerate(self.selections):
            raw = SELECTIONS[name](raw, amount, self._rng(1, number))
        parts = cut(raw, self.sizes, self.domains, self._rng(2))
        views = {name for choices in VIEWS.values() for name, _ in choices} if self.space == "mlp" else set()
        seen = self.group.kind in ("table", "generated")
        parts = as_tables(parts) if seen else parts
        for number, (name, settings) in enumerate(self.steps):
            parts = STEPS[name](parts, self._rng(3, number), **settings)
            parts = as_tables(parts) if name in views else parts
        return parts

    def _rng(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *purpose])

    def task(self, data: Path) -> Task:
        """The task; numbers to predict are in deviations of the training part from its mean.

        Args:
            data: folder of the data sets of others.
        """
        parts = self.parts(data)
        targets = parts.targets
        if not parts.classification:
            mean, spread = targets[TRAIN].mean(), targets[TRAIN].std()
            targets = tuple((y - mean) / spread for y in targets)
        (x, x_val, x_test), (y, y_val, y_test) = parts.inputs, targets
        kind = f"{'table' if self.space == 'mlp' else 'image'},{'classification' if parts.classification else 'regression'}"
        return Task.from_arrays(x, y, x_test, y_test, x_val=x_val, y_val=y_val, kind=kind, name=self.name)
