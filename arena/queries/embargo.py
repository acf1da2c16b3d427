"""The embargo: prompts whose pictures nobody may see by name, since that could unmask a pair."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from arena.errors import UnknownPicture
from arena.tables import Battle, Campaign, CampaignPrompt, Image, Prompt, Submission, SubmissionState

OWN_LASTS = timedelta(days=1)
"""A rater's own prompt that nobody came back to is forgotten after so long."""


def dealt_prompts(now: datetime) -> Select[int]:
    """Ids of the prompts that nobody may see by name, for ``IN`` and ``NOT IN``.

    Those are what a campaign deals which is not closed, and raters' own that are `at_work`.
    """
    dealt = (
        select(CampaignPrompt.prompt_id)
        .join(Campaign, Campaign.id == CampaignPrompt.campaign_id)
        .where(or_(Campaign.closed_at.is_(None), Campaign.closed_at > now))
    )
    return select(Prompt.id).where(or_(Prompt.id.in_(dealt), Prompt.id.in_(at_work(now))))


def at_work(now: datetime) -> Select[int | None]:
    """Ids of raters' own prompts that are being painted, or hang unanswered or without names as yet."""
    unseen = and_(
        Battle.revealed_at.is_(None),
        Battle.skipped_at.is_(None),
        or_(Battle.voted_at.is_not(None), Battle.expires_at > now),
        or_(Campaign.closed_at.is_(None), Campaign.closed_at > now),
    )
    painted = and_(Submission.state == SubmissionState.PAINTING, Submission.created_at > now - OWN_LASTS)
    return (
        select(Submission.prompt_id)
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .outerjoin(Battle, Battle.id == Submission.battle_id)
        .where(Submission.prompt_id.is_not(None), or_(painted, and_(Battle.id.is_not(None), unseen)))
    )


def named_picture(session: Session, *, digest: str, now: datetime) -> str:
    """Digest of a picture that may be shown with its entrant's name.

    Raises
    ------
    UnknownPicture
        If there is none, or one with the same pixels is still under embargo; in the same words.
    """
    prompts = set(session.scalars(select(Image.prompt_id).where(Image.digest == digest)))
    dealt = dealt_prompts(now).where(Prompt.id.in_(prompts))
    if not prompts or session.scalar(dealt.limit(1)) is not None:
        raise UnknownPicture("there is no such picture on show")
    return digest


def holding_back(session: Session, campaigns: Collection[str], *, now: datetime) -> tuple[str, ...]:
    """Names of the campaigns that are not closed and deal a prompt of some campaigns, by their slugs."""
    of_them = (
        select(CampaignPrompt.prompt_id)
        .join(Campaign, Campaign.id == CampaignPrompt.campaign_id)
        .where(Campaign.slug.in_(campaigns))
    )
    dealing = exists().where(CampaignPrompt.campaign_id == Campaign.id, CampaignPrompt.prompt_id.in_(of_them))
    open_now = or_(Campaign.closed_at.is_(None), Campaign.closed_at > now)
    return tuple(session.scalars(select(Campaign.name).where(open_now, dealing).order_by(Campaign.id)))
