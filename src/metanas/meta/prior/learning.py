"""From lessons to a prior, in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import groupby

import numpy as np

from metanas import __version__
from metanas.meta.prior.embedding import attribute_names, embedded
from metanas.meta.prior.first import CAUTION
from metanas.meta.prior.form import Floats, Form
from metanas.meta.prior.learned import LearnedPrior, Provenance
from metanas.meta.prior.lessons import Lesson
from metanas.meta.prior.memories import EarlierTask, KnownSpace, Skill
from metanas.meta.surrogate import DeepKernel, History, normal_scores, portfolio

MOST_TASKS = 1000
"""Tasks of a space that are learned from: those with the most evaluations."""
MOST_BEST = 50
MOST_EVALUATIONS = 400
"""Evaluations of a task that are learned from: the best :data:`MOST_BEST`, and an even choice of the others."""
BEST = 8
"""Architectures of a task that are remembered."""
PORTFOLIO, COLUMNS = 32, 400
"""Architectures of the portfolio, and how many it is chosen from."""
AWARE = 8
"""Sources from which on the surrogate looks at the task's embedding."""
STEPS, FOLD_STEPS = 250, 80
"""Of learning the surrogate; of learning it again without some of the tasks."""
FOLDS = 3
"""Parts of the tasks that are left out in turn."""
LEAST_SOURCES = 3
"""Without so many nothing is said of the skill."""


def learn(lessons: Sequence[Lesson], seed: int = 0, *, made: str = "", stores: int = 1) -> LearnedPrior:
    """What the lessons teach: the same from the same lessons and seed.

    Args:
        lessons: see :func:`metanas.meta.prior.lessons.gather`.
        seed: of the surrogates' weights and batches.
        made: the moment, for the record: ISO 8601.
        stores: how many stores the lessons come from, for the record.
    """
    ordered = sorted(lessons, key=lambda lesson: (lesson.form.space, lesson.fingerprint))
    names = attribute_names()
    spaces = {name: _learned(list(group), names, seed) for name, group in groupby(ordered, key=lambda lesson: lesson.form.space)}
    return LearnedPrior(spaces, names, Provenance(made, __version__, stores, seed))


def _learned(lessons: list[Lesson], names: Sequence[str], seed: int) -> KnownSpace:
    lessons = sorted(sorted(lessons, key=lambda lesson: -len(lesson.values))[:MOST_TASKS], key=lambda lesson: lesson.fingerprint)
    form = reduce(Form.merged, [lesson.form for lesson in lessons])
    aware = len({lesson.source for lesson in lessons}) >= AWARE
    histories = [_history(lesson, form, names, aware) for lesson in lessons]
    usable = [history for history in histories if np.ptp(history.y) > 0]
    kernel = _kernel(usable, seed, aware, STEPS) if len({history.source for history in usable}) >= 2 else None
    telling = [(lesson, history) for lesson, history in zip(lessons, histories, strict=True) if np.ptp(history.y) > 0]
    chosen = _portfolio(telling, form, kernel) if telling else []
    tasks = tuple(_remembered(lesson, names) for lesson in lessons)
    return KnownSpace(form, tasks, tuple(form.choices(code) for code in chosen), kernel, aware, _skill(usable, seed, aware))


def _history(lesson: Lesson, form: Form, names: Sequence[str], aware: bool) -> History:
    order = np.argsort(-lesson.values, kind="stable")
    if len(order) > MOST_EVALUATIONS:
        others = np.linspace(MOST_BEST, len(order) - 1, MOST_EVALUATIONS - MOST_BEST).round().astype(np.int64)
        order = order[np.concatenate([np.arange(MOST_BEST), others])]
    embedding = embedded(lesson.task, names)
    x = form.encode_all(lesson.choices[place] for place in order)
    return History(x, lesson.values[order], embedding if aware else np.zeros_like(embedding), lesson.source)


def _kernel(histories: Sequence[History], seed: int, aware: bool, steps: int) -> DeepKernel:
    kernel = DeepKernel.learn(histories, seed=seed, steps=steps)
    return kernel if aware else kernel.without_task()


def _remembered(lesson: Lesson, names: Sequence[str]) -> EarlierTask:
    good = [int(place) for place in np.argsort(-lesson.values, kind="stable") if not lesson.failed[place]][:BEST]
    plain = next((float(v) for c, v in zip(lesson.choices, lesson.values, strict=True) if dict(c) == dict(lesson.plain)), None)
    return EarlierTask(
        name=lesson.task.name,
        fingerprint=lesson.fingerprint,
        source=lesson.source,
        data=lesson.task.shape.data,
        metric=lesson.metric,
        evaluations=len(lesson.values),
        failed=int(lesson.failed.sum()),
        embedding=embedded(lesson.task, names),
        best=tuple(lesson.choices[place] for place in good),
        values=tuple(float(lesson.values[place]) for place in good),
        plain=plain,
    )


def _portfolio(taught: Sequence[tuple[Lesson, History]], form: Form, kernel: DeepKernel | None) -> list[tuple[int, ...]]:
    """Codes of the chosen architectures. What was not evaluated on a task counts as the surrogate expects, or without one as the worst."""
    each = max(2, COLUMNS // len(taught))
    columns: dict[tuple[int, ...], int] = {}
    for lesson, _ in taught:
        for place in np.argsort(-lesson.values, kind="stable")[:each]:
            if not lesson.failed[place]:
                columns.setdefault(tuple(form.code(lesson.choices[place])), len(columns))
    codes = list(columns)[:COLUMNS]
    x = form.encode_all(form.choices(code) for code in codes)
    regret = np.full((len(taught), len(codes)), np.nan)
    for row, (lesson, history) in enumerate(taught):
        z = normal_scores(lesson.values)
        if kernel is not None:
            expected = kernel.condition(history.x, normal_scores(history.y), history.task, x)
            regret[row] = expected.mean - CAUTION * expected.deviation
        for choices, value in zip(lesson.choices, z, strict=True):
            if (column := columns.get(tuple(form.code(choices)))) is not None and column < len(codes):
                regret[row, column] = value
        regret[row] = np.maximum(z.max() - regret[row], 0.0)
    return [codes[column] for column in portfolio(regret, PORTFOLIO)]


def _skill(histories: Sequence[History], seed: int, aware: bool) -> Skill | None:
    """Measured on tasks of whose source the surrogate has seen nothing."""
    sources = sorted({history.source for history in histories})
    if len(sources) < LEAST_SOURCES:
        return None
    folds = [set(sources[part::FOLDS]) for part in range(min(FOLDS, len(sources)))]
    better: dict[str, list[float]] = {}
    for left in folds:
        rest = [history for history in histories if history.source not in left]
        if len(rest) < 2:
            continue
        kernel = _kernel(rest, seed, aware, FOLD_STEPS)
        for history in histories:
            if history.source in left:
                better.setdefault(history.source, []).append(_better(kernel, history))
    return Skill(float(np.mean([np.mean(shares) for shares in better.values()])), len(better)) if better else None


def _better(kernel: DeepKernel, history: History) -> float:
    """The share of a task's architectures that the one expected to be best is better than, ties counting half."""
    others: Floats = np.delete(history.y, chosen := int(kernel.expect(history.x, history.task).argmax()))
    return float(((others < history.y[chosen]).sum() + 0.5 * (others == history.y[chosen]).sum()) / len(others))
