"""What the data page says: how much there is, and the head of the chain of seals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from arena.tables import Battle, Entrant, Image, Prompt, Removal, RemovalKind, Seal, SealEntry, Vote, Voter

SOME = 1_000
"""Pictures whose lengths are looked at, the newest: all of them would take seconds."""


@dataclass(frozen=True, slots=True)
class DataPage:
    """Counts of all campaigns; ``voters`` are those who have voted, ``head`` the newest seal.

    ``votes`` are all that were cast, those withdrawn, undone and excluded among them; so are the ``sealed``
    ones. ``picture_bytes`` is what a picture weighs on average, by the newest `SOME`.
    """

    votes: int
    withdrawn: int
    retracted: int
    excluded: int
    sealed: int
    head: str | None
    sealed_at: datetime | None
    pictures: int
    picture_bytes: float
    entrants: int
    prompts: int
    voters: int
    first_vote_at: datetime | None
    last_vote_at: datetime | None


def data_page(session: Session) -> DataPage:
    """Count what can be taken away."""
    head = session.execute(
        select(Seal.digest, Seal.sealed_at).order_by(Seal.id.desc()).limit(1)
    ).one_or_none()
    has_voted = exists().where(Battle.voter_id == Voter.id, Battle.voted_at.is_not(None))
    removed: dict[RemovalKind, int] = dict(
        session.execute(select(Removal.kind, func.count()).group_by(Removal.kind)).all()
    )
    newest = select(Image.length).order_by(Image.id.desc()).limit(SOME).subquery()
    of_removals = select(func.count()).select_from(SealEntry).where(SealEntry.removal_id.is_not(None))
    return DataPage(
        votes=_count(session, Vote),
        withdrawn=removed.get(RemovalKind.WITHDRAWN, 0),
        retracted=removed.get(RemovalKind.RETRACTED, 0),
        excluded=removed.get(RemovalKind.EXCLUDED, 0),
        sealed=_count(session, SealEntry) - (session.scalar(of_removals) or 0),
        head=head.digest if head else None,
        sealed_at=head.sealed_at if head else None,
        pictures=_count(session, Image),
        picture_bytes=float(session.scalar(select(func.avg(newest.c.length))) or 0),
        entrants=_count(session, Entrant),
        prompts=_count(session, Prompt),
        voters=session.scalar(select(func.count()).select_from(Voter).where(has_voted)) or 0,
        first_vote_at=session.scalar(select(Vote.cast_at).order_by(Vote.id).limit(1)),
        last_vote_at=session.scalar(select(Vote.cast_at).order_by(Vote.id.desc()).limit(1)),
    )


def _count(session: Session, table: Any) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
