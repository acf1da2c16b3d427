"""Sealing: votes that are committed become a link of the chain, without any vote waiting for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.domain.seals import GENESIS, seal_digest
from arena.queries.votes import leaf_of, unsealed_votes, votes_of_seal
from arena.tables import Seal, SealEntry, Vote

MOST_AT_ONCE = 10_000

_RACES = (
    "uq_seal_previous",
    "uq_seal_digest",
    "uq_seal_entry_vote_id",
    "seal.previous",
    "seal.digest",
    "seal_entry.vote_id",
)
"""Constraints that say another sealer was first, as the databases name them."""


def unsealed(session: Session) -> int:
    """How many votes no seal holds yet; rows of both tables are never removed."""
    votes = session.scalar(select(func.count()).select_from(Vote)) or 0
    return votes - (session.scalar(select(func.count()).select_from(SealEntry)) or 0)


@dataclass(frozen=True, slots=True)
class Pending:
    """Votes ready to be sealed behind the seal of ``previous``: (vote id, leaf), in their order."""

    previous: str
    leaves: tuple[tuple[int, str], ...]


def pending(session: Session, *, limit: int = MOST_AT_ONCE) -> Pending | None:
    """Read what is committed and unsealed and compute its leaves; holds no lock."""
    missing = unsealed(session)
    if not missing:
        return None
    previous = session.scalar(select(Seal.digest).order_by(Seal.id.desc()).limit(1)) or GENESIS
    rows = unsealed_votes(session, limit=limit, missing=missing)
    return Pending(previous, tuple((row.id, leaf_of(row)) for row in rows)) if rows else None


def seal(session: Session, batch: Pending, *, now: datetime) -> int:
    """Write a seal.

    Returns
    -------
    int
        How many votes were sealed; none if another sealer was first.
    """
    leaves = [leaf for _, leaf in batch.leaves]
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
                    {"seal_id": row.id, "position": position, "leaf": leaf, "vote_id": vote_id}
                    for position, (vote_id, leaf) in enumerate(batch.leaves)
                ],
            )
    except IntegrityError as error:
        if any(name in str(error.orig) for name in _RACES):
            return 0
        raise
    return len(leaves)


def seal_pending(session: Session, *, now: datetime, limit: int = MOST_AT_ONCE) -> int:
    """Read and seal in one transaction; returns how many votes were sealed."""
    batch = pending(session, limit=limit)
    return seal(session, batch, now=now) if batch else 0


def broken_seal(session: Session) -> str | None:
    """Recompute the chain from the votes; the first thing that does not match, or None."""
    previous = GENESIS
    for seal_id, before, digest, entries in session.execute(
        select(Seal.id, Seal.previous, Seal.digest, Seal.entries).order_by(Seal.id)
    ).all():
        rows = votes_of_seal(session, seal_id)
        if before != previous:
            return f"seal {seal_id} does not follow the seal before it"
        if [row.position for row in rows] != list(range(entries)):
            return f"seal {seal_id} should hold {entries} votes in order, and holds {len(rows)}"
        for row in rows:
            if leaf_of(row) != row.leaf:
                return f"vote {row.id} in seal {seal_id} is not what was sealed"
        if seal_digest(previous, [row.leaf for row in rows]) != digest:
            return f"the leaves of seal {seal_id} are not those that were sealed"
        previous = digest
    return None
