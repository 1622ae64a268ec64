"""The first tables: tasks, searches, evaluations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _tasks()
    _searches()
    _evaluations()


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.String(32), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_tasks"),
    )
    op.create_index("ix_tasks_name", "tasks", ["name"])


def _searches() -> None:
    op.create_table(
        "searches",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("task", sa.String(128), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("strategy", sa.String(64), nullable=False),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
        sa.Column("finished", sa.DateTime),
        sa.Column("elapsed", sa.Double, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_searches"),
        sa.ForeignKeyConstraint(["task"], ["tasks.fingerprint"], name="fk_searches_task", ondelete="CASCADE"),
    )
    op.create_index("ix_searches_task", "searches", ["task"])
    op.create_index("ix_searches_started", "searches", ["started"])


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("search_id", sa.String(32), nullable=False),
        sa.Column("task", sa.String(128), nullable=False),
        sa.Column("proposal", sa.Integer, nullable=False),
        sa.Column("proposer", sa.String(64), nullable=False),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("architecture_key", sa.String(32), nullable=False),
        sa.Column("graph_key", sa.String(32), nullable=False),
        sa.Column("training_key", sa.String(32), nullable=False),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("reason", sa.Text),
        sa.Column("reusable", sa.Boolean, nullable=False),
        sa.Column("reused", sa.Boolean, nullable=False),
        sa.Column("epochs", sa.Integer, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("duration", sa.Double, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("continue_from", sa.Integer),
        sa.Column("weights_from", sa.Text),
        sa.Column("fidelity", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("costs", sa.Text, nullable=False),
        sa.Column("metrics", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text, nullable=False),
        sa.Column("curve", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="fk_evaluations_search_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task"], ["tasks.fingerprint"], name="fk_evaluations_task", ondelete="CASCADE"),
    )
    op.create_index("ix_evaluations_task_training_key", "evaluations", ["task", "training_key"])
    op.create_index("ix_evaluations_search_id_proposal", "evaluations", ["search_id", "proposal"], unique=True)
