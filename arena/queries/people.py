"""What operators see of raters, of what was done, and of the work that waits: pseudonyms, events and jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from arena.domain.pseudonyms import Pseudonyms
from arena.queries.admin import EventLine
from arena.tables import Battle, Entrant, Event, Job, JobState, Prompt, Vote, Voter

PAGE: Final = 50
MOST_TIMES: Final = 2_000
"""Answers of a page of raters whose seconds are looked at, the newest first."""

MOST_RUNNING: Final = 50


@dataclass(frozen=True, slots=True)
class RaterLine:
    """A rater under a pseudonym that is good in the operators' room alone.

    ``seconds`` is the middle of the newest answers', null where no page had a stopwatch.
    """

    pseudonym: str
    cohort: str
    battles: int
    skipped: int
    first_seen: datetime
    last_seen: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class JobLine:
    """The jobs of an entrant by what became of them."""

    entrant: str
    revision: str
    kind: str
    queued: int
    running: int
    done: int
    refused: int
    failed: int


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A picture that is being painted now."""

    job: int
    entrant: str
    prompt: str
    language: str
    worker: str
    attempts: int
    leased_until: datetime


def rater_page(session: Session, names: Pseudonyms, *, page: int) -> tuple[list[RaterLine], int]:
    """A page of the raters, those with most votes first; and how many there are."""
    voted, skipped = func.count(Battle.voted_at), func.count(Battle.skipped_at)
    count = session.scalar(select(func.count()).select_from(Voter)) or 0
    rows = session.execute(
        select(Voter, voted, skipped, func.max(func.coalesce(Battle.voted_at, Battle.skipped_at)))
        .outerjoin(Battle, Battle.voter_id == Voter.id)
        .group_by(Voter.id)
        .order_by(voted.desc(), Voter.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    ).all()
    seconds = _seconds(session, [voter.id for voter, *_ in rows])
    return [
        RaterLine(
            pseudonym=names.of(voter.key),
            cohort=voter.cohort,
            battles=int(battles),
            skipped=int(set_aside),
            first_seen=voter.created_at,
            last_seen=last,
            seconds=seconds.get(voter.id),
        )
        for voter, battles, set_aside, last in rows
    ], count


def _seconds(session: Session, voters: Sequence[int]) -> dict[int, float]:
    times: dict[int, list[int]] = {}
    for voter, elapsed in session.execute(
        select(Battle.voter_id, Vote.elapsed_ms)
        .join(Battle, Vote.battle_id == Battle.id)
        .where(Battle.voter_id.in_(voters), Vote.elapsed_ms.is_not(None))
        .order_by(Vote.id.desc())
        .limit(MOST_TIMES)
    ):
        times.setdefault(voter, []).append(elapsed or 0)
    return {voter: median(told) / 1000 for voter, told in times.items()}


def event_page(session: Session, *, kind: str, page: int) -> tuple[list[EventLine], int]:
    """A page of events, the newest first, of one kind or of all; and how many there are."""
    query = select(Event)
    if kind:
        query = query.where(Event.kind == kind)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.scalars(query.order_by(Event.id.desc()).limit(PAGE).offset((page - 1) * PAGE))
    return [EventLine(one.id, one.at, one.actor, one.kind, one.subject, one.data) for one in rows], count


def event_kinds(session: Session) -> list[str]:
    """Every kind of event there has been."""
    return list(session.scalars(select(Event.kind).distinct().order_by(Event.kind)))


def job_lines(session: Session) -> list[JobLine]:
    """The jobs of every entrant, the first to enter first."""
    counts = [func.sum(case((Job.state == state, 1), else_=0)) for state in JobState]
    rows = session.execute(
        select(Entrant.name, Entrant.revision, Entrant.kind, *counts)
        .join(Job, Job.entrant_id == Entrant.id)
        .group_by(Entrant.id, Entrant.name, Entrant.revision, Entrant.kind)
        .order_by(Entrant.id)
    )
    return [JobLine(name, revision, kind, *(int(n) for n in told)) for name, revision, kind, *told in rows]


def running_jobs(session: Session) -> list[RunningJob]:
    """What is being painted now, by the worker that does; at most `MOST_RUNNING`."""
    rows = session.execute(
        select(Job, Entrant.name, Prompt.text, Prompt.language)
        .join(Entrant, Entrant.id == Job.entrant_id)
        .join(Prompt, Prompt.id == Job.prompt_id)
        .where(Job.state == JobState.RUNNING, Job.leased_until.is_not(None))
        .order_by(Job.worker, Job.id)
        .limit(MOST_RUNNING)
    )
    return [
        RunningJob(job.id, name, text, language, job.worker or "", job.attempts, job.leased_until)
        for job, name, text, language in rows
        if job.leased_until is not None
    ]
