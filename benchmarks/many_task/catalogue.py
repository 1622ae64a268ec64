"""The tasks of the benchmark: for every source an ordinary one, then others drawn from a menu of changes."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from metanas.benchmarks.tables.many_task_files import POINTS
from metanas.evaluation.recipe import batch_size

from . import sources as sources
from .raw import SOURCES, UNLIMITED, Source, Step
from .recipe import Recipe
from .views import VIEWS

REDRAWN = Path(__file__).with_name("redrawn.json")
STEPS = {"mlp": 240, "convnet": 200}
"""Steps of a training, about."""
CONVNET_TASKS = {
    "omniglot": 12,
    "fashion_mnist": 11,
    "sign_digits": 7,
    "cifar_fs": 10,
    "digits": 4,
    "bccd": 5,
    "camvid": 5,
    "photographs": 3,
    "shapes": 4,
    "gratings": 4,
    "glyphs": 5,
}
_TABLE_CHANGES: tuple[Step, ...] = (
    ("wrong_labels", {"share": 0.1}),
    ("wrong_labels", {"share": 0.3}),
    ("drop", {"share": 0.3}),
    ("drop", {"share": 0.6}),
    ("distractors", {"count": 8}),
    ("distractors", {"count": 24}),
    ("shuffle", {"share": 0.3}),
    ("missing", {"share": 0.1}),
    ("missing", {"share": 0.3}),
    ("bins", {"count": 4}),
    ("rotate", {}),
    ("stretch", {}),
)
_PICTURE_CHANGES: tuple[Step, ...] = (
    ("invert", {}),
    ("tint", {}),
    ("turn", {"quarters": 1}),
    ("tilt", {"angle": 25.0}),
    ("move", {"share": 0.15}),
    ("grain", {"spread": 40.0}),
    ("cover", {"share": 0.35}),
    ("wrong_labels", {"share": 0.2}),
    ("grey", {}),
)
_MANY = 40
"""Classes from which on some are chosen for every task."""
_FEW = 200
"""Examples that a choice of classes must leave."""
_SIDES = (8, 10, 12, 12, 16)


@cache
def catalogue() -> tuple[Recipe, ...]:
    """All recipes in the order in which they are made: those of fully connected networks first, in each space first an ordinary task of
    every source, then another of every source, and so on, so that every beginning is a balanced sample of the sources."""
    return _in_turns({name: s.tasks for name, s in SOURCES.items()}, "mlp") + _in_turns(CONVNET_TASKS, "convnet")


def _in_turns(tasks: dict[str, int], space: str) -> tuple[Recipe, ...]:
    order = np.random.default_rng(0).permutation(sorted(tasks))
    turns = [(SOURCES[name], number) for number in range(max(tasks.values())) for name in order if number < tasks[name]]
    return tuple(recipe_of(source, number, space, redrawn().get(task_name(source, number, space), 0)) for source, number in turns)


def task_name(source: Source, number: int, space: str) -> str:
    """Of a source's task."""
    return f"{source.name}-{'c' if space == 'convnet' else ''}{number}"


@cache
def redrawn() -> dict[str, int]:
    """How often each task was drawn anew because there was nothing to learn or everything too easy, see ``screen.py``."""
    return dict(json.loads(REDRAWN.read_text(encoding="utf-8"))) if REDRAWN.exists() else {}


def recipe_of(source: Source, number: int, space: str, attempt: int) -> Recipe:
    """The recipe of a source's task, as it is drawn the given time (from 0)."""
    return (_vectors if space == "mlp" else _pictures)(source, number, attempt)


def _rng(source: Source, number: int, space: str, attempt: int) -> tuple[int, np.random.Generator]:
    seed = zlib.crc32(f"{source.name} {number} {space} {attempt or ''}".strip().encode())
    return seed, np.random.default_rng([seed, 4])


def _options(source: Source, number: int, rng: np.random.Generator) -> dict[str, Any]:
    """The first choices of the ordinary task; elsewhere the first option goes through its choices in turn and others are drawn."""
    first = next(iter(source.options), None)
    return {
        name: choices[number % len(choices)] if name == first or not number else choices[int(rng.integers(len(choices)))]
        for name, choices in source.options.items()
    }


