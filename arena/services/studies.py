"""Studies: what a campaign's measured pictures say of its entrants, made anew as pictures come, and kept."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from analysis.picture_diversity import FEWEST_PROMPTS as FEWEST_TO_VARY
from analysis.picture_diversity import diversity
from analysis.telling import FEWEST_PROMPTS as FEWEST_TO_TELL
from analysis.telling import tell
from arena.db import Database, told_plainly
from arena.queries.studies import BLINDNESS, GENERICNESS, KINDS, MEASURES, STYLE, newest_study
from arena.services.measuring import of_campaign
from arena.tables import Campaign, CampaignEntrant, Image, ImageMeasure, Study

VERSION: Final = "1"

GROWTH: Final = 0.1
"""Studies are made anew when a tenth more pictures, or fewer, are measured, or other entrants have any."""

REST: Final = timedelta(minutes=5)
"""The worker lets a campaign's studies rest for so long; `arena measure` does not."""

MOST_PICTURES: Final = 4000
MOST_PROMPTS: Final = 500
"""Of more pictures a study takes those of prompts drawn by the campaign's seed: two seconds at the most."""

BINS: Final = 24
LOGARITHMIC: Final = frozenset({"sharpness", "aspect", "length"})
"""Measures whose ratios matter: the bins of their axis are even in the logarithm."""

LOOKS: Final = ("layout", "palette", "gradients", "spectrum")
"""Parts of the vector by which genericness goes; blindness goes by all of them."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Made:
    """The studies of a campaign that were made, and of how many pictures."""

    campaign: str
    pictures: int
    used: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures that a study looks at; who painted what are codes into ``entrants`` and from zero.

    Of ``measured`` pictures in all; ``painters`` are the entrants that have any.
    """

    measured: int
    entrants: tuple[int, ...]
    painters: tuple[int, ...]
    entrant: NDArray[np.int64]
    prompt: NDArray[np.int64]
    style: Floats
    vectors: Floats


def refresh(
    database: Database,
    *,
    now: datetime,
    campaign_id: int | None = None,
    growth: float = GROWTH,
    rest: timedelta = REST,
) -> list[Made]:
    """Make the studies of every campaign, or of one, whose measured pictures have changed enough.

    Reading and computing hold no lock; keeping writes in a short transaction.

    Parameters
    ----------
    growth : float
        What share of its pictures must have come or gone since the last time.
    rest : timedelta
        How long after the last time nothing is made.
    """
    with database.read() as session:
        campaigns = session.scalars(select(Campaign).order_by(Campaign.id)).all()
        due = [
            campaign
            for campaign in campaigns
            if campaign_id in (None, campaign.id)
            and _is_due(session, campaign.id, now=now, growth=growth, rest=rest)
        ]
    made = []
    for campaign in due:
        with database.read() as session:
            pictures = read_pictures(session, campaign)
        started = time.thread_time()
        results = {
            STYLE: _style(pictures),
            GENERICNESS: _genericness(pictures, campaign.seed),
            BLINDNESS: _blindness(pictures, campaign.seed),
        }
        seconds = time.thread_time() - started
        with told_plainly(), database.write.begin() as session:
            for kind in KINDS:
                session.add(
                    Study(
                        campaign_id=campaign.id,
                        kind=kind,
                        version=_version(),
                        pictures=pictures.measured,
                        result=results[kind],
                        cpu_seconds=seconds / len(KINDS),
                        made_at=now,
                    )
                )
        made.append(Made(campaign.slug, pictures.measured, len(pictures.entrant), seconds))
    return made


def read_pictures(session: Session, campaign: Campaign) -> Pictures:
    """Read what a study looks at: all measured pictures, or those of as many prompts as fit."""
    from models.features import LENGTH
    from models.features import STYLE as NAMES

    counts = session.execute(
        _measured(campaign.id, Image.prompt_id, Image.entrant_id, func.count()).group_by(
            Image.prompt_id, Image.entrant_id
        )
    ).all()
    pictures: Counter[int] = Counter()
    for prompt_id, _, count in counts:
        pictures[prompt_id] += count
    chosen = _choose(pictures, campaign.seed)
    columns = [getattr(ImageMeasure, name) for name in NAMES]
    rows = session.execute(
        _measured(
            campaign.id,
            Image.entrant_id,
            Image.prompt_id,
            ImageMeasure.vector,
            *columns,
            Image.width,
            Image.height,
            Image.length,
        )
        .where(Image.prompt_id.in_(chosen))
        .order_by(Image.id)
    ).all()
    entrants = session.scalars(
        select(CampaignEntrant.entrant_id)
        .where(CampaignEntrant.campaign_id == campaign.id)
        .order_by(CampaignEntrant.entrant_id)
    ).all()
    numbers = np.array([row[3:] for row in rows], dtype=np.float64).reshape(len(rows), len(NAMES) + 3)
    aspect = numbers[:, -3] / numbers[:, -2]
    vectors = np.frombuffer(b"".join(row[2] for row in rows), dtype=np.float16).reshape(len(rows), LENGTH)
    return Pictures(
        measured=pictures.total(),
        entrants=tuple(entrants),
        painters=tuple(sorted({entrant_id for _, entrant_id, _ in counts})),
        entrant=_codes([row[0] for row in rows], entrants),
        prompt=_codes([row[1] for row in rows], sorted(chosen)),
        style=np.column_stack([numbers[:, : len(NAMES)], aspect, numbers[:, -1]]),
        vectors=vectors.astype(np.float64),
    )


