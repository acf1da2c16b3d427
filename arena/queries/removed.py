"""Votes that count no more: which they are, and how many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from arena.domain.seals import day_of
from arena.tables import Battle, Removal, RemovalKind, SealEntry, Vote

CHUNK = 2_000


def stands(*, sealed: bool = False) -> ColumnElement[bool]:
    """Whether a vote counts; where ``sealed`` only removals that the chain holds take it away."""
    return ~_removed(sealed=sealed)


def excluded(*, sealed: bool = False) -> ColumnElement[bool]:
    """Whether a vote was excluded by a rule."""
    return _removed(RemovalKind.EXCLUDED, sealed=sealed)


def withdrawn(*, sealed: bool = False) -> ColumnElement[bool]:
    """Whether its rater took a vote back."""
    return _removed(RemovalKind.WITHDRAWN, sealed=sealed)


def retracted(*, sealed: bool = False) -> ColumnElement[bool]:
    """Whether its rater undid a vote before the reveal, as if it had not been cast."""
    return _removed(RemovalKind.RETRACTED, sealed=sealed)


def _removed(kind: RemovalKind | None = None, *, sealed: bool) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [Removal.vote_id == Vote.id]
    if kind is not None:
        wanted.append(Removal.kind == kind)
    if sealed:
        wanted.append(exists().where(SealEntry.removal_id == Removal.id))
    return exists().where(*wanted)


def removed_of(session: Session, criterion_id: int) -> int:
    """How many votes on a question were removed, of whatever kind of battle."""
    query = select(func.count()).select_from(Removal).where(Removal.criterion_id == criterion_id)
    return session.scalar(query) or 0


def rules_of(session: Session, *, first: int, last: int) -> dict[int, str]:
    """The rule that excluded each excluded vote of a range."""
    rows = session.execute(
        select(Removal.vote_id, Removal.rule).where(
            Removal.vote_id.between(first, last), Removal.kind == RemovalKind.EXCLUDED
        )
    )
    return {vote: rule or "" for vote, rule in rows}


def removal_part(removal: Any, vote_leaf: str) -> dict[str, str]:
    """Fields of a removal that its leaf carries."""
    return {
        "vote_leaf": vote_leaf,
        "kind": removal.kind.value,
        "rule": removal.rule or "",
        "day": day_of(removal.at),
    }


def unsealed_removals(session: Session, *, limit: int) -> list[tuple[int, dict[str, str]]]:
    """Removals without a seal whose vote has one, in their order: number, and the part that is sealed."""
    own = aliased(SealEntry)
    rows = session.execute(
        select(Removal, SealEntry.leaf)
        .join(SealEntry, SealEntry.vote_id == Removal.vote_id)
        .where(~exists().where(own.removal_id == Removal.id))
        .order_by(Removal.id)
        .limit(limit)
    )
    return [(removal.id, removal_part(removal, leaf)) for removal, leaf in rows]


def removals_of_seal(session: Session, seal_id: int) -> list[tuple[int, str, Removal, str]]:
    """The removals of a seal: position, leaf, the removal itself, and the leaf of its vote."""
    of_vote = aliased(SealEntry)
    rows = session.execute(
        select(SealEntry.position, SealEntry.leaf, Removal, of_vote.leaf)
        .join(Removal, SealEntry.removal_id == Removal.id)
        .join(of_vote, of_vote.vote_id == Removal.vote_id)
        .where(SealEntry.seal_id == seal_id)
    )
    return [(position, leaf, removal, vote_leaf) for position, leaf, removal, vote_leaf in rows]


def removal_rows(session: Session, campaign_id: int | None) -> Iterator[list[dict[str, Any]]]:
    """Sealed removals as an export holds them, in the order of the chain, in chunks."""
    of_vote = aliased(SealEntry)
    query = (
        select(Removal, SealEntry.leaf, SealEntry.seal_id, of_vote.leaf)
        .join(SealEntry, SealEntry.removal_id == Removal.id)
        .join(of_vote, of_vote.vote_id == Removal.vote_id)
        .order_by(SealEntry.seal_id, SealEntry.position)
        .execution_options(yield_per=CHUNK)
    )
    if campaign_id is not None:
        mine = select(Vote.id).join(Battle, Vote.battle_id == Battle.id)
        query = query.where(Removal.vote_id.in_(mine.where(Battle.campaign_id == campaign_id)))
    for rows in session.execute(query).partitions():
        yield [
            {"removal": leaf, "seal": seal, **removal_part(removal, vote_leaf)}
            for removal, leaf, seal, vote_leaf in rows
        ]
