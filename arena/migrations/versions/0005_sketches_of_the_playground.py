"""Sketches of the playground

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime, words
from arena.tables.pictures import JobState

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sketch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("voter", sa.String(length=32), nullable=False),
        sa.Column("entrant_id", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=True),
        sa.Column("state", words(JobState, "sketch_state"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("words", sa.JSON(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["entrant_id"], ["entrant.id"], name=op.f("fk_sketch_entrant_id_entrant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sketch")),
        sa.UniqueConstraint("key", name=op.f("uq_sketch_key")),
    )
    op.create_index("ix_sketch_state", "sketch", ["state", "id"])
