"""What a store of earlier searches has to teach: for every task and space, architectures and how good they were."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError, StoreError
from metanas.experience import Experience
from metanas.meta.prior.form import Choices, Floats, Form
from metanas.meta.prior.levels import FEWEST, on_one_level
from metanas.records import Evaluation, TaskDescription, lower_is_better
from metanas.spaces import Space, make_space

MARGIN = 0.1
"""How far failures lie below the worst success, as a share of the range of the successes."""
UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What records raise that another version, or another program, wrote."""


@dataclass(frozen=True)
class Told:
    """An evaluation, and of what.

    Args:
        fingerprint: of the task.
        search: id of the search.
        metric: that the search went by.
        evaluation: with the task's own cut between training and validation rows.
    """

    fingerprint: str
    search: str
    metric: str
    evaluation: Evaluation


@dataclass(frozen=True)
class Read:
    """All of a store that may teach something.

    Args:
        tasks: by fingerprint.
        told: in the order of the searches.
        passed_over: ids of searches that could not be read.
    """

    tasks: Mapping[str, TaskDescription]
    told: tuple[Told, ...]
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was found out on one task in one space.

    Args:
        fingerprint: of the task.
        task: its description.
        metric: of the values.
        form: the decisions of the space for this task.
        choices: of the architectures, no two the same.
        values: ``(architectures,)``: larger is better (a metric of which less is better has its sign turned), as if all had been evaluated
            equally thoroughly. Failures lie below the worst success.
        failed: ``(architectures,)``.
        plain: choices of the space's plain network; empty where the space is not known here.
        searches: ids of the searches that it comes from.
        shipped: whether it came with the package.
    """

    fingerprint: str
    task: TaskDescription
    metric: str
    form: Form
    choices: tuple[Choices, ...]
    values: Floats
    failed: NDArray[np.bool_]
    plain: Choices
    searches: tuple[str, ...]
    shipped: bool = False

    @property
    def source(self) -> str:
        """Equal for all cuts of the same data into training and validation rows, as far as names and shapes can tell."""
        return f"{self.task.name}, {self.task.shape.data}, {self.task.kind}, {self.task.shape.outputs}"


def failures_below(values: Floats) -> Floats:
    """Results with those that are not finite, failures, :data:`MARGIN` below the worst; one at least is finite."""
    good = np.isfinite(values)
    worst = float(values[good].min() - MARGIN * max(float(np.ptp(values[good])), 1e-9))
    return np.where(good, values, worst)


def read(experience: Experience) -> Read:
    """What a store holds; searches that can't be read, or are of tasks that can't, are passed over.

    Raises:
        StoreError: if the store itself can't be read.
    """
    tasks: dict[str, TaskDescription] = {}
    told: list[Told] = []
    strange: list[str] = []
    for search in sorted(experience.searches(), key=lambda s: (s.started, s.id)):
        try:
            if search.task not in tasks:
                tasks[search.task] = experience.task(search.task).description
            evaluations = [e for e in experience.evaluations(search.id) if _tells(e, search.metric)]
        except StoreError:
            raise
        except UNREADABLE:
            strange.append(search.id)
        else:
            told += [Told(search.task, search.id, search.metric, evaluation) for evaluation in evaluations]
    return Read(tasks, tuple(told), tuple(strange))


def gather(reads: Iterable[Read]) -> list[Lesson]:
    """The lessons of one or several stores, ordered by space and task: whatever has :data:`FEWEST` architectures that did not fail.

    A task that is in several stores gives one lesson of each space.
    """
    tasks: dict[str, TaskDescription] = {}
    by_subject: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in reads:
        tasks |= {fingerprint: task for fingerprint, task in one.tasks.items() if fingerprint not in tasks}
        for told in one.told:
            by_subject[told.evaluation.proposal.architecture.space, told.fingerprint].append(told)
    subjects = sorted(by_subject.items(), key=lambda item: item[0])
    found = (_lesson(space, fingerprint, tasks[fingerprint], told) for (space, fingerprint), told in subjects)
    return [lesson for lesson in found if lesson is not None]


def lessons_from(*stores: Experience) -> list[Lesson]:
    """The lessons of stores, see :func:`read` and :func:`gather`."""
    return gather(map(read, stores))


def _tells(evaluation: Evaluation, metric: str) -> bool:
    """Whether an evaluation says how good an architecture is: no score of an untrained network, no other cut of the rows."""
    fidelity = evaluation.proposal.fidelity
    if fidelity.training_free or fidelity.fold or not math.isfinite(fidelity.effort):
        return False
    sound = all(isinstance(option, bool | int | float | str) for option in evaluation.proposal.architecture.as_dict.values())
    return sound and (evaluation.failed or _value(evaluation, metric) is not None)


def _value(evaluation: Evaluation, metric: str) -> float | None:
    """Larger is better."""
    value = evaluation.metrics.get(metric)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(-value if lower_is_better(metric) else value)


def _lesson(space: str, fingerprint: str, task: TaskDescription, told: Sequence[Told]) -> Lesson | None:
    # Searches of one task may have gone by different metrics; each evaluation holds them all.
    metrics = Counter(one.metric for one in told)
    metric = min(metrics, key=lambda name: (-metrics[name], name))
    levels: dict[float, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    choices: dict[str, Choices] = {}
    failures: dict[str, None] = {}
    for one in told:
        architecture = one.evaluation.proposal.architecture
        value = _value(one.evaluation, metric)
        if one.evaluation.failed:
            failures[architecture.key] = None
        elif value is not None:
            levels[one.evaluation.proposal.fidelity.effort][architecture.key].append(value)
        choices[architecture.key] = architecture.as_dict
    means = {effort: {key: float(np.mean(values)) for key, values in level.items()} for effort, level in levels.items()}
    values = on_one_level(means)
    if len(values) < FEWEST:
        return None
    keys = [*values, *(key for key in failures if not any(key in level for level in means.values()))]
    good = np.array(list(values.values()))
    made, kept = space_of(space, task), tuple(choices[key] for key in keys)
    return Lesson(
        fingerprint=fingerprint,
        task=task,
        metric=metric,
        form=form_of(space, made, kept),
        choices=kept,
        values=failures_below(np.concatenate([good, np.full(len(keys) - len(good), np.nan)])),
        failed=np.arange(len(keys)) >= len(good),
        plain=made.baseline.as_dict if made else {},
        searches=tuple(dict.fromkeys(one.search for one in told)),
    )


def space_of(name: str, task: TaskDescription) -> Space | None:
    """The space of that name for the task, if it is known here: one of the user's own as a rule is not."""
    try:
        return make_space(name, task.shape)
    except (InputError, *UNREADABLE):
        return None


def form_of(name: str, space: Space | None, choices: Sequence[Choices]) -> Form:
    """The decisions of the space, with all that was chosen: older versions, or another file of the user's, may have had other options."""
    seen = Form.seen(name, choices)
    if space is None:
        return seen
    form = Form.of(space)
    known = {decision.name: decision.options for decision in form.decisions}
    same = all(option in known.get(d.name, ()) for d in seen.decisions for option in d.options)
    return form if same else form.merged(seen)
