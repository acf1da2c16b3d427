"""What `arena doctor` looks at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.config import Settings
from arena.db import Database
from arena.domain.imported import BACKEND
from arena.errors import ArenaError
from arena.services.provenance import is_established, standing
from arena.services.retention import RULES
from arena.services.sealing import broken_seal
from arena.storage import ImageStore
from arena.tables import BlindCopy, Entrant, Image, Job, JobState, Removal, Tally, Vote

if TYPE_CHECKING:
    from models.catalog import Catalog

LEAST_FREE = 1024**3
SWEPT_WITHIN = timedelta(days=1)
LEAF_LEFT = timedelta(days=365)
"""What is signed should hold for a year at least."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    well: bool
    told: str


def check_all(settings: Settings, database: Database, images: ImageStore, catalog: Catalog) -> list[Finding]:
    """Look at everything that can be looked at without changing it."""
    with database.read() as session:
        return [
            _disk(settings),
            *_pictures(session, images),
            _jobs(session),
            *_retention(session),
            _votes(session),
            _seals(session),
            *_entrants(session, catalog),
            *_credentials(settings),
        ]


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.home).free
    return Finding("disk", free >= LEAST_FREE, f"{free / 1024**3:.1f} GiB free in {settings.home}")


def _credentials(settings: Settings) -> Iterator[Finding]:
    """Whether the leaf that signs pictures lasts; nothing where this arena signs none."""
    if not is_established(settings):
        return
    ends = standing(settings).leaf_ends
    if ends is None:
        told = "the key that signs pictures is not here; `arena provenance rotate` makes another"
        yield Finding("credentials", well=False, told=told)
        return
    well = ends - datetime.now(UTC) > LEAF_LEFT
    told = f"signatures hold until {ends:%Y-%m-%d}{'' if well else '; `arena provenance rotate`'}"
    yield Finding("credentials", well=well, told=told)


def _pictures(session: Session, images: ImageStore) -> Iterator[Finding]:
    digests = set(session.scalars(select(Image.digest))) | set(session.scalars(select(BlindCopy.digest)))
    bad = 0
    for digest in sorted(digests):
        try:
            images.get(digest)
        except ArenaError as error:
            bad += 1
            yield Finding("pictures", well=False, told=str(error))
    yield Finding("pictures", bad == 0, f"{len(digests) - bad} of {len(digests)} files match their digest")


def _jobs(session: Session) -> Finding:
    states = dict(session.execute(select(Job.state, func.count(Job.id)).group_by(Job.state)).all())
    told = ", ".join(f"{states.get(state, 0)} {state.value}" for state in JobState)
    return Finding("jobs", not states.get(JobState.FAILED), told)


def _retention(session: Session) -> Iterator[Finding]:
    """What should be gone: a worker sweeps every hour, so that a day later none ran."""
    now = datetime.now(UTC)
    for rule in RULES:
        due, late = (rule.due(session, now=moment) for moment in (now, now - SWEPT_WITHIN))
        told = f"{rule.meaning}: kept {rule.kept.days} d, {due} to be deleted"
        yield Finding("retention", not late, told)


def _votes(session: Session) -> Finding:
    votes = session.scalar(select(func.count(Vote.id))) or 0
    counted = (
        session.scalar(select(func.coalesce(func.sum(Tally.votes), 0)).where(Tally.category == "all")) or 0
    )
    removed = session.scalar(select(func.count(Removal.id))) or 0
    told = f"{votes} votes, {removed} of them removed, {counted} counted on boards"
    return Finding("votes", counted <= votes - removed, told)


def _seals(session: Session) -> Finding:
    broken = broken_seal(session)
    return Finding("seals", broken is None, "the chain is whole" if broken is None else broken)


def _entrants(session: Session, catalog: Catalog) -> Iterator[Finding]:
    cards = {card.slug: card for card in catalog}
    painters = select(Entrant).where(Entrant.retired_at.is_(None), Entrant.backend != BACKEND)
    for entrant in session.scalars(painters.order_by(Entrant.id)):
        card = cards.get(entrant.slug)
        label = f"{entrant.slug}@{entrant.revision}"
        if card is None:
            yield Finding("entrants", well=False, told=f"{label} has no card in the catalogue any more")
        elif card.revision != entrant.revision:
            yield Finding(
                "entrants",
                well=True,
                told=f"{label} is an older revision; the catalogue has {card.revision}",
            )
        elif card.backend == "atelier" and find_spec("mitsuba") is None:
            yield Finding(
                "entrants", well=False, told=f"{label} needs `pip install 'vernissage-arena[atelier]'`"
            )
        else:
            yield Finding("entrants", well=True, told=label)
