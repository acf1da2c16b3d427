"""How ratings moved: a board's runs over time, a few of the many."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from arena.domain.views import View
from arena.queries.boards import labels_of
from arena.tables import CampaignEntrant, Entrant, Rating, RatingRun


@dataclass(frozen=True, slots=True)
class Moment:
    """A run that was kept, and how many votes it counted."""

    run: int
    votes: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """A rating as a run had it; what the votes did not say then is null."""

    rating: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class History:
    """Runs of one board, the oldest first, and what each said of an entrant.

    ``tracks`` has a reading for each moment, by the entrant's name on the board; null where a run had no row
    for it.
    """

    moments: tuple[Moment, ...]
    tracks: Mapping[str, tuple[Reading | None, ...]]


def history(
    session: Session,
    campaign_id: int,
    criterion_id: int,
    view: View,
    *,
    entrants: Collection[str] | None = None,
    most: int = 120,
) -> History:
    """Read at most so many runs of a board: all of them, or some from the first to the newest.

    Where there are more than that, they are picked evenly over the numbers of runs, each found through the
    index by itself, so that a long history costs no more than a short one.

    Parameters
    ----------
    entrants : collection of str, optional
        Whose ratings to read, by their names on the board; everybody's by default.
    most : int
        At least 2.
    """
    moments = [
        Moment(run, votes, at)
        for run, votes, at in session.execute(
            select(RatingRun.id, RatingRun.votes, RatingRun.fitted_at)
            .where(RatingRun.id.in_(_pick(session, campaign_id, criterion_id, view, most)))
            .order_by(RatingRun.id)
        )
    ]
    names = {
        number: name
        for number, name in _names(session, campaign_id).items()
        if entrants is None or name in entrants
    }
    place = {moment.run: n for n, moment in enumerate(moments)}
    tracks: dict[str, list[Reading | None]] = {name: [None] * len(moments) for name in names.values()}
    for run, entrant_id, *numbers in session.execute(
        select(Rating.run_id, Rating.entrant_id, Rating.rating, Rating.low, Rating.high).where(
            Rating.run_id.in_(place), Rating.entrant_id.in_(names)
        )
    ):
        tracks[names[entrant_id]][place[run]] = Reading(*numbers)
    return History(tuple(moments), {name: tuple(track) for name, track in tracks.items()})


def _names(session: Session, campaign_id: int) -> dict[int, str]:
    return labels_of(
        session.scalars(
            select(Entrant)
            .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
            .where(CampaignEntrant.campaign_id == campaign_id)
        ).all()
    )


def _pick(session: Session, campaign_id: int, criterion_id: int, view: View, most: int) -> list[int]:
    """Numbers of runs: the first, then always the next that is a step further on, and the newest."""
    of_board = (
        RatingRun.campaign_id == campaign_id,
        RatingRun.criterion_id == criterion_id,
        RatingRun.view == str(view),
    )
    in_order = select(RatingRun.id).where(*of_board).order_by(RatingRun.id)
    runs = list(session.scalars(in_order.limit(most + 1)))
    if len(runs) <= most:
        return runs
    first, last = runs[0], session.execute(select(func.max(RatingRun.id)).where(*of_board)).scalar_one()
    step = math.ceil((last - first) / (most - 1))
    picked = select(literal(first).label("id")).cte("picked", recursive=True)
    further = in_order.where(RatingRun.id >= picked.c.id + step).limit(1).scalar_subquery()
    picked = picked.union_all(select(further).where(picked.c.id < last))
    found = session.scalars(select(picked.c.id).where(picked.c.id.is_not(None)))
    return sorted({*found, last})
