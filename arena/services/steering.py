"""What operators have the arena do for a campaign: ask for its pictures, try what failed again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.db import Database
from arena.errors import CampaignClosed, CorruptImage
from arena.queries.finding import find_campaign
from arena.services.copying import copy_missing
from arena.services.curation import record
from arena.services.generation import enqueue, try_again
from arena.services.painting import missing_copies
from arena.storage import ImageStore
from arena.tables import Campaign, Event

MOST_COPIES = 40
"""Copies that are made while a request waits; each takes about a tenth of a second."""

log = logging.getLogger(__name__)


def ask_for_missing(
    database: Database,
    images: ImageStore,
    write: Callable[[Callable[[Session], int]], int],
    *,
    campaign: str,
    actor: str,
    now: datetime,
) -> int:
    """Ask for the pictures that a campaign still needs, and hang those it can share with an earlier one.

    Pictures that were made before the campaign need a copy on its canvas. A few are made here, outside the
    transaction; more than `MOST_COPIES` are left to `arena generate`, and the event says how many.

    Returns
    -------
    int
        The id of the event that tells what came of it.

    Raises
    ------
    UnknownCampaign, CampaignClosed
    """
    with database.read() as session:
        campaign_id = _still_open(session, campaign, now).id
    copied, left = _hang_copies(database, images, campaign_id)

    def ask(session: Session) -> int:
        asked = enqueue(session, _still_open(session, campaign, now), now=now)
        told = {"asked": asked, "copied": copied, "left": left}
        return _record(session, now=now, actor=actor, kind="campaign.asked", subject=campaign, data=told)

    return write(ask)


def _hang_copies(database: Database, images: ImageStore, campaign_id: int) -> tuple[int, int]:
    """Make the missing copies of a campaign if they are few; returns how many were made and are left."""

    def count() -> int:
        with database.read() as session:
            return len(missing_copies(session, session.get_one(Campaign, campaign_id)))

    missing = count()
    if not 0 < missing <= MOST_COPIES:
        return 0, missing
    try:
        copy_missing(database, images, campaign_id)
    except IntegrityError:
        log.info("somebody else hangs the copies of campaign %d", campaign_id)
    except CorruptImage as error:
        log.error("%s", error)
    left = count()
    return missing - left, left


def try_failed_again(session: Session, *, campaign: str, actor: str, now: datetime) -> int:
    """Queue the failed pictures of a campaign anew; returns the id of the event that tells how many.

    Raises
    ------
    UnknownCampaign, CampaignClosed
    """
    queued = try_again(session, _still_open(session, campaign, now).id, now=now)
    return _record(
        session, now=now, actor=actor, kind="campaign.tried", subject=campaign, data={"queued": queued}
    )


def _still_open(session: Session, slug: str, now: datetime) -> Campaign:
    found = find_campaign(session, slug)
    if found.closed_at is not None and found.closed_at <= now:
        raise CampaignClosed(slug)
    return found


def _record(
    session: Session, *, now: datetime, actor: str, kind: str, subject: str, data: dict[str, int]
) -> int:
    record(session, now=now, actor=actor, kind=kind, subject=subject, data=data)
    session.flush()
    mine = select(Event.id).where(Event.actor == actor, Event.kind == kind, Event.subject == subject)
    return session.scalars(mine.order_by(Event.id.desc()).limit(1)).one()
