"""Raters whose votes look dishonest, by what they were found, and what an operator decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from arena.domain.integrity import Decision, Look
from arena.tables.base import Base, Id, Slug, words


class IntegrityFlag(Base):
    """One finding about one rater in one campaign; ``evidence`` is what it rests on, in figures.

    It is brought up to date while it is open, and goes if it is found no more; a decided one stays.
    """

    __tablename__ = "integrity_flag"
    __table_args__ = (
        UniqueConstraint("campaign_id", "voter_id", "look"),
        CheckConstraint("(decision = 'open') = (decided_at IS NULL)", name="decided"),
        Index("ix_integrity_flag_voter_id", "voter_id"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id"))
    look: Mapped[Look] = mapped_column(words(Look, "look"))
    rule: Mapped[Slug]
    evidence: Mapped[dict[str, Any]]
    found_at: Mapped[datetime]
    decision: Mapped[Decision] = mapped_column(words(Decision, "flag_decision"), default=Decision.OPEN)
    decided_by: Mapped[Slug | None] = mapped_column(default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
