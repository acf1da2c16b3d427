"""Votes: counted once, by whom they were dealt to, in time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
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

# The statements of a vote are built once: they run thousands of times a second.
_BALLOT = (
    select(
        Battle.id,
        Battle.campaign_id,
        Battle.kind,
        Battle.left_entrant_id,
        Battle.right_entrant_id,
        Battle.expires_at,
        Battle.voted_at,
        Battle.skipped_at,
        Prompt.categories,
        Prompt.source,
        Voter.cohort,
        Campaign.slug,
        Campaign.closed_at,
        Criterion.id.label("criterion_id"),
        select(func.count(Criterion.id))
        .where(Criterion.campaign_id == Battle.campaign_id)
        .scalar_subquery()
        .correlate(Battle)
        .label("criteria"),
    )
    .select_from(Battle)
    .join(Voter, Battle.voter_id == Voter.id)
    .join(Prompt, Battle.prompt_id == Prompt.id)
    .join(Campaign, Battle.campaign_id == Campaign.id)
    .outerjoin(
        Criterion, (Criterion.campaign_id == Battle.campaign_id) & (Criterion.slug == bindparam("criterion"))
    )
    .where(Battle.key == bindparam("key"), Voter.key == bindparam("voter"))
    .with_for_update(of=Battle)
    # the categories that a vote counts under stay until it is counted
    .suffix_with("FOR KEY SHARE OF prompt", dialect="postgresql")
)
_ANSWERS = select(func.count(Vote.criterion_id.distinct())).where(Vote.battle_id == bindparam("battle"))
_CLOSE = update(Battle).where(Battle.id == bindparam("battle")).values(voted_at=bindparam("now"))
_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
_KEEP = {
    name: dialect.insert(Vote)
    .on_conflict_do_nothing(index_elements=[Vote.battle_id, Vote.criterion_id, Vote.ballot_no])
    .returning(Vote.id)
    for name, dialect in _DIALECTS.items()
}
_COUNT = {
    name: dialect.insert(Tally).on_conflict_do_update(
        index_elements=list(inspect(Tally).primary_key), set_={"votes": Tally.votes + 1}
    )
    for name, dialect in _DIALECTS.items()
}


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
    connection = session.connection()
    row = connection.execute(_BALLOT, {"key": key, "voter": voter_key, "criterion": criterion}).one_or_none()
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
    if row.criterion_id is None:
        raise Invalid(f"campaign {row.slug!r} does not ask {criterion!r}")
    kept = connection.execute(
        _KEEP[connection.dialect.name],
        {
            "battle_id": row.id,
            "criterion_id": row.criterion_id,
            "ballot_no": 1,
            "outcome": outcome,
            "elapsed_ms": _plausible(elapsed_ms),
            "consent": consent[:16],
            "salt": secrets.token_bytes(16),
            "cast_at": now,
        },
    ).one_or_none()
    if kept is None:  # another tab was first
        raise AlreadyVoted(key)
    if row.kind is BattleKind.ORDINARY:
        _count(connection, row, outcome)
    if row.criteria == 1 or connection.scalar(_ANSWERS, {"battle": row.id}) == row.criteria:
        connection.execute(_CLOSE, {"battle": row.id, "now": now})


def _plausible(elapsed_ms: int | None) -> int | None:
    """The page's stopwatch, or null if it cannot be true."""
    return elapsed_ms if elapsed_ms is not None and 0 <= elapsed_ms <= LONGEST_MS else None


def _count(connection: Connection, row: Any, outcome: Outcome) -> None:
    """Add one to the tallies of a vote, in key order, so that parallel writers cannot deadlock."""
    told = {
        "campaign_id": row.campaign_id,
        "criterion_id": row.criterion_id,
        "source": row.source,
        "cohort": row.cohort,
        "left_entrant_id": row.left_entrant_id,
        "right_entrant_id": row.right_entrant_id,
        "outcome": outcome,
        "votes": 1,
    }
    categories = sorted({ALL, *row.categories})
    connection.execute(
        _COUNT[connection.dialect.name], [{**told, "category": category} for category in categories]
    )


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
        session.flush()


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
        .with_for_update(of=Battle)
    )
    if battle is None:
        raise UnknownBattle(key)
    return battle
