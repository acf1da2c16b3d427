"""Jobs: one row a picture, leased to a worker, tried again when a worker dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from arena.domain.imported import BACKEND
from arena.domain.jobs import LEASE, MOST_ATTEMPTS, back_off, picture_seed
from arena.tables import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Entrant,
    Job,
    JobState,
    Prompt,
    PromptSource,
)

RATER_WAITS = -1
"""Priority of the jobs of raters' own prompts: before every campaign's, whose own begin at nought."""

TOLD_PROMPTS = 3
TOLD_WORDS = 5

# two that ask for the same pictures at once both get what they asked for, and each picture is made once
_ASK = {
    name: dialect.insert(Job)
    .on_conflict_do_nothing(index_elements=[Job.entrant_id, Job.prompt_id, Job.seed])
    .returning(Job.id)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the pictures of a campaign are."""

    asked: int
    done: int
    refused: int
    failed: int

    @property
    def settled(self) -> int:
        """Jobs that need no more work."""
        return self.done + self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an entrant made no pictures: how often, and the first prompts it happened to.

    ``words`` are those that an entrant declined most often.
    """

    state: str
    reason: str
    jobs: int
    words: tuple[str, ...]
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntrantProgress:
    """How far one entrant of a campaign is, and why it is not further; the most frequent cause first."""

    entrant: str
    made: int
    refused: int
    failed: int
    waiting: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job leased to one worker, with what it takes to paint it."""

    id: int
    entrant_id: int
    entrant: str
    prompt_id: int
    prompt: str
    seed: int
    attempts: int


def enqueue(session: Session, campaign: Campaign, *, now: datetime) -> int:
    """Ask for every picture of a campaign that was not asked for yet.

    Prompt by prompt, so that the first battles can be dealt while later pictures are being made; raters' own
    prompts before all others, for somebody waits for them. Who asks for the same at once asks for it once.
    A retired entrant, and one of another arena's votes, is asked for nothing.

    Returns
    -------
    int
        How many jobs are new.
    """
    prompts = session.execute(
        select(Prompt.id, Prompt.digest, Prompt.source, CampaignPrompt.position)
        .join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id)
        .where(CampaignPrompt.campaign_id == campaign.id)
        .order_by(CampaignPrompt.position)
    ).all()
    entrants = session.scalars(
        select(CampaignEntrant.entrant_id)
        .join(Entrant, Entrant.id == CampaignEntrant.entrant_id)
        .where(
            CampaignEntrant.campaign_id == campaign.id,
            Entrant.backend != BACKEND,
            Entrant.retired_at.is_(None),
        )
        .order_by(CampaignEntrant.entrant_id)
    ).all()
    known = set(
        session.execute(select(Job.entrant_id, Job.prompt_id, Job.seed).where(Job.entrant_id.in_(entrants)))
    )
    rows = [
        {
            "entrant_id": entrant_id,
            "prompt_id": prompt_id,
            "seed": seed,
            "state": JobState.QUEUED,
            "priority": RATER_WAITS if source == PromptSource.OWN else position,
            "attempts": 0,
            "created_at": now,
            "not_before": now,
        }
        for prompt_id, digest, source, position in prompts
        for seed in (picture_seed(campaign.seed, digest, number) for number in range(campaign.seeds))
        for entrant_id in entrants
        if (entrant_id, prompt_id, seed) not in known
    ]
    return len(session.scalars(_ASK[session.get_bind().dialect.name], rows).all()) if rows else 0


