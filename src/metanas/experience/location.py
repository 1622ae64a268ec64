"""Where the store is: an address given by the caller, by ``METANAS_STORE``, or the user's data folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from metanas.errors import StoreError

VARIABLE = "METANAS_STORE"
MEMORY = "sqlite://"
"""Address of a store in memory that vanishes with its process: for runs that leave no trace."""
ELSEWHERE = f"name another place with --store or {VARIABLE}"


def data_folder(environ: Mapping[str, str], platform: str) -> Path:
    """The folder in which the platform's programs keep a user's data, with ``metanas`` below.

    Args:
        environ: as ``os.environ``.
        platform: as ``sys.platform``.
    """
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        # The XDG specification says that a relative path there is to be ignored.
        given = Path(environ.get("XDG_DATA_HOME") or "")
        base = given if given.is_absolute() else home / ".local" / "share"
    return base / "metanas"


def store_url(where: str | Path | None = None, environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> URL:
    """The database address of a store.

    Args:
        where: a path (of an SQLite file), an SQLAlchemy URL such as ``postgresql+psycopg://user@host/name``, or None:
            then the variable ``METANAS_STORE`` holds one of these, else it is ``experience.db`` in the user's data folder.
        environ: in place of ``os.environ``.
        platform: in place of ``sys.platform``.

    Raises:
        StoreError: if it looks like a URL and is none.
    """
    environ = os.environ if environ is None else environ
    where = where or environ.get(VARIABLE) or data_folder(environ, platform) / "experience.db"
    if isinstance(where, Path) or not (where.startswith("sqlite:") or "://" in where):
        return URL.create("sqlite", database=str(Path(where).expanduser().absolute()))
    try:
        return make_url(where)
    except (ArgumentError, ValueError) as error:
        # The address may hold a password, so it is not repeated.
        raise StoreError(
            "the address of the store is no database URL; write a path, or a URL such as postgresql+psycopg://user@host/name"
        ) from error


def absent(where: str | Path | None = None) -> str | None:
    """The path of a store that has not been made yet; None if it is there, or no file. For those who only read: opening makes it.

    Raises:
        StoreError: as :func:`store_url`.
    """
    url = store_url(where)
    if url.get_backend_name() != "sqlite" or url.query or url.database in (None, "", ":memory:"):
        return None
    return None if Path(str(url.database)).exists() else str(url.database)


def shown(url: URL) -> str:
    """The address as users may see it: the path of a file, or a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "in memory"
    return url.render_as_string(hide_password=True)
