"""What a picture took: memory, energy, and on which hardware

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nothing where nobody looked: a picture of before has none of them.
    op.add_column("image", sa.Column("peak_bytes", sa.BigInteger(), nullable=True))
    op.add_column("image", sa.Column("joules", sa.Double(), nullable=True))
    op.add_column("image", sa.Column("energy_method", sa.String(length=16), nullable=True))
    op.add_column("image", sa.Column("hardware", sa.Text(), nullable=True))
