"""Standings: from votes to rating runs, kept; never inside a request.

The board of all votes of a question is refitted whenever its votes have moved. Any other view of them is
fitted when somebody opens it, and again while it is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from threadpoolctl import threadpool_limits

from analysis.errors import AnalysisError
from arena.db import Database, told_plainly
from arena.domain.views import View
from arena.errors import NoPictures, NotMeasured
from arena.queries.boards import labels_of, newest_run, votes_of
from arena.queries.removed import removed_of
from arena.services.fitting import Fitted, fit_view, pair_table
from arena.services.snapshots import SnapshotCache
from arena.services.styling import StyleCache
from arena.tables import BoardRequest, Campaign, CampaignEntrant, Criterion, Entrant, Rating, RatingRun, Tally

REST: Final = 10
"""A board rests this many times as long as its last fit took: fitting never takes more than a share of 1/11
of one core, however many votes there are."""

LOOKED_AT: Final = timedelta(minutes=2)
"""So long after it was last opened a view is refitted when votes come in."""

FORGOTTEN: Final = timedelta(days=7)

IN_HOUSE: Final = "in-house"
ALL: Final = "all"

_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}


@dataclass(frozen=True, slots=True)
class Cache:
    """What a worker has read of votes and pictures, so that only what is newer is read again."""

    votes: SnapshotCache = field(default_factory=SnapshotCache)
    style: StyleCache = field(default_factory=StyleCache)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A board to fit: a view of the votes on one question of a campaign."""

    campaign: Campaign
    criterion: Criterion
    view: View


@dataclass(frozen=True, slots=True, eq=False)
class FittedBoard:
    """A board fitted outside any write transaction, ready to be kept as a run.

    ``votes``, ``removed`` and ``last_vote_id`` are of the whole question, whatever the view counts of it.
    """

    wanted: Wanted
    votes: int
    removed: int
    last_vote_id: int
    fitted: Fitted
    elo: dict[int, float]
    pairs: dict[str, object]
    entrant_ids: dict[str, int]
    cpu_seconds: float


def refresh(database: Database, *, now: datetime, cache: Cache | None = None) -> int:
    """Fit every board whose votes have moved and that has rested; returns how many runs were kept.

    Fits use one thread: their products are short, and threads that wait for each other beside a painter take
    ten times as long.
    """
    cache = Cache() if cache is None else cache
    kept = 0
    with database.read() as session:
        due = _due(session, now)
        if not due:
            cache.style.read_ahead(session)
    for wanted in due:
        try:
            with database.read() as session, threadpool_limits(1, user_api="blas"):
                board = fit(session, wanted, cache=cache)
        except (AnalysisError, NoPictures, NotMeasured) as error:
            with told_plainly(), database.write.begin() as session:
                _refuse(session, wanted, str(error))
            continue
        with told_plainly(), database.write.begin() as session:
            kept += keep(session, board, now=now) is not None
    return kept


def ask(session: Session, criterion_id: int, view: View, *, now: datetime) -> None:
    """Have the worker fit a view, now and while it is looked at; views long forgotten are dropped."""
    session.execute(
        delete(BoardRequest).where(BoardRequest.asked_at < now - FORGOTTEN, BoardRequest.view != "")
    )
    name = session.get_bind().dialect.name
    row = {"criterion_id": criterion_id, "view": str(view), "asked_at": now}
    session.execute(
        _DIALECTS[name]
        .insert(BoardRequest)
        .values(**row)
        .on_conflict_do_update(
            index_elements=[BoardRequest.criterion_id, BoardRequest.view],
            set_={"asked_at": now, "fault": None},
        )
    )


def refit_categories(session: Session) -> None:
    """Have the boards of categories fitted anew, whose prompts are others now."""
    session.execute(
        update(BoardRequest).where(BoardRequest.view.startswith("category=")).values(pairs=null())
    )


