"""Removing votes: withdrawn or undone by their rater, or excluded by a rule; the tallies with them.

The vote's row and its leaf stay. A removal is a row of its own, a leaf of the chain, and in the same
transaction the tallies go back to what counting the votes that stand would give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from arena.errors import Invalid, UnknownVote
from arena.queries.removed import stands
from arena.services.curation import record
from arena.services.tallies import ALL, key_of, move
from arena.tables import Battle, BattleKind, Prompt, Removal, RemovalKind, Vote, Voter

BY_VOTER = "voter"
LONGEST_RULE = 64
_AT_ONCE = 500
_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}


def withdraw(session: Session, *, voter_key: str, vote_id: int, now: datetime) -> int:
    """Take back one's own vote; returns 1, or 0 if it was removed before.

    Raises
    ------
    UnknownVote
        If there is none of that number, or somebody else cast it.
    """
    mine = _of_voter(voter_key).where(Vote.id == vote_id)
    if session.scalar(mine) is None:
        raise UnknownVote(vote_id)
    return _remove(session, [vote_id], RemovalKind.WITHDRAWN, rule=None, by=BY_VOTER, now=now)


def withdraw_all(session: Session, *, voter_key: str, now: datetime) -> int:
    """Take back every vote of one's own that stands; returns how many."""
    mine = session.scalars(_of_voter(voter_key).where(stands()).order_by(Vote.id)).all()
    return _remove(session, mine, RemovalKind.WITHDRAWN, rule=None, by=BY_VOTER, now=now)


def retract(session: Session, vote_id: int, *, now: datetime) -> bool:
    """Undo a vote whose names its rater has not seen; false if it was removed before."""
    return bool(_remove(session, [vote_id], RemovalKind.RETRACTED, rule=None, by=BY_VOTER, now=now))


def exclude(session: Session, vote_ids: Sequence[int], *, rule: str, by: str, now: datetime) -> int:
    """Leave votes out by a rule, under whose name they are published; returns how many stood until now.

    Parameters
    ----------
    session : Session
    vote_ids : sequence of int
    rule : str
        Name of the rule, at most 64 characters.
    by : str
        Who applies it.
    now : datetime

    Raises
    ------
    Invalid
        If the rule has no name, or too long a one.
    UnknownVote
        If there is no vote of one of the numbers; then none is excluded.
    """
    if not rule.strip() or len(rule) > LONGEST_RULE:
        raise Invalid(f"a rule has a name of 1 to {LONGEST_RULE} characters")
    wanted = sorted(set(vote_ids))
    known: set[int] = set()
    for numbers in _pieces(wanted):
        known |= set(session.scalars(select(Vote.id).where(Vote.id.in_(numbers))))
    if missing := [number for number in wanted if number not in known]:
        raise UnknownVote(missing[0])
    removed = _remove(session, wanted, RemovalKind.EXCLUDED, rule=rule, by=by, now=now)
    if removed:
        record(session, now=now, actor=by, kind="votes.excluded", subject=rule, data={"votes": removed})
    return removed


def _of_voter(voter_key: str) -> Any:
    return (
        select(Vote.id)
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Voter.key == voter_key)
    )


def _remove(
    session: Session,
    vote_ids: Sequence[int],
    kind: RemovalKind,
    *,
    rule: str | None,
    by: str,
    now: datetime,
) -> int:
    """Add removals in the order of votes, and take what was not removed before out of the tallies."""
    votes = [row for numbers in _pieces(vote_ids) for row in _counted_as(session, numbers)]
    categories = _held(session, {row["prompt_id"] for row in votes})
    new = {
        number
        for rows in _pieces(votes)
        for number in _add(session, rows, {"kind": kind, "rule": rule, "by": by, "at": now})
    }
    moves: Counter[tuple[Any, ...]] = Counter()
    for row in votes:
        if row["id"] in new and row["kind"] is BattleKind.ORDINARY:
            for category in {ALL, *categories[row["prompt_id"]]}:
                moves[key_of(row, category)] -= 1
    move(session, moves)
    return len(new)


def _counted_as(session: Session, vote_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What the tallies of votes are found by, in the order of votes."""
    query = (
        select(
            Vote.id,
            Vote.criterion_id,
            Vote.outcome,
            Battle.kind,
            Battle.prompt_id,
            Battle.campaign_id,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            Prompt.source,
            Voter.cohort,
        )
        .join(Battle, Vote.battle_id == Battle.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Vote.id.in_(vote_ids))
        .order_by(Vote.id)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _held(session: Session, prompt_ids: set[int]) -> dict[int, list[str]]:
    """Categories of prompts, held as they are until the transaction ends; in order, as changes take them."""
    held: dict[int, list[str]] = {}
    for numbers in _pieces(sorted(prompt_ids)):
        held |= dict(
            session.execute(
                select(Prompt.id, Prompt.categories)
                .where(Prompt.id.in_(numbers))
                .order_by(Prompt.id)
                .with_for_update(read=True, key_share=True)
            ).all()
        )
    return held


def _add(session: Session, votes: Sequence[Mapping[str, Any]], told: dict[str, Any]) -> list[int]:
    """Add removals; the votes that nobody had removed, nor removes at this moment."""
    dialect = _DIALECTS[session.get_bind().dialect.name]
    rows = [{"vote_id": row["id"], "criterion_id": row["criterion_id"], **told} for row in votes]
    return list(
        session.scalars(
            dialect.insert(Removal)
            .values(rows)
            .on_conflict_do_nothing(index_elements=[Removal.vote_id])
            .returning(Removal.vote_id)
        )
    )


def _pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
