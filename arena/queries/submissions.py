"""Raters' own prompts as their raters see them: where they stand, and never anything of one side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from arena.domain.moderation import HELD
from arena.domain.own_prompts import PATIENCE, paints_live, wait_for
from arena.errors import NotFound
from arena.queries.embargo import OWN_LASTS
from arena.tables import (
    Audience,
    Battle,
    Campaign,
    CampaignEntrant,
    Entrant,
    Image,
    Invite,
    InviteUse,
    Job,
    JobState,
    Submission,
    SubmissionState,
    Voter,
)

RECENT = 50
"""Pictures of an entrant by whose median time a wait is guessed."""
_TO_DO = (JobState.QUEUED, JobState.RUNNING)


class Stage(StrEnum):
    """How far both pictures are, together."""

    LOOKED_AT = "looked_at"
    QUEUED = "queued"
    PAINTING = "painting"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Painters:
    """Entrants of a campaign that can paint while somebody waits, by number; and the names of the others."""

    able: tuple[int, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnCampaign:
    """A campaign that takes raters' own prompts."""

    slug: str
    name: str
    painters: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A rater's own prompt.

    Attributes
    ----------
    stage : Stage
        Of both pictures together.
    ahead : int
        How many prompts are painted before.
    seconds : float or None
        What it may still take, for both together; None where nobody can tell.
    share : float
        How far it is by the clock, from 0 to 1; it does not hang on which of the two is done.
    unsettled : bool
        Whether `arena.services.submission.settle` has something to do.
    battle : str or None
        Key of the battle, once it hangs.
    refused_by : tuple of str
        Who declined the words; only once it is settled that there is no pair.
    """

    key: str
    campaign: str
    campaign_name: str
    prompt: str
    language: str
    state: SubmissionState
    stage: Stage
    ahead: int
    seconds: float | None
    share: float
    unsettled: bool
    battle: str | None
    reason: str | None
    refused_by: tuple[str, ...]


def own_campaigns(session: Session, *, voter_key: str, now: datetime) -> list[OwnCampaign]:
    """Campaigns that take a rater's own prompts and have two entrants that paint live, the newest first."""
    invited = (
        select(Invite.campaign_id)
        .join(InviteUse, InviteUse.invite_id == Invite.id)
        .join(Voter, Voter.id == InviteUse.voter_id)
        .where(Voter.key == voter_key)
    )
    found = []
    for campaign in session.scalars(
        select(Campaign)
        .where(
            Campaign.own_prompts,
            or_(Campaign.closed_at.is_(None), Campaign.closed_at > now),
            or_(Campaign.audience == Audience.PUBLIC, Campaign.id.in_(invited)),
        )
        .order_by(Campaign.id.desc())
    ):
        painters = painters_of(session, campaign.id)
        if len(painters.able) > 1:
            found.append(OwnCampaign(campaign.slug, campaign.name, len(painters.able), painters.left_out))
    return found


def painters_of(session: Session, campaign_id: int) -> Painters:
    """Which entrants of a campaign can paint while somebody waits."""
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign_id, Entrant.retired_at.is_(None))
        .order_by(Entrant.id)
    ).all()
    able = [one for one in entrants if paints_live(one.backend, one.runtime)]
    others = [one.name for one in entrants if one not in able]
    return Painters(tuple(one.id for one in able), tuple(others))


def jobs_of(session: Session, submission: Submission) -> Sequence[Job]:
    """The two jobs of a submission."""
    return session.scalars(
        select(Job)
        .where(
            Job.prompt_id == submission.prompt_id,
            Job.seed == submission.seed,
            Job.entrant_id.in_((submission.left_entrant_id, submission.right_entrant_id)),
        )
        .order_by(Job.id)
    ).all()


