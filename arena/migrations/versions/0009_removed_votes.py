"""Votes that were removed, and their leaves in the chain

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from arena.tables.base import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KINDS = ("withdrawn", "excluded")


def upgrade() -> None:
    op.create_table(
        "removal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vote_id", sa.Integer(), nullable=False),
        sa.Column("criterion_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="removal_kind", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("(kind = 'excluded') = (rule IS NOT NULL)", name=op.f("ck_removal_rule")),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name=op.f("fk_removal_criterion_id")),
        sa.ForeignKeyConstraint(["vote_id"], ["vote.id"], name=op.f("fk_removal_vote_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal")),
        sa.UniqueConstraint("vote_id", name=op.f("uq_removal_vote_id")),
    )
    op.create_index("ix_removal_criterion_id", "removal", ["criterion_id"])
    op.add_column("rating_run", sa.Column("removed", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("seal_entry") as entry:
        entry.alter_column("vote_id", existing_type=sa.Integer(), nullable=True)
        entry.add_column(sa.Column("removal_id", sa.Integer(), nullable=True))
        entry.create_foreign_key(op.f("fk_seal_entry_removal_id"), "removal", ["removal_id"], ["id"])
        entry.create_check_constraint(
            op.f("ck_seal_entry_one_thing"), "(vote_id IS NULL) <> (removal_id IS NULL)"
        )
    op.create_index(
        "uq_seal_entry_removal_id",
        "seal_entry",
        ["removal_id"],
        unique=True,
        sqlite_where=sa.text("removal_id IS NOT NULL"),
        postgresql_where=sa.text("removal_id IS NOT NULL"),
    )
    _keep()


def _keep() -> None:
    """Let the database refuse to change a row of either table; SQLite has lost what it knew of one anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION keep_removal() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of removal are never changed'; END $$"
        )
        op.execute(
            "CREATE TRIGGER keep_removal BEFORE UPDATE OR DELETE ON removal "
            "FOR EACH ROW EXECUTE FUNCTION keep_removal()"
        )
        return
    for table in ("removal", "seal_entry"):
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER keep_{table}_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
            )
