"""A small space and short plans for searches by one-shot methods; also what the scripts import that these tests start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from search_examples import quick_plan

from metanas.search import sitting, supernet_job
from metanas.search.plan import Plan, Situation
from metanas.search.supernet_plan import SupernetPlan
from metanas.spaces import Draft, Space, TaskShape

STEPS, ANSWERS = 12, 5


def small(shape: TaskShape) -> Space:
    """Two layers, each a convolution, one of another shape of kernel, or a skip; the width stays closed in a supernet."""
    draft = Draft()
    width = draft.decide("width", (2, 4), ordered=True)
    operations = [draft.decide(name, ("conv", "sep_conv", "skip")) for name in ("first", "second")]
    kind = draft.decide("shape", ("relu", "tanh"))
    x = draft.node("stem", "conv", ["input"], channels=width, kernel=3)
    for number, operation in enumerate(operations):
        x = draft.node(f"layer{number}.conv", "conv", [x], operation.among("conv"), channels=width, kernel=3)
        x = draft.node(f"layer{number}.sep", "sep_conv", [x], operation.among("sep_conv"), channels=width, kernel=5)
    x = draft.node("bend", "activation", [x], kind=kind)
    x = draft.node("pool", "global_pool", [x], kind="avg")
    draft.decide("recipe.learning_rate", (1e-3, 1e-2), ordered=True)
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("small", shape, {"width": 4, "first": "conv", "second": "skip", "shape": "relu"})


def oneshot_plan(situation: Situation) -> Plan:
    """As quick as :func:`quick_plan`, without confirming."""
    plan = replace(quick_plan(situation), confirm=0, folds=0)
    return replace(plan, supernet=SupernetPlan(STEPS, 8, situation.trials or ANSWERS)) if situation.supernet else plan


def plan_oneshot() -> None:
    """Make all searches of this process quick ones."""
    sitting.make_plan = oneshot_plan


@contextmanager
def saving(step: int, act: Callable[[], Any]) -> Iterator[None]:
    """Checkpoints after every step; after the one of ``step`` something is done, too."""
    with pytest.MonkeyPatch.context() as patch:
        _save_at(patch, step, act)
        yield


def save_at(step: int, act: Callable[[], Any]) -> None:
    """The same for the rest of this process."""
    _save_at(pytest.MonkeyPatch(), step, act)


def _save_at(patch: pytest.MonkeyPatch, step: int, act: Callable[[], Any]) -> None:
    save = supernet_job.save_state

    def acting(path: Path, state: Any) -> None:
        save(path, state)
        if state["state"]["step"] >= step:
            act()

    patch.setattr(supernet_job, "SAVE_EVERY", 0.0)
    patch.setattr(supernet_job, "TELL_EVERY", 0.0)
    patch.setattr(supernet_job, "save_state", acting)