def _vectors(source: Source, number: int, attempt: int) -> Recipe:
    """A task for fully connected networks."""
    seed, rng = _rng(source, number, "mlp", attempt)
    options = _options(source, number, rng)
    selections = _selections(source, number, options, rng)
    menu = source.views or VIEWS[source.kind]
    view = menu[0 if not number else int(rng.integers(len(menu)))] if menu else None
    steps: list[Step] = [] if view is None else [view]
    if number and source.kind == "image" and rng.uniform() < 0.5:
        steps.insert(0, _PICTURE_CHANGES[int(rng.integers(len(_PICTURE_CHANGES) - 2))])
    drawn = dict(_TABLE_CHANGES[int(k)] for k in rng.permutation(len(_TABLE_CHANGES))[: int(rng.integers(0, 3)) if number else 0])
    steps += drawn.items()
    sizes = _sizes(source, 800 if not number else int(np.exp(rng.uniform(np.log(100), np.log(2200)))), _left(source, selections))
    domains = "all" if source.domain == "must" else "test" if number and source.domain and rng.uniform() < 0.4 else ""
    name, epochs = task_name(source, number, "mlp"), _epochs("mlp", sizes[0])
    return Recipe(name, source.name, "mlp", seed, sizes, epochs, options, selections, domains, tuple(steps))


def _pictures(source: Source, number: int, attempt: int) -> Recipe:
    """A task for convolution networks."""
    seed, rng = _rng(source, number, "convnet", attempt)
    options = _options(source, number, rng)
    selections = _selections(source, number, options, rng)
    side = 12 if not number else int(rng.choice(_SIDES))
    count = int(rng.integers(0, 3)) if number else 0
    menu = _PICTURE_CHANGES if source.name in ("cifar_fs", "camvid", "bccd", "photographs") else _PICTURE_CHANGES[:-1]
    drawn = [menu[int(k)] for k in rng.choice(len(menu), count, replace=False)]
    steps: tuple[Step, ...] = (("resize", {"side": side}), *drawn)
    sizes = _sizes(source, 700 if not number else int(np.exp(rng.uniform(np.log(250), np.log(1500)))), _left(source, selections))
    domains = "all" if source.domain == "must" else "test" if number and source.domain and rng.uniform() < 0.4 else ""
    name, epochs = task_name(source, number, "convnet"), _epochs("convnet", sizes[0])
    return Recipe(name, source.name, "convnet", seed, sizes, epochs, options, selections, domains, steps)


def _selections(source: Source, number: int, options: dict[str, Any], rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    """Which classes, joined or not, and how rare; of very many classes always some."""
    selections: tuple[tuple[str, float], ...] = ()
    known = number > 0 and source.classes > 0 and _usual(source, options)
    if known and source.classes >= 4 and rng.uniform() < 0.5:
        wanted = int(rng.integers(2, min(source.classes, 12)))
        selections = (("classes", wanted),)
        if rng.uniform() < 0.4 or _left(source, selections) * source.rows < _FEW:
            selections = (("merge", wanted),)
    elif known and source.rows > 3 * _FEW and rng.uniform() < 0.15:
        selections = (("imbalance", 0.2),)
    if source.classes > _MANY and not (selections and selections[0][0] == "classes"):
        selections = (("classes", 10),)
    return selections


def _usual(source: Source, options: dict[str, Any]) -> bool:
    """Whether the task has the source's first target, for which its number of classes is known."""
    first = next(iter(source.options), None)
    return first is None or options[first] == source.options[first][0]


def _left(source: Source, selections: tuple[tuple[str, float], ...]) -> float:
    """The share of the source's examples that a choice of classes leaves."""
    return selections[0][1] / source.classes if selections and selections[0][0] == "classes" else 1.0


def _sizes(source: Source, wanted: int, left: float) -> tuple[int, int, int]:
    """Training, validation and test examples: at most half of what there is for training, and a sixth for validation."""
    there = int(source.rows * left) if source.rows < UNLIMITED else UNLIMITED
    train = min(wanted, there // 2)
    validation = min(int(np.clip(train / 2.5, 50, 400)), there // 6)
    return train, validation, int(np.clip(there - train - validation, 20, 600))


def _epochs(space: str, examples: int) -> int:
    """Epochs of about as many steps as :data:`STEPS` says, a multiple of the points of a learning curve."""
    per_epoch = max(1, examples // batch_size(examples))
    return POINTS * max(1, round(STEPS[space] / (POINTS * per_epoch)))
