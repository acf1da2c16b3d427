"""Voters: found by the key in their cookie, and made when they first take part."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.tables import Battle, Invite, InviteUse, Vote, Voter

PUBLIC: Final = "public"
"""The cohort of voters whom nobody invited."""

_OF_KEY = select(Voter).where(Voter.key == bindparam("key")).with_for_update()


def voter_of(session: Session, key: str, *, now: datetime) -> Voter:
    """Find or make a voter; its row stays locked, so that two tabs do not act at once."""
    found = session.scalar(_OF_KEY, {"key": key})
    if found is not None:
        return found
    try:
        with session.begin_nested():
            voter = Voter(key=key, cohort=PUBLIC, created_at=now)
            session.add(voter)
        return voter
    except IntegrityError:  # a second tab of the same browser was first
        return session.scalars(_OF_KEY, {"key": key}).one()


def has_voted(session: Session, key: str) -> bool:
    """Whether a voter ever cast a vote, in whatever campaign, taken back or not."""
    query = select(Vote.id).join(Battle, Vote.battle_id == Battle.id).join(Voter, Battle.voter_id == Voter.id)
    return session.scalar(query.where(Voter.key == key).limit(1)) is not None


def is_invited(session: Session, campaign_id: int, voter_id: int) -> bool:
    """Whether a voter took an invitation to a campaign; revoking it later sends nobody away."""
    taken = (
        select(InviteUse.invite_id)
        .join(Invite, Invite.id == InviteUse.invite_id)
        .where(Invite.campaign_id == campaign_id, InviteUse.voter_id == voter_id)
        .limit(1)
    )
    return session.scalar(taken) is not None
