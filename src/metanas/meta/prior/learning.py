"""From lessons to a prior, in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby

import numpy as np

from metanas import __version__
from metanas.meta.director import LEAST_SOURCES, World, learn_director, left_out
from metanas.meta.prior.embedding import attribute_names, embedded
from metanas.meta.prior.ensemble import task_results
from metanas.meta.prior.first import CAUTION
from metanas.meta.prior.foretelling import encoded, teach_encoder
from metanas.meta.prior.form import Floats, Form
from metanas.meta.prior.learned import LearnedPrior, Provenance
from metanas.meta.prior.lessons import Lesson
from metanas.meta.prior.memories import EarlierTask, KnownSpace, Skill
from metanas.meta.prior.taught_policy import teach_policy
from metanas.meta.surrogate import History, TaughtProcess, normal_scores, portfolio
from metanas.meta.surrogate.kinds import PROCESSES, taught

SURROGATES = (*PROCESSES, "rgpe")
"""What may say on a new task what to expect: see :func:`learn`."""
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


def learn(lessons: Sequence[Lesson], seed: int = 0, *, made: str = "", stores: int = 1, surrogate: str = "multi-task") -> LearnedPrior:
    """What the lessons teach: the same from the same lessons and seed.

    Args:
        lessons: see :func:`metanas.meta.prior.lessons.gather`.
        seed: of the surrogates' weights and batches.
        made: the moment, for the record: ISO 8601.
        stores: how many stores the lessons come from, for the record.
        surrogate: what says on a new task what to expect: one of :data:`SURROGATES`, a Gaussian process over all tasks and architectures
            (:mod:`~metanas.meta.surrogate.multi_task`), one with a deep kernel (:mod:`~metanas.meta.surrogate.deep_kernel`), or an
            ensemble of one per task (:mod:`~metanas.meta.surrogate.rgpe`).
    """
    ordered = sorted(lessons, key=lambda lesson: (lesson.form.space, lesson.fingerprint))
    names = attribute_names()
    spaces = {name: _learned(list(group), names, seed, surrogate) for name, group in groupby(ordered, key=lambda lesson: lesson.form.space)}
    return LearnedPrior(spaces, names, Provenance(made, __version__, stores, seed))


def _learned(lessons: list[Lesson], names: Sequence[str], seed: int, surrogate: str) -> KnownSpace:
    lessons = sorted(sorted(lessons, key=lambda lesson: -len(lesson.values))[:MOST_TASKS], key=lambda lesson: lesson.fingerprint)
    form = reduce(Form.merged, [lesson.form for lesson in lessons])
    lessons = [_completed(lesson, form) for lesson in lessons]
    aware = len({lesson.source for lesson in lessons}) >= AWARE
    embeddings = np.stack([embedded(lesson.task, names) for lesson in lessons])
    histories = [_history(lesson, form, e if aware else 0 * e) for lesson, e in zip(lessons, embeddings, strict=True)]
    kind = surrogate if surrogate in PROCESSES else next(iter(PROCESSES))

    def learned(some: Sequence[History], steps: int) -> TaughtProcess:
        process = taught(kind, some, seed, steps)
        return process if aware else process.without_task()

    telling = [place for place, history in enumerate(histories) if np.ptp(history.y) > 0]
    usable = [histories[place] for place in telling]
    sources = len({history.source for history in usable})
    process = learned(usable, STEPS) if sources >= 2 else None
    encoder, foretelling = None, None
    if aware and process is not None:
        encoder, foretelling = teach_encoder([lesson.task for lesson in lessons], embeddings, histories, process, seed)
        if encoder is not None:
            embeddings = np.stack([encoded(encoder, lesson.task) for lesson in lessons])
    chosen = _portfolio([(lessons[place], histories[place]) for place in telling], form, process) if telling else []
    known = all(lesson.plain for lesson in lessons)  # of a space that isn't, nobody knows which decisions open others
    tasks = embeddings[telling] if aware else 0 * embeddings[telling]
    left = left_out(usable, lambda rest: learned(rest, FOLD_STEPS))
    return KnownSpace(
        form,
        tuple(_remembered(lesson, e) for lesson, e in zip(lessons, embeddings, strict=True)),
        tuple(form.choices(code) for code in chosen),
        process,
        aware,
        _skill(left),
        task_results(lessons, form) if surrogate == "rgpe" and process is not None else (),
        teach_policy(usable, tasks, form, process, seed) if known and process is not None and sources >= LEAST_SOURCES else None,
        encoder,
        foretelling,
        learn_director([World.of(*pair) for pair in left], seed),
    )


def _completed(lesson: Lesson, form: Form) -> Lesson:
    """A lesson in which what only other tasks have is chosen as in the plain network."""
    there = form.among(lesson.form.decisions)
    choices = tuple(there.completed(one) for one in lesson.choices)
    return replace(lesson, choices=choices, plain=there.completed(lesson.plain) if lesson.plain else {})


def _history(lesson: Lesson, form: Form, embedding: Floats) -> History:
    order = np.argsort(-lesson.values, kind="stable")
    if len(order) > MOST_EVALUATIONS:
        others = np.linspace(MOST_BEST, len(order) - 1, MOST_EVALUATIONS - MOST_BEST).round().astype(np.int64)
        order = order[np.concatenate([np.arange(MOST_BEST), others])]
    x = form.encode_all(lesson.choices[place] for place in order)
    return History(x, lesson.values[order], embedding, lesson.source)


def _remembered(lesson: Lesson, embedding: Floats) -> EarlierTask:
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
        embedding=embedding,
        best=tuple(lesson.choices[place] for place in good),
        values=tuple(float(lesson.values[place]) for place in good),
        plain=plain,
        shipped=lesson.shipped,
    )


def _portfolio(telling: Sequence[tuple[Lesson, History]], form: Form, process: TaughtProcess | None) -> list[tuple[int, ...]]:
    """Codes of the chosen architectures. What was not evaluated on a task counts as the surrogate expects, or without one as the worst."""
    each = max(2, COLUMNS // len(telling))
    columns: dict[tuple[int, ...], int] = {}
    for lesson, _ in telling:
        for place in np.argsort(-lesson.values, kind="stable")[:each]:
            if not lesson.failed[place]:
                columns.setdefault(tuple(form.code(lesson.choices[place])), len(columns))
    codes = list(columns)[:COLUMNS]
    x = form.encode_all(form.choices(code) for code in codes)
    regret = np.full((len(telling), len(codes)), np.nan)
    for row, (lesson, history) in enumerate(telling):
        z = normal_scores(lesson.values)
        if process is not None:
            expected = process.condition(history.x, normal_scores(history.y), history.task, x)
            regret[row] = expected.mean - CAUTION * expected.deviation
        for choices, value in zip(lesson.choices, z, strict=True):
            if (column := columns.get(tuple(form.code(choices)))) is not None and column < len(codes):
                regret[row, column] = value
        regret[row] = np.maximum(z.max() - regret[row], 0.0)
    return [codes[column] for column in portfolio(regret, PORTFOLIO)]


def _skill(left: Sequence[tuple[History, TaughtProcess]]) -> Skill | None:
    """Measured on tasks of whose source the surrogate has seen nothing."""
    better: dict[str, list[float]] = {}
    for history, process in left:
        better.setdefault(history.source, []).append(_better(process, history))
    return Skill(float(np.mean([np.mean(shares) for shares in better.values()])), len(better)) if better else None


def _better(process: TaughtProcess, history: History) -> float:
    """The share of a task's architectures that the one expected to be best is better than, ties counting half."""
    others: Floats = np.delete(history.y, chosen := int(process.expect(history.x, history.task).argmax()))
    return float(((others < history.y[chosen]).sum() + 0.5 * (others == history.y[chosen]).sum()) / len(others))
