"""What a prior keeps of earlier tasks: which architectures were the best there, by how much, and what the tasks were like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from metanas.meta.prior.embedding import embedded
from metanas.meta.prior.ensemble import TaskResults
from metanas.meta.prior.foretelling import Foretelling, encoded
from metanas.meta.prior.form import Choices, Floats, Form
from metanas.meta.surrogate import TaughtProcess
from metanas.records import TaskDescription
from metanas.spaces import Architecture, Space
from metanas.spaces.decision import Decision, Value
from metanas.strategies.director import Weights

MOST_NAMED = 3
"""Choices that are named of what worked on a task."""


@dataclass(frozen=True, eq=False)
class EarlierTask:
    """A task that architectures of a space were evaluated on.

    Args:
        name, fingerprint: of the task.
        source: equal for tasks that are cuts of the same data.
        data: table, image, series, sound or text.
        metric: of the values.
        evaluations: distinct architectures that it taught of.
        failed: how many of these failed.
        embedding: ``(attributes,)``, or of the learned encoder.
        best: choices of some architectures, the best first.
        values: theirs, larger is better.
        plain: the value of the space's plain network; None where it was not evaluated.
        shipped: whether it came with the package.
    """

    name: str
    fingerprint: str
    source: str
    data: str
    metric: str
    evaluations: int
    failed: int
    embedding: Floats
    best: tuple[Choices, ...]
    values: tuple[float, ...]
    plain: float | None
    shipped: bool = False

    @property
    def gain(self) -> float | None:
        """By how much the best was better than the plain network, in the unit of the metric; None where that is not known."""
        return None if self.plain is None or not self.values else self.values[0] - self.plain


@dataclass(frozen=True)
class Skill:
    """How good a first choice earlier tasks would have led to, each left out in turn.

    Args:
        better: mean share of what was tried on a task, in [0, 1], that the one architecture was better than which a surrogate that had not
            seen the task, nor another cut of its data, expected most of. By chance it would be a half.
        tasks: how many, cuts of the same data counted once.
    """

    better: float
    tasks: int

    @property
    def useful(self) -> bool:
        """Whether that is better than chance."""
        return self.better > 0.5


@dataclass(frozen=True, eq=False)
class KnownSpace:
    """All that a prior knows of the spaces of one name.

    Args:
        form: the decisions.
        tasks: that were learned from.
        portfolio: choices of architectures of which a few are good on every task, the most useful first.
        process: the surrogate, which knows tasks by their attributes; None with fewer than two sources to learn it from.
        aware: whether the surrogate looks at the task's embedding; with few tasks it would take chance for a rule.
        skill: None with too few tasks to measure it on.
        ensemble: results of earlier tasks, where the surrogate on a new task is made of these and not of the process.
        policy: weights over the form's decisions; None where there are none.
        encoder: of tasks, where it foretells better than plain attributes how alike tasks are; the tasks' embeddings are then its.
        foretelling: what of that was measured; None with too few tasks to measure it on.
        director: weights of the policy over strategies; None where there are none.
    """

    form: Form
    tasks: tuple[EarlierTask, ...]
    portfolio: tuple[Choices, ...]
    process: TaughtProcess | None = None
    aware: bool = False
    skill: Skill | None = None
    ensemble: tuple[TaskResults, ...] = ()
    policy: Mapping[str, Tensor] | None = None
    encoder: Mapping[str, Tensor] | None = None
    foretelling: Foretelling | None = None
    director: Weights | None = None

    def embedded(self, task: TaskDescription, names: Sequence[str]) -> Floats:
        """A task as those that were learned from: by the encoder, else its scaled attributes of these names."""
        return embedded(task, names) if self.encoder is None else encoded(self.encoder, task)

    @property
    def guide(self) -> TaughtProcess | None:
        """The surrogate, unless it was measured to be no better than chance: then the portfolio alone says what to try first."""
        return self.process if self.skill is None or self.skill.useful else None

    @property
    def sources(self) -> dict[str, str]:
        """Names of the tasks by source: cuts of the same data once."""
        return {task.source: task.name for task in self.tasks}

    @property
    def shipped(self) -> set[str]:
        """The sources of which nothing but what came with the package is known."""
        return set(self.sources) - {task.source for task in self.tasks if not task.shipped}

    @property
    def evaluations(self) -> int:
        """On all tasks together."""
        return sum(task.evaluations for task in self.tasks)


@dataclass(frozen=True)
class Neighbour:
    """An earlier task that is like the one at hand.

    Args:
        name, metric: of the task.
        distance: of the embeddings, see :func:`~metanas.meta.prior.embedding.distance`; 0 for the same task.
        evaluations: distinct architectures that were evaluated there.
        worked: the choices that its best architectures share and the plain network hasn't, in words; empty if there are none.
        gain: by how much the best was better than the plain network, in the unit of the metric; None where that is not known.
    """

    name: str
    metric: str
    distance: float
    evaluations: int
    worked: tuple[str, ...]
    gain: float | None


def fitted(space: Space, choices: Choices) -> Architecture:
    """The architecture of ``space`` that is most like these choices, which may be of the space as it is for another task.

    Unknown numbers become the nearest option; what is missing or unknown is chosen as in the plain network. Limits may not be kept.
    """
    plain, active = space.baseline.as_dict, dict[str, Value]()
    for decision in space.decisions:
        if decision.when.holds(active):
            active[decision.name] = _option(decision, choices.get(decision.name), plain.get(decision.name))
    return space.architecture(active)


def _option(decision: Decision, wanted: Value | None, plain: Value | None) -> Value:
    options = decision.options
    for option in (wanted, plain):
        if option in options:
            return options[options.index(option)]
        numbers = [o for o in options if isinstance(o, int | float)]
        if decision.ordered and isinstance(option, int | float) and len(numbers) == len(options):
            return min(numbers, key=lambda o: abs(o - option))
    return options[(len(options) - 1) // 2] if decision.ordered else options[0]


def worked(space: Space, best: Sequence[Choices], most: int = MOST_NAMED) -> tuple[str, ...]:
    """The choices that most of the best architectures share and the plain network of ``space`` hasn't, in words, the commonest first."""
    plain = space.baseline.as_dict
    fits = [fitted(space, choices).as_dict for choices in best]
    other = Counter((d.name, one[d.name]) for d in space.decisions for one in fits if d.name in one and one[d.name] != plain.get(d.name))
    shared = [pair for pair, count in other.items() if 2 * count > len(fits)]
    return tuple(in_words(name, option) for name, option in sorted(shared, key=lambda pair: -other[pair])[:most])


def in_words(name: str, option: Value) -> str:
    """A choice for people: ``depth 3``, ``learning rate 0.01``, ``no layer2 skip``."""
    said = name.removeprefix("recipe.").replace("_", " ").replace(".", " ")
    if isinstance(option, bool):
        return said if option else f"no {said}"
    return f"{said} {option:g}" if isinstance(option, float) else f"{said} {option}"
