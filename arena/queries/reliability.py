"""Votes that a filter of reliability leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from arena.errors import NoPassRate
from arena.queries.quality import reliable_votes
from arena.tables import Battle, Removal, RemovalKind, Vote


@dataclass(frozen=True, slots=True)
class Reliable:
    """What is asked of votes by the published checks; the options are those of `reliable_votes`.

    Raises
    ------
    NoPassRate
    """

    least_pass_rate: float | None = None
    leave_out_fast: bool = False

    def __post_init__(self) -> None:
        rate = self.least_pass_rate
        if rate is not None and not 0 < rate <= 1:
            raise NoPassRate(f"{rate:g}")


EVERY_VOTE: Final = Reliable()


def unreliable_votes(session: Session, asked: Reliable) -> list[int]:
    """Ids of the votes that do not pass."""
    if asked == EVERY_VOTE:
        return []
    passes = reliable_votes(least_pass_rate=asked.least_pass_rate, leave_out_fast=asked.leave_out_fast)
    return list(session.scalars(select(Vote.id).join(Battle, Vote.battle_id == Battle.id).where(~passes)))


def votes_of_excluded(session: Session) -> list[int]:
    """Ids of the votes of raters of whom a rule has excluded one, each in the campaign of that one."""
    battle, vote = aliased(Battle), aliased(Vote)
    excluded = (
        select(battle.voter_id, battle.campaign_id)
        .join(vote, vote.battle_id == battle.id)
        .join(Removal, Removal.vote_id == vote.id)
        .where(Removal.kind == RemovalKind.EXCLUDED)
        .distinct()
        .subquery()
    )
    of_them = (Battle.voter_id == excluded.c.voter_id) & (Battle.campaign_id == excluded.c.campaign_id)
    query = select(Vote.id).join(Battle, Vote.battle_id == Battle.id).join(excluded, of_them)
    return list(session.scalars(query))
