"""Sealing: what is committed of votes and removals becomes a link of the chain; nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.domain.seals import GENESIS, removal_leaf, seal_digest
from arena.queries.removed import removal_part, removals_of_seal, unsealed_removals
from arena.queries.votes import leaf_of, unsealed_votes, votes_of_seal
from arena.tables import Removal, Seal, SealEntry, Vote

MOST_AT_ONCE = 10_000

_RACES = (
    "uq_seal_previous",
    "uq_seal_digest",
    "uq_seal_entry_vote_id",
    "uq_seal_entry_removal_id",
    "seal.previous",
    "seal.digest",
    "seal_entry.vote_id",
    "seal_entry.removal_id",
)
"""Constraints that say another sealer was first, as the databases name them."""


def unsealed(session: Session) -> int:
    """How many votes and removals no seal holds yet; rows of the three tables are never removed."""
    return sum(_missing(session))


def _missing(session: Session) -> tuple[int, int]:
    """Votes and removals without a seal."""
    votes, removals, entries = (
        session.scalar(select(func.count()).select_from(table)) or 0 for table in (Vote, Removal, SealEntry)
    )
    if votes + removals == entries:
        return 0, 0
    of_removals = select(func.count()).select_from(SealEntry).where(SealEntry.removal_id.is_not(None))
    sealed = session.scalar(of_removals) or 0
    return votes - (entries - sealed), removals - sealed


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf to be sealed, of a vote or of a removal."""

    digest: str
    vote_id: int | None = None
    removal_id: int | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Leaves ready to be sealed behind the seal of ``previous``, in their order."""

    previous: str
    leaves: tuple[Leaf, ...]


def pending(session: Session, *, limit: int = MOST_AT_ONCE) -> Pending | None:
    """Read what is committed and unsealed and compute its leaves; holds no lock.

    A removal waits until its vote is in a seal before its own.
    """
    votes, removals = _missing(session)
    leaves: list[Leaf] = []
    if votes:
        rows = unsealed_votes(session, limit=limit, missing=votes)
        leaves += [Leaf(leaf_of(row), vote_id=row.id) for row in rows]
    if removals and len(leaves) < limit:
        parts = unsealed_removals(session, limit=limit - len(leaves))
        leaves += [Leaf(removal_leaf(part), removal_id=number) for number, part in parts]
    if not leaves:
        return None
    previous = session.scalar(select(Seal.digest).order_by(Seal.id.desc()).limit(1)) or GENESIS
    return Pending(previous, tuple(leaves))


def seal(session: Session, batch: Pending, *, now: datetime) -> int:
    """Write a seal.

    Returns
    -------
    int
        How many leaves were sealed; none if another sealer was first.
    """
    leaves = [leaf.digest for leaf in batch.leaves]
    try:
        with session.begin_nested():
            row = Seal(
                previous=batch.previous,
                digest=seal_digest(batch.previous, leaves),
                entries=len(leaves),
                sealed_at=now,
            )
            session.add(row)
            session.flush()
            session.execute(
                insert(SealEntry),
                [
                    {
                        "seal_id": row.id,
                        "position": position,
                        "leaf": leaf.digest,
                        "vote_id": leaf.vote_id,
                        "removal_id": leaf.removal_id,
                    }
                    for position, leaf in enumerate(batch.leaves)
                ],
            )
    except IntegrityError as error:
        if any(name in str(error.orig) for name in _RACES):
            return 0
        raise
    return len(leaves)


def seal_pending(session: Session, *, now: datetime, limit: int = MOST_AT_ONCE) -> int:
    """Read and seal in one transaction; returns how many leaves were sealed."""
    batch = pending(session, limit=limit)
    return seal(session, batch, now=now) if batch else 0


def broken_seal(session: Session) -> str | None:
    """Recompute the chain from votes and removals; the first thing that does not match, or None."""
    previous = GENESIS
    for seal_id, before, digest, entries in session.execute(
        select(Seal.id, Seal.previous, Seal.digest, Seal.entries).order_by(Seal.id)
    ).all():
        found = sorted([*_votes_in(session, seal_id), *_removals_in(session, seal_id)])
        if before != previous:
            return f"seal {seal_id} does not follow the seal before it"
        if [position for position, *_ in found] != list(range(entries)):
            return f"seal {seal_id} should hold {entries} leaves in order, and holds {len(found)}"
        for _, what, kept, again in found:
            if kept != again:
                return f"{what} in seal {seal_id} is not what was sealed"
        if seal_digest(previous, [kept for _, _, kept, _ in found]) != digest:
            return f"the leaves of seal {seal_id} are not those that were sealed"
        previous = digest
    return None


def _votes_in(session: Session, seal_id: int) -> Iterator[tuple[int, str, str, str]]:
    """Position, name, leaf as kept, and leaf as recomputed of each vote of a seal."""
    for row in votes_of_seal(session, seal_id):
        yield row.position, f"vote {row.id}", row.leaf, leaf_of(row)


def _removals_in(session: Session, seal_id: int) -> Iterator[tuple[int, str, str, str]]:
    """The same of each removal."""
    for position, kept, removal, vote_leaf in removals_of_seal(session, seal_id):
        again = removal_leaf(removal_part(removal, vote_leaf))
        yield position, f"the removal of vote {removal.vote_id}", kept, again
