"""The playground: a picture of an entrant by name, for whoever asked, in no battle."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from arena.domain.imported import BACKEND
from arena.domain.jobs import LEASE
from arena.domain.prompts import clean_prompt
from arena.errors import Embargoed, Invalid, TooManyWaiting
from arena.queries.sketches import WAITING
from arena.services.curation import find_entrant
from arena.services.keys import Embargo
from arena.tables import Entrant, JobState, Sketch

KEPT = timedelta(days=1)
MOST_WAITING = 3
MOST_WAITING_IN_ALL = 60
MOST_STEPS = 200
MOST_TRIES = 2
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ClaimedSketch:
    """A sketch leased to a worker."""

    id: int
    entrant: str
    prompt: str
    seed: int
    steps: int | None


@dataclass(frozen=True, slots=True)
class SketchOutcome:
    """What came of a sketch: its PNG, or why there is none; and the words its entrant does not know."""

    state: JobState
    data: bytes | None = None
    seconds: float | None = None
    reason: str | None = None
    words: tuple[str, ...] = ()


def ask(
    session: Session,
    *,
    voter_key: str,
    entrant: str,
    prompt: str,
    seed: int | None,
    steps: int | None,
    now: datetime,
) -> str:
    """Queue a sketch; returns its key.

    Raises
    ------
    InvalidPrompt, UnknownEntrant
    Invalid
        If the seed or the steps are out of range, or the entrant paints nowhere here.
    Embargoed
        If an open campaign is dealing these words: with the picture by name its pairs could be unmasked.
    TooManyWaiting
        If this voter, or all together, have enough waiting.
    """
    text = clean_prompt(prompt)
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise Invalid(f"a seed must be from 0 to {LARGEST_SEED}, not {seed}")
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise Invalid(f"steps must be from 1 to {MOST_STEPS}, not {steps}")
    found = find_entrant(session, entrant)
    if found.backend == BACKEND:
        raise Invalid(f"{found.name} came with the votes of another arena and cannot paint here")
    if Embargo().covers(session, text, now=now):
        raise Embargoed(text)
    drop_old(session, now=now)
    waiting = select(func.count()).select_from(Sketch).where(Sketch.state.in_(WAITING))
    mine = session.scalar(waiting.where(Sketch.voter == voter_key)) or 0
    if mine >= MOST_WAITING or (session.scalar(waiting) or 0) >= MOST_WAITING_IN_ALL:
        raise TooManyWaiting(mine)
    key = secrets.token_hex(16)
    session.add(
        Sketch(
            key=key,
            voter=voter_key,
            entrant_id=found.id,
            prompt=text,
            seed=secrets.randbelow(LARGEST_SEED + 1) if seed is None else seed,
            steps=steps,
            state=JobState.QUEUED,
            created_at=now,
        )
    )
    return key


def cancel(session: Session, *, key: str, voter_key: str) -> None:
    """Take back a sketch that still waits; one that is being painted is finished and forgotten."""
    session.execute(
        delete(Sketch).where(Sketch.key == key, Sketch.voter == voter_key, Sketch.state.in_(WAITING))
    )


def drop_old(session: Session, *, now: datetime) -> None:
    """Delete sketches a day after they were asked for."""
    session.execute(delete(Sketch).where(Sketch.created_at < now - KEPT))


def claim(session: Session, *, worker: str, now: datetime) -> ClaimedSketch | None:
    """Lease the sketch that has waited longest; one whose worker died too often is given up."""
    session.execute(
        update(Sketch)
        .where(Sketch.state == JobState.RUNNING, Sketch.leased_until <= now, Sketch.attempts >= MOST_TRIES)
        .values(state=JobState.FAILED, reason="the worker stopped while painting it", finished_at=now)
    )
    free = or_(
        Sketch.state == JobState.QUEUED, (Sketch.state == JobState.RUNNING) & (Sketch.leased_until <= now)
    )
    found = session.scalar(
        select(Sketch).where(free).order_by(Sketch.id).limit(1).with_for_update(skip_locked=True)
    )
    if found is None:
        return None
    found.state, found.worker, found.leased_until = JobState.RUNNING, worker, now + LEASE
    found.attempts += 1
    entrant = session.get_one(Entrant, found.entrant_id)
    label = f"{entrant.slug}@{entrant.revision}"
    return ClaimedSketch(found.id, label, found.prompt, found.seed, found.steps)


def release(session: Session, sketch: ClaimedSketch, *, worker: str) -> None:
    """Give a sketch back uncharged: its worker ends before it is painted."""
    session.execute(
        update(Sketch)
        .where(Sketch.id == sketch.id, Sketch.worker == worker, Sketch.state == JobState.RUNNING)
        .values(state=JobState.QUEUED, attempts=Sketch.attempts - 1, leased_until=None, worker=None)
    )


def any_waits(session: Session) -> bool:
    """Whether a worker has a sketch to look at."""
    return session.scalar(select(Sketch.id).where(Sketch.state.in_(WAITING)).limit(1)) is not None


def settle(
    session: Session, sketch: ClaimedSketch, came: SketchOutcome, *, worker: str, now: datetime
) -> None:
    """Keep what came of a sketch; one that was taken back meanwhile stays gone."""
    session.execute(
        update(Sketch)
        .where(Sketch.id == sketch.id, Sketch.worker == worker, Sketch.state == JobState.RUNNING)
        .values(
            state=came.state,
            data=came.data,
            seconds=came.seconds,
            reason=came.reason,
            words=list(came.words),
            finished_at=now,
            leased_until=None,
        )
    )
