"""What the stop rule of a campaign saw, look by look."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Id, Slug


class CampaignLook(Base):
    """One look at the votes of a campaign that has a target; rows are only ever added.

    ``votes`` stood on its first question when ``removed`` had been removed. The estimate and its interval are
    points, null where the votes do not tell or the target has no one number; ``settled`` of ``pairs`` have an
    answer. ``states`` is every pair as `analysis.stopping.PairState` has it, ``votes_left`` what it may still
    take.
    """

    __tablename__ = "campaign_look"
    __table_args__ = (Index("ix_campaign_look_campaign_id", "campaign_id", "id"),)
    id: Mapped[Id] = mapped_column(init=False)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    votes: Mapped[int]
    removed: Mapped[int]
    estimate: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    clock: Mapped[float]
    settled: Mapped[int]
    pairs: Mapped[int]
    answer: Mapped[Slug | None]
    states: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    votes_left: Mapped[int | None]
    looked_at: Mapped[datetime]
