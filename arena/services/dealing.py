"""Dealing a battle to a voter: blind, by a policy whose probability is known, never a picture seen before.

One exception is stated: a battle that checks its rater may show a pair of theirs once more, see
`arena.services.check_battles`. The probability kept with an ordinary battle is that of its draw, given that
it is no check.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from analysis.design import UNIFORM_SHARE, pair_probabilities, targeted_probabilities
from analysis.outcomes import Outcome
from arena.domain.pairing import Draw, draw
from arena.domain.quality import CHECKS_VERSION
from arena.domain.stock import Pair, Stock, choice, pair_of
from arena.queries.campaigns import aimed_pairs, members, name_of
from arena.queries.finding import find_campaign
from arena.services.admission import may_vote
from arena.services.check_battles import Check, draw_check
from arena.services.generation import progress
from arena.services.voters import voter_of
from arena.tables import (
    Battle,
    BattleKind,
    BlindCopy,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Entrant,
    Image,
    Report,
    Tally,
    Verdict,
)

POLICIES = {
    "uniform": "uniform/1",
    "informative": f"informative/1;uniform_share={UNIFORM_SHARE}",
    "targeted": f"targeted/1;uniform_share={UNIFORM_SHARE}",
}
"""Policy -> its version, kept with every battle."""

OVERLAP = 100
"""Copies before the newest known one that are looked at again."""

MOST_LOOKED_UP = 1000
"""With more new pictures than this it is quicker to read all."""

# The statements of every deal are built once: building them would take longer than running them.
_OF_VOTER = select(
    Battle.id,
    Battle.key,
    Battle.campaign_id,
    Battle.kind,
    Battle.prompt_id,
    Battle.left_entrant_id,
    Battle.right_entrant_id,
    Battle.left_image_id,
    Battle.right_image_id,
    Battle.voted_at,
    Battle.skipped_at,
    Battle.expires_at,
).where(Battle.voter_id == bindparam("voter"))
_SIZE = (
    select(
        CampaignEntrant.entrant_id,
        select(func.count())
        .select_from(CampaignPrompt)
        .where(CampaignPrompt.campaign_id == bindparam("campaign"))
        .scalar_subquery()
        .label("prompts"),
        select(func.count(Report.id))
        .where(Report.verdict == Verdict.TAKEN_DOWN)
        .scalar_subquery()
        .label("taken_down"),
    )
    .join(Entrant, Entrant.id == CampaignEntrant.entrant_id)
    .where(CampaignEntrant.campaign_id == bindparam("campaign"), Entrant.retired_at.is_(None))
    .order_by(CampaignEntrant.entrant_id)
)
_COPIES = select(BlindCopy.id, BlindCopy.image_id).where(BlindCopy.id > bindparam("after"))
_TALLIES = (
    select(
        Tally.left_entrant_id,
        Tally.right_entrant_id,
        Tally.outcome,
        func.sum(Tally.votes),
    )
    .where(Tally.campaign_id == bindparam("campaign"), Tally.category == "all")
    .group_by(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome)
)


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
    """A stock, the newest copy in it, and the `_size` that its campaign had."""

    stock: Stock
    newest: int
    size: tuple[int, tuple[int, ...], int]


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
        came to the campaign, whose pictures may be older, and where a picture was taken down.
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
    UnknownCampaign, CampaignClosed, NotInvited, EnoughVotes
    """
    found = find_campaign(session, campaign)
    voter = voter_of(session, voter_key, now=now)
    may_vote(session, found, voter, now)
    met = session.connection().execute(_OF_VOTER, {"voter": voter.id}).all()
    mine = [battle for battle in met if battle.campaign_id == found.id]
    for battle in mine:
        if battle.voted_at is None and battle.skipped_at is None and battle.expires_at > now:
            return Dealt(battle.key)
    seen = {image for b in met if b.voted_at for image in (b.left_image_id, b.right_image_id)}
    dealt = frozenset(
        (b.prompt_id, pair_of(b.left_entrant_id, b.right_entrant_id))
        for b in mine
        if b.kind is BattleKind.ORDINARY and (b.voted_at or b.skipped_at)
    )
    voted = sorted((b.voted_at, b.id) for b in mine if b.voted_at)
    with (stocks or Stocks()).of(session, found) as stock:
        offered = choice(stock, seen=seen, dealt=dealt)
        if not offered.left:
            return _nothing_left(session, found, done=len(voted))
        drawn = draw_check(session, found, offered, voted=[number for _, number in voted], rng=rng) or draw(
            offered, weights=pair_weights(session, found, list(offered.left)), rng=rng
        )
    key = secrets.token_urlsafe(16)
    session.add(
        Battle(
            key=key,
            campaign_id=found.id,
            prompt_id=drawn.prompt_id,
            voter_id=voter.id,
            left_entrant_id=drawn.left_entrant_id,
            right_entrant_id=drawn.right_entrant_id,
            left_image_id=drawn.left_image_id,
            right_image_id=drawn.right_image_id,
            left_token=secrets.token_urlsafe(16),
            right_token=secrets.token_urlsafe(16),
            eligible=offered.eligible,
            **_kind_of(drawn, found),
            dealt_at=now,
            expires_at=now + timedelta(minutes=found.minutes_to_vote),
        )
    )
    session.flush()
    return Dealt(key)


