"""Pictures asked for in the playground."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Id, Key, LongText, words
from arena.tables.pictures import JobState


class Sketch(Base):
    """A picture that somebody asked of an entrant by name, with steps of their own if they like.

    It hangs in no battle, counts for nothing, is shown to whoever asked for it alone, and is deleted after a
    day with its bytes, which are kept here for that reason.
    """

    __tablename__ = "sketch"
    __table_args__ = (Index("ix_sketch_state", "state", "id"),)
    id: Mapped[Id] = mapped_column(init=False)
    key: Mapped[Key] = mapped_column(unique=True)
    voter: Mapped[Key]
    entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    prompt: Mapped[LongText]
    seed: Mapped[int] = mapped_column(BigInteger)
    steps: Mapped[int | None]
    state: Mapped[JobState] = mapped_column(words(JobState, "sketch_state"))
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None] = mapped_column(default=None)
    worker: Mapped[str | None] = mapped_column(String(64), default=None)
    reason: Mapped[LongText | None] = mapped_column(default=None)
    words: Mapped[list[str] | None] = mapped_column(default=None)
    seconds: Mapped[float | None] = mapped_column(default=None)
    data: Mapped[bytes | None] = mapped_column(LargeBinary, default=None, deferred=True)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
