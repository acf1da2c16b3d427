"""What a machine that watches the arena is told; nothing here is by entrant, nothing by voter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.services.sealing import unsealed
from arena.services.tallies import ALL
from arena.tables import Job, JobState, RatingRun, Seal, Sketch, Tally


@dataclass(frozen=True, slots=True)
class Gauges:
    """How the arena stands at one moment; every web process reads the same.

    ``overdue`` are jobs whose lease ran out: their worker is gone. ``seal_age`` is in seconds, none before
    the first seal. ``rating_cpu_seconds`` adds up all rating runs.
    """

    jobs: Mapping[JobState, int]
    sketches: Mapping[JobState, int]
    votes: Mapping[Outcome, int]
    overdue: int
    unsealed: int
    seals: int
    seal_age: float | None
    rating_runs: int
    rating_cpu_seconds: float


def gauges(session: Session, *, now: datetime) -> Gauges:
    """Read them all."""
    jobs = dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())
    sketches = dict(session.execute(select(Sketch.state, func.count()).group_by(Sketch.state)).all())
    votes = dict(
        session.execute(
            select(Tally.outcome, func.sum(Tally.votes)).where(Tally.category == ALL).group_by(Tally.outcome)
        ).all()
    )
    overdue = select(func.count()).where(Job.state == JobState.RUNNING, Job.leased_until <= now)
    seals, sealed_at = session.execute(select(func.count(Seal.id), func.max(Seal.sealed_at))).one()
    runs, seconds = session.execute(select(func.count(RatingRun.id), func.sum(RatingRun.cpu_seconds))).one()
    return Gauges(
        jobs={state: jobs.get(state, 0) for state in JobState},
        sketches={state: sketches.get(state, 0) for state in JobState},
        votes={outcome: int(votes.get(outcome, 0)) for outcome in Outcome},
        overdue=session.scalar(overdue) or 0,
        unsealed=unsealed(session),
        seals=seals,
        seal_age=None if sealed_at is None else max(0.0, (now - sealed_at).total_seconds()),
        rating_runs=runs,
        rating_cpu_seconds=float(seconds or 0.0),
    )
