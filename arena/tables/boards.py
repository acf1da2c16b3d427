"""Rating runs: every fit of a board, kept; boards that somebody asked for; and studies beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Id, LongText, Slug

View = Annotated[str, mapped_column(String(240))]


class RatingRun(Base):
    """One fit: its method and version, options, seed, and the last vote it saw.

    ``view`` says which of the votes, and how they were fitted, as `arena.domain.views.View` writes it; empty
    for the standing board of all votes. The run counts ``votes`` of the ``votes_in_all`` there were, when
    ``removed`` votes on the question had been removed.
    ``details`` holds what belongs to no row: raters, prompts, the position bias, the effects of style.
    """

    __tablename__ = "rating_run"
    __table_args__ = (Index("ix_rating_run_board", "campaign_id", "criterion_id", "view", "id"),)
    id: Mapped[Id] = mapped_column(init=False)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    view: Mapped[View]
    method: Mapped[Slug]
    method_version: Mapped[str] = mapped_column(String(32))
    options: Mapped[dict[str, Any]]
    seed: Mapped[int]
    votes: Mapped[int]
    votes_in_all: Mapped[int]
    removed: Mapped[int]
    last_vote_id: Mapped[int]
    warnings: Mapped[list[str]]
    details: Mapped[dict[str, Any]]
    cpu_seconds: Mapped[float]
    fitted_at: Mapped[datetime]


class Rating(Base):
    """One row of a board; what the votes do not say is null.

    The three ``gap`` columns are this rating less that of the next row, with its interval, and ``separated``
    says that this row is surely above the next, all rows at once; ``house_gap`` is the rating less that of
    the best in-house entrant. ``votes_needed`` on the pair with the next row would separate the two,
    ``votes_to_drop`` turn their order. ``left_advantage`` is the entrant's win rate on the left less that on
    the right. ``plain`` is the rating without style control, from the same votes.
    """

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
    gap: Mapped[float | None]
    gap_low: Mapped[float | None]
    gap_high: Mapped[float | None]
    separated: Mapped[bool | None] = mapped_column(Boolean)
    votes_needed: Mapped[int | None]
    votes_to_drop: Mapped[int | None]
    house_gap: Mapped[float | None]
    house_gap_low: Mapped[float | None]
    house_gap_high: Mapped[float | None]
    left_advantage: Mapped[float | None]
    plain: Mapped[float | None]


class BoardRequest(Base):
    """A view of a board that somebody opened: the worker keeps it fitted for a while after.

    ``fault`` says why it cannot be fitted; ``pairs`` is the newest table of wins and draws of each
    pair, null where the view is to be fitted anew.
    """

    __tablename__ = "board_request"
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"), primary_key=True)
    view: Mapped[View] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    fault: Mapped[LongText | None] = mapped_column(default=None)
    pairs: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)


class Study(Base):
    """What a campaign's pictures tell apart from votes, such as how well an entrant can be guessed.

    ``kind`` names the study, ``pictures`` how many there were when it was made.
    """

    __tablename__ = "study"
    __table_args__ = (Index("ix_study_campaign_id_kind", "campaign_id", "kind", "id"),)
    id: Mapped[Id] = mapped_column(init=False)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    kind: Mapped[Slug]
    version: Mapped[str] = mapped_column(String(32))
    pictures: Mapped[int]
    result: Mapped[dict[str, Any]]
    cpu_seconds: Mapped[float]
    made_at: Mapped[datetime]
