"""Keys of the images API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Digest, Id, Slug


class ApiKey(Base):
    """A key that programs show; kept as its SHA-256 and its first characters, never as itself.

    ``may_unblind`` lets its holder have prompts painted that an open campaign is dealing; ``per_minute`` is
    how many requests it may make, nothing for as many as it likes.
    """

    __tablename__ = "api_key"
    id: Mapped[Id] = mapped_column(init=False)
    name: Mapped[Slug] = mapped_column(unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[Digest] = mapped_column(unique=True)
    may_unblind: Mapped[bool] = mapped_column(Boolean(create_constraint=True, name="may_unblind"))
    per_minute: Mapped[int | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
