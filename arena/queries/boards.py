"""The board of a campaign: the newest rating run, never a fit inside a request."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, inspect, select
from sqlalchemy.orm import Session

from arena.domain.views import View
from arena.queries.costs import NO_COSTS, Costs, newest_costs
from arena.queries.finding import find_campaign, find_criterion
from arena.queries.removed import removed_of
from arena.queries.studies import blindness
from arena.tables import (
    Battle,
    BattleKind,
    BoardRequest,
    CampaignEntrant,
    Entrant,
    Rating,
    RatingRun,
    Tally,
    Vote,
)

ALL_VOTES = View()

# Every page and every deal asks these: they are built once.
_NEWEST = (
    select(RatingRun)
    .where(
        RatingRun.campaign_id == bindparam("campaign"),
        RatingRun.criterion_id == bindparam("criterion"),
        RatingRun.view == bindparam("view"),
    )
    .order_by(RatingRun.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One entrant on a board; ``entrant`` is its slug, with the revision where two share it.

    Ratings are on the 400/ln 10 scale around 1000; what the votes do not say is null. The columns of the fit
    are those of `arena.tables.Rating`, the costs those of `arena.queries.costs.Costs`. ``told_apart`` is the
    balanced accuracy with which the entrant is told from pixels alone. Rates are shares of 1; ``price`` is
    of one picture.
    """

    entrant: str
    name: str
    kind: str
    revision: str
    licence: str
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
    house_gap: float | None
    house_gap_low: float | None
    house_gap_high: float | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    separated: bool | None
    votes_needed: int | None
    votes_to_drop: int | None
    left_advantage: float | None
    plain: float | None
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
    price: float | None
    currency: str | None
    told_apart: float | None


@dataclass(frozen=True, slots=True)
class Board:
    """A board as of a vote; ``run`` is null when nothing has been fitted yet.

    Attributes
    ----------
    view : mapping of str to str
        What `View.parameters` says.
    votes : int
        Votes of the view that the run counts.
    votes_in_all, votes_now : int
        All votes on the question when the run was fitted, and now: a run lags while they differ.
    details : mapping
        What belongs to no row; see `arena.services.fitting`.
    fault : str or None
        Why the view cannot be fitted.
    """

    campaign: str
    campaign_name: str
    criterion: str
    question: str
    view: dict[str, str]
    run: int | None
    votes: int
    votes_in_all: int
    votes_now: int
    method: str
    method_version: str
    options: dict[str, Any]
    details: dict[str, Any]
    fitted_at: datetime | None
    rows: tuple[BoardRow, ...]
    warnings: tuple[str, ...]
    fault: str | None

    @property
    def lags(self) -> bool:
        """Whether there are votes that the run has not seen, or no run at all for those there are."""
        return self.votes_now != self.votes_in_all

    def as_dict(self) -> dict[str, Any]:
        """The board as JSON: times in ISO 8601, unknown numbers null."""
        told = asdict(self)
        told["fitted_at"] = self.fitted_at.isoformat() if self.fitted_at else None
        told["rows"] = list(told["rows"])
        told["warnings"] = list(told["warnings"])
        return told


def newest_run(
    session: Session, campaign_id: int, criterion_id: int, view: View = ALL_VOTES
) -> RatingRun | None:
    """The newest run of a board; of all votes on the question where no view is named."""
    asked = {"campaign": campaign_id, "criterion": criterion_id, "view": str(view)}
    return session.scalar(_NEWEST, asked)


def run_until(
    session: Session, campaign_id: int, criterion_id: int, view: View, until: datetime | None
) -> RatingRun | None:
    """The newest run of a board that was fitted until then; without a moment the newest of all."""
    if until is None:
        return newest_run(session, campaign_id, criterion_id, view)
    return session.scalar(
        select(RatingRun)
        .where(
            RatingRun.campaign_id == campaign_id,
            RatingRun.criterion_id == criterion_id,
            RatingRun.view == str(view),
            RatingRun.fitted_at <= until,
        )
        .order_by(RatingRun.id.desc())
        .limit(1)
    )


