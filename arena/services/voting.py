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
from arena.domain.spots import MOST_SPOTS, Spot
from arena.errors import (
    AlreadyVoted,
    BattleExpired,
    CampaignClosed,
    Conflict,
    Invalid,
    NotVotedYet,
    UnknownBattle,
    UnknownReason,
)
from arena.queries.removed import retracted
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    Criterion,
    PictureSide,
    Point,
    Prompt,
    Reason,
    RevealPolicy,
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
        select(func.count(Vote.id))
        .where(Vote.battle_id == Battle.id, Vote.criterion_id == Criterion.id, retracted())
        .scalar_subquery()
        .correlate(Battle, Criterion)
        .label("retracted"),
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
    # the categories and the cohort that a vote counts under stay until it is counted
    .suffix_with("FOR KEY SHARE OF prompt, voter", dialect="postgresql")
)
_ANSWERS = select(func.count(Vote.criterion_id.distinct())).where(
    Vote.battle_id == bindparam("battle"), ~retracted()
)
_OWN = (
    select(Battle)
    .join(Voter, Battle.voter_id == Voter.id)
    .where(Battle.key == bindparam("key"), Voter.key == bindparam("voter"))
    .with_for_update(of=Battle)
)
_GIVEN = select(Reason.tag).where(Reason.battle_id == bindparam("battle"))
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
            "ballot_no": 1 + row.retracted,
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
    battle = own_battle(session, key, voter_key)
    if battle.voted_at is not None:
        raise AlreadyVoted(key)
    if battle.skipped_at is None:
        battle.skipped_at = now
        session.flush()


def give_reasons(
    session: Session,
    *,
    key: str,
    voter_key: str,
    tags: Sequence[str],
    now: datetime,
    spots: Sequence[Spot] = (),
) -> None:
    """Record what let a picture down, and where; given after the names it is kept apart as unblinded.

    The tag of a spot is a reason of the battle as well. What was told before is not told twice.

    Raises
    ------
    UnknownBattle, NotVotedYet
    UnknownReason
        If a tag is not offered; then nothing is recorded.
    Conflict
        If more spots would be marked than a battle may have.
    """
    for tag in tags:
        if tag not in REASONS:
            raise UnknownReason(tag)
    battle = own_battle(session, key, voter_key)
    if battle.voted_at is None:
        raise NotVotedYet(key)
    unblinded = battle.revealed_at is not None
    known = set(session.scalars(_GIVEN, {"battle": battle.id}))
    for tag in dict.fromkeys([*tags, *(spot.tag for spot in spots if spot.tag)]):
        if tag not in known:
            session.add(Reason(battle_id=battle.id, tag=tag, unblinded=unblinded, given_at=now))
    if spots:
        _mark(session, battle, spots, unblinded=unblinded, now=now)


def _mark(session: Session, battle: Battle, spots: Sequence[Spot], *, unblinded: bool, now: datetime) -> None:
    """Keep the spots that are not marked yet: the same ones sent again are no new ones."""
    query = select(Point.side, Point.x, Point.y).where(Point.battle_id == battle.id)
    marked = {(side.value, x, y) for side, x, y in session.execute(query)}
    new = [spot for spot in dict.fromkeys(spots) if (spot.side, spot.x, spot.y) not in marked]
    if len(marked) + len(new) > MOST_SPOTS:
        raise Conflict(
            f"battle {battle.key} has {len(marked)} spots marked already, and may have {MOST_SPOTS}"
        )
    session.add_all(
        Point(
            battle_id=battle.id,
            side=PictureSide(spot.side),
            x=spot.x,
            y=spot.y,
            tag=spot.tag,
            unblinded=unblinded,
            given_at=now,
        )
        for spot in new
    )


def settle(session: Session, *, key: str, voter_key: str, now: datetime) -> RevealPolicy:
    """Be done with a battle: its vote is not undone any more, and its names come as the campaign has it.

    Asked twice, the first time stands.

    Raises
    ------
    UnknownBattle, NotVotedYet
    """
    battle = own_battle(session, key, voter_key)
    if battle.voted_at is None:
        raise NotVotedYet(key)
    policy = session.get_one(Campaign, battle.campaign_id).reveal
    battle.settled_at = battle.settled_at or now
    if policy is RevealPolicy.EACH:
        battle.revealed_at = battle.revealed_at or now
    return policy


def reveal_set(session: Session, *, campaign_id: int, voter_key: str, now: datetime) -> int:
    """Let a voter see the names of every battle they have settled; returns how many they had not seen.

    For campaigns that hold the names back to the end of a set; whether it has ended is for the caller to say.
    """
    voter = select(Voter.id).where(Voter.key == voter_key).scalar_subquery()
    held_back = session.scalars(
        select(Battle).where(
            Battle.voter_id == voter,
            Battle.campaign_id == campaign_id,
            Battle.settled_at.is_not(None),
            Battle.revealed_at.is_(None),
        )
    ).all()
    for battle in held_back:
        battle.revealed_at = now
    return len(held_back)


def own_battle(session: Session, key: str, voter_key: str) -> Battle:
    """A battle of a voter, held until the transaction ends.

    Raises
    ------
    UnknownBattle
    """
    battle = session.scalar(_OWN, {"key": key, "voter": voter_key})
    if battle is None:
        raise UnknownBattle(key)
    return battle
