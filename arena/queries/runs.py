"""Rating runs, one by one: what was fitted, from how many votes, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from arena.errors import NotFound
from arena.queries.board_readers import kept_back
from arena.queries.votes import label
from arena.tables import Campaign, Criterion, Entrant, Rating, RatingRun

RATING_COLUMNS = tuple(
    column for column in cast(Table, Rating.__table__).columns if column.name not in {"run_id", "entrant_id"}
)
"""What is told of an entrant in a run: all that is kept of it."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A rating run; ``view`` says which votes it counted, empty for all of them.

    ``last_vote`` is the newest vote that it saw; ``rows`` are in the order of its board, each with its
    entrant as ``slug@revision`` and the columns of `RATING_COLUMNS`.
    """

    run: int
    campaign: str
    criterion: str
    view: str
    method: str
    method_version: str
    options: Mapping[str, Any]
    seed: int
    votes: int
    last_vote: int
    warnings: tuple[str, ...]
    cpu_seconds: float
    fitted_at: datetime
    rows: tuple[Mapping[str, Any], ...]


def newest_of_all(session: Session) -> int:
    """The number of the newest run, whatever it fitted; runs are never changed."""
    return session.scalar(select(func.max(RatingRun.id))) or 0


def run_page(
    session: Session,
    *,
    campaign_id: int | None,
    view: str | None,
    after: int,
    limit: int,
    shown: datetime | None = None,
) -> list[RunLine]:
    """The next runs in the order of their numbers; with ``shown`` of boards that are everybody's then."""
    query = select(RatingRun.id).where(RatingRun.id > after).order_by(RatingRun.id).limit(limit)
    if shown is not None:
        query = query.where(RatingRun.campaign_id.not_in(kept_back(shown)))
    if campaign_id is not None:
        query = query.where(RatingRun.campaign_id == campaign_id)
    if view is not None:
        query = query.where(RatingRun.view == view)
    return _lines(session, session.scalars(query).all())


def one_run(session: Session, number: int) -> tuple[RunLine, Mapping[str, Any]]:
    """A run, and what of it belongs to no row.

    Raises
    ------
    NotFound
        If there is none of that number.
    """
    found = _lines(session, [number])
    if not found:
        raise NotFound(f"there is no run {number}; /api/v1/runs lists them")
    return found[0], session.get_one(RatingRun, number).details


def _lines(session: Session, numbers: Sequence[int]) -> list[RunLine]:
    rows: dict[int, list[Mapping[str, Any]]] = {number: [] for number in numbers}
    for rating, slug, revision in session.execute(
        select(Rating, Entrant.slug, Entrant.revision)
        .join(Entrant, Rating.entrant_id == Entrant.id)
        .where(Rating.run_id.in_(numbers))
        .order_by(Rating.run_id, Rating.position)
    ):
        told = {column.name: getattr(rating, column.name) for column in RATING_COLUMNS}
        rows[rating.run_id].append({"entrant": label(slug, revision), **told})
    return [
        RunLine(
            run=run.id,
            campaign=campaign,
            criterion=criterion,
            view=run.view,
            method=run.method,
            method_version=run.method_version,
            options=run.options,
            seed=run.seed,
            votes=run.votes,
            last_vote=run.last_vote_id,
            warnings=tuple(run.warnings),
            cpu_seconds=run.cpu_seconds,
            fitted_at=run.fitted_at,
            rows=tuple(rows[run.id]),
        )
        for run, campaign, criterion in session.execute(
            select(RatingRun, Campaign.slug, Criterion.slug)
            .join(Campaign, RatingRun.campaign_id == Campaign.id)
            .join(Criterion, RatingRun.criterion_id == Criterion.id)
            .where(RatingRun.id.in_(numbers))
            .order_by(RatingRun.id)
        )
    ]
