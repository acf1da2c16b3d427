"""Integrity of votes

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LOOKS = ("surprise", "influence", "following", "ring", "burst")
DECISIONS = ("open", "dismissed", "excluded")


def upgrade() -> None:
    op.add_column("campaign", sa.Column("delay_hours", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("campaign", sa.Column("proof_bits", sa.Integer(), nullable=True))
    op.create_table(
        "integrity_flag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("voter_id", sa.Integer(), nullable=False),
        sa.Column("look", _words("look", LOOKS), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("decision", _words("flag_decision", DECISIONS), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(decision = 'open') = (decided_at IS NULL)", name=op.f("ck_integrity_flag_decided")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_integrity_flag_campaign_id")),
        sa.ForeignKeyConstraint(["voter_id"], ["voter.id"], name=op.f("fk_integrity_flag_voter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrity_flag")),
        sa.UniqueConstraint(
            "campaign_id", "voter_id", "look", name=op.f("uq_integrity_flag_campaign_id_voter_id_look")
        ),
    )
    op.create_index("ix_integrity_flag_voter_id", "integrity_flag", ["voter_id"])


def _words(name: str, known: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*known, name=name, native_enum=False, create_constraint=True, length=16)
