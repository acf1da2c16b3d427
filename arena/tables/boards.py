"""Rating runs: every fit of a board, kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Id, LongText, Slug


class RatingRun(Base):
    """One fit: its method and version, options, seed, and the last vote it saw."""

    __tablename__ = "rating_run"
    __table_args__ = (Index("ix_rating_run_board", "campaign_id", "criterion_id", "category", "id"),)
    id: Mapped[Id] = mapped_column(init=False)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    category: Mapped[Slug]
    method: Mapped[Slug]
    method_version: Mapped[str] = mapped_column(String(32))
    options: Mapped[dict[str, Any]]
    seed: Mapped[int]
    votes: Mapped[int]
    last_vote_id: Mapped[int]
    warnings: Mapped[list[str]]
    cpu_seconds: Mapped[float]
    fitted_at: Mapped[datetime]


class Rating(Base):
    """One row of a board; what the votes do not say is null."""

    __tablename__ = "rating"
    run_id: Mapped[int] = mapped_column(ForeignKey("rating_run.id"), primary_key=True)
    entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"), primary_key=True)
    position: Mapped[int]
    rating: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    rank: Mapped[int | None]
    rank_low: Mapped[int | None]
    rank_high: Mapped[int | None]
    votes: Mapped[int]
    wins: Mapped[int]
    losses: Mapped[int]
    ties: Mapped[int]
    both_bad: Mapped[int]
    elo: Mapped[float | None]
    provisional: Mapped[bool] = mapped_column(Boolean(create_constraint=True, name="provisional"))
    reason: Mapped[LongText | None]
    island: Mapped[int]
