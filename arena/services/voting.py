"""Votes: counted once, by whom they were dealt to, in time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.blinding import REASONS
from arena.errors import (
    AlreadyVoted,
    BattleExpired,
    CampaignClosed,
    Invalid,
    NotVotedYet,
    UnknownBattle,
    UnknownReason,
)
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    Criterion,
    Prompt,
    Reason,
    Tally,
    Vote,
    Voter,
)

ALL = "all"
LONGEST_MS = 24 * 3600 * 1000

_UPSERT = {
    name: dialect.insert(Tally).on_conflict_do_update(
        index_elements=list(inspect(Tally).primary_key), set_={"votes": Tally.votes + 1}
    )
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
"""One statement a database, so that it is compiled once."""


def cast_vote(
    session: Session,
    *,
    key: str,
    voter_key: str,
    criterion: str,
    outcome: Outcome,
    elapsed_ms: int | None,
    consent: str,
    now: datetime,
) -> None:
    """Record the answer to one question of a battle, and count it.

    Raises
    ------
    UnknownBattle
        If there is none of that key, or it was dealt to somebody else.
    Invalid
        If the campaign does not ask that question, or no consent was given.
    AlreadyVoted, BattleExpired, CampaignClosed
        Nothing is counted then.
    """
    row = session.execute(
        select(
            Battle.id,
            Battle.campaign_id,
            Battle.kind,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            Battle.expires_at,
            Battle.voted_at,
            Battle.skipped_at,
            Prompt.category,
            Prompt.source,
            Voter.cohort,
            Campaign.slug,
            Campaign.closed_at,
        )
        .join(Voter, Battle.voter_id == Voter.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .where(Battle.key == key, Voter.key == voter_key)
    ).one_or_none()
    if row is None:
        raise UnknownBattle(key)
    if row.voted_at is not None:
        raise AlreadyVoted(key)
    if row.skipped_at is not None or row.expires_at <= now:
        raise BattleExpired(key)
    if row.closed_at is not None and row.closed_at <= now:
        raise CampaignClosed(row.slug)
    if not consent:
        raise Invalid("the vote says nothing of consent; send the form as the page gave it")
    criteria = dict(
        session.execute(
            select(Criterion.slug, Criterion.id).where(Criterion.campaign_id == row.campaign_id)
        ).all()
    )
    if criterion not in criteria:
        raise Invalid(f"campaign {row.slug!r} does not ask {criterion!r}")
    try:
        with session.begin_nested():
            session.execute(
                insert(Vote).values(
                    battle_id=row.id,
                    criterion_id=criteria[criterion],
                    ballot_no=1,
                    outcome=outcome,
                    elapsed_ms=_plausible(elapsed_ms),
                    consent=consent[:16],
                    salt=secrets.token_bytes(16),
                    cast_at=now,
                )
            )
    except IntegrityError as error:
        if "uq_vote" in str(error.orig) or "vote.battle_id" in str(error.orig):
            raise AlreadyVoted(key) from error
        raise
    if row.kind is BattleKind.ORDINARY:
        _count(session, row, criteria[criterion], outcome)
    if len(criteria) == 1 or _answered(session, row.id) == len(criteria):
        session.execute(update(Battle).where(Battle.id == row.id).values(voted_at=now))


def _plausible(elapsed_ms: int | None) -> int | None:
    """The page's stopwatch, or null if it cannot be true."""
    return elapsed_ms if elapsed_ms is not None and 0 <= elapsed_ms <= LONGEST_MS else None


def _answered(session: Session, battle_id: int) -> int:
    return len(session.scalars(select(Vote.criterion_id).where(Vote.battle_id == battle_id).distinct()).all())


def _count(session: Session, row: Any, criterion_id: int, outcome: Outcome) -> None:
    """Add one to the tallies of a vote, in key order, so that parallel writers cannot deadlock."""
    told = {
        "campaign_id": row.campaign_id,
        "criterion_id": criterion_id,
        "source": row.source,
        "cohort": row.cohort,
        "left_entrant_id": row.left_entrant_id,
        "right_entrant_id": row.right_entrant_id,
        "outcome": outcome,
        "votes": 1,
    }
    upsert = _UPSERT[session.get_bind().dialect.name]
    for category in sorted({ALL, row.category}):
        session.execute(upsert, {**told, "category": category})


def skip(session: Session, *, key: str, voter_key: str, now: datetime) -> None:
    """Set a battle aside without a vote; skips are counted by pair, not as answers.

    Raises
    ------
    UnknownBattle, AlreadyVoted
    """
    battle = _own(session, key, voter_key)
    if battle.voted_at is not None:
        raise AlreadyVoted(key)
    if battle.skipped_at is None:
        battle.skipped_at = now


def give_reasons(session: Session, *, key: str, voter_key: str, tags: Sequence[str], now: datetime) -> None:
    """Record what let a picture down; given after the names it is kept apart as unblinded.

    Raises
    ------
    UnknownBattle, NotVotedYet
    UnknownReason
        If a tag is not offered; then none is recorded.
    """
    for tag in tags:
        if tag not in REASONS:
            raise UnknownReason(tag)
    battle = _own(session, key, voter_key)
    if battle.voted_at is None:
        raise NotVotedYet(key)
    known = set(session.scalars(select(Reason.tag).where(Reason.battle_id == battle.id)))
    for tag in dict.fromkeys(tags):
        if tag not in known:
            session.add(
                Reason(battle_id=battle.id, tag=tag, unblinded=battle.revealed_at is not None, given_at=now)
            )


def reveal(session: Session, *, key: str, voter_key: str, now: datetime) -> None:
    """Let the voter see who painted what; asked twice, the first time stands.

    Raises
    ------
    UnknownBattle, NotVotedYet
    """
    battle = _own(session, key, voter_key)
    if battle.voted_at is None:
        raise NotVotedYet(key)
    if battle.revealed_at is None:
        battle.revealed_at = now


def _own(session: Session, key: str, voter_key: str) -> Battle:
    battle = session.scalar(
        select(Battle)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Battle.key == key, Voter.key == voter_key)
    )
    if battle is None:
        raise UnknownBattle(key)
    return battle
