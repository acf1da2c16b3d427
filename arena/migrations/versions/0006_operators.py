"""Operators

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime, words
from arena.tables.operators import OperatorRole

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", words(OperatorRole, "operator_role"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    for table, ends in (("operator_link", "used_at"), ("operator_session", "ended_at")):
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("digest", sa.String(length=64), nullable=False),
            sa.Column("operator_id", sa.Integer(), nullable=False),
            sa.Column("created_at", UtcDateTime(), nullable=False),
            sa.Column("expires_at", UtcDateTime(), nullable=False),
            sa.Column(ends, UtcDateTime(), nullable=True),
            sa.ForeignKeyConstraint(
                ["operator_id"], ["operator.id"], name=op.f(f"fk_{table}_operator_id_operator")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint("digest", name=op.f(f"uq_{table}_digest")),
        )
        op.create_index(op.f(f"ix_{table}_operator_id"), table, ["operator_id"])
