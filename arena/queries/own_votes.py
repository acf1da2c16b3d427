"""One's own votes, for the voter alone: names only where the battle was revealed to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from analysis.outcomes import Outcome
from arena.errors import UnknownVote
from arena.queries.removed import stands
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    Criterion,
    Entrant,
    Prompt,
    Removal,
    RemovalKind,
    Vote,
    Voter,
)

PAGE = 30


@dataclass(frozen=True, slots=True)
class OwnVote:
    """A vote of one's own; the names are null until the voter has seen them.

    ``key`` is that of its battle, ``removed`` says whether and why the vote counts no more, ``check`` that it
    only checked its rater, which is told with the names.
    """

    number: int
    key: str
    campaign: str
    question: str
    prompt: str
    language: str
    outcome: Outcome
    left: str | None
    right: str | None
    cast_on: date
    removed: RemovalKind | None
    check: bool


@dataclass(frozen=True, slots=True)
class OwnVotes:
    """A page of one's own votes, the newest first; ``older`` and ``newer`` are the numbers to go on from.

    ``cast`` counts all of them, ``standing`` those that were not removed, ``counting`` those of them that
    boards count.
    """

    votes: tuple[OwnVote, ...]
    cast: int
    standing: int
    counting: int
    older: int | None
    newer: int | None


def own_votes(
    session: Session, *, voter_key: str, before: int | None = None, after: int | None = None
) -> OwnVotes:
    """Read the page of one's votes with numbers below ``before``, or the page next above ``after``."""
    forward = after is not None and before is None
    query = _query(voter_key)
    if before is not None:
        query = query.where(Vote.id < before)
    elif after is not None:
        query = query.where(Vote.id > after)
    rows = session.execute(query.order_by(Vote.id if forward else Vote.id.desc()).limit(PAGE + 1)).all()
    more = len(rows) > PAGE
    votes = sorted((_told(row) for row in rows[:PAGE]), key=lambda vote: -vote.number)
    return OwnVotes(
        votes=tuple(votes),
        cast=_count(session, voter_key),
        standing=standing(session, voter_key=voter_key),
        counting=_count(session, voter_key, stands(), Battle.kind == BattleKind.ORDINARY),
        older=votes[-1].number if votes and (more or forward) else None,
        newer=votes[0].number if votes and (more if forward else before is not None) else None,
    )


def own_vote(session: Session, *, voter_key: str, number: int) -> OwnVote:
    """Read one vote of one's own.

    Raises
    ------
    UnknownVote
        If there is none of that number, or somebody else cast it.
    """
    row = session.execute(_query(voter_key).where(Vote.id == number)).one_or_none()
    if row is None:
        raise UnknownVote(number)
    return _told(row)


def standing(session: Session, *, voter_key: str) -> int:
    """How many votes of a voter were not removed."""
    return _count(session, voter_key, stands())


def _count(session: Session, voter_key: str, *conditions: Any) -> int:
    query = (
        select(func.count(Vote.id))
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Voter.key == voter_key, *conditions)
    )
    return session.scalar(query) or 0


def _query(voter_key: str) -> Select[*tuple[Any, ...]]:
    left, right = aliased(Entrant), aliased(Entrant)
    return (
        select(
            Vote.id,
            Vote.outcome,
            Vote.cast_at,
            Battle.key,
            Battle.kind,
            Battle.revealed_at,
            Campaign.name.label("campaign"),
            Criterion.question,
            Prompt.text,
            Prompt.language,
            left.name.label("left"),
            right.name.label("right"),
            Removal.kind.label("removed"),
        )
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .join(Criterion, Vote.criterion_id == Criterion.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .join(left, Battle.left_entrant_id == left.id)
        .join(right, Battle.right_entrant_id == right.id)
        .outerjoin(Removal, Removal.vote_id == Vote.id)
        .where(Voter.key == voter_key)
    )


def _told(row: Any) -> OwnVote:
    named = row.revealed_at is not None
    return OwnVote(
        number=row.id,
        key=row.key,
        campaign=row.campaign,
        question=row.question,
        prompt=row.text,
        language=row.language,
        outcome=row.outcome,
        left=row.left if named else None,
        right=row.right if named else None,
        cast_on=row.cast_at.date(),
        removed=row.removed,
        check=named and row.kind is not BattleKind.ORDINARY,
    )
