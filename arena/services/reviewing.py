"""What an operator decides of prompts and pictures that no checker was sure of; every act is an event."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.moderation import HELD, OPERATOR, SAFETY, Decision, Verdict
from arena.errors import NotFound
from arena.queries.reviews import held_digest
from arena.services.curation import record
from arena.services.moderation import keep
from arena.services.submission import CLOSED, WITHDRAWN, draw_again, end, order
from arena.tables import Campaign, Job, JobState, SubjectKind, Submission, SubmissionState

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of what; ``changed`` is false where somebody was first."""

    kind: SubjectKind
    allowed: bool
    changed: bool


def decide_prompt(
    session: Session, number: int, *, allow: bool, actor: str, now: datetime, rng: random.Random
) -> Decided:
    """Have a rater's prompt painted, or decline it; its words are not kept then.

    Where an entrant that was drawn was retired meanwhile, others are drawn.

    Raises
    ------
    NotFound
    """
    found = session.scalar(select(Submission).where(Submission.id == number).with_for_update())
    if found is None:
        raise NotFound(f"no prompt of the number {number} waits for an operator")
    if found.state is not SubmissionState.REVIEW:
        return Decided(SubjectKind.PROMPT, allow, changed=False)
    word = [_word(allow, actor)]
    keep(session, SubjectKind.PROMPT, found.digest, word, now=now)
    campaign = session.get_one(Campaign, found.campaign_id)
    if not allow:
        end(session, found, SubmissionState.DECLINED, now=now)
    elif campaign.closed_at is not None and campaign.closed_at <= now:
        end(session, found, SubmissionState.LATE, reason=CLOSED, now=now)
    elif not draw_again(session, found, rng=rng):
        end(session, found, SubmissionState.FAILED, reason=WITHDRAWN, now=now)
    else:
        order(session, found, now=now)
    kind = "prompt.allowed" if allow else "prompt.blocked"
    record(session, now=now, actor=actor, kind=kind, subject=found.digest[:SHOWN])
    return Decided(SubjectKind.PROMPT, allow, changed=True)


def decide_picture(session: Session, job_id: int, *, allow: bool, actor: str, now: datetime) -> Decided:
    """Let a picture hang, or not; one that may is painted again, and is known by its digest then.

    Raises
    ------
    NotFound
    """
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    digest = held_digest(session, job_id)
    if job is None or digest is None:
        raise NotFound(f"no picture of the job {job_id} waits for an operator")
    if job.state is not JobState.REFUSED or job.reason != HELD:
        return Decided(SubjectKind.PICTURE, allow, changed=False)
    keep(session, SubjectKind.PICTURE, digest, [_word(allow, actor)], now=now, job_id=job_id)
    if allow:
        job.state, job.attempts, job.not_before, job.finished_at = JobState.QUEUED, 0, now, None
    job.reason = None if allow else SAFETY
    kind = "picture.allowed" if allow else "picture.blocked"
    record(session, now=now, actor=actor, kind=kind, subject=digest[:SHOWN])
    return Decided(SubjectKind.PICTURE, allow, changed=True)


def _word(allow: bool, actor: str) -> Verdict:
    return Verdict(Decision.ALLOW if allow else Decision.BLOCK, OPERATOR, "", reason=actor)


def set_own_prompts(session: Session, campaign: Campaign, *, taken: bool, actor: str, now: datetime) -> bool:
    """Let raters of a campaign have their own words painted, or no more; whether that is new."""
    if campaign.own_prompts is taken:
        return False
    campaign.own_prompts = taken
    kind = "campaign.own_prompts_on" if taken else "campaign.own_prompts_off"
    record(session, now=now, actor=actor, kind=kind, subject=campaign.slug)
    return True