def claim(
    session: Session,
    *,
    worker: str,
    now: datetime,
    campaign_id: int | None = None,
    lease: timedelta = LEASE,
    batch_of: Callable[[str], int | None] | None = None,
) -> list[ClaimedJob]:
    """Lease the next jobs of one entrant to a worker, as many as it paints in one batch.

    The first is the one of the lowest priority number, so that a rater waits for no campaign; its company
    are the next of the same entrant, but for a rater's: that shares its batch with raters' alone.

    Jobs whose lease ran out are taken again, and given up after `MOST_ATTEMPTS`. On PostgreSQL rows that
    another worker is taking are skipped; on SQLite the write transaction keeps others out.

    Parameters
    ----------
    campaign_id : int, optional
        Only jobs of this campaign's entrants and prompts.
    lease : timedelta
        How long they are this worker's, if it does not `renew` that.
    batch_of : callable, optional
        How many pictures an entrant ``slug@revision`` paints together here, if that is known; else what
        its card said when it entered.
    """
    session.execute(
        update(Job)
        .where(Job.state == JobState.RUNNING, Job.leased_until <= now, Job.attempts >= MOST_ATTEMPTS)
        .values(
            state=JobState.FAILED,
            reason=f"the worker stopped {MOST_ATTEMPTS} times while painting it",
            finished_at=now,
        )
    )
    free = or_(
        (Job.state == JobState.QUEUED) & (Job.not_before <= now),
        (Job.state == JobState.RUNNING) & (Job.leased_until <= now),
    )
    query = select(Job).where(free).order_by(Job.priority, Job.id).with_for_update(skip_locked=True)
    if campaign_id is not None:
        query = query.where(*_of(campaign_id))
    first = session.scalar(query.limit(1))
    if first is None:
        return []
    entrant = session.get_one(Entrant, first.entrant_id)
    label = f"{entrant.slug}@{entrant.revision}"
    most = (batch_of(label) if batch_of else None) or int(entrant.runtime.get("batch", 1))
    # a job that failed before goes alone, so that it cannot take its neighbours with it again
    batch = query.where(Job.entrant_id == entrant.id, Job.attempts == 0).limit(most)
    if first.priority <= RATER_WAITS:  # nor do the pictures of a campaign keep a rater waiting
        batch = batch.where(Job.priority <= RATER_WAITS)
    jobs = [first] if first.attempts else session.scalars(batch).all()
    texts = dict(
        session.execute(
            select(Prompt.id, Prompt.text).where(Prompt.id.in_([job.prompt_id for job in jobs]))
        ).all()
    )
    claimed = []
    for job in jobs:
        job.state = JobState.RUNNING
        job.attempts += 1
        job.worker = worker
        job.started_at = now
        job.leased_until = now + lease
        claimed.append(
            ClaimedJob(
                job.id,
                job.entrant_id,
                label,
                job.prompt_id,
                texts[job.prompt_id],
                job.seed,
                job.attempts,
            )
        )
    return claimed


def renew(
    session: Session, jobs: Sequence[ClaimedJob], *, worker: str, now: datetime, lease: timedelta = LEASE
) -> None:
    """Hold the lease of jobs that are still being painted."""
    session.execute(
        update(Job)
        .where(Job.id.in_([job.id for job in jobs]), Job.worker == worker, Job.state == JobState.RUNNING)
        .values(leased_until=now + lease)
    )


def refuse(
    session: Session, job_id: int, *, worker: str, reason: str, words: Sequence[str], now: datetime
) -> bool:
    """Record that the entrant will not paint it; false if the lease was lost meanwhile."""
    return _finish(session, job_id, worker, now, state=JobState.REFUSED, reason=reason, words=list(words))


def complete(session: Session, job_id: int, *, worker: str, now: datetime) -> bool:
    """Record that the picture is made; false if the lease was lost meanwhile."""
    return _finish(session, job_id, worker, now, state=JobState.DONE, reason=None, words=None)


def release(session: Session, jobs: Sequence[ClaimedJob], *, worker: str, now: datetime) -> None:
    """Give jobs back uncharged: what went wrong (a full disk, say) was not their doing."""
    session.execute(
        update(Job)
        .where(Job.id.in_([job.id for job in jobs]), Job.worker == worker, Job.state == JobState.RUNNING)
        .values(
            state=JobState.QUEUED,
            attempts=Job.attempts - 1,
            not_before=now + back_off(1),
            leased_until=None,
            worker=None,
        )
    )


def try_again(session: Session, campaign_id: int, *, now: datetime) -> int:
    """Queue the failed jobs of a campaign anew, but for retired entrants'; returns how many there were."""
    retired = select(Entrant.id).where(Entrant.retired_at.is_not(None))
    mine = (Job.state == JobState.FAILED, Job.entrant_id.not_in(retired), *_of(campaign_id))
    failed = session.scalars(select(Job).where(*mine)).all()
    for job in failed:
        job.state, job.attempts, job.not_before, job.finished_at = JobState.QUEUED, 0, now, None
    return len(failed)


