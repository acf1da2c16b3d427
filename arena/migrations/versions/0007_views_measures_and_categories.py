"""Views of boards, measures of pictures, and several categories a prompt

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

GAPS = (
    "gap",
    "gap_low",
    "gap_high",
    "house_gap",
    "house_gap_low",
    "house_gap_high",
    "left_advantage",
    "plain",
)
TAGGED_BY = ("nobody", "import", "operator", "rule")
STYLE = ("brightness", "saturation", "colourfulness", "contrast", "sharpness", "edge_density")


def upgrade() -> None:
    _boards()
    _prompts()
    op.create_index("ix_image_digest", "image", ["digest"])
    op.create_index("ix_battle_prompt_id", "battle", ["prompt_id"])
    op.create_table(
        "board_request",
        sa.Column("criterion_id", sa.Integer(), nullable=False),
        sa.Column("view", sa.String(length=240), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("pairs", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["criterion_id"], ["criterion.id"], name=op.f("fk_board_request_criterion_id")
        ),
        sa.PrimaryKeyConstraint("criterion_id", "view", name=op.f("pk_board_request")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_study_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
    )
    op.create_index("ix_study_campaign_id_kind", "study", ["campaign_id", "kind", "id"])
    op.create_table(
        "image_measure",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in STYLE),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("measured_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_image_measure_image_id")),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_image_measure")),
    )


def _boards() -> None:
    """Every run so far was of all votes of a question."""
    op.drop_index("ix_rating_run_board", "rating_run")
    op.drop_column("rating_run", "category")
    op.add_column("rating_run", sa.Column("view", sa.String(length=240), nullable=False, server_default=""))
    op.add_column("rating_run", sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("rating_run", sa.Column("votes_in_all", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE rating_run SET votes_in_all = votes")
    op.create_index("ix_rating_run_board", "rating_run", ["campaign_id", "criterion_id", "view", "id"])
    for name in GAPS:
        op.add_column("rating", sa.Column(name, sa.Double(), nullable=True))
    for name in ("votes_needed", "votes_to_drop"):
        op.add_column("rating", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("rating", sa.Column("separated", sa.Boolean(), nullable=True))


def _prompts() -> None:
    """The one category becomes the first of a list."""
    op.add_column("prompt", sa.Column("categories", sa.JSON(), nullable=False, server_default="[]"))
    known_words = ", ".join(f"'{word}'" for word in TAGGED_BY)
    op.execute(
        "ALTER TABLE prompt ADD COLUMN tagged_by VARCHAR(16) DEFAULT 'import' NOT NULL "
        f"CONSTRAINT ck_prompt_tagged_by CHECK (tagged_by IN ({known_words}))"
    )
    op.add_column("prompt", sa.Column("origin", sa.String(length=120), nullable=False, server_default=""))
    prompt = sa.table(
        "prompt",
        sa.column("category", sa.String()),
        sa.column("categories", sa.JSON()),
        sa.column("tagged_by", sa.String()),
    )
    connection = op.get_bind()
    for category in connection.scalars(sa.select(prompt.c.category).distinct()).all():
        told = category != "uncategorised"
        connection.execute(
            sa.update(prompt)
            .where(prompt.c.category == category)
            .values(categories=[category] if told else [], tagged_by="import" if told else "nobody")
        )
    op.drop_column("prompt", "category")
