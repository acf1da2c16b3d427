"""Invitations: links that let voters into a campaign, as a cohort.

A cohort is a property of a voter from the first vote on: tallies, boards and exports carry it. So a link puts
a voter into its cohort only if they have not voted yet; one who has keeps the old one, everywhere, and is
told so. Either way they are invited.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.domain.voters import SpentInvite, UnknownInvite
from arena.errors import CampaignClosed, Invalid
from arena.queries.finding import find_campaign
from arena.services.curation import record
from arena.services.voters import PUBLIC, has_voted, voter_of
from arena.tables import Campaign, Invite, InviteUse, Voter

COHORT: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_COHORT: Final = 40
MOST_USES: Final = 10_000
MOST_DAYS: Final = 365
_NO_COHORTS: Final = frozenset({PUBLIC, "all"})


@dataclass(frozen=True, slots=True)
class NewInvite:
    """An invitation that was just made; ``token`` is nowhere else and cannot be had again."""

    number: int
    token: str
    campaign: str
    cohort: str
    uses: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InviteLine:
    """An invitation as operators see it."""

    number: int
    campaign: str
    cohort: str
    used: int
    uses: int
    by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Whether the link lets anybody else in."""
        return self.revoked_at is None and self.expires_at > now and self.used < self.uses


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link offers to whoever opened it.

    ``taken`` says that this voter is in already, ``voter_cohort`` which cohort they have.
    """

    campaign: Campaign
    cohort: str
    by: str
    expires_at: datetime
    taken: bool
    voter_cohort: str


def make_invite(
    session: Session,
    *,
    campaign: str,
    cohort: str,
    uses: int,
    days: int,
    now: datetime,
    actor: str = "operator",
) -> NewInvite:
    """Make an invitation.

    Parameters
    ----------
    campaign : str
        Its slug.
    cohort : str
        What those who take it are counted as, such as ``creators``.
    uses, days : int
        How many voters may take it, and for how many days.

    Raises
    ------
    UnknownCampaign, CampaignClosed
    Invalid
        If the cohort, the uses or the days cannot be.
    """
    if len(cohort) > LONGEST_COHORT or not COHORT.fullmatch(cohort) or cohort in _NO_COHORTS:
        raise Invalid(
            f"a cohort is small letters, digits and single hyphens, at most {LONGEST_COHORT} of them, and "
            f"neither {' nor '.join(sorted(_NO_COHORTS))}; not {cohort[:80]!r}"
        )
    if not 1 <= uses <= MOST_USES:
        raise Invalid(f"an invitation is for 1 to {MOST_USES:,} voters, not {uses}")
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"an invitation lasts from 1 to {MOST_DAYS} days, not {days}")
    found = find_campaign(session, campaign)
    _see_that_it_is_open(found, now)
    token = secrets.token_urlsafe(24)
    invite = Invite(
        digest=_digest(token),
        campaign_id=found.id,
        cohort=cohort,
        uses=uses,
        by=actor,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(invite)
    session.flush()
    told = {"invite": invite.id, "cohort": cohort, "uses": uses, "days": days}
    record(session, now=now, actor=actor, kind="invite.made", subject=found.slug, data=told)
    return NewInvite(invite.id, token, found.slug, cohort, uses, invite.expires_at)


def read_invite(session: Session, token: str, *, voter_key: str, now: datetime) -> Invitation:
    """What a link offers to a voter.

    Raises
    ------
    UnknownInvite, SpentInvite, CampaignClosed
    """
    invite = session.scalar(select(Invite).where(Invite.digest == _digest(token)))
    if invite is None:
        raise UnknownInvite
    campaign = session.get_one(Campaign, invite.campaign_id)
    voter = session.scalar(select(Voter).where(Voter.key == voter_key))
    taken = voter is not None and session.get(InviteUse, (invite.id, voter.id)) is not None
    if not taken:
        _see_that_it_opens(session, invite, now)
        _see_that_it_is_open(campaign, now)
    return Invitation(
        campaign, invite.cohort, invite.by, invite.expires_at, taken, voter.cohort if voter else PUBLIC
    )


def accept(session: Session, token: str, *, voter_key: str, now: datetime) -> None:
    """Let a voter in by a link; who is in already stays in, and no use is counted.

    Raises
    ------
    UnknownInvite, SpentInvite, CampaignClosed
    """
    voter = voter_of(session, voter_key, now=now)
    invite = session.scalar(select(Invite).where(Invite.digest == _digest(token)).with_for_update())
    if invite is None:
        raise UnknownInvite
    if session.get(InviteUse, (invite.id, voter.id)) is not None:
        return
    _see_that_it_opens(session, invite, now)
    _see_that_it_is_open(session.get_one(Campaign, invite.campaign_id), now)
    session.add(InviteUse(invite_id=invite.id, voter_id=voter.id, used_at=now))
    if not has_voted(session, voter_key):
        voter.cohort = invite.cohort
    session.flush()


def revoke_invite(session: Session, number: int, *, now: datetime, actor: str = "operator") -> bool:
    """Let a link open nothing any more; false if it was revoked before. Who is in stays in.

    Raises
    ------
    UnknownInvite
    """
    invite = session.get(Invite, number)
    if invite is None:
        raise UnknownInvite
    if invite.revoked_at is not None:
        return False
    invite.revoked_at = now
    slug = session.get_one(Campaign, invite.campaign_id).slug
    record(session, now=now, actor=actor, kind="invite.revoked", subject=slug, data={"invite": number})
    return True


def invites(session: Session, campaign: str | None = None) -> list[InviteLine]:
    """Every invitation there ever was, the newest first; only those to one campaign if it is named.

    Raises
    ------
    UnknownCampaign
    """
    used = select(func.count()).where(InviteUse.invite_id == Invite.id).scalar_subquery()
    query = select(Invite, Campaign.slug, used).join(Campaign, Campaign.id == Invite.campaign_id)
    if campaign is not None:
        query = query.where(Campaign.id == find_campaign(session, campaign).id)
    return [
        InviteLine(
            number=invite.id,
            campaign=slug,
            cohort=invite.cohort,
            used=count,
            uses=invite.uses,
            by=invite.by,
            created_at=invite.created_at,
            expires_at=invite.expires_at,
            revoked_at=invite.revoked_at,
        )
        for invite, slug, count in session.execute(query.order_by(Invite.id.desc()))
    ]


def _see_that_it_opens(session: Session, invite: Invite, now: datetime) -> None:
    used = session.scalar(select(func.count()).where(InviteUse.invite_id == invite.id)) or 0
    if invite.revoked_at is not None or invite.expires_at <= now or used >= invite.uses:
        raise SpentInvite


def _see_that_it_is_open(campaign: Campaign, now: datetime) -> None:
    if campaign.closed_at is not None and campaign.closed_at <= now:
        raise CampaignClosed(campaign.slug)


def _digest(token: str) -> str:
    """SHA-256 of a token; no salt or stretching, for 192 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()