def _due(session: Session, now: datetime) -> list[Wanted]:
    """Boards whose newest run has not seen all votes, and has rested: standing ones, then views looked at."""
    questions = session.execute(
        select(Campaign, Criterion)
        .join(Criterion, Criterion.campaign_id == Campaign.id)
        .order_by(Campaign.id, Criterion.position)
    ).all()
    looked_at = session.execute(
        select(BoardRequest.criterion_id, BoardRequest.view, BoardRequest.pairs.is_(None))
        .where(BoardRequest.asked_at > now - LOOKED_AT, BoardRequest.fault.is_(None), BoardRequest.view != "")
        .order_by(BoardRequest.asked_at)
    ).all()
    of = {criterion.id: (campaign, criterion) for campaign, criterion in questions}
    moved = {
        number: (votes_of(session, campaign.id, number), removed_of(session, number))
        for number, (campaign, _) in of.items()
    }
    wanted = [(Wanted(*pair, View()), False) for pair in of.values()]
    wanted += [(Wanted(*of[number], View.of_text(view)), anew) for number, view, anew in looked_at]
    due = []
    for one, anew in wanted:
        run = newest_run(session, one.campaign.id, one.criterion.id, one.view)
        votes, removed = moved[one.criterion.id]
        seen = (run.votes_in_all, run.removed) if run else (0, removed)
        if ((votes, removed) != seen or (anew and votes)) and _rested(run, now):
            due.append(one)
    return due


def _rested(run: RatingRun | None, now: datetime) -> bool:
    """Whether a board has rested; a fit of less than a tenth of a second needs no rest."""
    if run is None or run.cpu_seconds < 1 / REST:
        return True
    return (now - run.fitted_at).total_seconds() >= REST * run.cpu_seconds


def fit(session: Session, wanted: Wanted, *, cache: Cache) -> FittedBoard:
    """Fit a board from its votes; reads only.

    Raises
    ------
    NotMeasured, NoPictures
        If style shall be held equal and some pictures have not been measured, or are not here.
    analysis.errors.AnalysisError
        If the votes have no such fit.
    """
    started = time.process_time()
    campaign, criterion, view = wanted.campaign, wanted.criterion, wanted.view
    entrants: Sequence[Entrant] = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign.id)
        .order_by(Entrant.id)
    ).all()
    names = labels_of(entrants)
    snapshot = cache.votes.read(session, campaign.id, criterion.id)
    chosen = None if view.standing else snapshot.mask(session, view)
    tried = _tried(session, entrants) if view.standing else {}
    comparisons = snapshot.comparisons(names, [names[entrant.id] for entrant in entrants], chosen)
    fitted = fit_view(
        comparisons,
        view,
        seed=campaign.seed,
        style=cache.style.differences(session, snapshot, chosen) if view.style else None,
        in_house=[names[entrant.id] for entrant in entrants if entrant.kind == IN_HOUSE],
        families={
            family: [names[entrant.id] for entrant in entrants if entrant.family == family]
            for family in tried
        },
        tried=tried,
    )
    if view.standing:
        fitted.details["choices"] = _choices(session, campaign.id, criterion.id)
    return FittedBoard(
        wanted=wanted,
        votes=len(snapshot),
        removed=snapshot.removed,
        last_vote_id=snapshot.last,
        fitted=fitted,
        elo=snapshot.elo() if view.standing else {},
        pairs=pair_table(comparisons),
        entrant_ids={label: entrant_id for entrant_id, label in names.items()},
        cpu_seconds=time.process_time() - started,
    )


def _tried(session: Session, entrants: Sequence[Entrant]) -> dict[str, int]:
    """How many variants the families of a board ever entered, in whatever campaign; of those with several."""
    rows = session.execute(
        select(Entrant.family, func.count())
        .where(Entrant.family.in_({entrant.family for entrant in entrants}))
        .group_by(Entrant.family)
        .having(func.count() > 1)
        .order_by(Entrant.family)
    )
    return dict(rows.all())