def _kind_of(drawn: Draw | Check, campaign: Campaign) -> dict[str, Any]:
    """What a battle keeps of how it came about."""
    if isinstance(drawn, Draw):
        return {
            "kind": BattleKind.ORDINARY,
            "propensity": drawn.propensity,
            "policy": POLICIES[campaign.policy],
        }
    return {
        "kind": drawn.kind,
        "propensity": None,
        "policy": f"{CHECKS_VERSION};share={campaign.checks:g}",
        "repeats_id": drawn.repeats_id,
        "expected": drawn.expected,
    }


def _size(session: Session, campaign: Campaign) -> tuple[int, tuple[int, ...], int]:
    """How many prompts a campaign has, which entrants are dealt, how many pictures were taken down."""
    rows = session.connection().execute(_SIZE, {"campaign": campaign.id}).all()
    prompts, taken_down = (rows[0].prompts, rows[0].taken_down) if rows else (0, 0)
    return prompts, tuple(row.entrant_id for row in rows), taken_down


def _fill(session: Session, campaign: Campaign, stock: Stock, *, known: int) -> int:
    """Add the pictures on the campaign's canvas that are newer than a known copy; returns the newest one."""
    unknown: list[int] = []
    if known:
        recent = session.connection().execute(_COPIES, {"after": known - OVERLAP}).all()
        newest = max((number for number, _ in recent), default=known)
        unknown = [image for _, image in recent if image not in stock.prompt_of]
        if not unknown:
            return newest
    else:
        newest = session.scalar(select(func.max(BlindCopy.id))) or 0
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
        .join(Entrant, (Entrant.id == Image.entrant_id) & Entrant.retired_at.is_(None))
        .where(Image.withdrawn_at.is_(None))
    )
    if 0 < len(unknown) <= MOST_LOOKED_UP:
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
    tallies = session.connection().execute(_TALLIES, {"campaign": campaign.id})
    for left, right, outcome, votes in tallies:
        if left in place and right in place:
            left_share, right_share = half.get(outcome, (0.5, 0.5))
            wins[place[left], place[right]] += left_share * int(votes)
            wins[place[right], place[left]] += right_share * int(votes)
    aimed = _aimed(session, campaign, place) if campaign.policy == "targeted" else []
    probability = targeted_probabilities(wins, aimed) if aimed else pair_probabilities(wins)
    return {(a, b): float(probability[place[a], place[b]]) for a, b in pairs}


def _aimed(session: Session, campaign: Campaign, place: Mapping[int, int]) -> list[tuple[int, int]]:
    """The pairs that a campaign's target is about, by the places of those that can be dealt now."""
    number = {name_of(entrant): entrant.id for entrant, _ in members(session, campaign.id)}
    pairs = [(number[a], number[b]) for a, b in aimed_pairs(session, campaign)]
    return [(place[a], place[b]) for a, b in pairs if a in place and b in place]


def _nothing_left(session: Session, campaign: Campaign, *, done: int) -> Waiting | Finished:
    made = progress(session, campaign.id)
    if made.settled < made.asked or not made.asked:
        return Waiting(made=made.settled, asked=made.asked)
    return Finished(done)
