"""What anybody may page through: which battles and prompts votes have told of, and whether that changed.

A vote is told when it is sealed and `arena.queries.votes.released`, and then for good. Votes are older than
the seal that holds them, so only the newest seals can hold some that are still withheld.
"""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from arena.domain.blinding import PICTURES_LAST
from arena.queries.board_readers import untold
from arena.queries.removed import stands
from arena.queries.votes import released
from arena.tables import (
    Battle,
    Campaign,
    CampaignPrompt,
    Criterion,
    Event,
    Prompt,
    Reason,
    Removal,
    Seal,
    SealEntry,
    Vote,
)

SLACK = timedelta(minutes=1)
"""How much younger than its seal a vote may look where clocks differ."""


def mark(session: Session, *, now: datetime) -> tuple[Any, ...]:
    """Numbers of which one changes whenever a told vote is added or removed, or anything that is told of one.

    While no seal is added, votes can only go from withheld to told: how many are withheld says which are.
    """
    told_before = now - PICTURES_LAST
    withheld = _entries(_settled(session, told_before)).where(~released(told_before))
    closed = select(Campaign.id).where(Campaign.closed_at <= now).order_by(Campaign.id)
    return (
        *(session.scalar(select(func.max(table.id))) for table in (Seal, Reason, Event, Prompt)),
        session.scalar(withheld.with_only_columns(func.count())),
        session.scalar(select(func.count()).select_from(Removal)),
        *session.scalars(closed),
        *session.scalars(untold(told_before)),
    )


def told_battles(
    session: Session, *, campaign_id: int | None, after: int, limit: int, now: datetime
) -> Sequence[int]:
    """Numbers of the next battles with a vote that is told."""
    told = exists().where(
        Vote.battle_id == Battle.id,
        SealEntry.vote_id == Vote.id,
        released(now - PICTURES_LAST),
        stands(),
    )
    shown = Battle.campaign_id.not_in(untold(now - PICTURES_LAST))
    query = select(Battle.id).where(Battle.id > after, told, shown)
    if campaign_id is not None:
        query = query.where(Battle.campaign_id == campaign_id)
    return session.scalars(query.order_by(Battle.id).limit(limit)).all()


@dataclass(slots=True)
class ToldPrompts:
    """Prompts whose words a told vote has carried, by campaign; a process keeps what it has read."""

    _campaigns: dict[int, set[int]] = field(default_factory=dict)
    _ids: list[int] = field(default_factory=list)
    _seal: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, session: Session, *, now: datetime) -> None:
        """Take in what was told since the last time."""
        told_before = now - PICTURES_LAST
        settled = _settled(session, told_before)
        rows = session.execute(
            _entries(self._seal)
            .where(released(told_before))
            .with_only_columns(Battle.prompt_id, Battle.campaign_id)
            .distinct()
        ).all()
        with self._lock:
            for prompt_id, campaign_id in rows:
                if prompt_id not in self._campaigns:
                    insort(self._ids, prompt_id)
                self._campaigns.setdefault(prompt_id, set()).add(campaign_id)
            self._seal = max(self._seal, settled)

    def next(self, *, campaign_id: int | None, after: int, limit: int) -> list[int]:
        """Ids of the next prompts, of one campaign or of all."""
        found: list[int] = []
        with self._lock:
            for prompt_id in self._ids[bisect_right(self._ids, after) :]:
                if campaign_id is None or campaign_id in self._campaigns[prompt_id]:
                    found.append(prompt_id)
                if len(found) == limit:
                    break
        return found


def prompts_by_id(session: Session, ids: Sequence[int]) -> Sequence[Prompt]:
    """Prompts in the order of their ids."""
    return session.scalars(select(Prompt).where(Prompt.id.in_(ids)).order_by(Prompt.id)).all()


def any_prompts(session: Session, *, campaign_id: int | None, after: int, limit: int) -> Sequence[Prompt]:
    """The next prompts, told or not."""
    query = select(Prompt).where(Prompt.id > after).order_by(Prompt.id).limit(limit)
    if campaign_id is not None:
        asked = select(CampaignPrompt.prompt_id).where(CampaignPrompt.campaign_id == campaign_id)
        query = query.where(Prompt.id.in_(asked))
    return session.scalars(query).all()


@dataclass(frozen=True, slots=True)
class Question:
    """What a campaign asks of a pair."""

    criterion: str
    question: str


def questions_by_campaign(session: Session) -> dict[str, tuple[Question, ...]]:
    """The questions of every campaign, in its order, by its slug."""
    found: dict[str, tuple[Question, ...]] = {}
    for campaign, criterion, question in session.execute(
        select(Campaign.slug, Criterion.slug, Criterion.question)
        .join(Criterion, Criterion.campaign_id == Campaign.id)
        .order_by(Campaign.id, Criterion.position)
    ):
        found[campaign] = (*found.get(campaign, ()), Question(criterion, question))
    return found


def _settled(session: Session, told_before: datetime) -> int:
    """A seal up to which every vote is told: the time of the battles that they belong to was over by then."""
    longest = timedelta(minutes=session.scalar(select(func.max(Campaign.minutes_to_vote))) or 0)
    old = select(Seal.id).where(Seal.sealed_at <= told_before - SLACK - longest)
    return session.scalar(old.order_by(Seal.id.desc()).limit(1)) or 0


def _entries(seal: int) -> Select[Any]:
    """Votes of the seals behind one."""
    return (
        select(Vote.id)
        .select_from(SealEntry)
        .join(Vote, SealEntry.vote_id == Vote.id)
        .join(Battle, Vote.battle_id == Battle.id)
        .where(SealEntry.seal_id > seal)
    )
