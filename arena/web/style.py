"""The page of style: what the pictures themselves say, whatever was voted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.orm import Session

from arena.errors import UnknownCampaign
from arena.queries import studies
from arena.queries.board_readers import shown_first
from arena.queries.finding import CampaignLine, find_campaign
from arena.queries.reasons import Reasons, reasons
from arena.queries.showing import Name
from arena.queries.studies import BlindStudy, GenericStudy, Interval, StyleStudy
from arena.queries.style import Ends, StyleRun, examples, names, style_run
from arena.web import drawing
from arena.web.boards import see_board
from arena.web.context import now, reading
from arena.web.drawing import Axis
from arena.web.i18n import decimal, gettext, noted, percent, size
from arena.web.security import in_the_catalogue

bp = Blueprint("style", __name__)

MEANINGS: Mapping[str, str] = {
    "brightness": noted("Mean lightness L* of CIELAB, from 0 for black to 1 for white."),
    "saturation": noted("Mean chroma of CIELAB over 100; 0 is grey."),
    "colourfulness": noted(
        "How far apart the opponent colours lie (Hasler and Süsstrunk 2003); 0 is grey, above 80 is extreme."
    ),
    "contrast": noted("Standard deviation of luma, from 0 to 0.5."),
    "sharpness": noted("Variance of the Laplacian of luma, in 8-bit units, at a longer side of 512 pixels."),
    "edge_density": noted("Share of pixels at which luma changes by more than a twentieth to the next."),
    "aspect": noted("Width of the picture over its height."),
    "length": noted("Bytes of the PNG file as its entrant made it."),
}
DECIMALS: Mapping[str, int] = {
    "brightness": 2, "saturation": 2, "colourfulness": 1, "contrast": 3, "sharpness": 0, "aspect": 2,
}  # fmt: skip
SHARES = Axis(0.0, 100.0, (0, 25, 50, 75, 100))
BAR, TALL = 5, 26


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page tells of one campaign; a study is null until one was made."""

    campaign: str
    campaign_name: str
    names: Mapping[int, Name]
    style: StyleStudy | None
    generic: GenericStudy | None
    blind: BlindStudy | None
    run: StyleRun | None
    reasons: Reasons
    examples: Mapping[str, Ends]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a strip, in its own units: `BAR` wide a bin, `TALL` high in all."""

    x: int
    y: str
    height: str


bp.after_request(in_the_catalogue)


@bp.get("/style")
def show() -> Response:
    """The style of the entrants of a campaign; without a name, of the newest that people vote in."""
    asked = request.args.get("campaign") or None
    with reading() as session:
        lines = shown_first(session, now=now())
        page = _read(session, chosen(lines, asked), now=now()) if lines or asked else None
    return make_response(
        render_template(
            "style.html",
            page=page,
            campaigns=lines,
            measures=studies.MEASURES,
            meaning=meaning,
            told=told,
            strip=strip,
            tallest=tallest,
            interval=interval,
            shares=SHARES,
            generic_scale=generic_axis(page.generic) if page and page.generic else None,
            effect_scale=effect_axis(page.run) if page and page.run else None,
            drawing=drawing,
        )
    )


def meaning(name: str) -> str:
    """What a measure is, in the reader's language."""
    return gettext(MEANINGS[name])


def told(name: str, value: float) -> str:
    """A value of a measure, as people read it."""
    if name == "length":
        return size(round(value))
    if name == "edge_density":
        return percent(value, 1)
    return decimal(value, DECIMALS[name])


def tallest(study: StyleStudy, name: str) -> float:
    """The largest share of any entrant in one bin of a measure: strips of a measure have one scale."""
    return max((max(row.measures[name].bins) for row in study.rows if row.pictures), default=1.0)


def strip(bins: Sequence[float], most: float) -> list[Bar]:
    """Bars of the shares of pictures along the axis of a measure; none where there is no picture."""
    return [
        Bar(place * BAR, f"{TALL * (1 - share / most):.1f}", f"{TALL * share / most:.1f}")
        for place, share in enumerate(bins)
        if share
    ]


def interval(scale: Axis, shown: Interval | None) -> drawing.Whisker | None:
    """A share of 1 with its interval, on a scale in per cent."""
    if shown is None:
        return None
    return drawing.whisker(scale, 100 * shown.value, 100 * shown.low, 100 * shown.high)


def generic_axis(study: GenericStudy) -> Axis:
    """A scale for every genericness and its interval, in per cent."""
    known = [row.genericness for row in study.rows if row.genericness]
    return around_zero(100 * number for shown in known for number in (shown.value, shown.low, shown.high))


def effect_axis(run: StyleRun) -> Axis:
    """A scale for every effect of style and its interval, in points."""
    return around_zero(number for it in run.effects for number in (it.estimate, it.low, it.high))


def around_zero(numbers: Iterable[float | None]) -> Axis:
    """A scale with 0 in its middle that holds every number; missing ones aside."""
    furthest = max((abs(number) for number in numbers if number is not None), default=0.0)
    power = 10 ** math.floor(math.log10(max(furthest, 1.0)))
    end = next(step * power for step in (1, 2, 5, 10) if step * power >= furthest)
    return Axis(-1.2 * end, 1.2 * end, (-end, 0, end))


def chosen(lines: Sequence[CampaignLine], asked: str | None) -> str:
    """The campaign that was asked for, else the newest that people vote in, else the newest.

    Raises
    ------
    UnknownCampaign
        If a name was asked for that no campaign has.
    """
    if asked is None:
        return next((line.slug for line in lines if line.votes), lines[0].slug)
    if asked not in {line.slug for line in lines}:
        raise UnknownCampaign(asked, tuple(line.slug for line in lines))
    return asked


def _read(session: Session, slug: str, *, now: datetime) -> Page:
    campaign = find_campaign(session, slug)
    see_board(session, campaign)
    return Page(
        campaign=campaign.slug,
        campaign_name=campaign.name,
        names=names(session, campaign.id),
        style=studies.style(session, campaign.id),
        generic=studies.genericness(session, campaign.id),
        blind=studies.blindness(session, campaign.id),
        run=style_run(session, campaign.id),
        reasons=reasons(session, campaign.id),
        examples=examples(session, campaign.id, now=now),
    )
