"""Dealing a battle to a voter: blind, by a policy whose probability is known, never a picture seen before."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from analysis.design import UNIFORM_SHARE, pair_probabilities
from analysis.outcomes import Outcome
from arena.domain.pairing import draw
from arena.domain.stock import Pair, Stock, choice, pair_of
from arena.errors import CampaignClosed
from arena.queries.boards import find_campaign
from arena.services.generation import progress
from arena.tables import (
    Battle,
    BattleKind,
    BlindCopy,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Image,
    Tally,
    Voter,
)

POLICIES = {
    "uniform": "uniform/1",
    "informative": f"informative/1;uniform_share={UNIFORM_SHARE}",
}
"""Policy -> its version, kept with every battle."""

OVERLAP = 100
"""Copies before the newest known one that are looked at again."""

MOST_LOOKED_UP = 1000
"""With more new pictures than this it is quicker to read all."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """A battle is waiting under this key."""

    key: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """No pair can be dealt yet: pictures are still being made."""

    made: int
    asked: int


@dataclass(frozen=True, slots=True)
class Finished:
    """This voter has judged all there is."""

    done: int


@dataclass(slots=True)
class _Kept:
    """A stock, the newest copy in it, and how many prompts and entrants its campaign had."""

    stock: Stock
    newest: int
    size: tuple[int, int]


@dataclass(slots=True)
class Stocks:
    """The stocks of campaigns, as far as this process has read them; may be used by many threads."""

    _kept: dict[int, _Kept] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def of(self, session: Session, campaign: Campaign) -> Iterator[Stock]:
        """The stock of a campaign with every picture that is there now; it is this thread's for as long.

        New pictures are found by their number, and the last `OVERLAP` are looked at again, since
        transactions may commit out of the order of numbers. All are read anew where prompts or entrants
        came to the campaign, whose pictures may be older.
        """
        with self._lock:
            size = _size(session, campaign)
            kept = self._kept.get(campaign.id)
            if kept is None or kept.size != size:
                kept = self._kept[campaign.id] = _Kept(Stock(), 0, size)
            kept.newest = _fill(session, campaign, kept.stock, known=kept.newest)
            yield kept.stock


def next_battle(
    session: Session,
    *,
    campaign: str | None,
    voter_key: str,
    now: datetime,
    rng: random.Random,
    stocks: Stocks | None = None,
) -> Dealt | Waiting | Finished:
    """Deal the voter's next battle, or give back the one that is still open.

    ``stocks`` is what the process keeps between deals; without it all pictures are read.

    Raises
    ------
    UnknownCampaign, CampaignClosed
    """
    found = find_campaign(session, campaign)
    if found.closed_at is not None and found.closed_at <= now:
        raise CampaignClosed(found.slug)
    voter = _voter(session, voter_key, now)
    mine = session.execute(
        select(
            Battle.key,
            Battle.prompt_id,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            Battle.left_image_id,
            Battle.right_image_id,
            Battle.voted_at,
            Battle.skipped_at,
            Battle.expires_at,
        ).where(Battle.voter_id == voter.id, Battle.campaign_id == found.id)
    ).all()
    for battle in mine:
        if battle.voted_at is None and battle.skipped_at is None and battle.expires_at > now:
            return Dealt(battle.key)
    judged = session.execute(
        select(Battle.left_image_id, Battle.right_image_id).where(
            Battle.voter_id == voter.id, Battle.voted_at.is_not(None)
        )
    )
    seen = {image for pair in judged for image in pair}
    dealt = frozenset(
        (b.prompt_id, pair_of(b.left_entrant_id, b.right_entrant_id))
        for b in mine
        if b.voted_at or b.skipped_at
    )
    with (stocks or Stocks()).of(session, found) as stock:
        offered = choice(stock, seen=seen, dealt=dealt)
        if not offered.left:
            return _nothing_left(session, found, done=sum(b.voted_at is not None for b in mine))
        drawn = draw(offered, weights=pair_weights(session, found, list(offered.left)), rng=rng)
    key = secrets.token_urlsafe(16)
    session.add(
        Battle(
            key=key,
            campaign_id=found.id,
            prompt_id=drawn.prompt_id,
            voter_id=voter.id,
            kind=BattleKind.ORDINARY,
            left_entrant_id=drawn.left_entrant_id,
            right_entrant_id=drawn.right_entrant_id,
            left_image_id=drawn.left_image_id,
            right_image_id=drawn.right_image_id,
            left_token=secrets.token_urlsafe(16),
            right_token=secrets.token_urlsafe(16),
            propensity=drawn.propensity,
            eligible=offered.eligible,
            policy=POLICIES[found.policy],
            dealt_at=now,
            expires_at=now + timedelta(minutes=found.minutes_to_vote),
        )
    )
    session.flush()
    return Dealt(key)


def _voter(session: Session, key: str, now: datetime) -> Voter:
    """Find or make a voter; its row stays locked, so that two tabs are not dealt two battles."""
    query = select(Voter).where(Voter.key == key).with_for_update()
    found = session.scalar(query)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            voter = Voter(key=key, cohort="public", created_at=now)
            session.add(voter)
        return voter
    except IntegrityError:  # a second tab of the same browser was first
        return session.scalars(query).one()


def _size(session: Session, campaign: Campaign) -> tuple[int, int]:
    """How many prompts and entrants a campaign has."""
    prompts, entrants = (
        session.scalar(select(func.count()).select_from(table).where(table.campaign_id == campaign.id)) or 0
        for table in (CampaignPrompt, CampaignEntrant)
    )
    return prompts, entrants


def _fill(session: Session, campaign: Campaign, stock: Stock, *, known: int) -> int:
    """Add the pictures on the campaign's canvas that are newer than a known copy; returns the newest one."""
    query = (
        select(Image.prompt_id, Image.entrant_id, Image.id)
        .join(BlindCopy, (BlindCopy.image_id == Image.id) & (BlindCopy.canvas == campaign.canvas))
        .join(
            CampaignPrompt,
            (CampaignPrompt.prompt_id == Image.prompt_id) & (CampaignPrompt.campaign_id == campaign.id),
        )
        .join(
            CampaignEntrant,
            (CampaignEntrant.entrant_id == Image.entrant_id) & (CampaignEntrant.campaign_id == campaign.id),
        )
    )
    newest = session.scalar(select(func.max(BlindCopy.id))) or 0
    if known:
        recent = session.scalars(select(BlindCopy.image_id).where(BlindCopy.id > known - OVERLAP))
        unknown = [image for image in recent if image not in stock.prompt_of]
        if not unknown:
            return newest
        if len(unknown) <= MOST_LOOKED_UP:
            query = query.where(Image.id.in_(unknown))
    for prompt_id, entrant_id, image_id in session.execute(query):
        stock.add(prompt_id, entrant_id, image_id)
    return newest


