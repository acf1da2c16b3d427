"""Examples of style, and what style adds to a rating: what the page of style shows beside the studies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from arena.domain.views import View
from arena.queries.embargo import dealt_prompts
from arena.queries.finding import first_criterion
from arena.queries.showing import Name, name_of
from arena.queries.studies import MEASURES
from arena.tables import (
    CampaignEntrant,
    CampaignPrompt,
    Entrant,
    Image,
    ImageMeasure,
    Prompt,
    Rating,
    RatingRun,
)

_Value = tuple[int, int, float]
"""A picture, its prompt, and a measure of it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A picture by name, at one end of a measure."""

    value: float
    digest: str
    entrant_id: int
    prompt: str
    language: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Ends:
    """The pictures with least and with most of a measure, the outermost first."""

    least: tuple[Example, ...]
    most: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one standard deviation more of a measure adds to a rating, in points, with its 95% interval."""

    name: str
    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class WithoutGloss:
    """An entrant's rating with style held equal, and its plain one from the same votes; null if unknown."""

    entrant_id: int
    rating: float | None
    low: float | None
    high: float | None
    plain: float | None


@dataclass(frozen=True, slots=True)
class StyleRun:
    """The newest fit that holds style equal."""

    votes: int
    effects: tuple[Effect, ...]
    rows: tuple[WithoutGloss, ...]


def names(session: Session, campaign_id: int) -> dict[int, Name]:
    """The entrants of a campaign by their numbers, the first to enter first."""
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign_id)
        .order_by(Entrant.id)
    )
    return {entrant.id: name_of(entrant) for entrant in entrants}


def examples(session: Session, campaign_id: int, *, now: datetime, each: int = 2) -> Mapping[str, Ends]:
    """Pictures at both ends of every measure that differs, each of another prompt that nobody deals any more.

    Measures in which all pictures are alike are left out; so are all while the campaign is open.
    """
    free = select(CampaignPrompt.prompt_id).where(
        CampaignPrompt.campaign_id == campaign_id, CampaignPrompt.prompt_id.not_in(dealt_prompts(now))
    )
    rows = session.execute(
        select(Image.id, Image.prompt_id, *_values())
        .join(ImageMeasure, ImageMeasure.image_id == Image.id)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Image.entrant_id)
        .where(CampaignEntrant.campaign_id == campaign_id, Image.prompt_id.in_(free))
        .order_by(Image.id)
    ).all()
    chosen: dict[str, tuple[list[_Value], list[_Value]]] = {}
    for place, name in enumerate(MEASURES, start=2):
        ordered = sorted(((row[0], row[1], row[place]) for row in rows), key=itemgetter(2))
        if ordered and ordered[0][2] < ordered[-1][2]:
            chosen[name] = _first(ordered, each), _first(reversed(ordered), each)
    shown = _pictures(session, {value[0] for ends in chosen.values() for end in ends for value in end})
    return {
        name: Ends(
            *(tuple(Example(value, *shown[image_id][1:]) for image_id, _, value in end) for end in ends)
        )
        for name, ends in chosen.items()
    }


def _values() -> list[ColumnElement[Any]]:
    """What each of `MEASURES` is, in SQL."""
    made: dict[str, Any] = {"aspect": Image.width * 1.0 / Image.height, "length": Image.length * 1.0}
    return [made[name] if name in made else getattr(ImageMeasure, name) for name in MEASURES]


def _first(values: Iterable[_Value], each: int) -> list[_Value]:
    """The first few, one of each prompt: pictures of one prompt lie close together."""
    found: dict[int, _Value] = {}
    for value in values:
        found.setdefault(value[1], value)
        if len(found) == each:
            break
    return list(found.values())


def _pictures(session: Session, numbers: set[int]) -> dict[int, Sequence[Any]]:
    """The number of each picture, and what its example tells but the value."""
    rows = session.execute(
        select(
            Image.id,
            Image.digest,
            Image.entrant_id,
            Prompt.text,
            Prompt.language,
            Image.width,
            Image.height,
        )
        .join(Prompt, Prompt.id == Image.prompt_id)
        .where(Image.id.in_(numbers))
    )
    return {row[0]: row for row in rows}


def style_run(session: Session, campaign_id: int) -> StyleRun | None:
    """The newest fit of all votes on the first question that holds style equal; nothing if there is none."""
    run = session.scalar(
        select(RatingRun)
        .where(
            RatingRun.campaign_id == campaign_id,
            RatingRun.criterion_id == first_criterion(session, campaign_id).id,
            RatingRun.view == str(View(style=True)),
        )
        .order_by(RatingRun.id.desc())
        .limit(1)
    )
    if run is None:
        return None
    ratings = session.scalars(select(Rating).where(Rating.run_id == run.id).order_by(Rating.position))
    return StyleRun(
        votes=run.votes,
        effects=tuple(
            Effect(told["name"], told["estimate"], told["low"], told["high"]) for told in run.details["style"]
        ),
        rows=tuple(WithoutGloss(row.entrant_id, row.rating, row.low, row.high, row.plain) for row in ratings),
    )