def board(
    session: Session,
    *,
    campaign: str | None = None,
    criterion: str | None = None,
    view: View = ALL_VOTES,
    until: datetime | None = None,
) -> Board:
    """Read the newest board of a question, or as it was ``until`` then; the first where none is named.

    Raises
    ------
    UnknownCampaign
        If there is no campaign of that name.
    Invalid
        If the campaign does not ask that question.
    """
    found = find_campaign(session, campaign)
    question = find_criterion(session, found.id, criterion)
    run = run_until(session, found.id, question.id, view, until)
    seen = run.votes_in_all if run else 0
    asked = session.get(BoardRequest, (question.id, str(view)))
    rows = _rows(session, found.id, run)
    return Board(
        campaign=found.slug,
        campaign_name=found.name,
        criterion=question.slug,
        question=question.question,
        view=view.parameters(),
        run=run.id if run else None,
        votes=run.votes if run else 0,
        votes_in_all=seen,
        votes_now=_votes_now(session, found.id, question.id, run) if until is None else seen,
        method=run.method if run else "bradley-terry",
        method_version=run.method_version if run else "",
        options=run.options if run else {},
        details=run.details if run else {},
        fitted_at=run.fitted_at if run else None,
        rows=tuple(rows),
        warnings=tuple(run.warnings) if run else ("no votes yet",),
        fault=asked.fault if asked else None,
    )


def pairs_of(session: Session, criterion_id: int, view: View) -> dict[str, Any] | None:
    """The newest table of wins and draws of each pair; see `arena.services.fitting.pair_table`."""
    return session.scalar(
        select(BoardRequest.pairs).where(
            BoardRequest.criterion_id == criterion_id, BoardRequest.view == str(view)
        )
    )


def _rows(session: Session, campaign_id: int, run: RatingRun | None) -> list[BoardRow]:
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign_id)
        .order_by(Entrant.id)
    ).all()
    ratings = {
        rating.entrant_id: rating
        for rating in (session.scalars(select(Rating).where(Rating.run_id == run.id)) if run else ())
    }
    labels = labels_of(entrants)
    costs = newest_costs(session, campaign_id)
    told = blindness(session, campaign_id)
    apart = {row.entrant_id: row.balanced.value for row in (told.rows if told else ()) if row.balanced}
    entrants = sorted(
        entrants, key=lambda e: (ratings[e.id].position if e.id in ratings else len(ratings), e.id)
    )
    return [
        _row(e, labels[e.id], ratings.get(e.id), costs.get(e.id, NO_COSTS), apart.get(e.id)) for e in entrants
    ]


def _votes_now(session: Session, campaign_id: int, criterion_id: int, run: RatingRun | None) -> int:
    """How many ordinary votes a question has: those that a run has seen, and the newer ones."""
    if run is None or run.removed != removed_of(session, criterion_id):
        return votes_of(session, campaign_id, criterion_id)
    newer = session.scalar(
        select(func.count(Vote.id))
        .join(Battle, Vote.battle_id == Battle.id)
        .where(
            Vote.id > run.last_vote_id,
            Vote.criterion_id == criterion_id,
            Battle.kind == BattleKind.ORDINARY,
        )
    )
    return run.votes_in_all + (newer or 0)


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


FROM_THE_FIT = tuple(
    column.key
    for column in inspect(Rating).mapper.column_attrs
    if column.key not in {"run_id", "entrant_id", "position"}
)
NO_RATING: dict[str, Any] = {
    **dict.fromkeys(FROM_THE_FIT),
    **dict.fromkeys(("votes", "wins", "losses", "ties", "both_bad", "island"), 0),
    "provisional": True,
    "reason": "no votes yet",
}


def _row(
    entrant: Entrant, label: str, rating: Rating | None, costs: Costs, told_apart: float | None
) -> BoardRow:
    fitted = {name: getattr(rating, name) for name in FROM_THE_FIT} if rating else dict(NO_RATING)
    votes = fitted["votes"]
    asked = costs.pictures + costs.refused
    price = entrant.runtime.get("price")
    return BoardRow(
        entrant=label,
        name=entrant.name,
        kind=entrant.kind,
        revision=entrant.revision,
        licence=entrant.licence,
        **fitted,
        win_rate=(fitted["wins"] + 0.5 * (fitted["ties"] + fitted["both_bad"])) / votes if votes else None,
        both_bad_rate=fitted["both_bad"] / votes if votes else None,
        **asdict(costs),
        refused_rate=costs.refused / asked if asked else None,
        price=float(price) if isinstance(price, int | float) else None,
        currency=entrant.runtime.get("currency") if price is not None else None,
        told_apart=told_apart,
    )