def _choices(session: Session, campaign_id: int, criterion_id: int) -> dict[str, list[str]]:
    """What the votes of a question can be filtered by."""
    told = {}
    for column in (Tally.category, Tally.cohort, Tally.source):
        values = session.scalars(
            select(column)
            .where(Tally.campaign_id == campaign_id, Tally.criterion_id == criterion_id)
            .distinct()
        )
        told[column.key] = sorted(str(value) for value in values if value != ALL)
    return told


def keep(session: Session, board: FittedBoard, *, now: datetime) -> RatingRun | None:
    """Keep a fitted board as a run, unless another worker has kept one as new meanwhile."""
    campaign, criterion, view = board.wanted.campaign, board.wanted.criterion, board.wanted.view
    newest = newest_run(session, campaign.id, criterion.id, view)
    asked = session.get(BoardRequest, (criterion.id, str(view)))
    seen = (newest.votes_in_all, newest.removed) if newest else None
    if seen == (board.votes, board.removed) and asked and asked.pairs is not None:
        return None
    table = board.fitted.table
    run = RatingRun(
        campaign_id=campaign.id,
        criterion_id=criterion.id,
        view=str(view),
        method=table.method,
        method_version=table.method_version,
        options=board.fitted.options,
        seed=campaign.seed,
        votes=table.votes,
        votes_in_all=board.votes,
        removed=board.removed,
        last_vote_id=board.last_vote_id,
        warnings=list(table.warnings),
        details=board.fitted.details,
        cpu_seconds=board.cpu_seconds,
        fitted_at=now,
    )
    session.add(run)
    session.flush()
    session.add_all(_ratings(run.id, board))
    session.flush()
    _keep_pairs(session, board, now)
    return run


def _ratings(run_id: int, board: FittedBoard) -> list[Rating]:
    fitted = board.fitted
    return [
        Rating(
            run_id=run_id,
            entrant_id=board.entrant_ids[row.entrant],
            position=position,
            rating=row.rating,
            low=row.low,
            high=row.high,
            rank=row.rank,
            rank_low=row.rank_low,
            rank_high=row.rank_high,
            votes=row.votes,
            wins=row.wins,
            losses=row.losses,
            ties=row.ties,
            both_bad=row.both_bad,
            elo=board.elo.get(board.entrant_ids[row.entrant]),
            provisional=row.provisional,
            reason=row.reason,
            island=row.island,
            gap=beside.gap.estimate,
            gap_low=beside.gap.low,
            gap_high=beside.gap.high,
            separated=beside.separated,
            votes_needed=beside.votes_needed,
            votes_to_drop=beside.votes_to_drop,
            house_gap=beside.house_gap.estimate,
            house_gap_low=beside.house_gap.low,
            house_gap_high=beside.house_gap.high,
            left_advantage=fitted.left_advantage.get(row.entrant),
            plain=fitted.plain.get(row.entrant),
        )
        for position, row in enumerate(fitted.table.rows)
        for beside in (fitted.beside[row.entrant],)
    ]


def _keep_pairs(session: Session, board: FittedBoard, now: datetime) -> None:
    """Keep the newest table of pairs of a view, which is too long to keep with every run."""
    criterion, view = board.wanted.criterion, board.wanted.view
    if session.get(BoardRequest, (criterion.id, str(view))) is None:
        session.add(BoardRequest(criterion_id=criterion.id, view=str(view), asked_at=now))
        session.flush()
    _change(session, board.wanted, pairs=board.pairs)


def _refuse(session: Session, wanted: Wanted, fault: str) -> None:
    """Remember why a view cannot be fitted, until it is asked for anew."""
    _change(session, wanted, fault=fault[:500])


def _change(session: Session, wanted: Wanted, **values: object) -> None:
    session.execute(
        update(BoardRequest)
        .where(BoardRequest.criterion_id == wanted.criterion.id, BoardRequest.view == str(wanted.view))
        .values(**values)
    )
