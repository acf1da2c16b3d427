"""Votes of other arenas: a battle may have no picture and no probability, a picture no time

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("battle") as battle:
        for name in ("left_image_id", "right_image_id"):
            battle.alter_column(name, existing_type=sa.Integer(), nullable=True)
        battle.alter_column("propensity", existing_type=sa.Double(), nullable=True)
        battle.add_column(sa.Column("imported", sa.JSON(), nullable=True))
    with op.batch_alter_table("image") as image:
        for name in ("seconds", "cpu_seconds"):
            image.alter_column(name, existing_type=sa.Double(), nullable=True)
