"""What can go wrong between the store and its database, in one clear sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from metanas.errors import StoreError
from metanas.experience.location import ELSEWHERE, shown

_SQLITE = {
    "SQLITE_CANTOPEN": f"can't be opened: no such folder, or no permission; {ELSEWHERE}",
    "SQLITE_PERM": f"can't be opened: no permission; {ELSEWHERE}",
    "SQLITE_AUTH": f"can't be opened: no permission; {ELSEWHERE}",
    "SQLITE_READONLY": f"can't be written: it is read-only; allow writing, or {ELSEWHERE}",
    "SQLITE_NOTADB": f"is no database; {ELSEWHERE}",
    "SQLITE_CORRUPT": f"is damaged; put back a copy of it, or {ELSEWHERE}",
    "SQLITE_FULL": f"can't be written: the disk is full; make room, or {ELSEWHERE}",
    "SQLITE_BUSY": "is busy: another process has kept it locked for too long; try again when that one is done",
    "SQLITE_LOCKED": "is busy: another process has kept it locked for too long; try again when that one is done",
    "SQLITE_IOERR": f"can't be read or written: the disk reports an error; check it, or {ELSEWHERE}",
}
"""What SQLite's primary result codes mean to a user; extended codes have these names as their beginnings."""


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn the errors of the database and its driver inside the block into :class:`StoreError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the store {shown(url)} needs the Python package {error.name!r}; install it with: pip install {error.name}"
        ) from error
    except NoSuchModuleError as error:
        raise StoreError(f"no database of the kind {url.drivername!r} is known; write a path, or a URL that SQLAlchemy knows") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(f"the store {shown(url)} {_meaning(error)}") from error


def _meaning(error: Exception) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = str(getattr(original, "sqlite_errorname", ""))
    for name, meaning in _SQLITE.items():
        if code.startswith(name):
            return meaning
    lines = str(original).strip().splitlines()
    return f"can't be used: {lines[0] if lines else type(original).__name__}; check its address, or {ELSEWHERE}"