def fail(session: Session, job: ClaimedJob, *, worker: str, reason: str, now: datetime) -> bool:
    """Put a job back after an error, to rest before the next try, or give it up after the last."""
    if job.attempts >= MOST_ATTEMPTS:
        return _finish(session, job.id, worker, now, state=JobState.FAILED, reason=reason, words=None)
    done = session.execute(
        update(Job)
        .where(Job.id == job.id, Job.worker == worker, Job.state == JobState.RUNNING)
        .values(
            state=JobState.QUEUED,
            reason=reason,
            not_before=now + back_off(job.attempts),
            leased_until=None,
            worker=None,
        )
        .returning(Job.id)
    ).all()
    return bool(done)


def _finish(
    session: Session,
    job_id: int,
    worker: str,
    now: datetime,
    *,
    state: JobState,
    reason: str | None,
    words: list[str] | None,
) -> bool:
    done = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.worker == worker, Job.state == JobState.RUNNING)
        .values(state=state, reason=reason, words=words, finished_at=now, leased_until=None)
        .returning(Job.id)
    ).all()
    return bool(done)


def unsettled(session: Session, campaign_id: int | None) -> int:
    """How many jobs, of one campaign or of all, are neither done, refused nor failed."""
    if campaign_id is not None:
        made = progress(session, campaign_id)
        return made.asked - made.settled
    return (
        session.scalar(
            select(func.count()).select_from(Job).where(Job.state.in_([JobState.QUEUED, JobState.RUNNING]))
        )
        or 0
    )


def progress(session: Session, campaign_id: int) -> Progress:
    """Count the jobs of a campaign's prompts and entrants by state."""
    states = dict(
        session.execute(
            select(Job.state, func.count(Job.id)).where(*_of(campaign_id)).group_by(Job.state)
        ).all()
    )
    return Progress(
        asked=sum(states.values()),
        done=states.get(JobState.DONE, 0),
        refused=states.get(JobState.REFUSED, 0),
        failed=states.get(JobState.FAILED, 0),
    )


def progress_by_entrant(session: Session, campaign_id: int) -> list[EntrantProgress]:
    """How far each entrant of a campaign is, and why it is not further; by name."""
    counts: dict[str, Counter[JobState]] = {}
    for slug, state, jobs in session.execute(
        select(Entrant.slug, Job.state, func.count(Job.id))
        .join(Entrant, Entrant.id == Job.entrant_id)
        .where(*_of(campaign_id))
        .group_by(Entrant.slug, Job.state)
        .order_by(Entrant.slug)
    ):
        counts.setdefault(slug, Counter())[state] += jobs
    why: dict[str, dict[tuple[str, str], list[tuple[str, list[str]]]]] = {slug: {} for slug in counts}
    for slug, state, reason, words, prompt in session.execute(
        select(Entrant.slug, Job.state, Job.reason, Job.words, Prompt.text)
        .join(Entrant, Entrant.id == Job.entrant_id)
        .join(Prompt, Prompt.id == Job.prompt_id)
        .where(Job.state.in_([JobState.REFUSED, JobState.FAILED]), *_of(campaign_id))
        .order_by(Job.id)
    ):
        why[slug].setdefault((state.value, reason or "no reason given"), []).append((prompt, words or []))
    return [
        EntrantProgress(
            entrant=slug,
            made=states[JobState.DONE],
            refused=states[JobState.REFUSED],
            failed=states[JobState.FAILED],
            waiting=states[JobState.QUEUED] + states[JobState.RUNNING],
            causes=tuple(
                _cause(state, reason, told)
                for (state, reason), told in sorted(why[slug].items(), key=lambda item: -len(item[1]))
            ),
        )
        for slug, states in counts.items()
    ]


def _cause(state: str, reason: str, told: list[tuple[str, list[str]]]) -> Cause:
    words = Counter(word for _, declined in told for word in declined)
    return Cause(
        state=state,
        reason=reason,
        jobs=len(told),
        words=tuple(word for word, _ in words.most_common(TOLD_WORDS)),
        prompts=tuple(dict.fromkeys(prompt for prompt, _ in told))[:TOLD_PROMPTS],
    )


def _of(campaign_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The jobs of a campaign's entrants and prompts."""
    return (
        Job.entrant_id.in_(
            select(CampaignEntrant.entrant_id).where(CampaignEntrant.campaign_id == campaign_id)
        ),
        Job.prompt_id.in_(select(CampaignPrompt.prompt_id).where(CampaignPrompt.campaign_id == campaign_id)),
    )
