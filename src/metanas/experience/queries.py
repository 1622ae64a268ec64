"""Questions to the tables that more than one method of the store asks."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, false, func, or_, select

from metanas.errors import InputError
from metanas.experience.rows import SearchRecord, TaskRecord, search_of
from metanas.experience.tables import evaluations, searches, tasks
from metanas.records import TaskDescription

_SHORTEST = 4
"""Characters of an id or a fingerprint that must be given to forget by it."""


def is_task(text: str) -> ColumnElement[bool]:
    """Whether a row of the tasks is called ``text``: its name, or its fingerprint or the beginning of it."""
    by_print = tasks.c.fingerprint.startswith(text, autoescape=True) if text else false()
    return or_(tasks.c.name == text, by_print)


def tasks_of(connection: Connection, chosen: ColumnElement[bool] | None = None) -> list[TaskRecord]:
    """The tasks (all, or those for which ``chosen`` holds) in the order in which they were first seen."""
    count = select(func.count()).where(searches.c.task == tasks.c.fingerprint).scalar_subquery()
    wanted = select(tasks, count.label("searches")).order_by(tasks.c.created, tasks.c.fingerprint)
    rows = connection.execute(wanted if chosen is None else wanted.where(chosen))
    return [TaskRecord(row.fingerprint, TaskDescription.from_json(row.description), row.created, row.searches) for row in rows]


def searches_of(connection: Connection, chosen: ColumnElement[bool] | None = None, limit: int | None = None) -> list[SearchRecord]:
    """The searches (all, or those for which ``chosen`` holds), the latest first, at most ``limit``."""
    named = select(searches, tasks.c.name.label("task_name")).join(tasks, tasks.c.fingerprint == searches.c.task)
    wanted = named.order_by(searches.c.started.desc(), searches.c.id)
    wanted = (wanted if chosen is None else wanted.where(chosen)).limit(limit)
    rows = connection.execute(wanted).all()
    counts = select(
        evaluations.c.search_id,
        (func.count(evaluations.c.reason) + func.count(evaluations.c.score)).label("trials"),  # scores of untrained networks have neither
        func.count(evaluations.c.score).label("successes"),
        func.count().filter(evaluations.c.reused).label("reused"),
        func.min(evaluations.c.score).label("least"),
        func.max(evaluations.c.score).label("most"),
    ).group_by(evaluations.c.search_id)
    if chosen is not None or limit is not None:
        counts = counts.where(evaluations.c.search_id.in_(select(wanted.subquery().c.id)))
    summary = {row.search_id: row for row in connection.execute(counts)}
    return [search_of(row, summary.get(row.id)) for row in rows]


def some(names: Iterable[str], most: int = 5) -> str:
    """The first ``most`` names as a list in words."""
    listed = list(names)
    return ", ".join(listed[:most]) + (", ..." if len(listed) > most else "")


def meant(connection: Connection, what: str, where: str, every: bool) -> tuple[list[TaskRecord], list[SearchRecord]]:
    """The tasks and searches that ``what`` names, see :meth:`metanas.experience.Experience.forget`; ``where`` is for messages."""
    if named := tasks_of(connection, tasks.c.name == what):
        if len(named) > 1 and not every:
            listed = some(
                f"{t.fingerprint[:12]} ({t.searches} search{'es' * (t.searches != 1)}, {t.created:%Y-%m-%d %H:%M})" for t in named
            )
            raise InputError(f"{len(named)} tasks are named {what!r}; give the fingerprint of one, or --all for all of them: {listed}")
        return named, searches_of(connection, searches.c.task.in_([t.fingerprint for t in named]))
    if len(what) < _SHORTEST:
        raise InputError(
            f"{what!r} is too short to forget by; write the id of a search or the name of a task, as `metanas history` shows them"
        )
    by_print = tasks_of(connection, is_task(what))
    by_id = searches_of(connection, searches.c.id.startswith(what, autoescape=True))
    if len(by_print) + len(by_id) > 1:
        names = [*(s.id for s in by_id), *(f"{t.description.name} ({t.fingerprint[:12]})" for t in by_print)]
        raise InputError(f"{what!r} may mean any of {some(names)}; write more of it")
    if by_print:
        return by_print, searches_of(connection, searches.c.task == by_print[0].fingerprint)
    if by_id:
        return [], by_id
    raise InputError(f"the store {where} has no search or task {what!r}; `metanas history` lists all")
