"""What waits for an operator's eye: prompts and pictures that no checker was sure of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.domain.moderation import HELD, OPERATOR, Decision
from arena.errors import NotFound
from arena.tables import (
    Campaign,
    Entrant,
    Job,
    JobState,
    Prompt,
    SafetyVerdict,
    SubjectKind,
    Submission,
    SubmissionState,
)

MOST = 50


@dataclass(frozen=True, slots=True)
class Said:
    """What one checker said, as far as it is no allowance."""

    checker: str
    decision: Decision
    categories: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class HeldPrompt:
    """A rater's own prompt that waits for an operator."""

    number: int
    prompt: str
    language: str
    campaign: str
    at: datetime
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class HeldPicture:
    """A picture that waits for an operator; its bytes are in the store under its digest."""

    job_id: int
    digest: str
    prompt: str
    language: str
    entrant: str
    at: datetime
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """The oldest of what waits, and how many prompts and pictures there are in all."""

    prompts: tuple[HeldPrompt, ...]
    pictures: tuple[HeldPicture, ...]
    prompts_in_all: int
    pictures_in_all: int


def queue(session: Session) -> Queue:
    """What waits for an operator, the oldest first."""
    in_review = Submission.state == SubmissionState.REVIEW
    held = (Job.state == JobState.REFUSED) & (Job.reason == HELD)
    prompts = session.execute(
        select(Submission, Campaign.name)
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .where(in_review)
        .order_by(Submission.id)
        .limit(MOST)
    ).all()
    pictures = session.execute(
        select(Job, Prompt, Entrant.name)
        .join(Prompt, Prompt.id == Job.prompt_id)
        .join(Entrant, Entrant.id == Job.entrant_id)
        .where(held)
        .order_by(Job.id)
        .limit(MOST)
    ).all()
    return Queue(
        prompts=tuple(
            HeldPrompt(
                number=one.id,
                prompt=one.prompt,
                language=one.language,
                campaign=campaign,
                at=one.created_at,
                said=_said(session, SubjectKind.PROMPT, one.digest),
            )
            for one, campaign in prompts
        ),
        pictures=tuple(
            HeldPicture(
                job_id=job.id,
                digest=digest,
                prompt=prompt.text,
                language=prompt.language,
                entrant=entrant,
                at=job.finished_at or job.created_at,
                said=_said(session, SubjectKind.PICTURE, digest),
            )
            for job, prompt, entrant in pictures
            if (digest := held_digest(session, job.id)) is not None
        ),
        prompts_in_all=session.scalar(select(func.count()).select_from(Submission).where(in_review)) or 0,
        pictures_in_all=session.scalar(select(func.count()).select_from(Job).where(held)) or 0,
    )


def waiting(session: Session) -> int:
    """How many prompts and pictures wait for an operator."""
    held = (Job.state == JobState.REFUSED) & (Job.reason == HELD)
    in_review = Submission.state == SubmissionState.REVIEW
    return (session.scalar(select(func.count()).select_from(Job).where(held)) or 0) + (
        session.scalar(select(func.count()).select_from(Submission).where(in_review)) or 0
    )


def held_digest(session: Session, job_id: int) -> str | None:
    """Digest of the picture that a job made last, as its checkers saw it; None where none looked."""
    return session.scalar(
        select(SafetyVerdict.digest)
        .where(SafetyVerdict.kind == SubjectKind.PICTURE, SafetyVerdict.job_id == job_id)
        .order_by(SafetyVerdict.id.desc())
        .limit(1)
    )


def held_picture(session: Session, job_id: int) -> str:
    """Digest of a picture that waits for an operator.

    Raises
    ------
    NotFound
    """
    job = session.get(Job, job_id)
    digest = held_digest(session, job_id)
    if job is None or digest is None or job.state is not JobState.REFUSED or job.reason != HELD:
        raise NotFound(f"no picture of the job {job_id} waits for an operator")
    return digest


def _said(session: Session, kind: SubjectKind, digest: str) -> tuple[Said, ...]:
    """The newest word of each checker, but for operators and allowances."""
    newest: dict[str, Said] = {}
    for row in session.scalars(
        select(SafetyVerdict)
        .where(SafetyVerdict.kind == kind, SafetyVerdict.digest == digest, SafetyVerdict.checker != OPERATOR)
        .order_by(SafetyVerdict.id)
    ):
        newest[row.checker] = Said(row.checker, row.decision, tuple(row.categories), row.reason)
    return tuple(one for one in newest.values() if one.decision is not Decision.ALLOW)