def _choose(counts: Counter[int], seed: int) -> list[int]:
    """Prompts whose pictures a study takes: drawn by the seed until no more fit."""
    drawn = sorted(counts)
    random.Random(seed).shuffle(drawn)  # noqa: S311 - a sample that anybody can draw again
    chosen: list[int] = []
    pictures = 0
    for prompt_id in drawn[:MOST_PROMPTS]:
        pictures += counts[prompt_id]
        if chosen and pictures > MOST_PICTURES:
            break
        chosen.append(prompt_id)
    return chosen


def _codes(values: Sequence[int], names: Sequence[int]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[value] for value in values], dtype=np.int64)


def _is_due(session: Session, campaign_id: int, *, now: datetime, growth: float, rest: timedelta) -> bool:
    counts = session.execute(
        _measured(campaign_id, Image.entrant_id, func.count()).group_by(Image.entrant_id)
    )
    painted = {entrant_id: int(count) for entrant_id, count in counts}
    if not painted:
        return False
    last = newest_study(session, campaign_id, KINDS[-1])
    if last is None or last.version != _version():
        return True
    if now - last.made_at < rest:
        return False
    changed = abs(sum(painted.values()) - last.pictures)
    return last.result["painters"] != sorted(painted) or changed >= max(1, growth * last.pictures)


def _measured(campaign_id: int, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Columns over a campaign's pictures that have measures of the present version."""
    from models.features import VERSION as MEASURED

    query: Select[*tuple[Any, ...]] = (
        select(*columns)
        .select_from(Image)
        .join(ImageMeasure, (ImageMeasure.image_id == Image.id) & (ImageMeasure.version == MEASURED))
    )
    return of_campaign(query, campaign_id)


def _version() -> str:
    """Of the measures and of what is made of them."""
    from models.features import VERSION as MEASURED

    return f"{MEASURED}/{VERSION}"


def _style(pictures: Pictures) -> dict[str, Any]:
    """Mean and spread of each measure by entrant, and shares in even bins.

    The outermost bins take what lies beyond their axis, which ends at the 1st and 99th percentile: of
    pictures that may be hanging blind no single number is told.
    """
    axes, bins = {}, {}
    for place, name in enumerate(MEASURES):
        values = pictures.style[:, place]
        shown = np.log(np.maximum(values, 1e-9)) if name in LOGARITHMIC else values
        low, high = (float(end) for end in np.quantile(shown, [0.01, 0.99]))
        width = (high - low) or 1.0
        bins[name] = ((shown - low) / width * BINS).astype(int).clip(0, BINS - 1)
        axes[name] = [float(np.exp(low)), float(np.exp(high))] if name in LOGARITHMIC else [low, high]
    rows = []
    for code, entrant_id in enumerate(pictures.entrants):
        own = pictures.entrant == code
        count = int(own.sum())
        measures = {
            name: {
                "mean": float(pictures.style[own, place].mean()),
                "sd": float(pictures.style[own, place].std(ddof=1)) if count > 1 else None,
                "bins": (np.bincount(bins[name][own], minlength=BINS) / count).tolist(),
            }
            for place, name in enumerate(MEASURES)
            if count
        }
        rows.append({"entrant_id": entrant_id, "pictures": count, "measures": measures})
    return {**_told(pictures), "axes": axes, "rows": rows}


def _genericness(pictures: Pictures, seed: int) -> dict[str, Any]:
    found = diversity(
        pictures.vectors,
        pictures.entrant,
        pictures.prompt,
        parts=_parts(LOOKS),
        entrants=len(pictures.entrants),
        seed=seed,
    )
    return {
        **_told(pictures),
        "fewest_prompts": FEWEST_TO_VARY,
        "rows": _rows(pictures.entrants, found),
    }


def _blindness(pictures: Pictures, seed: int) -> dict[str, Any]:
    from models.features import GROUPS

    found = tell(
        pictures.vectors,
        pictures.entrant,
        pictures.prompt,
        parts=_parts(GROUPS),
        entrants=len(pictures.entrants),
        seed=seed,
    )
    return {
        **_told(pictures),
        **asdict(found),
        "fewest_prompts": FEWEST_TO_TELL,
        "rows": _rows(pictures.entrants, found.rows),
    }


def _parts(names: Any) -> list[slice]:
    from models.features import GROUPS

    return [GROUPS[name] for name in names]


def _rows(entrants: Sequence[int], found: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"entrant_id": entrant_id, **asdict(row)} for entrant_id, row in zip(entrants, found, strict=True)
    ]


def _told(pictures: Pictures) -> dict[str, Any]:
    return {
        "used": len(pictures.entrant),
        "prompts": len(np.unique(pictures.prompt)),
        "painters": list(pictures.painters),
    }
