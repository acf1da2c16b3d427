"""Recovery codes: a voter carries on in another browser, with the same votes; nothing is merged."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.voters import UnknownCode, new_code, read_code
from arena.services.voters import voter_of
from arena.tables import Recovery, Voter


def make_code(session: Session, *, voter_key: str, now: datetime) -> str:
    """Make a code for a voter, which replaces the one before; only its SHA-256 is kept."""
    voter = voter_of(session, voter_key, now=now)
    code = new_code()
    found = session.get(Recovery, voter.id)
    if found is None:
        session.add(Recovery(voter_id=voter.id, digest=_digest(code), made_at=now))
    else:
        found.digest, found.made_at = _digest(code), now
    session.flush()
    return code


def code_made_at(session: Session, *, voter_key: str) -> datetime | None:
    """When the newest code of a voter was made; nothing if none was."""
    query = select(Recovery.made_at).join(Voter, Voter.id == Recovery.voter_id)
    return session.scalar(query.where(Voter.key == voter_key))


def find_by_code(session: Session, typed: str) -> str:
    """The key of the voter whose code it is.

    Raises
    ------
    UnreadableCode
        If a letter is wrong.
    UnknownCode
        If nobody has it, or a newer one replaced it.
    """
    digest = _digest(read_code(typed))
    key = session.scalar(
        select(Voter.key).join(Recovery, Recovery.voter_id == Voter.id).where(Recovery.digest == digest)
    )
    if key is None:
        raise UnknownCode
    return key


def _digest(code: str) -> str:
    """SHA-256 of a code; no salt or stretching, for 86 random bits cannot be guessed."""
    return hashlib.sha256(code.encode()).hexdigest()
