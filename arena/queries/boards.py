"""The board of a campaign: the newest rating run, never a fit inside a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from statistics import median
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from arena.domain.views import View
from arena.errors import UnknownCampaign
from arena.tables import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Image,
    Job,
    JobState,
    Rating,
    RatingRun,
    Tally,
)

ALL_VOTES = View()


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One entrant on a board; ``entrant`` is its slug, with the revision where two share it.

    Ratings are on the 400/ln 10 scale around 1000; what the votes do not say is null. ``seconds`` and
    ``seconds_p95`` are the median and the 95th percentile an image, ``cpu_seconds`` and ``joules`` medians;
    ``energy_method`` says how the joules were got, and is "mixed" where pictures differ. Rates are shares
    of 1.
    """

    entrant: str
    name: str
    kind: str
    revision: str
    rating: float | None
    low: float | None
    high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    votes: int
    wins: int
    losses: int
    ties: int
    both_bad: int
    win_rate: float | None
    both_bad_rate: float | None
    elo: float | None
    provisional: bool
    reason: str | None
    island: int
    pictures: int
    refused: int
    refused_rate: float | None
    seconds: float | None
    seconds_p95: float | None
    cpu_seconds: float | None
    joules: float | None
    energy_method: str | None


@dataclass(frozen=True, slots=True)
class Costs:
    """What the pictures of an entrant took: see `BoardRow`."""

    pictures: int
    seconds: float
    seconds_p95: float
    cpu_seconds: float
    joules: float | None
    energy_method: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """A board as of a vote; ``run`` is null when nothing has been fitted yet."""

    campaign: str
    campaign_name: str
    criterion: str
    question: str
    run: int | None
    votes: int
    votes_now: int
    method: str
    method_version: str
    options: dict[str, Any]
    fitted_at: datetime | None
    rows: tuple[BoardRow, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The board as JSON: times in ISO 8601, unknown numbers null."""
        told = asdict(self)
        told["fitted_at"] = self.fitted_at.isoformat() if self.fitted_at else None
        told["rows"] = list(told["rows"])
        told["warnings"] = list(told["warnings"])
        return told


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign in a list."""

    slug: str
    name: str
    votes: int
    closed: bool


def campaigns(session: Session) -> list[CampaignLine]:
    """Every campaign with its votes, the most recently opened first."""
    rows = session.execute(
        select(Campaign.slug, Campaign.name, func.coalesce(func.sum(Tally.votes), 0), Campaign.closed_at)
        .outerjoin(Tally, (Tally.campaign_id == Campaign.id) & (Tally.category == "all"))
        .group_by(Campaign.id, Campaign.slug, Campaign.name, Campaign.closed_at)
        .order_by(Campaign.id.desc())
    )
    return [CampaignLine(slug, name, int(votes), closed is not None) for slug, name, votes, closed in rows]


def find_campaign(session: Session, slug: str | None) -> Campaign:
    """Find the campaign of that name; without a name the only one with votes, else that with most prompts.

    Raises
    ------
    UnknownCampaign
        With the names there are.
    """
    lines = campaigns(session)
    if slug is None and lines:
        voted = [line.slug for line in lines if line.votes]
        if len(voted) > 1:
            raise UnknownCampaign("(none given)", tuple(voted))
        slug = voted[0] if voted else _most_prompts(session)
    found = session.scalar(select(Campaign).where(Campaign.slug == slug))
    if found is None:
        raise UnknownCampaign(slug or "(none given)", tuple(line.slug for line in lines))
    return found


def _most_prompts(session: Session) -> str | None:
    return session.scalar(
        select(Campaign.slug)
        .outerjoin(CampaignPrompt)
        .group_by(Campaign.id, Campaign.slug)
        .order_by(func.count(CampaignPrompt.prompt_id).desc(), Campaign.id.desc())
        .limit(1)
    )


def first_criterion(session: Session, campaign_id: int) -> Criterion:
    """The question that comes first; its board is the one the pages and the reveal show."""
    return session.scalars(
        select(Criterion).where(Criterion.campaign_id == campaign_id).order_by(Criterion.position).limit(1)
    ).one()


def newest_run(
    session: Session, campaign_id: int, criterion_id: int, view: View = ALL_VOTES
) -> RatingRun | None:
    """The newest run of a board; of all votes on the question where no view is named."""
    return session.scalar(
        select(RatingRun)
        .where(
            RatingRun.campaign_id == campaign_id,
            RatingRun.criterion_id == criterion_id,
            RatingRun.view == str(view),
        )
        .order_by(RatingRun.id.desc())
        .limit(1)
    )


def board(session: Session, *, campaign: str | None = None) -> Board:
    """Read the newest board of a campaign's first criterion.

    Raises
    ------
    UnknownCampaign
        If there is no campaign of that name.
    """
    found = find_campaign(session, campaign)
    criterion = first_criterion(session, found.id)
    run = newest_run(session, found.id, criterion.id)
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == found.id)
        .order_by(Entrant.id)
    ).all()
    ratings = {
        rating.entrant_id: rating
        for rating in (session.scalars(select(Rating).where(Rating.run_id == run.id)) if run else ())
    }
    labels = labels_of(entrants)
    made = _costs(session, [entrant.id for entrant in entrants])
    refused = _refusals(session, [entrant.id for entrant in entrants])
    rows = [
        _row(
            entrant,
            labels[entrant.id],
            ratings.get(entrant.id),
            made.get(entrant.id),
            refused.get(entrant.id, 0),
        )
        for entrant in sorted(
            entrants, key=lambda e: (ratings[e.id].position if e.id in ratings else len(ratings), e.id)
        )
    ]
    return Board(
        campaign=found.slug,
        campaign_name=found.name,
        criterion=criterion.slug,
        question=criterion.question,
        run=run.id if run else None,
        votes=run.votes if run else 0,
        votes_now=votes_of(session, found.id, criterion.id),
        method=run.method if run else "bradley-terry",
        method_version=run.method_version if run else "",
        options=run.options if run else {},
        fitted_at=run.fitted_at if run else None,
        rows=tuple(rows),
        warnings=tuple(run.warnings) if run else ("no votes yet",),
    )


