"""Repeated and known-answer pairs, invitations, recovery

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OUTCOMES = ("left", "right", "tie", "both_bad")


def upgrade() -> None:
    _campaigns()
    known_words = ", ".join(f"'{word}'" for word in OUTCOMES)
    op.execute(
        "ALTER TABLE battle ADD COLUMN repeats_id INTEGER "
        "CONSTRAINT fk_battle_repeats_id REFERENCES battle (id)"
    )
    op.execute(
        "ALTER TABLE battle ADD COLUMN expected VARCHAR(16) "
        f"CONSTRAINT ck_battle_outcome CHECK (expected IN ({known_words}))"
    )
    op.add_column("voter", sa.Column("about", sa.JSON(), nullable=True))
    _invitations()
    op.create_table(
        "recovery",
        sa.Column("voter_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["voter_id"], ["voter.id"], name=op.f("fk_recovery_voter_id")),
        sa.PrimaryKeyConstraint("voter_id", name=op.f("pk_recovery")),
        sa.UniqueConstraint("digest", name=op.f("uq_recovery_digest")),
    )


def _campaigns() -> None:
    """A campaign that people vote in already goes on as they know it: no checks, no rule, no questions."""
    op.add_column("campaign", sa.Column("checks", sa.Double(), nullable=False, server_default="0"))
    op.add_column("campaign", sa.Column("quality_rule", sa.String(length=64), nullable=True))
    op.execute(
        "ALTER TABLE campaign ADD COLUMN asks_about BOOLEAN DEFAULT "
        f"{'false' if op.get_bind().dialect.name == 'postgresql' else '0'} NOT NULL"
    )


def _invitations() -> None:
    op.create_table(
        "invite",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.String(length=64), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_invite_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite")),
        sa.UniqueConstraint("digest", name=op.f("uq_invite_digest")),
    )
    op.create_table(
        "invite_use",
        sa.Column("invite_id", sa.Integer(), nullable=False),
        sa.Column("voter_id", sa.Integer(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["invite_id"], ["invite.id"], name=op.f("fk_invite_use_invite_id")),
        sa.ForeignKeyConstraint(["voter_id"], ["voter.id"], name=op.f("fk_invite_use_voter_id")),
        sa.PrimaryKeyConstraint("invite_id", "voter_id", name=op.f("pk_invite_use")),
    )
    op.create_index("ix_invite_use_voter_id", "invite_use", ["voter_id"])
