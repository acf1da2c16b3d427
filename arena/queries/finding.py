"""Finding campaigns and their questions by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session

from arena.errors import Invalid, UnknownCampaign
from arena.tables import (
    Audience,
    Campaign,
    CampaignPrompt,
    Criterion,
    Invite,
    InviteUse,
    Tally,
    Voter,
)

_BY_SLUG = select(Campaign).where(Campaign.slug == bindparam("slug"))
_FIRST = (
    select(Criterion)
    .where(Criterion.campaign_id == bindparam("campaign"))
    .order_by(Criterion.position)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign in a list."""

    slug: str
    name: str
    votes: int
    closed: bool


def campaigns(session: Session) -> list[CampaignLine]:
    """Every campaign with its votes, the most recently opened first."""
    rows = session.execute(
        select(Campaign.slug, Campaign.name, func.coalesce(func.sum(Tally.votes), 0), Campaign.closed_at)
        .outerjoin(Tally, (Tally.campaign_id == Campaign.id) & (Tally.category == "all"))
        .group_by(Campaign.id, Campaign.slug, Campaign.name, Campaign.closed_at)
        .order_by(Campaign.id.desc())
    )
    return [CampaignLine(slug, name, int(votes), closed is not None) for slug, name, votes, closed in rows]


def find_campaign(session: Session, slug: str | None) -> Campaign:
    """Find the campaign of that name; without a name the only one with votes, else that with most prompts.

    Raises
    ------
    UnknownCampaign
        With the names there are.
    """
    if slug is None:
        voted = [line.slug for line in campaigns(session) if line.votes]
        if len(voted) > 1:
            raise UnknownCampaign("(none given)", tuple(voted))
        slug = voted[0] if voted else _most_prompts(session)
    found = session.scalar(_BY_SLUG, {"slug": slug})
    if found is None:
        raise UnknownCampaign(slug or "(none given)", tuple(line.slug for line in campaigns(session)))
    return found


def campaign_to_vote_in(session: Session, *, voter_key: str, now: datetime) -> str | None:
    """Find where a voter is led: of the campaigns open to them the newest with votes, else the largest."""
    taken = (
        select(Invite.campaign_id)
        .join(InviteUse, InviteUse.invite_id == Invite.id)
        .join(Voter, Voter.id == InviteUse.voter_id)
        .where(Voter.key == voter_key)
    )
    prompts = select(func.count()).where(CampaignPrompt.campaign_id == Campaign.id).scalar_subquery()
    voted = exists().where(Tally.campaign_id == Campaign.id, Tally.category == "all", Tally.votes > 0)
    return session.scalar(
        select(Campaign.slug)
        .where(
            or_(Campaign.closed_at.is_(None), Campaign.closed_at > now),
            or_(Campaign.audience == Audience.PUBLIC, Campaign.id.in_(taken)),
        )
        .order_by(
            case((voted, 1), else_=0).desc(),
            case((voted, Campaign.id), else_=prompts).desc(),
            Campaign.id.desc(),
        )
        .limit(1)
    )


def _most_prompts(session: Session) -> str | None:
    return session.scalar(
        select(Campaign.slug)
        .outerjoin(CampaignPrompt)
        .group_by(Campaign.id, Campaign.slug)
        .order_by(func.count(CampaignPrompt.prompt_id).desc(), Campaign.id.desc())
        .limit(1)
    )


def first_criterion(session: Session, campaign_id: int) -> Criterion:
    """The question that comes first; its board is the one the pages and the reveal show."""
    return session.scalars(_FIRST, {"campaign": campaign_id}).one()


def find_criterion(session: Session, campaign_id: int, slug: str | None) -> Criterion:
    """Find a question of a campaign; the first one where none is named.

    Raises
    ------
    Invalid
        With the questions there are.
    """
    if slug is None:
        return first_criterion(session, campaign_id)
    asked = {
        criterion.slug: criterion
        for criterion in session.scalars(select(Criterion).where(Criterion.campaign_id == campaign_id))
    }
    if slug not in asked:
        raise Invalid(f"the campaign does not ask {slug[:64]!r}; it asks {', '.join(sorted(asked))}")
    return asked[slug]
