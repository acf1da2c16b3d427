"""What a campaign plans, asks and registers before it opens

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORDS = {
    "audience": ("public", "invited"),
    "board": ("public", "raters", "staff", "hidden"),
}


def upgrade() -> None:
    for name, known in WORDS.items():
        told = ", ".join(f"'{word}'" for word in known)
        op.execute(
            f"ALTER TABLE campaign ADD COLUMN {name} VARCHAR(16) DEFAULT 'public' NOT NULL "
            f"CONSTRAINT ck_campaign_{name} CHECK ({name} IN ({told}))"
        )
    for column in (
        sa.Column("most_votes", sa.Integer(), nullable=True),
        sa.Column("target", sa.JSON(), nullable=True),
        sa.Column("registered_at", UtcDateTime(), nullable=True),
        sa.Column("registration", sa.JSON(), nullable=True),
        sa.Column("registration_digest", sa.String(length=64), nullable=True),
        sa.Column("closed_because", sa.String(length=64), nullable=True),
    ):
        op.add_column("campaign", column)
    op.create_table(
        "campaign_look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("estimate", "low", "high")),
        sa.Column("clock", sa.Double(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=True),
        sa.Column("states", sa.JSON(), nullable=False),
        sa.Column("votes_left", sa.Integer(), nullable=True),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_look_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_look")),
    )
    op.create_index("ix_campaign_look_campaign_id", "campaign_look", ["campaign_id", "id"])