def own_page(session: Session, *, key: str, voter_key: str, now: datetime) -> OwnPage:
    """Read how far a rater's own prompt has come.

    Raises
    ------
    NotFound
        If there is none of that key, or it is somebody else's.
    """
    row = session.execute(
        select(Submission, Campaign, Battle.key)
        .join(Voter, Voter.id == Submission.voter_id)
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .outerjoin(Battle, Battle.id == Submission.battle_id)
        .where(Submission.key == key, Voter.key == voter_key)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such prompt of yours")
    submission, campaign, battle = row
    jobs = jobs_of(session, submission) if submission.state is SubmissionState.PAINTING else []
    stage = stage_of(submission, campaign, jobs, now=now)
    ahead = _ahead(session, submission, now) if stage is Stage.QUEUED else []
    typical = {
        entrant_id: _typical(session, entrant_id)
        for entrant_id in {
            submission.left_entrant_id,
            submission.right_entrant_id,
            *(entrant for pair in ahead for entrant in pair),
        }
    }
    began = min((job.started_at for job in jobs if job.started_at is not None), default=None)
    wait = wait_for(
        [typical[submission.left_entrant_id], typical[submission.right_entrant_id]],
        [typical[entrant] for pair in ahead for entrant in pair],
        painting_for=(now - began).total_seconds() if began is not None else None,
    )
    return OwnPage(
        key=submission.key,
        campaign=campaign.slug,
        campaign_name=campaign.name,
        prompt=submission.prompt,
        language=submission.language,
        state=submission.state,
        stage=stage,
        ahead=len(ahead),
        seconds=wait.seconds if stage in (Stage.QUEUED, Stage.PAINTING) else None,
        share=wait.share if stage is Stage.PAINTING else 0.0,
        unsettled=submission.state is SubmissionState.PAINTING and stage in (Stage.READY, Stage.ENDED),
        battle=battle,
        reason=submission.reason,
        refused_by=_refused_by(session, submission),
    )


def stage_of(submission: Submission, campaign: Campaign, jobs: Sequence[Job], *, now: datetime) -> Stage:
    """How far a submission is by its two jobs; one that is not taken further has ended."""
    if submission.state is SubmissionState.REVIEW:
        return Stage.LOOKED_AT
    if submission.state is SubmissionState.HUNG:
        return Stage.READY
    if submission.state is not SubmissionState.PAINTING:
        return Stage.ENDED
    states = {job.state for job in jobs}
    held = any(job.state is JobState.REFUSED and job.reason == HELD for job in jobs)
    given_up = any(job.state is JobState.REFUSED and job.reason != HELD for job in jobs)
    waited = submission.queued_at is not None and submission.queued_at <= now - (
        OWN_LASTS if held else PATIENCE
    )
    if campaign.closed_at is not None and campaign.closed_at <= now:
        return Stage.ENDED
    if given_up or JobState.FAILED in states:
        return Stage.ENDED
    if states == {JobState.DONE}:
        return Stage.READY
    if waited:
        return Stage.ENDED
    if held and not states & set(_TO_DO):
        return Stage.LOOKED_AT
    return Stage.QUEUED if states == {JobState.QUEUED} and not _begun(jobs) else Stage.PAINTING


def _begun(jobs: Sequence[Job]) -> bool:
    return any(job.started_at is not None for job in jobs)


def _ahead(session: Session, submission: Submission, now: datetime) -> list[tuple[int, int]]:
    """The pairs of entrants of the prompts that are painted before, while their raters have patience."""
    to_do = exists().where(
        Job.prompt_id == Submission.prompt_id, Job.seed == Submission.seed, Job.state.in_(_TO_DO)
    )
    rows = session.execute(
        select(Submission.left_entrant_id, Submission.right_entrant_id).where(
            Submission.state == SubmissionState.PAINTING,
            Submission.queued_at > now - PATIENCE,
            Submission.id < submission.id,
            to_do,
        )
    )
    return [(left, right) for left, right in rows]


def _typical(session: Session, entrant_id: int) -> float | None:
    """Median seconds of an entrant's newest pictures; None where it has none."""
    recent = (
        select(Image.seconds)
        .where(Image.entrant_id == entrant_id, Image.seconds.is_not(None))
        .order_by(Image.id.desc())
        .limit(RECENT)
    )
    took = sorted(seconds for seconds in session.scalars(recent) if seconds is not None)
    return took[len(took) // 2] if took else None


def _refused_by(session: Session, submission: Submission) -> tuple[str, ...]:
    if submission.state is not SubmissionState.REFUSED:
        return ()
    return tuple(
        session.scalars(
            select(Entrant.name)
            .join(Job, Job.entrant_id == Entrant.id)
            .where(
                Job.prompt_id == submission.prompt_id,
                Job.seed == submission.seed,
                Job.state == JobState.REFUSED,
            )
            .order_by(func.lower(Entrant.name))
        )
    )
