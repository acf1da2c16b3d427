"""Prompts of raters, painted live

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATES = ("review", "painting", "hung", "cancelled", "declined", "refused", "failed", "late")
KINDS = ("prompt", "picture")
DECISIONS = ("allow", "review", "error", "block")


def upgrade() -> None:
    op.add_column(
        "campaign", sa.Column("own_prompts", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("job", sa.Column("started_at", UtcDateTime(), nullable=True))
    op.create_table(
        "submission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("voter_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("state", _words("submission_state", STATES), nullable=False),
        sa.Column("left_entrant_id", sa.Integer(), nullable=False),
        sa.Column("right_entrant_id", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column("eligible", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("consent", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("prompt_id", sa.Integer(), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("battle_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'hung') = (battle_id IS NOT NULL)", name=op.f("ck_submission_hung")),
        sa.ForeignKeyConstraint(["voter_id"], ["voter.id"], name=op.f("fk_submission_voter_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_submission_campaign_id")),
        sa.ForeignKeyConstraint(
            ["left_entrant_id"], ["entrant.id"], name=op.f("fk_submission_left_entrant_id")
        ),
        sa.ForeignKeyConstraint(
            ["right_entrant_id"], ["entrant.id"], name=op.f("fk_submission_right_entrant_id")
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompt.id"], name=op.f("fk_submission_prompt_id")),
        sa.ForeignKeyConstraint(["battle_id"], ["battle.id"], name=op.f("fk_submission_battle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("key", name=op.f("uq_submission_key")),
        sa.UniqueConstraint("battle_id", name=op.f("uq_submission_battle_id")),
    )
    op.create_index("ix_submission_prompt_id", "submission", ["prompt_id"])
    op.create_index("ix_submission_voter_id", "submission", ["voter_id", "created_at"])
    op.create_index("ix_submission_state", "submission", ["state", "id"])
    op.create_table(
        "safety_verdict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("subject_kind", KINDS), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("checker", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("decision", _words("decision", DECISIONS), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_safety_verdict_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_verdict")),
    )
    op.create_index("ix_safety_verdict_digest", "safety_verdict", ["digest"])
    op.create_index("ix_safety_verdict_job_id", "safety_verdict", ["job_id"])


def _words(name: str, known: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*known, name=name, native_enum=False, create_constraint=True, length=16)
