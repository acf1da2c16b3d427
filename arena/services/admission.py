"""Who may vote in a campaign now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.domain.campaigns import EnoughVotes, NotInvited
from arena.errors import CampaignClosed
from arena.services.voters import is_invited
from arena.tables import Audience, Battle, Campaign, Voter


def may_vote(session: Session, campaign: Campaign, voter: Voter, now: datetime) -> None:
    """See that a voter may be dealt another battle of a campaign.

    Raises
    ------
    CampaignClosed
    NotInvited
        If the campaign takes votes by invitation, and nobody invited this voter.
    EnoughVotes
        If the campaign has all the votes that it takes of one rater.
    """
    if campaign.closed_at is not None and campaign.closed_at <= now:
        raise CampaignClosed(campaign.slug)
    if campaign.audience is Audience.INVITED and not is_invited(session, campaign.id, voter.id):
        raise NotInvited(campaign.slug)
    if campaign.most_votes is not None:
        voted = session.scalar(
            select(func.count()).where(
                Battle.voter_id == voter.id, Battle.campaign_id == campaign.id, Battle.voted_at.is_not(None)
            )
        )
        if (voted or 0) >= campaign.most_votes:
            raise EnoughVotes(campaign.slug, campaign.most_votes)
