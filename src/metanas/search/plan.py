"""The plan of a search: how thoroughly candidates are evaluated, and what time the final training gets.

With a budget of trials the plan depends on the data alone, so that it repeats; with a budget of time it also depends on how long a
step of the plain network takes on this machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from metanas.evaluation.recipe import batch_size
from metanas.records import Fidelity
from metanas.search.supernet_plan import SUPERNET_SHARE, SupernetPlan, plan_supernet

SEARCH_SHARE = 0.5
"""Share of a time budget for the search where candidates train one at a time; the rest is for the final training."""
LEAST_RESERVE = 0.1
"""Share of a time budget that the final training gets at least where candidates train together: it costs little beside the search."""
ENOUGH_EPOCHS = 20
"""A network must be able to train finally for so many epochs (or as many as planned), or it is too slow for the budget."""
FLOPS_RATIO = 8.0
"""FLOPs that a candidate may have in those of the plain network where only trials are limited: else single trials take all day."""
FINAL_STEPS = 3000
"""Most steps of a training where candidates train together."""
CLOSING_SECONDS = 2.0
"""Kept back for baselines, scoring and writing files, besides :data:`CLOSING_SHARE`."""
CLOSING_SHARE = 0.03
HOPE = 2.0
"""So many times what fits by the speed at the beginning is planned for the final training, in case the machine gets less busy; a training
that proves too long is shortened while it runs."""
CONFIRM_SHARE = 0.3
"""Share of the search's time or trials for confirming its best on other cuts of the data."""
SMALL_VALIDATION = 5_000
"""Validation parts of more rows than this need no confirming: luck is small there."""
RUNGS = 3
"""Fidelities of a multi-fidelity search; each costs a third of the next."""
GROUP, FIRST_GROUP = 16, 4
"""Candidates proposed at a time where they train together, at the most and at first. Sixteen of mixed sizes take 0.8 to 0.9 of the time
that four times four take (0.6 where all are tiny; ``benchmarks/population_training.py``), but four are heard of four times as early."""
GROUPS = 8
"""Groups that a search should have time for."""
BRACKET_COST, LEAST_COST = 18, 8
"""Full trainings that a search should have time for, about two brackets of hyperband or as many candidates one by one; and how few will
do, where more would be so short that they say little of long ones."""
TELLING = 0.25
"""A training of this share of the final one's steps tells enough of it."""
WORTHWHILE, WORTHWHILE_VARIED = 2000, 8000
"""Steps of a final training: of data that are soon learned by heart, and of pictures, which are varied at random."""


@dataclass(frozen=True)
class Plan:
    """What was decided before the first candidate.

    Args:
        fidelities: rising; strategies of one fidelity use the last.
        final_epochs: most epochs of the final training.
        group: candidates proposed at a time, which may train together, at the most.
        lookahead: groups asked before the first is told: fixed, so that results don't depend on the number of workers.
        first_group: the same as ``group`` at first, see :class:`~metanas.search.loop.Loop`; None: as many as later.
        confirm: how many of the best are evaluated again, each on ``folds`` other cuts between training and validation rows.
        folds: number of these cuts.
        search_until: seconds of the budget at which the search ends and confirming begins; None if time is not limited.
        confirm_until: seconds of the budget at which the final training begins; None if time is not limited.
        trial_seconds: longest time for one candidate; None allows any.
        flops_ratio: FLOPs allowed at most, in those of the plain network; None allows any.
        supernet: for searches that train one first; else None.
    """

    fidelities: tuple[Fidelity, ...]
    final_epochs: float
    group: int
    lookahead: int
    first_group: int | None = None
    confirm: int = 0
    folds: int = 0
    search_until: float | None = None
    confirm_until: float | None = None
    trial_seconds: float | None = None
    flops_ratio: float | None = None
    supernet: SupernetPlan | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Plan:
        """The plan written by :meth:`to_json`."""
        supernet = record.get("supernet")
        parts = {
            "fidelities": tuple(Fidelity.from_json(f) for f in record["fidelities"]),
            "supernet": None if supernet is None else SupernetPlan(**supernet),
        }
        return cls(**{**record, **parts})


