"""Raters' own prompts: taken in, painted by two that were drawn before, and hung as a battle like any other.

Nothing of a prompt is painted, and no entrant is told from another, before the pair and its sides are drawn.
Both pictures are hung at once, so that speed gives nothing away.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.domain.moderation import HELD, SAFETY, Decision, Verdict
from arena.domain.own_prompts import (
    CONSENT_VERSION,
    LANGUAGES,
    LICENCE,
    OwnDraw,
    clean_own,
    draw_own,
    pairs_of,
)
from arena.domain.prompts import prompt_digest
from arena.domain.tagging import tag
from arena.errors import Invalid, NotFound
from arena.queries.submissions import Stage, jobs_of, painters_of, stage_of
from arena.services.admission import may_vote
from arena.services.dealing import POLICIES, pair_weights
from arena.services.generation import RATER_WAITS
from arena.services.moderation import judge_prompt
from arena.services.own_limits import AT_WORK, see_that_it_may
from arena.services.retiring import RETIRED
from arena.services.voters import voter_of
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    Image,
    Job,
    JobState,
    Prompt,
    PromptSource,
    SafetyVerdict,
    Submission,
    SubmissionState,
    TaggedBy,
    Voter,
)

LARGEST_SEED = 2**31 - 1
CLOSED, WITHDRAWN = "closed", "withdrawn"
"""Why it ended while its rater waited: the campaign closed, or an entrant that was drawn was retired."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The prompt waits under this key, for the painters or for an operator."""

    key: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The prompt is not painted, since a checker said so; nothing of it is kept but the verdict."""

    categories: tuple[str, ...]


def ask(
    session: Session,
    *,
    voter_key: str,
    campaign: str,
    prompt: str,
    language: str,
    verdicts: Sequence[Verdict],
    now: datetime,
    rng: random.Random,
) -> Taken | Declined:
    """Take in a rater's own prompt and draw who paints it, on which side.

    Parameters
    ----------
    verdicts : sequence of Verdict
        What the checkers said of the prompt; all of them are kept.

    Raises
    ------
    InvalidPrompt
    Invalid
        If the language is none that is offered.
    UnknownCampaign, CampaignClosed, NotInvited, EnoughVotes
    NoOwnPrompts, WordsInUse, EnoughWaiting, EnoughToday
    """
    text = clean_own(prompt)
    if language not in LANGUAGES:
        raise Invalid(f"the language must be one of {', '.join(LANGUAGES)}, not {language[:40]!r}")
    voter = voter_of(session, voter_key, now=now)
    found = see_that_it_may(session, voter_key=voter_key, campaign=campaign, prompt=text, now=now)
    may_vote(session, found, voter, now)
    decision = judge_prompt(session, text, verdicts, now=now)
    if decision is Decision.BLOCK:
        told = dict.fromkeys(category for verdict in verdicts for category in verdict.categories)
        return Declined(tuple(told))
    drawn = _draw(session, found, painters_of(session, found.id).able, rng)
    submission = Submission(
        key=secrets.token_urlsafe(16),
        voter_id=voter.id,
        campaign_id=found.id,
        prompt=text,
        digest=prompt_digest(text),
        language=language,
        state=SubmissionState.REVIEW,
        left_entrant_id=drawn.left_entrant_id,
        right_entrant_id=drawn.right_entrant_id,
        seed=rng.randrange(LARGEST_SEED + 1),
        propensity=drawn.propensity,
        eligible=drawn.eligible,
        policy=f"own;{POLICIES[found.policy]}",
        consent=CONSENT_VERSION,
        created_at=now,
    )
    session.add(submission)
    if decision is Decision.ALLOW:
        order(session, submission, now=now)
    session.flush()
    return Taken(submission.key)


def _draw(session: Session, campaign: Campaign, able: Collection[int], rng: random.Random) -> OwnDraw:
    return draw_own(pair_weights(session, campaign, pairs_of(able)), rng=rng)


def draw_again(session: Session, submission: Submission, *, rng: random.Random) -> bool:
    """Draw others for a prompt that waited while one of its two was retired; false if no two can paint it."""
    campaign = session.get_one(Campaign, submission.campaign_id)
    able = painters_of(session, campaign.id).able
    if {submission.left_entrant_id, submission.right_entrant_id} <= set(able):
        return True
    if len(able) < 2:
        return False
    drawn = _draw(session, campaign, able, rng)
    submission.left_entrant_id, submission.right_entrant_id = drawn.left_entrant_id, drawn.right_entrant_id
    submission.propensity, submission.eligible = drawn.propensity, drawn.eligible
    return True


def order(session: Session, submission: Submission, *, now: datetime) -> None:
    """Have both pictures painted, before those of any campaign."""
    submission.prompt_id = _prompt(session, submission, now=now)
    submission.state, submission.queued_at = SubmissionState.PAINTING, now
    for entrant_id in (submission.left_entrant_id, submission.right_entrant_id):
        session.add(
            Job(
                entrant_id=entrant_id,
                prompt_id=submission.prompt_id,
                seed=submission.seed,
                state=JobState.QUEUED,
                priority=RATER_WAITS,
                attempts=0,
                created_at=now,
                not_before=now,
            )
        )
    session.flush()


def cancel(session: Session, *, key: str, voter_key: str, now: datetime) -> None:
    """Take back a prompt that does not hang yet; what is asked for the second time stays as it is.

    Raises
    ------
    NotFound
    """
    found = own(session, key, voter_key)
    if found.state in AT_WORK:
        found.cancelled_at = now
        end(session, found, SubmissionState.CANCELLED, now=now)


def settle(session: Session, *, key: str, voter_key: str, now: datetime) -> None:
    """Hang the pictures of a prompt if both are there, or say why they never will be.

    Raises
    ------
    NotFound
    """
    found = own(session, key, voter_key)
    if found.state is not SubmissionState.PAINTING:
        return
    jobs = jobs_of(session, found)
    campaign = session.get_one(Campaign, found.campaign_id)
    stage = stage_of(found, campaign, jobs, now=now)
    if stage is Stage.READY:
        _hang(session, found, campaign, now=now)
    elif stage is Stage.ENDED:
        state, reason = _why(campaign, jobs, now)
        end(session, found, state, reason=reason, now=now)


def _why(campaign: Campaign, jobs: Sequence[Job], now: datetime) -> tuple[SubmissionState, str | None]:
    """Why there is no battle; a refusal is told before a breakdown, since it says something of the words."""
    refused = [job for job in jobs if job.state is JobState.REFUSED and job.reason != HELD]
    if campaign.closed_at is not None and campaign.closed_at <= now:
        return SubmissionState.LATE, CLOSED
    if refused:
        safety = all(job.reason == SAFETY for job in refused)
        return SubmissionState.REFUSED, SAFETY if safety else None
    failed = [job for job in jobs if job.state is JobState.FAILED]
    if failed:
        return SubmissionState.FAILED, WITHDRAWN if any(job.reason == RETIRED for job in failed) else None
    return SubmissionState.LATE, None


def own(session: Session, key: str, voter_key: str) -> Submission:
    """A voter's own prompt, which stays locked.

    Raises
    ------
    NotFound
        If there is none of that key, or it is somebody else's.
    """
    found = session.scalar(
        select(Submission)
        .join(Voter, Voter.id == Submission.voter_id)
        .where(Submission.key == key, Voter.key == voter_key)
        .with_for_update(of=Submission)
    )
    if found is None:
        raise NotFound("there is no such prompt of yours")
    return found


def end(
    session: Session,
    submission: Submission,
    state: SubmissionState,
    *,
    now: datetime,
    reason: str | None = None,
) -> None:
    """End a prompt without a battle; of what nobody has begun to paint not even the words are kept."""
    submission.state, submission.reason, submission.ended_at = state, reason, now
    begun = False
    if submission.prompt_id is not None:
        looked_at = exists().where(SafetyVerdict.job_id == Job.id)
        given_up = (Job.state == JobState.FAILED) & (Job.reason == RETIRED) & Job.started_at.is_(None)
        for job in jobs_of(session, submission):
            dropped = session.execute(
                delete(Job)
                .where(Job.id == job.id, or_(Job.state == JobState.QUEUED, given_up), ~looked_at)
                .returning(Job.id)
            ).all()
            begun = begun or not dropped
    if not begun:
        _forget(session, submission)
    session.flush()


def _forget(session: Session, submission: Submission) -> None:
    """Delete the words of a prompt that was never painted, unless somebody else uses them, too."""
    submission.prompt, prompt_id, submission.prompt_id = "", submission.prompt_id, None
    session.flush()
    if prompt_id is None:
        return
    try:
        with session.begin_nested():
            session.execute(delete(Prompt).where(Prompt.id == prompt_id, Prompt.source == PromptSource.OWN))
    except IntegrityError:  # another submission, a battle or a campaign has them
        return


def _prompt(session: Session, submission: Submission, *, now: datetime) -> int:
    """The row of a prompt's words: the same words are the same row."""
    known = select(Prompt.id).where(Prompt.digest == submission.digest)
    found = session.scalar(known)
    if found is not None:
        return found
    categories = tag(submission.prompt, submission.language)
    prompt = Prompt(
        text=submission.prompt,
        digest=submission.digest,
        categories=list(categories),
        tagged_by=TaggedBy.RULE if categories else TaggedBy.NOBODY,
        language=submission.language,
        source=PromptSource.OWN,
        licence=LICENCE,
        origin="",
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(prompt)
        return prompt.id
    except IntegrityError:  # somebody else sent the same words at once
        return session.scalars(known).one()


def _hang(session: Session, submission: Submission, campaign: Campaign, *, now: datetime) -> None:
    """Open the battle of two pictures that are there, each on the side that was drawn for it."""
    assert submission.prompt_id is not None, "what was painted has its words"
    images = dict(
        session.execute(
            select(Image.entrant_id, Image.id).where(
                Image.prompt_id == submission.prompt_id, Image.seed == submission.seed
            )
        ).all()
    )
    battle = Battle(
        key=secrets.token_urlsafe(16),
        campaign_id=campaign.id,
        prompt_id=submission.prompt_id,
        voter_id=submission.voter_id,
        kind=BattleKind.ORDINARY,
        left_entrant_id=submission.left_entrant_id,
        right_entrant_id=submission.right_entrant_id,
        left_image_id=images[submission.left_entrant_id],
        right_image_id=images[submission.right_entrant_id],
        left_token=secrets.token_urlsafe(16),
        right_token=secrets.token_urlsafe(16),
        propensity=submission.propensity,
        eligible=submission.eligible,
        policy=submission.policy,
        dealt_at=now,
        expires_at=now + timedelta(minutes=campaign.minutes_to_vote),
    )
    session.add(battle)
    session.flush()
    submission.state, submission.battle_id, submission.ended_at = SubmissionState.HUNG, battle.id, now
    session.flush()
