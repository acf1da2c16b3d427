"""Standings: from tallies to a rating run, kept; never inside a request."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from analysis import Comparisons, Leaderboard, fit_bradley_terry, leaderboard, run_elo
from analysis.outcomes import Outcome
from arena.db import Database, told_plainly
from arena.queries.boards import labels_of, newest_run, votes_of
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    CampaignEntrant,
    Criterion,
    Entrant,
    Rating,
    RatingRun,
    Tally,
    Vote,
)

Cell = tuple[str, str, Outcome, int]
OPTIONS = {"ties": "half", "both_bad": "tie", "intervals": "sandwich", "level": 0.95}


def fit_board(labels: Sequence[str], cells: Iterable[Cell], *, seed: int) -> Leaderboard:
    """Fit the standing board from counts: the one function behind pages, commands and `arena verify`.

    Parameters
    ----------
    labels : sequence of str
        Every entrant of the board, those without votes included.
    cells : iterable of (left, right, outcome, votes)
        Counts of votes on ordered pairs.
    seed : int
        Of the draws behind the rank intervals.
    """
    rows = sorted(cells)
    comparisons = Comparisons.from_counts(
        labels,
        left=[row[0] for row in rows],
        right=[row[1] for row in rows],
        outcome=[row[2] for row in rows],
        count=[row[3] for row in rows],
    )
    fit = fit_bradley_terry(comparisons, ties="half", both_bad="tie")
    return leaderboard(fit, seed=seed)


@dataclass(frozen=True, slots=True, eq=False)
class FittedBoard:
    """A board fitted outside any write transaction, ready to be kept as a run."""

    campaign_id: int
    criterion_id: int
    seed: int
    votes: int
    last_vote_id: int
    table: Leaderboard
    entrant_ids: Mapping[str, int]
    elo: Mapping[str, float]
    cpu_seconds: float


def refresh(database: Database, *, now: datetime) -> int:
    """Fit every board whose newest run lags its votes, and keep the runs.

    Reading and fitting hold no lock; only keeping writes, in a short transaction.

    Returns
    -------
    int
        How many runs were kept.
    """
    with database.read() as session:
        if not database.single_writer:  # SQLite reads one snapshot anyway
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        fitted = [fit_criterion(session, *pair) for pair in _lagging(session)]
    kept = 0
    for board in fitted:
        with told_plainly(), database.write.begin() as session:
            kept += keep(session, board, now=now) is not None
    return kept


def _lagging(session: Session) -> list[tuple[Campaign, Criterion]]:
    """Boards whose newest run has not seen all their votes."""
    pairs = session.execute(
        select(Campaign, Criterion)
        .join(Criterion, Criterion.campaign_id == Campaign.id)
        .order_by(Campaign.id, Criterion.position)
    )
    return [
        (campaign, criterion)
        for campaign, criterion in pairs
        if votes_of(session, campaign.id, criterion.id) != _votes_seen(session, campaign.id, criterion.id)
    ]


def _votes_seen(session: Session, campaign_id: int, criterion_id: int) -> int:
    run = newest_run(session, campaign_id, criterion_id)
    return run.votes if run else 0


def fit_criterion(session: Session, campaign: Campaign, criterion: Criterion) -> FittedBoard:
    """Fit the board of one criterion from its tallies; reads only."""
    started = time.process_time()
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign.id)
        .order_by(Entrant.id)
    ).all()
    labels = labels_of(entrants)
    cells = [
        (labels[left], labels[right], outcome, int(votes))
        for left, right, outcome, votes in session.execute(
            select(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome, func.sum(Tally.votes))
            .where(
                Tally.campaign_id == campaign.id,
                Tally.criterion_id == criterion.id,
                Tally.category == "all",
            )
            .group_by(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome)
        )
    ]
    votes = sum(cell[3] for cell in cells)
    return FittedBoard(
        campaign_id=campaign.id,
        criterion_id=criterion.id,
        seed=campaign.seed,
        votes=votes,
        last_vote_id=_last_vote(session, campaign, criterion),
        table=fit_board([labels[entrant.id] for entrant in entrants], cells, seed=campaign.seed),
        entrant_ids={label: entrant_id for entrant_id, label in labels.items()},
        elo=_elo(session, campaign, criterion, labels, votes),
        cpu_seconds=time.process_time() - started,
    )


def keep(session: Session, board: FittedBoard, *, now: datetime) -> RatingRun | None:
    """Keep a fitted board as a run, unless another worker has kept one as new meanwhile."""
    if _votes_seen(session, board.campaign_id, board.criterion_id) == board.votes:
        return None
    run = RatingRun(
        campaign_id=board.campaign_id,
        criterion_id=board.criterion_id,
        category="all",
        method=board.table.method,
        method_version=board.table.method_version,
        options=OPTIONS,
        seed=board.seed,
        votes=board.votes,
        last_vote_id=board.last_vote_id,
        warnings=list(board.table.warnings),
        cpu_seconds=board.cpu_seconds,
        fitted_at=now,
    )
    session.add(run)
    session.flush()
    for position, row in enumerate(board.table.rows):
        session.add(
            Rating(
                run_id=run.id,
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
                elo=board.elo.get(row.entrant),
                provisional=row.provisional,
                reason=row.reason,
                island=row.island,
            )
        )
    session.flush()
    return run


def _last_vote(session: Session, campaign: Campaign, criterion: Criterion) -> int:
    return (
        session.scalar(
            select(func.max(Vote.id))
            .join(Battle, Vote.battle_id == Battle.id)
            .where(Battle.campaign_id == campaign.id, Vote.criterion_id == criterion.id)
        )
        or 0
    )


def _elo(
    session: Session, campaign: Campaign, criterion: Criterion, labels: dict[int, str], votes: int
) -> dict[str, float]:
    """Online Elo in order of vote, beside the board; it depends on that order and ranks nobody.

    It goes on from the newest run when that run and the votes after it add up to ``votes``; if not (a vote
    was committed late, behind others), it begins anew.
    """
    run = newest_run(session, campaign.id, criterion.id)
    if run is not None:
        fresh = _in_order(session, campaign, criterion, after=run.last_vote_id)
        if len(fresh) + run.votes == votes:
            rated = session.execute(select(Rating.entrant_id, Rating.elo).where(Rating.run_id == run.id))
            start = {labels[entrant]: elo for entrant, elo in rated if elo is not None}
            return _run_elo(fresh, labels, start)
    return _run_elo(_in_order(session, campaign, criterion, after=0), labels, {})


def _in_order(
    session: Session, campaign: Campaign, criterion: Criterion, *, after: int
) -> Sequence[Row[int, int, Outcome]]:
    return session.execute(
        select(Battle.left_entrant_id, Battle.right_entrant_id, Vote.outcome)
        .join(Battle, Vote.battle_id == Battle.id)
        .where(
            Vote.id > after,
            Battle.campaign_id == campaign.id,
            Vote.criterion_id == criterion.id,
            Battle.kind == BattleKind.ORDINARY,
        )
        .order_by(Vote.id)
    ).all()


def _run_elo(
    votes: Sequence[Row[int, int, Outcome]], labels: dict[int, str], start: dict[str, float]
) -> dict[str, float]:
    if not votes:
        return start
    frame = pd.DataFrame(
        {
            "left": [labels[left] for left, _, _ in votes],
            "right": [labels[right] for _, right, _ in votes],
            "outcome": [outcome.value for _, _, outcome in votes],
        }
    )
    names = list(dict.fromkeys([*labels.values(), *start]))
    result = run_elo(Comparisons.from_frame(frame, labels=names, keep_votes=True), start=start)
    return {
        label: float(r) for label, r in zip(result.labels, result.ratings, strict=True) if not math.isnan(r)
    }
