"""A rater's own board: how often they chose each entrant, by the battles whose names they have seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.intervals import wilson_interval
from analysis.outcomes import Outcome
from arena.queries.removed import stands
from arena.tables import Battle, BattleKind, Campaign, Criterion, Entrant, Vote, Voter

ENOUGH = 30
"""Votes from which on a rater has a board of their own."""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """An entrant on a rater's board; the share is of the decided battles, null where there is none."""

    slug: str
    name: str
    kind: str
    chosen: int
    passed_over: int
    undecided: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class OwnBoard:
    """A rater's board of one campaign by its first question; no rows while the votes are too few."""

    campaign: str
    name: str
    question: str
    votes: int
    rows: tuple[OwnRow, ...]


def own_boards(session: Session, *, voter_key: str) -> list[OwnBoard]:
    """A voter's boards, one for each campaign in which they have seen names, the newest campaign first."""
    first = (
        select(func.min(Criterion.position))
        .where(Criterion.campaign_id == Campaign.id)
        .correlate(Campaign)
        .scalar_subquery()
    )
    campaigns = session.execute(
        select(Campaign, Criterion)
        .join(Criterion, (Criterion.campaign_id == Campaign.id) & (Criterion.position == first))
        .order_by(Campaign.id.desc())
    )
    boards = [_board(session, campaign, question, voter_key) for campaign, question in campaigns.all()]
    return [board for board in boards if board.votes]


def _board(session: Session, campaign: Campaign, question: Criterion, voter_key: str) -> OwnBoard:
    met: Counter[tuple[int, str]] = Counter()
    votes = 0
    for left, right, outcome in session.execute(
        select(Battle.left_entrant_id, Battle.right_entrant_id, Vote.outcome)
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(
            Voter.key == voter_key,
            Battle.campaign_id == campaign.id,
            Battle.kind == BattleKind.ORDINARY,
            Battle.revealed_at.is_not(None),
            Vote.criterion_id == question.id,
            stands(),
        )
    ):
        votes += 1
        decided = outcome in (Outcome.LEFT, Outcome.RIGHT)
        winner, loser = (left, right) if outcome is Outcome.LEFT else (right, left)
        met[winner, "chosen" if decided else "undecided"] += 1
        met[loser, "passed over" if decided else "undecided"] += 1
    rows = _rows(session, met) if votes >= ENOUGH else ()
    return OwnBoard(campaign.slug, campaign.name, question.question, votes, rows)


def _rows(session: Session, met: Counter[tuple[int, str]]) -> tuple[OwnRow, ...]:
    rows = []
    for entrant in session.scalars(select(Entrant).where(Entrant.id.in_({number for number, _ in met}))):
        won, lost = met[entrant.id, "chosen"], met[entrant.id, "passed over"]
        share = won / (won + lost) if won + lost else None
        low, high = wilson_interval(won, won + lost) if won + lost else (None, None)
        undecided = met[entrant.id, "undecided"]
        rows.append(OwnRow(entrant.slug, entrant.name, entrant.kind, won, lost, undecided, share, low, high))
    return tuple(sorted(rows, key=lambda row: (row.share is None, -(row.share or 0), row.name)))
