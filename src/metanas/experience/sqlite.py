"""What is particular to SQLite: settings of a connection, the write-ahead log, and wiping what was deleted."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Engine, event

WRITING = "metanas_writing"
"""Execution option of transactions that will write."""
PATIENCE = 30.0
"""Seconds to wait for other processes that write to the same file."""
_PATIENT = f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}"
_PRAGMAS = (_PATIENT, "PRAGMA foreign_keys = ON", "PRAGMA synchronous = NORMAL", "PRAGMA secure_delete = ON")


def configure(engine: Engine) -> None:
    """Prepare the connections of ``engine``; other databases are left as they are."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)


def _set_up(connection: Any, record: object) -> None:
    # Left to itself the driver begins transactions late and without the lock, so that two writers could fail.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def use_write_ahead_log(engine: Engine) -> None:
    """Let readers and a writer work side by side, and commits be cheap: killing a process loses no committed row.

    The file remembers it. Where the file system can't do it (some network drives) the file keeps its rollback journal.
    """
    if engine.dialect.name != "sqlite":
        return
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
                cursor.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            # SQLite does not wait for its lock here, even with a busy timeout.
            if not _busy(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def wipe(engine: Engine) -> None:
    """Give the space of deleted rows back and clear them from the write-ahead log.

    Their bytes in the file are overwritten already when they are deleted, so where another process is at work on the file
    the rest may be left to a later call.
    """
    if engine.dialect.name != "sqlite":
        return
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA busy_timeout = 1000")
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                try:
                    cursor.execute(statement).fetchall()
                except sqlite3.OperationalError as error:
                    if not _busy(error):
                        raise
        finally:
            cursor.execute(_PATIENT)


def _busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
