"""The durable record of every task, search and evaluation."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, delete, false, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from metanas.errors import InputError, StoreError
from metanas.experience import sqlite
from metanas.experience.failures import explained
from metanas.experience.location import shown, store_url
from metanas.experience.opening import open_engine
from metanas.experience.queries import is_task, meant, searches_of, some, tasks_of
from metanas.experience.rows import SearchRecord, Status, TaskRecord, evaluation_of, evaluation_row, finite, training_key
from metanas.experience.tables import evaluations, searches, tasks
from metanas.records import Candidate, Evaluation, TaskDescription


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Forgotten:
    """What was removed: whole tasks, searches (theirs included), and the number of evaluations."""

    tasks: tuple[TaskRecord, ...]
    searches: tuple[SearchRecord, ...]
    evaluations: int


class Experience:
    """The durable record of every task, search and evaluation, for one process of many that share it.

    Everything that a method writes is there, even if the process is killed, once the method returns.

    Args:
        url: see :func:`metanas.experience.location.store_url`.
        now: the clock: gives the moment with its zone.

    Raises:
        StoreError: here and from every method, when the store can't be opened, read or written.

    Example:
        >>> with Experience("sqlite://") as experience:
        ...     experience.searches()
        []
    """

    def __init__(self, url: str | Path | None = None, *, now: Callable[[], datetime] = _now) -> None:
        self._url = store_url(url)
        self._now = now
        self._engine = open_engine(self._url)
        self._writer = self._engine.execution_options(**{sqlite.WRITING: True})
        self._metrics: dict[str, str] = {}

    @property
    def where(self) -> str:
        """The place as users may see it (no password)."""
        return shown(self._url)

    @property
    def url(self) -> str:
        """What opens the same store again, password included."""
        return self._url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Give up the connections; safe to call twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- writing -------------------------------------------------------------------------------------------------------

    def add_task(self, fingerprint: str, description: TaskDescription) -> None:
        """Remember a task; one that is known keeps the moment it was first seen and gets the new description."""
        with explained(self._url):
            row = {
                "name": description.name,
                "kind": description.kind,
                "data": description.shape.data,
                "description": finite(description.to_json()),
            }
            known = update(tasks).where(tasks.c.fingerprint == fingerprint).values(**row)
            try:
                with self._writer.begin() as connection:
                    if connection.execute(known).rowcount == 0:
                        connection.execute(insert(tasks).values(fingerprint=fingerprint, created=self._now(), **row))
            except IntegrityError:  # another process has added it in between (not on SQLite, which locks first)
                with self._writer.begin() as connection:
                    connection.execute(known)

    def start_search(
        self,
        fingerprint: str,
        *,
        strategy: str,
        space: str,
        metric: str,
        seed: int,
        folder: str | Path = "",
        settings: Mapping[str, Any] | None = None,
        versions: Mapping[str, Any] | None = None,
    ) -> str:
        """Remember that a search begins, on a task that was added before.

        Returns:
            Its id: 12 hexadecimal digits.
        """
        identity, moment = secrets.token_hex(6), self._now()
        with explained(self._url), self._writer.begin() as connection:
            connection.execute(
                insert(searches).values(
                    id=identity,
                    task=fingerprint,
                    folder=str(folder),
                    strategy=strategy,
                    space=space,
                    metric=metric,
                    seed=str(seed),
                    status="running",
                    started=moment,
                    updated=moment,
                    elapsed=0.0,
                    settings=finite(settings or {}),
                    versions=finite(versions or {}),
                )
            )
        self._metrics[identity] = metric
        return identity

    def record(self, search_id: str, fingerprint: str, evaluation: Evaluation, candidate: Candidate, elapsed: float) -> None:
        """Write an evaluation that has finished.

        Args:
            search_id: of the search that it belongs to.
            fingerprint: of the search's task.
            evaluation: numbers in it that are not finite are left out.
            candidate: what was evaluated.
            elapsed: seconds of the search's budget that are spent by now.
        """
        self.record_many(search_id, fingerprint, [(evaluation, candidate)], elapsed)

    def record_many(self, search_id: str, fingerprint: str, finished: Iterable[tuple[Evaluation, Candidate]], elapsed: float) -> None:
        """Write several evaluations in one step, see :meth:`record`: all are there afterwards, or after an error none is."""
        metric, moment = self._metric(search_id), self._now()
        rows = [evaluation_row(search_id, fingerprint, metric, evaluation, candidate, moment) for evaluation, candidate in finished]
        with explained(self._url):
            try:
                with self._writer.begin() as connection:
                    if rows:
                        connection.execute(insert(evaluations), rows)
                    connection.execute(update(searches).where(searches.c.id == search_id).values(elapsed=elapsed, updated=moment))
            except IntegrityError as error:
                raise StoreError(self._refusal(search_id, [row["proposal"] for row in rows])) from error

    def _refusal(self, search_id: str, proposals: list[int]) -> str:
        with self._engine.connect() as connection:
            known = connection.scalar(select(searches.c.id).where(searches.c.id == search_id))
        if known is None:
            return f"search {search_id} is no longer in the store {self.where}: it was forgotten while it ran; start it again"
        numbers = ", ".join(map(str, proposals))
        return f"search {search_id} has proposal {numbers} already: another process is going on with it; wait for that one, or stop it"

    def _metric(self, search_id: str) -> str:
        if search_id not in self._metrics:
            self._metrics[search_id] = self.search(search_id).metric
        return self._metrics[search_id]

    def finish_search(self, search_id: str, status: Status, result: Mapping[str, Any] | None = None, elapsed: float | None = None) -> None:
        """Remember how a search ended.

        Args:
            search_id: of the search.
            status: finished, interrupted or failed; ``"running"`` when one that had ended goes on.
            result: JSON object; None leaves what is there.
            elapsed: seconds of the budget that are spent by now; None leaves what is there.
        """
        moment = self._now()
        values: dict[str, Any] = {"status": status, "updated": moment, "finished": None if status == "running" else moment}
        if result is not None:
            values["result"] = finite(result)
        if elapsed is not None:
            values["elapsed"] = elapsed
        with explained(self._url), self._writer.begin() as connection:
            connection.execute(update(searches).where(searches.c.id == search_id).values(**values))

    # -- reading -------------------------------------------------------------------------------------------------------

    def find(self, fingerprint: str, candidate: Candidate, *, metric: str | None = None, search_id: str | None = None) -> Evaluation | None:
        """The store's answer instead of a training: the earliest evaluation of the same graph, recipe and fidelity on a task.

        Failures answer only if they would come again (divergence): one for lack of time or memory, or of a killed worker,
        is no answer to another search.

        Args:
            fingerprint: of the task.
            candidate: what is to be evaluated.
            metric: only searches for this metric answer (it chose the epoch); None takes any.
            search_id: of the search that asks: its own failures answer it whatever their reasons.

        Returns:
            The evaluation as an answer to the candidate's proposal (reused, duration 0), or None.
        """
        own: ColumnElement[bool] = evaluations.c.search_id == search_id if search_id is not None else false()
        same = and_(evaluations.c.task == fingerprint, evaluations.c.training_key == training_key(candidate))
        wanted = select(evaluations).where(same, or_(evaluations.c.reusable, own)).order_by(evaluations.c.id).limit(1)
        if metric is not None:
            wanted = wanted.where(evaluations.c.metric == metric)
        with explained(self._url), self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else evaluation_of(row).for_proposal(candidate.proposal)

    def evaluations(self, search_id: str) -> list[Evaluation]:
        """All evaluations of a search, in the order of their proposals."""
        wanted = select(evaluations).where(evaluations.c.search_id == search_id).order_by(evaluations.c.proposal)
        with explained(self._url), self._engine.connect() as connection:
            return [evaluation_of(row) for row in connection.execute(wanted)]

    def search(self, identity: str) -> SearchRecord:
        """The search of that id, or of the only id that begins so.

        Raises:
            InputError: if there is none, or more than one.
        """
        with explained(self._url), self._engine.connect() as connection:
            found = searches_of(connection, searches.c.id.startswith(identity, autoescape=True) if identity else false())
        if len(found) > 1:
            raise InputError(f"{len(found)} searches begin with {identity!r}; write more of the id: {some(s.id for s in found)}")
        if not found:
            raise InputError(f"the store {self.where} has no search {identity!r}; `metanas history` lists all")
        return found[0]

    def searches(self, task: str | None = None, limit: int | None = None) -> list[SearchRecord]:
        """Searches, the latest first.

        Args:
            task: name or fingerprint (or its beginning) of the task; None takes all.
            limit: at most so many.
        """
        with explained(self._url), self._engine.connect() as connection:
            chosen = None if task is None else searches.c.task.in_(select(tasks.c.fingerprint).where(is_task(task)))
            return searches_of(connection, chosen, limit)

    def tasks(self) -> list[TaskRecord]:
        """All tasks, in the order in which they were first seen."""
        with explained(self._url), self._engine.connect() as connection:
            return tasks_of(connection)

    def task(self, fingerprint: str) -> TaskRecord:
        """The task of that fingerprint.

        Raises:
            InputError: if there is none.
        """
        with explained(self._url), self._engine.connect() as connection:
            found = tasks_of(connection, tasks.c.fingerprint == fingerprint)
        if not found:
            raise InputError(f"the store {self.where} has no task {fingerprint!r}; `metanas history` lists all")
        return found[0]

    # -- forgetting ----------------------------------------------------------------------------------------------------

    def forget(self, what: str, *, every: bool = False) -> Forgotten:
        """Delete for good: a search, or a task with all its searches.

        Args:
            what: id of a search, or name or fingerprint of a task; the beginning of an id or a fingerprint (at least four
                characters, lest a slip deletes) where it is unique.
            every: whether all tasks are meant, where several have that name.

        Raises:
            InputError: if nothing, or more than one thing, is called so.
        """
        with explained(self._url):
            with self._writer.begin() as connection:
                gone_tasks, gone_searches = meant(connection, what, self.where, every)
                identities = [s.id for s in gone_searches]
                count = sum(s.trials for s in gone_searches)
                connection.execute(delete(evaluations).where(evaluations.c.search_id.in_(identities)))
                connection.execute(delete(searches).where(searches.c.id.in_(identities)))
                connection.execute(delete(tasks).where(tasks.c.fingerprint.in_([t.fingerprint for t in gone_tasks])))
            sqlite.wipe(self._engine)
        for identity in identities:
            self._metrics.pop(identity, None)
        return Forgotten(tuple(gone_tasks), tuple(gone_searches), count)


def open_experience(where: str | Path | None = None) -> Experience:
    """The store at ``where``: a path, a database URL, or None for the user's own (``METANAS_STORE``, else the data folder).

    Raises:
        StoreError: one clear sentence when it can't be opened or written, or is from a newer version.
    """
    return Experience(where)