def pair_weights(session: Session, campaign: Campaign, pairs: list[Pair]) -> Mapping[Pair, float]:
    """Weight of each pair under the campaign's policy; from the tallies, so as of this very vote."""
    if campaign.policy == "uniform":
        return dict.fromkeys(pairs, 1.0)
    entrants = sorted({entrant for pair in pairs for entrant in pair})
    place = {entrant: i for i, entrant in enumerate(entrants)}
    wins = np.zeros((len(entrants), len(entrants)))
    half = {Outcome.LEFT: (1.0, 0.0), Outcome.RIGHT: (0.0, 1.0)}
    for left, right, outcome, votes in session.execute(
        select(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome, func.sum(Tally.votes))
        .where(Tally.campaign_id == campaign.id, Tally.category == "all")
        .group_by(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome)
    ):
        if left in place and right in place:
            left_share, right_share = half.get(outcome, (0.5, 0.5))
            wins[place[left], place[right]] += left_share * int(votes)
            wins[place[right], place[left]] += right_share * int(votes)
    probability = pair_probabilities(wins)
    return {(a, b): float(probability[place[a], place[b]]) for a, b in pairs}


def _nothing_left(session: Session, campaign: Campaign, *, done: int) -> Waiting | Finished:
    made = progress(session, campaign.id)
    if made.settled < made.asked or not made.asked:
        return Waiting(made=made.settled, asked=made.asked)
    return Finished(done)
