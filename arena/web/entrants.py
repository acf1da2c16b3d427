"""The page of one entrant: its card, where it stands, whom it met, and what its pictures took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template

from arena.queries import records
from arena.queries.reasons import Reasons
from arena.queries.records import Card, CategoryStanding, Encounter, Standing, Took
from arena.queries.showing import Count
from arena.services.curation import find_entrant
from arena.services.shares import Share, share_of, still_needed
from arena.web import drawing, findings
from arena.web.context import arena, now, reading
from arena.web.drawing import Axis
from arena.web.histogram import Histogram, histogram, percentile
from arena.web.i18n import gettext
from arena.web.security import in_the_catalogue

bp = Blueprint("entrants", __name__)
SHARES = Axis(0.0, 100.0, (0, 25, 50, 75, 100))
"""The scale of win shares, in per cent."""

_TWO = 2
_FEW_TICKS = 3


@dataclass(frozen=True, slots=True)
class Met:
    """A row of the record; ``needed`` votes would separate the two, null for more than one should plan on."""

    encounter: Encounter
    share: Share | None
    needed: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What pictures took of one thing: ``unit`` is seconds, joules or bytes."""

    label: str
    unit: str
    pictures: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A histogram with its title and unit."""

    title: str
    unit: str
    drawn: Histogram


@dataclass(frozen=True, slots=True)
class ReasonBar:
    """How often a reason was given, here and in the whole campaign; bar and tick are drawn in per cent."""

    tag: str
    share: float
    average: float
    width: str
    tick: str


@dataclass(frozen=True, slots=True)
class ReasonChart:
    """The reasons of the battles that were lost, or won; ``battles`` of them have any."""

    title: str
    battles: int
    bars: tuple[ReasonBar, ...]


bp.after_request(in_the_catalogue)


@bp.get("/entrants/<name>")
def show(name: str) -> Response:
    """The newest revision of an entrant, or the one that ``slug@revision`` names."""
    moment = now()
    with reading() as session:
        card = records.card_of(find_entrant(session, name))
        standings = records.standings(session, card.entrant_id, now=moment)
        shown = next((standing for standing in standings if standing.votes), None)
        parts = records.by_category(session, card.entrant_id, shown.criterion_id) if shown else []
        why = arena().reasons.of(session, shown.campaign_id) if shown else None
        met = [_met(each) for each in records.encounters(session, card.entrant_id, now=moment)]
        asked = records.asked(session, card.entrant_id)
        took = records.took(session, card.entrant_id)
        kin = records.family(session, card.family)
        best, worst = arena().favourites.of(session, card.entrant_id, now=moment)
    costs = _costs(took)
    return make_response(
        render_template(
            "entrant.html",
            card=card,
            source=_address(card),
            standings=standings,
            shown=shown,
            parts=parts,
            scale=drawing.axis(_numbers(standings), most_ticks=_FEW_TICKS),
            parts_scale=drawing.axis(_numbers([*parts, *([shown] if shown else [])]), most_ticks=_FEW_TICKS),
            shares=SHARES,
            met=met,
            finding=finding(met),
            sides=[
                (gettext("On the left"), sum((each.encounter.on_left for each in met), Count())),
                (gettext("On the right"), sum((each.encounter.on_right for each in met), Count())),
            ],
            share_of=share_of,
            profiles=_profiles(why, card.entrant_id),
            asked=asked,
            costs=costs,
            headline=[*_first(costs, "seconds"), *_first(costs, "joules")],
            charts=_charts(took),
            kin=kin,
            best=best,
            worst=worst,
            remark=findings.remark,
            drawing=drawing,
        )
    )


def finding(met: Sequence[Met]) -> str | None:
    """How many opponents the votes put an entrant above and below; nothing of fewer than two."""
    if len(met) < _TWO:
        return None
    apart = [each.share for each in met if each.share and each.share.separated]
    above = sum(share.ahead for share in apart)
    return gettext(
        "Among %(all)s opponents, direct votes put it ahead of %(above)s and behind %(below)s; "
        "not yet told apart: %(rest)s.",
        all=len(met),
        above=above,
        below=len(apart) - above,
        rest=len(met) - len(apart),
    )


def _met(encounter: Encounter) -> Met:
    return Met(encounter, share_of(encounter.count), still_needed(encounter.count))


def _profiles(why: Reasons | None, entrant_id: int) -> list[ReasonChart]:
    """Why it lost and why it won, against the average of the campaign; nothing without reasons."""
    profile = why.profiles.get(entrant_id) if why else None
    if why is None or profile is None:
        return []
    told = [
        (gettext("Why it lost"), profile.lost, profile.against),
        (gettext("Why it won"), profile.won, profile.for_it),
    ]
    most = max((*why.average.values(), *(share.share for _, _, shares in told for share in shares)))
    return [
        ReasonChart(
            title,
            battles,
            tuple(
                ReasonBar(
                    tag=share.tag,
                    share=share.share,
                    average=why.average[share.tag],
                    width=f"{100 * share.share / most:.2f}%",
                    tick=f"{100 * why.average[share.tag] / most:.2f}%",
                )
                for share in shares
            ),
        )
        for title, battles, shares in told
        if battles
    ]


def _numbers(rows: Sequence[Standing | CategoryStanding]) -> list[float | None]:
    return [number for row in rows for number in (row.rating, row.low, row.high)]


def _address(card: Card) -> str | None:
    """Where the entrant comes from, if that is an address that a page may link to."""
    return card.source if card.source.startswith(("https://", "http://")) else None


def _costs(took: Took) -> list[Cost]:
    """The rows of the table of what pictures took; what nobody measured has none."""
    told = [
        (gettext("Seconds"), "seconds", took.seconds),
        (gettext("Processor seconds"), "seconds", took.cpu_seconds),
        *((energy(method), "joules", values) for method, values in took.joules.items()),
        (gettext("Most memory"), "bytes", took.peak_bytes),
    ]
    return [
        Cost(label, unit, len(values), percentile(values, 0.5), percentile(values, 0.95))
        for label, unit, values in told
        if values
    ]


def _first(costs: Sequence[Cost], unit: str) -> list[Cost]:
    """The first row of a unit, for the head of the page."""
    return [cost for cost in costs if cost.unit == unit][:1]


def _charts(took: Took) -> list[Chart]:
    """A histogram of the seconds, and one for each way in which energy was got."""
    told = [
        (gettext("Seconds an image"), gettext("seconds"), took.seconds),
        *((energy(method), gettext("joules"), values) for method, values in took.joules.items()),
    ]
    return [Chart(title, unit, drawn) for title, unit, values in told if (drawn := histogram(values))]


def energy(method: str) -> str:
    """What a number of joules is, by how it was got."""
    if method == "estimated":
        return gettext("Joules, estimated from processor time")
    return gettext("Joules, measured: %(method)s", method=method)
