"""What a rater does beside the vote: undo, points on pictures, reports

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SIDES = ("left", "right")
KINDS = ("withdrawn", "excluded", "retracted")
REPORTS = ("offensive", "broken", "telling", "other")
VERDICTS = ("kept", "taken_down")
REVEALS = ("each", "end_of_set", "off")


def upgrade() -> None:
    _removals()
    op.create_table(
        "point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("battle_id", sa.Integer(), nullable=False),
        sa.Column("side", _words("side", SIDES), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=True),
        sa.Column("unblinded", sa.Boolean(create_constraint=True, name="unblinded"), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("x >= 0 AND x <= 1 AND y >= 0 AND y <= 1", name=op.f("ck_point_on_the_canvas")),
        sa.ForeignKeyConstraint(["battle_id"], ["battle.id"], name=op.f("fk_point_battle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point")),
    )
    op.create_index("ix_point_battle_id", "point", ["battle_id"])
    op.create_table(
        "report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("battle_id", sa.Integer(), nullable=False),
        sa.Column("side", _words("side", SIDES), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words("kind", REPORTS), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("reported_at", UtcDateTime(), nullable=False),
        sa.Column("verdict", _words("verdict", VERDICTS), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("(verdict IS NULL) = (settled_at IS NULL)", name=op.f("ck_report_settled")),
        sa.ForeignKeyConstraint(["battle_id"], ["battle.id"], name=op.f("fk_report_battle_id")),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_report_image_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("battle_id", "side", name=op.f("uq_report_battle_id_side")),
    )
    op.create_index("ix_report_image_id", "report", ["image_id"])
    op.add_column("image", sa.Column("withdrawn_at", UtcDateTime(), nullable=True))
    op.add_column("battle", sa.Column("settled_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE battle SET settled_at = revealed_at WHERE revealed_at IS NOT NULL")
    with op.batch_alter_table("campaign") as campaign:
        campaign.add_column(
            sa.Column("reveal", _words("reveal", REVEALS), nullable=False, server_default="each")
        )


def _words(name: str, known: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*known, name=name, native_enum=False, create_constraint=True, length=16)


def _removals() -> None:
    """Let a removal be a retraction; SQLite makes the table anew, and loses what refuses to change it."""
    known = ", ".join(f"'{kind}'" for kind in KINDS)
    with op.batch_alter_table("removal") as removal:
        removal.drop_constraint(op.f("ck_removal_removal_kind"), type_="check")
        removal.create_check_constraint(op.f("ck_removal_removal_kind"), f"kind IN ({known})")
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER keep_removal_{act.lower()} BEFORE {act} ON removal "
                "BEGIN SELECT RAISE(ABORT, 'rows of removal are never changed'); END"
            )
