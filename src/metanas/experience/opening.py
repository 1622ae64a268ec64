"""Opening a store: its folder, its tables, and their migration from older versions."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, StaticPool, column, create_engine, delete, false, inspect, select, table
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from metanas.errors import StoreError
from metanas.experience import sqlite
from metanas.experience.failures import explained
from metanas.experience.location import ELSEWHERE, shown
from metanas.experience.tables import REVISIONS, VERSION_TABLE, metadata

_ATTEMPTS = 5
_VERSION = table(VERSION_TABLE, column("version_num"))


def open_engine(url: URL) -> Engine:
    """The engine of a store whose tables are there and up to date; several processes may open a new store at once.

    Raises:
        StoreError: if it can't be opened or written, holds something else, or was written by a newer version of MetaNAS.
    """
    memory = url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")
    if url.get_backend_name() == "sqlite" and not memory and not url.query:
        _make_folder(Path(str(url.database)))
    with explained(url):
        # A store in memory lives in one connection, which all threads must share.
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False}) if memory else create_engine(url)
        sqlite.configure(engine)
        try:
            _refuse_strangers(engine)
            sqlite.use_write_ahead_log(engine)
            _bring_up_to_date(engine)
        except BaseException:
            engine.dispose()
            raise
    return engine


def _make_folder(path: Path) -> None:
    try:
        if path.is_dir():
            raise StoreError(f"the store {path} is a folder; name a file in it, or {ELSEWHERE}")
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of the store {path} can't be made: {error.strerror}; {ELSEWHERE}") from error


def _refuse_strangers(engine: Engine) -> None:
    """Leave other programs' databases alone."""
    with engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
    if VERSION_TABLE in present:
        return
    # A server's database may be shared by programs whose tables have other names; a file has one owner.
    strange = present if engine.dialect.name == "sqlite" else present & set(metadata.tables)
    if strange:
        raise StoreError(f"the store {shown(engine.url)} holds another program's tables ({', '.join(sorted(strange)[:3])}); {ELSEWHERE}")


def _bring_up_to_date(engine: Engine) -> None:
    """Make or migrate the tables in one transaction. On SQLite it holds the lock; elsewhere the loser of a race tries again."""
    writer = engine.execution_options(**{sqlite.WRITING: True})
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with writer.begin() as connection:
                if _revision(connection) != REVISIONS[-1]:
                    _migrate(connection)
                # Changes nothing, but is refused where nothing can be written: better now than after the first training.
                connection.execute(delete(_VERSION).where(false()))
        except (IntegrityError, OperationalError, ProgrammingError):
            if engine.dialect.name == "sqlite" or attempt == _ATTEMPTS:
                raise
            time.sleep(0.1 * 2**attempt)
        else:
            return


def _revision(connection: Connection) -> str | None:
    """The revision of the tables, None if there are none.

    Raises:
        StoreError: if this version of MetaNAS does not know it.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision = connection.scalar(select(_VERSION.c.version_num))
    if revision is not None and revision not in REVISIONS:
        where = shown(connection.engine.url)
        raise StoreError(f"the store {where} was written by a newer version of MetaNAS; update MetaNAS, or {ELSEWHERE}")
    return str(revision) if revision is not None else None


def _migrate(connection: Connection) -> None:
    # Alembic takes as long to load as the rest of the room; most openings don't need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
