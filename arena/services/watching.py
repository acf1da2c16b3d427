"""The stop rule at work: the worker looks at campaigns that have a target, and closes those it answers.

Every look is kept, so that anybody can follow how the answer came about. Only a campaign whose plan was
registered is closed by its rule; others are looked at all the same.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from threadpoolctl import threadpool_limits

from analysis.errors import AnalysisError
from analysis.stopping import Look, look, votes_left
from arena.db import Database, told_plainly
from arena.errors import Invalid
from arena.queries.boards import votes_of
from arena.queries.campaigns import members, name_of, newest_look
from arena.queries.finding import find_campaign, first_criterion
from arena.queries.removed import removed_of
from arena.services.campaigning import close
from arena.services.registering import aim_of
from arena.services.snapshots import SnapshotCache
from arena.tables import Campaign, CampaignLook

LOOKS_APART: Final = 0.01
FEWEST: Final = 10
"""The rule looks again after so many more votes, as a share of those there are, and at least so many."""

SETTLED_AFTER: Final = timedelta(minutes=5)
"""So long after a look fewer new votes than that are looked at, too."""

BY_RULE: Final = {
    "above": "separated",
    "below": "separated",
    "alike": "alike",
    "told": "told_apart",
}
"""An answer -> why the campaign closed."""
AT_MOST: Final = "most_votes"
ACTOR: Final = "stop rule"


def refresh(database: Database, votes: SnapshotCache, *, now: datetime) -> int:
    """Look at every open campaign with a target whose votes have moved; returns how many looks were kept."""
    with database.read() as session:
        due = [campaign.id for campaign in _open(session, now) if _is_due(session, campaign, now)]
    kept = 0
    for number in due:
        try:
            with database.read() as session, threadpool_limits(1, user_api="blas"):
                seen = look_at(session, session.get_one(Campaign, number), votes, now=now)
        except AnalysisError:
            continue  # as few votes as this have no fit yet
        with told_plainly(), database.write.begin() as session:
            keep(session, seen, now=now)
        kept += 1
    return kept


def look_now(database: Database, slug: str, *, now: datetime) -> None:
    """Look at one open campaign, however few votes are new; nothing to see is no error.

    Raises
    ------
    UnknownCampaign
    Invalid
        If it has no target.
    """
    with database.read() as session:
        campaign = find_campaign(session, slug)
        if campaign.target is None:
            raise Invalid(
                f"campaign {slug!r} has no target; `arena campaigns edit {slug} --target` names one"
            )
        closed = campaign.closed_at is not None and campaign.closed_at <= now
        if closed or not votes_of(session, campaign.id, first_criterion(session, campaign.id).id):
            return
        seen = look_at(session, campaign, SnapshotCache(), now=now)
    with told_plainly(), database.write.begin() as session:
        keep(session, seen, now=now)


def look_at(session: Session, campaign: Campaign, votes: SnapshotCache, *, now: datetime) -> CampaignLook:
    """Look at the votes of a campaign; reads only.

    Raises
    ------
    Invalid
        If its target names nobody of the campaign.
    analysis.errors.AnalysisError
        If the votes have no fit.
    """
    aim = aim_of(session, campaign)
    assert aim is not None, "only campaigns with a target are looked at"
    names = {entrant.id: name_of(entrant) for entrant, _ in members(session, campaign.id)}
    criterion = first_criterion(session, campaign.id)
    snapshot = votes.read(session, campaign.id, criterion.id)
    found: Look = look(snapshot.comparisons(names, list(names.values())), aim)
    return CampaignLook(
        campaign_id=campaign.id,
        votes=len(snapshot),
        removed=snapshot.removed,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        clock=found.clock,
        settled=found.settled,
        pairs=len(found.states),
        answer=found.answer,
        states=[asdict(state) for state in found.states],
        votes_left=votes_left(found, aim, len(snapshot)),
        looked_at=now,
    )


def keep(session: Session, seen: CampaignLook, *, now: datetime) -> None:
    """Keep a look, and close the campaign if its registered rule says so.

    Never before the least votes of its target; and at its most votes, with an answer or without one.
    """
    session.add(seen)
    campaign = session.get_one(Campaign, seen.campaign_id)
    if campaign.registration is None:
        return
    rule = campaign.registration["rule"]
    if seen.votes < rule["least_votes"]:
        return
    because = BY_RULE.get(seen.answer or "")
    if because is None and rule["most_votes"] is not None and seen.votes >= rule["most_votes"]:
        because = AT_MOST
    if because is not None:
        close(session, campaign.slug, now=now, because=because, actor=ACTOR)


def _open(session: Session, now: datetime) -> list[Campaign]:
    still_open = or_(Campaign.closed_at.is_(None), Campaign.closed_at > now)
    query = select(Campaign).where(Campaign.target.is_not(None), still_open).order_by(Campaign.id)
    return list(session.scalars(query))


def _is_due(session: Session, campaign: Campaign, now: datetime) -> bool:
    """Whether enough has happened since the last look."""
    criterion_id = first_criterion(session, campaign.id).id
    votes, removed = votes_of(session, campaign.id, criterion_id), removed_of(session, criterion_id)
    last = newest_look(session, campaign.id)
    if last is None:
        return votes > 0
    if (votes, removed) == (last.votes, last.removed):
        return False
    enough = votes - last.votes >= max(FEWEST, LOOKS_APART * last.votes)
    return enough or removed != last.removed or now - last.looked_at >= SETTLED_AFTER
