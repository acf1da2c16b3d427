"""The operators' page of raters whose votes do not look honest: what was found, and the two things to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.integrity import IN_FORCE, RULES, Look
from arena.domain.pseudonyms import Pseudonyms
from arena.queries.finding import campaigns, find_campaign
from arena.queries.integrity import (
    MOST_DECIDED,
    Decided,
    Finding,
    Looked,
    decided_in,
    looked,
    names_in,
    suspects,
)
from arena.services import integrity
from arena.web.admin import bp, see_that_they_may_change, who_is_in
from arena.web.admin_ledgers import ROOM
from arena.web.context import arena, now, reading, writing
from arena.web.i18n import decimal, gettext, noted, number

__all__ = ["bp"]

LARGEST = 2**31 - 1

LOOKS: Mapping[Look, str] = {
    Look.SURPRISE: noted("Unlikely answers"),
    Look.INFLUENCE: noted("Moves the ranking"),
    Look.FOLLOWING: noted("Follows one entrant"),
    Look.RING: noted("Votes like others of a ring"),
    Look.BURST: noted("Part of a burst"),
}


@bp.get("/integrity")
def integrity_page() -> Response:
    """Raters with findings that wait, by campaign, and what was decided last."""
    slug = request.args.get("campaign") or None
    with reading() as session:
        lines = campaigns(session)
        campaign = find_campaign(session, slug) if slug else None
        waiting = suspects(session, campaign_id=campaign.id if campaign else None)
        settled = suspects(
            session, campaign_id=campaign.id if campaign else None, decided=True, most=MOST_DECIDED
        )
        names = names_in(session)
        seen = [_seen(session, line.slug) for line in lines if not slug or line.slug == slug]
    pseudonyms = Pseudonyms(arena().settings.secret, ROOM)
    return make_response(
        render_template(
            "admin_integrity.html",
            guest=who_is_in(),
            campaign=slug,
            campaigns=lines,
            waiting=waiting,
            settled=settled,
            seen=[one for one in seen if one[1] is not None],
            rule=RULES[IN_FORCE],
            rater=lambda one: pseudonyms.of(one.voter_key),
            name_of_look=lambda look: gettext(LOOKS[look]),
            says=lambda finding: sentence(finding, names),
        )
    )


@bp.post(f"/integrity/<int(max={LARGEST}):number>/dismiss")
def dismiss_rater(number: int) -> BaseResponse:
    """Let the votes of a rater stand."""
    return _settle(number, integrity.dismiss)


@bp.post(f"/integrity/<int(max={LARGEST}):number>/exclude")
def exclude_rater(number: int) -> BaseResponse:
    """Exclude the votes of a rater by the rule."""
    return _settle(number, integrity.exclude_rater)


def _settle(number: int, act: Callable[..., Any]) -> BaseResponse:
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    writing(lambda session: act(session, number, actor=name, now=moment))
    return redirect(url_for("admin.integrity_page"), code=303)


def _seen(session: Session, slug: str) -> tuple[str, Looked | None, Decided]:
    campaign = find_campaign(session, slug)
    return campaign.name, looked(session, campaign), decided_in(session, campaign.id)


def sentence(finding: Finding, names: Mapping[str, str]) -> str:
    """What a finding rests on, in words and figures."""
    told = finding.evidence

    def name(key: str) -> str:
        return names.get(told[key], told[key])

    if finding.look is Look.SURPRISE:
        return gettext(
            "The answers of %(votes)s votes have a surprise of %(value)s; of honest raters with these pairs "
            "%(p)s have as much.",
            votes=number(told["votes"]),
            value=decimal(told["value"]),
            p=_chance(told["p"]),
        )
    if finding.look is Look.INFLUENCE:
        return gettext(
            "The ballot lifts %(raised)s against %(over)s, its neighbour in the ranking, by %(value)s "
            "standard deviations of honest raters; of those %(p)s move any two neighbours as far.",
            raised=name("raised"),
            over=name("over"),
            value=decimal(told["value"]),
            p=_chance(told["p"]),
        )
    if finding.look is Look.FOLLOWING:
        return gettext(
            "%(entrant)s hung in %(met)s of the votes and won %(won)s of them, where everybody else’s votes "
            "foretell %(expected)s; of honest raters %(p)s follow any entrant as far.",
            entrant=name("entrant"),
            p=_chance(told["p"]),
            **_won(told),
        )
    if finding.look is Look.RING:
        return gettext(
            "%(members)s raters gave the answer of the others of the ring to the same two entrants in "
            "%(agreeing)s of %(answers)s cases, where %(honest)s were to be expected.",
            members=number(told["members"]),
            agreeing=number(told["agreeing"]),
            answers=number(told["answers"]),
            honest=number(told["honest"]),
        ) + _pushed(told, name)
    return gettext(
        "From %(from)s to %(to)s, %(run)s raters together moved %(entrant)s by %(value)s standard "
        "deviations; in random orders of the same raters %(p)s of runs do. This one, one of %(members)s "
        "that pushed by themselves, let it win %(won)s of %(met)s, where %(expected)s were foretold.",
        entrant=name("entrant"),
        run=number(told["run"]),
        members=number(told["members"]),
        value=decimal(told["value"]),
        p=_chance(told["p"]),
        **{"from": told["from"][:16].replace("T", " "), "to": told["to"][:16].replace("T", " ")},
        **_won(told),
    )


def _won(told: Mapping[str, Any]) -> dict[str, str]:
    return {
        "met": number(told["met"]),
        "won": decimal(told["won"], 0 if float(told["won"]).is_integer() else 1),
        "expected": decimal(told["expected"]),
    }


def _pushed(told: Mapping[str, Any], name: Callable[[str], str]) -> str:
    """Whom a ring lifts and sinks, as far as that is one entrant."""
    said = ""
    if told["lifted"]:
        said += " " + gettext("It lets %(entrant)s win.", entrant=name("lifted"))
    if told["sunk"]:
        said += " " + gettext("It lets %(entrant)s lose.", entrant=name("sunk"))
    return said


def _chance(p: float) -> str:
    """A small probability in words that do not round it to nothing."""
    if p >= 0.001:
        return gettext("%(n)s in a thousand", n=number(1000 * p))
    return gettext("%(n)s in a million", n=number(1_000_000 * p))
