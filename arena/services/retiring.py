"""Entrants that leave and come back: a retired one is neither dealt nor painted, and stays on boards."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from arena.services.curation import find_entrant, record
from arena.tables import Job, JobState

RETIRED: Final = "the entrant was retired"
"""Why pictures that were asked of it are not made."""


def retire(session: Session, name: str, *, now: datetime, actor: str = "operator") -> bool:
    """Retire an entrant; false if it was retired before.

    What waits to be painted is given up; what is being painted is finished. Its pictures, votes and rows on
    boards stay, and so does its line in the ledger of entrants.

    Raises
    ------
    UnknownEntrant
    """
    entrant = find_entrant(session, name)
    if entrant.retired_at is not None:
        return False
    entrant.retired_at = now
    session.execute(
        update(Job)
        .where(Job.entrant_id == entrant.id, Job.state == JobState.QUEUED)
        .values(state=JobState.FAILED, reason=RETIRED, finished_at=now)
    )
    subject = f"{entrant.slug}@{entrant.revision}"
    record(session, now=now, actor=actor, kind="entrant.retired", subject=subject)
    return True


def bring_back(session: Session, name: str, *, now: datetime, actor: str = "operator") -> bool:
    """Let a retired entrant take part again, and paint what was given up; false if it was not retired.

    Raises
    ------
    UnknownEntrant
    """
    entrant = find_entrant(session, name)
    if entrant.retired_at is None:
        return False
    entrant.retired_at = None
    session.execute(
        update(Job)
        .where(Job.entrant_id == entrant.id, Job.state == JobState.FAILED, Job.reason == RETIRED)
        .values(state=JobState.QUEUED, reason=None, attempts=0, not_before=now, finished_at=None)
    )
    subject = f"{entrant.slug}@{entrant.revision}"
    record(session, now=now, actor=actor, kind="entrant.returned", subject=subject)
    return True
