"""Whose a campaign's board is, and when: everybody's, its raters', its staff's, nobody's until it closes."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from arena.domain.campaigns import DELAYS, BoardKeptBack
from arena.queries.finding import CampaignLine, campaigns
from arena.tables import Battle, BoardReaders, Campaign, RevealPolicy, Voter

STAFF = "staff"
"""The cohort of raters who may see every board."""


def kept_back(now: datetime) -> Select[int]:
    """Ids of the campaigns whose boards, and votes, are not for everybody now; for ``IN`` and ``NOT IN``.

    Where a campaign publishes later, that is all of it until so long after its end.
    """
    still_open = or_(Campaign.closed_at.is_(None), Campaign.closed_at > now)
    delayed = [
        and_(
            Campaign.delay_hours == hours,
            or_(Campaign.closed_at.is_(None), Campaign.closed_at > now - timedelta(hours=hours)),
        )
        for hours in DELAYS
        if hours
    ]
    return select(Campaign.id).where(
        or_(
            Campaign.board == BoardReaders.STAFF,
            and_(Campaign.board.in_([BoardReaders.RATERS, BoardReaders.HIDDEN]), still_open),
            *delayed,
        )
    )


def untold(now: datetime) -> Select[int]:
    """Ids of the campaigns whose single votes are not for everybody now; for ``IN`` and ``NOT IN``.

    Where a board is kept back its votes are; and where an open campaign holds its names back a vote would
    tell them.
    """
    still_open = or_(Campaign.closed_at.is_(None), Campaign.closed_at > now)
    names_held_back = and_(Campaign.reveal != RevealPolicy.EACH, still_open)
    return select(Campaign.id).where(or_(Campaign.id.in_(kept_back(now)), names_held_back))


def is_delayed(campaign: Campaign, now: datetime) -> bool:
    """Whether a campaign has votes that it does not publish yet."""
    wait = timedelta(hours=campaign.delay_hours)
    return bool(wait) and not (campaign.closed_at is not None and campaign.closed_at + wait <= now)


def everybodys(campaign: Campaign, now: datetime) -> bool:
    """Whether anybody may see all of the board of a campaign now."""
    closed = campaign.closed_at is not None and campaign.closed_at <= now
    public = campaign.board is BoardReaders.PUBLIC or (closed and campaign.board is not BoardReaders.STAFF)
    return public and not is_delayed(campaign, now)


def check_board(
    session: Session, campaign: Campaign, *, now: datetime, voter_key: str = "", operator: bool = False
) -> None:
    """See that a reader may see all that a campaign's votes say now.

    Parameters
    ----------
    voter_key : str
        Who reads, if that is known.
    operator : bool
        Whether an operator reads: they may see every board.

    Raises
    ------
    BoardKeptBack
    """
    if shown_until(session, campaign, now=now, voter_key=voter_key, operator=operator) is not None:
        raise BoardKeptBack(campaign.slug, "delayed")


def shown_until(
    session: Session, campaign: Campaign, *, now: datetime, voter_key: str = "", operator: bool = False
) -> datetime | None:
    """See that a reader may see the board of a campaign, and up to when; none where that is now.

    Raises
    ------
    BoardKeptBack
        As `check_board`, but for what is only delayed.
    """
    if operator or everybodys(campaign, now):
        return None
    voter = session.scalar(select(Voter).where(Voter.key == voter_key)) if voter_key else None
    if voter is not None and voter.cohort == STAFF:
        return None
    closed = campaign.closed_at is not None and campaign.closed_at <= now
    if campaign.board is BoardReaders.STAFF or (campaign.board is BoardReaders.HIDDEN and not closed):
        raise BoardKeptBack(campaign.slug, campaign.board.value)
    if campaign.board is BoardReaders.RATERS and not closed and not _voted(session, campaign, voter):
        raise BoardKeptBack(campaign.slug, campaign.board.value)
    return now - timedelta(hours=campaign.delay_hours) if is_delayed(campaign, now) else None


def _voted(session: Session, campaign: Campaign, voter: Voter | None) -> bool:
    if voter is None:
        return False
    voted = select(Battle.id).where(
        Battle.voter_id == voter.id, Battle.campaign_id == campaign.id, Battle.voted_at.is_not(None)
    )
    return session.scalar(voted.limit(1)) is not None


def shown_first(session: Session, *, now: datetime) -> list[CampaignLine]:
    """Every campaign with its votes, those whose boards are everybody's before the others."""
    back = set(session.scalars(select(Campaign.slug).where(Campaign.id.in_(kept_back(now)))))
    return sorted(campaigns(session), key=lambda line: line.slug in back)