def labels_of(entrants: Any) -> dict[int, str]:
    """A name for each entrant of a board: its slug, with the revision where two share the slug."""
    slugs = [entrant.slug for entrant in entrants]
    return {e.id: e.slug if slugs.count(e.slug) == 1 else f"{e.slug}@{e.revision}" for e in entrants}


def votes_of(session: Session, campaign_id: int, criterion_id: int) -> int:
    """How many votes a criterion has, by its tally."""
    return int(
        session.scalar(
            select(func.coalesce(func.sum(Tally.votes), 0)).where(
                Tally.campaign_id == campaign_id,
                Tally.criterion_id == criterion_id,
                Tally.category == "all",
            )
        )
        or 0
    )


def _costs(session: Session, ids: list[int]) -> dict[int, Costs]:
    """What the pictures of each entrant took."""
    made: dict[int, list[Row[int, float, float, float | None, str | None]]] = {}
    for row in session.execute(
        select(Image.entrant_id, Image.seconds, Image.cpu_seconds, Image.joules, Image.energy_method).where(
            Image.entrant_id.in_(ids)
        )
    ):
        made.setdefault(row[0], []).append(row)
    return {entrant_id: _cost(rows) for entrant_id, rows in made.items()}


def _cost(rows: Sequence[Row[int, float, float, float | None, str | None]]) -> Costs:
    seconds = sorted(row[1] for row in rows)
    known = [(row[3], row[4]) for row in rows if row[3] is not None]
    methods = {method or "" for _, method in known}
    return Costs(
        pictures=len(rows),
        seconds=median(seconds),
        seconds_p95=seconds[ceil(0.95 * len(seconds)) - 1],
        cpu_seconds=median(row[2] for row in rows),
        joules=median(joules for joules, _ in known) if known else None,
        energy_method=(methods.pop() if len(methods) == 1 else "mixed") if known else None,
    )


def _refusals(session: Session, ids: list[int]) -> dict[int, int]:
    return dict(
        session.execute(
            select(Job.entrant_id, func.count(Job.id))
            .where(Job.entrant_id.in_(ids), Job.state == JobState.REFUSED)
            .group_by(Job.entrant_id)
        ).all()
    )


def _row(entrant: Entrant, label: str, rating: Rating | None, made: Costs | None, refused: int) -> BoardRow:
    votes = rating.votes if rating else 0
    pictures = made.pictures if made else 0
    asked = pictures + refused
    return BoardRow(
        entrant=label,
        name=entrant.name,
        kind=entrant.kind,
        revision=entrant.revision,
        rating=rating.rating if rating else None,
        low=rating.low if rating else None,
        high=rating.high if rating else None,
        rank=rating.rank if rating else None,
        rank_low=rating.rank_low if rating else None,
        rank_high=rating.rank_high if rating else None,
        votes=votes,
        wins=rating.wins if rating else 0,
        losses=rating.losses if rating else 0,
        ties=rating.ties if rating else 0,
        both_bad=rating.both_bad if rating else 0,
        win_rate=(rating.wins + 0.5 * (rating.ties + rating.both_bad)) / votes if rating and votes else None,
        both_bad_rate=rating.both_bad / votes if rating and votes else None,
        elo=rating.elo if rating else None,
        provisional=rating.provisional if rating else True,
        reason=rating.reason if rating else "no votes yet",
        island=rating.island if rating else 0,
        pictures=pictures,
        refused=refused,
        refused_rate=refused / asked if asked else None,
        seconds=made.seconds if made else None,
        seconds_p95=made.seconds_p95 if made else None,
        cpu_seconds=made.cpu_seconds if made else None,
        joules=made.joules if made else None,
        energy_method=made.energy_method if made else None,
    )
