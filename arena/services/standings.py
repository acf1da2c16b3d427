"""Standings: from votes to a rating run, kept; never inside a request."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.queries.boards import labels_of, newest_run, votes_of
from arena.services.fitting import BoardVotes, Fitted, fit_board
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    CampaignEntrant,
    Criterion,
    Entrant,
    Rating,
    RatingRun,
    Vote,
)

REST = 10
"""A board rests this many times as long as its last fit took: fitting never takes more than a share of 1/11
of one core, however many votes there are."""


@dataclass(slots=True)
class VoteCache:
    """Votes of boards that a worker has read, so that only newer ones are read again."""

    _boards: dict[int, tuple[BoardVotes, int]] = field(default_factory=dict)

    def read(
        self, session: Session, campaign: Campaign, criterion: Criterion, labels: Mapping[int, str]
    ) -> tuple[BoardVotes, int]:
        """The ordinary votes of a board in their order, and the number of the last of them.

        Where a vote was committed late, behind others, the tally tells, and all are read anew.
        """
        votes, last = self._boards.get(criterion.id, (BoardVotes(), 0))
        last = self._append(session, campaign, criterion, labels, votes, last)
        if len(votes) != votes_of(session, campaign.id, criterion.id):
            votes = BoardVotes()
            last = self._append(session, campaign, criterion, labels, votes, 0)
        self._boards[criterion.id] = votes, last
        return votes, last

    def _append(
        self,
        session: Session,
        campaign: Campaign,
        criterion: Criterion,
        labels: Mapping[int, str],
        votes: BoardVotes,
        last: int,
    ) -> int:
        query = (
            select(
                Vote.id,
                Battle.left_entrant_id,
                Battle.right_entrant_id,
                Vote.outcome,
                Battle.voter_id,
                Battle.prompt_id,
            )
            .join(Battle, Vote.battle_id == Battle.id)
            .where(
                Vote.id > last,
                Battle.campaign_id == campaign.id,
                Vote.criterion_id == criterion.id,
                Battle.kind == BattleKind.ORDINARY,
            )
            .order_by(Vote.id)
        )
        for number, left, right, outcome, voter, prompt in session.execute(query):
            votes.add(labels[left], labels[right], outcome.value, voter, prompt)
            last = number
        return last


@dataclass(frozen=True, slots=True, eq=False)
class FittedBoard:
    """A board fitted outside any write transaction, ready to be kept as a run."""

    campaign_id: int
    criterion_id: int
    seed: int
    votes: int
    last_vote_id: int
    fitted: Fitted
    entrant_ids: Mapping[str, int]
    cpu_seconds: float


def refresh(database: Database, *, now: datetime, cache: VoteCache | None = None) -> int:
    """Fit every board whose newest run lags its votes and has rested, and keep the runs.

    Reading and fitting hold no lock; only keeping writes, in a short transaction.

    Parameters
    ----------
    cache : VoteCache, optional
        What this worker has read before.

    Returns
    -------
    int
        How many runs were kept.
    """
    with database.read() as session:
        if not database.single_writer:  # SQLite reads one snapshot anyway
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        cache = VoteCache() if cache is None else cache
        fitted = [fit_criterion(session, *pair, cache=cache) for pair in _lagging(session, now)]
    kept = 0
    for board in fitted:
        with told_plainly(), database.write.begin() as session:
            kept += keep(session, board, now=now) is not None
    return kept


def _lagging(session: Session, now: datetime) -> list[tuple[Campaign, Criterion]]:
    """Boards whose newest run has not seen all their votes, and has rested."""
    pairs = session.execute(
        select(Campaign, Criterion)
        .join(Criterion, Criterion.campaign_id == Campaign.id)
        .order_by(Campaign.id, Criterion.position)
    )
    return [
        (campaign, criterion)
        for campaign, criterion in pairs
        if _due(newest_run(session, campaign.id, criterion.id), now)
        and votes_of(session, campaign.id, criterion.id) != _votes_seen(session, campaign.id, criterion.id)
    ]


def _due(run: RatingRun | None, now: datetime) -> bool:
    """Whether a board has rested; a fit of less than a tenth of a second needs no rest."""
    if run is None or run.cpu_seconds < 1 / REST:
        return True
    return (now - run.fitted_at).total_seconds() >= REST * run.cpu_seconds


def _votes_seen(session: Session, campaign_id: int, criterion_id: int) -> int:
    run = newest_run(session, campaign_id, criterion_id)
    return run.votes if run else 0


def fit_criterion(
    session: Session, campaign: Campaign, criterion: Criterion, *, cache: VoteCache
) -> FittedBoard:
    """Fit the board of one criterion from its votes; reads only."""
    started = time.process_time()
    entrants: Sequence[Entrant] = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign.id)
        .order_by(Entrant.id)
    ).all()
    labels = labels_of(entrants)
    votes, last = cache.read(session, campaign, criterion, labels)
    return FittedBoard(
        campaign_id=campaign.id,
        criterion_id=criterion.id,
        seed=campaign.seed,
        votes=len(votes),
        last_vote_id=last,
        fitted=fit_board([labels[entrant.id] for entrant in entrants], votes, seed=campaign.seed, elo=True),
        entrant_ids={label: entrant_id for entrant_id, label in labels.items()},
        cpu_seconds=time.process_time() - started,
    )


def keep(session: Session, board: FittedBoard, *, now: datetime) -> RatingRun | None:
    """Keep a fitted board as a run, unless another worker has kept one as new meanwhile."""
    if _votes_seen(session, board.campaign_id, board.criterion_id) == board.votes:
        return None
    table = board.fitted.table
    run = RatingRun(
        campaign_id=board.campaign_id,
        criterion_id=board.criterion_id,
        category="all",
        method=table.method,
        method_version=table.method_version,
        options=board.fitted.options,
        seed=board.seed,
        votes=board.votes,
        last_vote_id=board.last_vote_id,
        warnings=list(table.warnings),
        cpu_seconds=board.cpu_seconds,
        fitted_at=now,
    )
    session.add(run)
    session.flush()
    for position, row in enumerate(table.rows):
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
                elo=board.fitted.elo.get(row.entrant),
                provisional=row.provisional,
                reason=row.reason,
                island=row.island,
            )
        )
    session.flush()
    return run
