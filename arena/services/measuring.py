"""Measuring pictures: what `models.features` says of each, kept beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from PIL import UnidentifiedImageError
from sqlalchemy import Select, and_, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.errors import CorruptImage, UnknownPicture
from arena.storage import ImageStore
from arena.tables import CampaignEntrant, CampaignPrompt, Image, ImageMeasure

BATCH: Final = 4
"""Pictures between two writes: about a sixth of a second of one core at 512 pixels."""

_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
_KEY = [column.name for column in inspect(ImageMeasure).primary_key]
_VALUES = [column.name for column in inspect(ImageMeasure).columns if column.name not in _KEY]


@dataclass(frozen=True, slots=True)
class Lost:
    """A picture that cannot be measured, since the store has it no more or no more whole."""

    image_id: int
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a sweep did; ``last`` is the picture to go on after, null at the end."""

    last: int | None
    measured: int
    lost: tuple[Lost, ...]


def measure_some(
    database: Database,
    images: ImageStore,
    *,
    now: datetime,
    after: int = 0,
    most: int = BATCH,
    campaign_id: int | None = None,
) -> Step:
    """Measure the next pictures that have no measures of the present version.

    Reading and measuring hold no lock; what was measured is written in one short transaction.

    Parameters
    ----------
    after : int
        Number of the picture after which to look.
    most : int
    campaign_id : int, optional
        Only pictures of that campaign's entrants and prompts.
    """
    from models.features import STYLE, VERSION, measure

    with database.read() as session:
        found = session.execute(
            _unmeasured(VERSION, campaign_id).where(Image.id > after).order_by(Image.id).limit(most)
        ).all()
    rows: list[dict[str, Any]] = []
    lost: list[Lost] = []
    for image_id, digest in found:
        try:
            features = measure(images.get(digest))
        except (UnknownPicture, CorruptImage, UnidentifiedImageError, OSError) as error:
            lost.append(Lost(image_id, digest, str(error)))
            continue
        told = {name: getattr(features, name) for name in STYLE}
        rows.append(
            {
                "image_id": image_id,
                "version": VERSION,
                "measured_at": now,
                "vector": features.vector.tobytes(),
                **told,
            }
        )
    if rows:
        with told_plainly(), database.write.begin() as session:
            _keep(session, rows)
    return Step(found[-1].id if found else None, len(rows), tuple(lost))


def unmeasured(session: Session, campaign_id: int | None = None) -> int:
    """How many pictures have no measures of the present version."""
    from models.features import VERSION

    return session.scalar(select(func.count()).select_from(_unmeasured(VERSION, campaign_id).subquery())) or 0


def _unmeasured(version: str, campaign_id: int | None) -> Select[int, str]:
    query = (
        select(Image.id, Image.digest)
        .outerjoin(ImageMeasure, and_(ImageMeasure.image_id == Image.id, ImageMeasure.version == version))
        .where(ImageMeasure.image_id.is_(None))
    )
    return query if campaign_id is None else of_campaign(query, campaign_id)


def of_campaign(query: Select[*tuple[Any, ...]], campaign_id: int) -> Select[*tuple[Any, ...]]:
    """Narrow a query over pictures to those of a campaign's entrants and prompts."""
    return query.join(
        CampaignEntrant,
        (CampaignEntrant.entrant_id == Image.entrant_id) & (CampaignEntrant.campaign_id == campaign_id),
    ).join(
        CampaignPrompt,
        (CampaignPrompt.prompt_id == Image.prompt_id) & (CampaignPrompt.campaign_id == campaign_id),
    )


def _keep(session: Session, rows: list[dict[str, Any]]) -> None:
    """Keep measures in place of older ones; of two workers that measured one picture the later one stays."""
    insert = _DIALECTS[session.get_bind().dialect.name].insert(ImageMeasure)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=_KEY, set_={name: insert.excluded[name] for name in _VALUES}
        ),
        rows,
    )
