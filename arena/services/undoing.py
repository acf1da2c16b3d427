"""Undo: a vote is taken back before its rater has seen the names, and the question is asked again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.domain.blinding import pictures_end
from arena.errors import CampaignClosed, Conflict, NotVotedYet
from arena.queries.removed import retracted
from arena.services.removing import retract
from arena.services.voting import own_battle
from arena.tables import Battle, Campaign, Criterion, Vote

MOST_UNDONE = 5
"""How many votes of one battle may be undone."""


class TooLateToUndo(Conflict):
    """The rater is done with the battle, or it came down: the vote can be withdrawn, and not given anew."""

    code = "too_late_to_undo"

    def __init__(self, key: str) -> None:
        super().__init__(f"the vote of battle {key} stands; it can be withdrawn, and not given anew")
        self.key = key


class UndoneEnough(Conflict):
    """The votes of a battle were undone as often as they may be."""

    code = "undone_enough"

    def __init__(self, key: str) -> None:
        super().__init__(f"votes of battle {key} were undone {MOST_UNDONE} times; the last one stands")
        self.key = key


def undo(session: Session, *, key: str, voter_key: str, answers: int | None = None, now: datetime) -> None:
    """Take back the answer that was given last; its question is open again, and so is the battle.

    ``answers`` is how many there were when the rater asked: with fewer now it was done before, and the same
    wish sent again takes nothing more back.

    The ballot stays in the chain of seals, beside a leaf that says it was retracted. It can be undone as long
    as the pictures hang, and a battle whose time ran out meanwhile gets it anew; afterwards the vote may be
    told with its names, see `arena.queries.votes.released`.

    Raises
    ------
    UnknownBattle
    NotVotedYet
        If there is no answer.
    TooLateToUndo
        If the names or the next pair were asked for, the pictures have come down, or the vote was withdrawn.
    UndoneEnough, CampaignClosed
    """
    battle = own_battle(session, key, voter_key)
    if battle.settled_at is not None or battle.revealed_at is not None or battle.skipped_at is not None:
        raise TooLateToUndo(key)
    if pictures_end(battle.expires_at, battle.voted_at) <= now:
        raise TooLateToUndo(key)
    campaign = session.get_one(Campaign, battle.campaign_id)
    if campaign.closed_at is not None and campaign.closed_at <= now:
        raise CampaignClosed(campaign.slug)
    given = session.scalars(
        select(Vote.id)
        .join(Criterion, Vote.criterion_id == Criterion.id)
        .where(Vote.battle_id == battle.id, ~retracted())
        .order_by(Criterion.position)
    ).all()
    if answers is not None and len(given) < answers:
        return
    if not given:
        raise NotVotedYet(key)
    if _undone(session, battle) >= MOST_UNDONE:
        raise UndoneEnough(key)
    if not retract(session, given[-1], now=now):
        raise TooLateToUndo(key)
    battle.voted_at = None
    battle.expires_at = max(battle.expires_at, now + timedelta(minutes=campaign.minutes_to_vote))
    session.flush()


def _undone(session: Session, battle: Battle) -> int:
    query = select(func.count(Vote.id)).where(Vote.battle_id == battle.id, retracted())
    return session.scalar(query) or 0
