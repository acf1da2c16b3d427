"""The embargo: prompts that open campaigns deal, whose pictures nobody may see by name."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from arena.errors import UnknownPicture
from arena.tables import Campaign, CampaignPrompt, Image


def dealt_prompts(now: datetime) -> Select[int]:
    """Ids of the prompts that a campaign deals which is not closed, for ``IN`` and ``NOT IN``."""
    return (
        select(CampaignPrompt.prompt_id)
        .join(Campaign, Campaign.id == CampaignPrompt.campaign_id)
        .where(or_(Campaign.closed_at.is_(None), Campaign.closed_at > now))
        .distinct()
    )


def named_picture(session: Session, *, digest: str, now: datetime) -> str:
    """Digest of a picture that may be shown with its entrant's name.

    Raises
    ------
    UnknownPicture
        If there is none, or one with the same pixels is still under embargo; in the same words.
    """
    prompts = set(session.scalars(select(Image.prompt_id).where(Image.digest == digest)))
    dealt = dealt_prompts(now).where(CampaignPrompt.prompt_id.in_(prompts))
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
