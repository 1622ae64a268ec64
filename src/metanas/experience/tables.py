"""The tables of the store. A change here goes with a new file in ``migrations/versions``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

REVISIONS = ("0001",)
"""All revisions of the tables, the newest last."""
VERSION_TABLE = "metanas_version"


class Json(TypeDecorator[Any]):
    """JSON as text, so that numbers and the order of keys come back exactly from any database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The text; NaN and infinities are refused."""
        return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value that was stored."""
        return None if value is None else json.loads(value)


class Instant(TypeDecorator[datetime]):
    """A moment, stored in universal time without a zone, read with one."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in universal time; it must have a zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The moment in universal time."""
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

tasks = Table(
    "tasks",
    metadata,
    Column("fingerprint", String(128), primary_key=True),
    Column("name", String(255), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("data", String(32), nullable=False),
    Column("created", Instant, nullable=False),
    Column("description", Json, nullable=False),
)

searches = Table(
    "searches",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("task", ForeignKey(tasks.c.fingerprint, ondelete="CASCADE"), nullable=False, index=True),
    Column("folder", Text, nullable=False),
    Column("strategy", String(64), nullable=False),
    Column("space", String(64), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("seed", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("started", Instant, nullable=False, index=True),
    Column("updated", Instant, nullable=False),
    Column("finished", Instant),
    Column("elapsed", Double, nullable=False),
    Column("settings", Json, nullable=False),
    Column("versions", Json, nullable=False),
    Column("result", Json),
)

# Columns that summaries read stand before the long ones: SQLite reads a row only as far as it must.
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("search_id", ForeignKey(searches.c.id, ondelete="CASCADE"), nullable=False),
    Column("task", ForeignKey(tasks.c.fingerprint, ondelete="CASCADE"), nullable=False),
    Column("proposal", Integer, nullable=False),
    Column("proposer", String(64), nullable=False),
    Column("space", String(64), nullable=False),
    Column("architecture_key", String(32), nullable=False),
    Column("graph_key", String(32), nullable=False),
    Column("training_key", String(32), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("score", Double),
    Column("reason", Text),
    Column("reusable", Boolean, nullable=False),
    Column("reused", Boolean, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("seed", String(64), nullable=False),
    Column("duration", Double, nullable=False),
    Column("created", Instant, nullable=False),
    Column("continue_from", Integer),
    Column("weights_from", Text),
    Column("fidelity", Json, nullable=False),
    Column("recipe", Json, nullable=False),
    Column("costs", Json, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("architecture", Json, nullable=False),
    Column("curve", Json, nullable=False),
    Index(None, "task", "training_key"),
    Index(None, "search_id", "proposal", unique=True),
)