@dataclass(frozen=True)
class Situation:
    """What a plan depends on.

    Args:
        train, joined: number of training examples, and of training and validation examples.
        population: whether candidates of the space train together.
        workers: number of processes.
        recut: whether rows may be cut anew into training and validation part.
        trials: most evaluations; None allows any.
        seconds: time budget; None if not limited.
        overhead: seconds of it already gone (reading, starting workers).
        varied: whether training varies the examples at random (pictures are).
        supernet: rows with which a supernet trains its weights, where the search begins with one; else None.
        step_seconds: of one training step of the plain network; needed with a time budget.
        group_seconds: in which a whole group does a step, where candidates train together.
        untimed: whether these seconds are but a guess, since the time was up before a step was timed.
    """

    train: int
    joined: int
    population: bool
    workers: int
    recut: bool = False
    trials: int | None = None
    seconds: float | None = None
    overhead: float = 0.0
    varied: bool = False
    supernet: int | None = None
    step_seconds: float | None = None
    group_seconds: float | None = None
    untimed: bool = False

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass over the training part."""
        return -(-self.train // batch_size(self.train))

    @property
    def final_steps_per_epoch(self) -> int:
        """Steps of one pass over training and validation part."""
        return -(-self.joined // batch_size(self.joined))

    def answers(self, confirming: int) -> int | None:
        """Trials for what a supernet proposes, if so many are for confirming; None for any number."""
        return None if self.trials is None else self.trials - confirming


def make_plan(at: Situation) -> Plan:
    """The plan for a situation."""
    per_epoch = at.steps_per_epoch
    group, first, lookahead = (GROUP, FIRST_GROUP, 2) if at.population else (1, None, 8)
    most = min(max(60 * per_epoch, 1500), FINAL_STEPS if at.population else 10_000)
    confirm, folds = _confirming(at)
    if at.seconds is None or at.step_seconds is None:
        steps: float = max(min(most, FINAL_STEPS if at.population else 1200), 2 * per_epoch)
        most_flops = None if at.population else FLOPS_RATIO
        final = _final_epochs(at, steps)
        sharing = None if at.supernet is None else plan_supernet(at.supernet, at.answers(confirm * folds), steps)
        return Plan(_rungs(steps, per_epoch), final, group, lookahead, first, confirm, folds, flops_ratio=most_flops, supernet=sharing)
    left = max(1.0, at.seconds - at.overhead - CLOSING_SECONDS - CLOSING_SHARE * at.seconds)
    search = left - _reserve(at, left)
    exploring = search * (1 - CONFIRM_SHARE if confirm else 1)
    trying = exploring * (1 - SUPERNET_SHARE if at.supernet else 1)
    capacity = trying * at.workers / (at.group_seconds or at.step_seconds)  # steps of a group that the search has time for
    steps = max(10.0, min(most, _trial_steps(at, capacity)))
    fitting = (left - search) / at.step_seconds / at.final_steps_per_epoch  # epochs of the plain network
    final = max(0.2, min(_final_epochs(at, steps), HOPE * fitting))
    searchable = math.inf if at.population else trying / 3 / (steps * at.step_seconds)
    sharing = None
    if at.supernet is not None:
        kept, share = (at.overhead + CLOSING_SECONDS) / (1 - CLOSING_SHARE), (1 - CLOSING_SHARE) * (exploring - trying) / left
        sharing = plan_supernet(at.supernet, at.answers(confirm * folds), steps)
        sharing = sharing.timed(at.overhead + exploring - trying, kept, share, None if at.untimed else at.step_seconds)
    return Plan(
        _rungs(steps, per_epoch),
        final,
        group,
        max(lookahead, at.workers),  # results depend on the machine anyway
        first,
        confirm,
        folds,
        search_until=at.overhead + exploring,
        confirm_until=at.overhead + search,
        trial_seconds=max(10.0, 0.5 * search),
        flops_ratio=max(1.0, min(fitting / min(final, ENOUGH_EPOCHS), searchable)),  # the plain network is trained anyway
        supernet=sharing,
    )


def _trial_steps(at: Situation, capacity: float) -> float:
    """Steps of a full training in the search, if that has time for ``capacity`` steps."""
    if at.population:
        return capacity / GROUPS
    telling = TELLING * (WORTHWHILE_VARIED if at.varied else WORTHWHILE)
    return max(capacity / BRACKET_COST, min(telling, capacity / LEAST_COST))


def _reserve(at: Situation, left: float) -> float:
    """Seconds kept for the final training: what two networks larger than the plain one need, but half at the most."""
    if at.varied:
        return (1 - SEARCH_SHARE) * left
    longest = 2 * FINAL_STEPS if at.population else 1.5 * WORTHWHILE * -(-2 // at.workers)
    return min((1 - SEARCH_SHARE) * left, max(LEAST_RESERVE * left, longest * (at.step_seconds or 0.0)))


def _final_epochs(at: Situation, steps: float) -> float:
    """How long the final training is, if there is time: longer than what the search has tried, but not beyond reason.

    Pictures are varied at random while training, so that long trainings help; elsewhere they soon learn the rows by heart.
    """
    tried = steps / at.steps_per_epoch
    if at.varied:
        return min(max(100.0, 2500 / at.final_steps_per_epoch), max(6 * tried, WORTHWHILE_VARIED / at.final_steps_per_epoch))
    return max(tried, min(WORTHWHILE / at.final_steps_per_epoch, (3 if at.population else 10) * tried))


def _confirming(at: Situation) -> tuple[int, int]:
    """How many architectures are confirmed, on how many cuts: where the validation part is small, and trials enough."""
    if not at.recut or at.joined - at.train > SMALL_VALIDATION:
        return 0, 0
    confirm, folds = (12, 4) if at.population else (4, 2)
    if at.trials is not None:
        confirm = min(confirm, int(CONFIRM_SHARE * at.trials) // folds)
    return (confirm, folds) if confirm > 1 else (0, 0)


def _rungs(steps: float, per_epoch: int) -> tuple[Fidelity, ...]:
    """Fidelities of about ``steps`` steps and a third and a ninth of it; less than an epoch becomes a share of the data."""
    rungs: list[Fidelity] = []
    for rung in reversed(range(RUNGS)):
        epochs = steps / 3**rung / per_epoch
        whole = max(1, math.floor(epochs + 0.5))
        fidelity = Fidelity(whole) if epochs >= 1 else Fidelity(1, round(max(epochs, 10 / per_epoch, 0.02), 3))
        if fidelity.share > 1:
            fidelity = Fidelity(1)
        if not rungs or fidelity != rungs[-1]:
            rungs.append(fidelity)
    return tuple(rungs)
