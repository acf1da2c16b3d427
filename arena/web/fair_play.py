"""The page of fair play: what could bend a board, counted and published for everybody."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request

from arena.domain.about import FEWEST
from arena.domain.quality import RULES
from arena.queries.board_readers import shown_first
from arena.queries.fair_play import FairPlay, Shown, fair_play
from arena.queries.finding import find_campaign
from arena.queries.integrity import decided_in, looked
from arena.queries.quality import quality
from arena.services.about_voters import about_counts
from arena.services.dealing import POLICIES
from arena.services.method import SETTINGS
from arena.services.quality_figures import LEAST_DECIDED, LEAST_RATERS
from arena.tables import BattleKind
from arena.web import findings
from arena.web.about_you import ANSWERS
from arena.web.boards import see_board
from arena.web.context import now, reading
from arena.web.i18n import gettext, noted, percent
from arena.web.security import in_the_catalogue
from arena.web.style import chosen

bp = Blueprint("fair_play", __name__)

KINDS = {
    BattleKind.ORDINARY: (noted("Ordinary"), noted("Counts.")),
    BattleKind.MIRRORED: (
        noted("Mirrored"),
        noted("The same pair again, sides changed; never counts."),
    ),
    BattleKind.REPEATED: (noted("Repeated"), noted("The same pair again to the same rater; never counts.")),
    BattleKind.KNOWN_ANSWER: (noted("Known answer"), noted("A pair whose answer is known; never counts.")),
}

ASKED = {
    "age": noted("Age"),
    "visual_work": noted("Years in visual work"),
    "screen": noted("Screen"),
}


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the places of an entrant, in shares of all it was dealt; the rest is still open."""

    voted: str
    skipped: str
    expired: str


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind of battle: how many were dealt and answered, and how many answers do not count."""

    name: str
    rule: str
    dealt: int
    voted: int
    left_out: int


bp.after_request(in_the_catalogue)


@bp.get("/fair-play")
def show() -> Response:
    """Fair play in a campaign; without a name, in the newest that people vote in."""
    asked = request.args.get("campaign") or None
    with reading() as session:
        lines = shown_first(session, now=now())
        if lines or asked:
            see_board(session, find_campaign(session, chosen(lines, asked)))
        page = fair_play(session, chosen(lines, asked), now=now()) if lines or asked else None
        campaign = find_campaign(session, page.campaign) if page else None
        told = quality(session, campaign) if campaign else None
        seen = looked(session, campaign) if campaign else None
        decided = decided_in(session, campaign.id) if campaign else None
        about = about_counts(session, campaign) if campaign and campaign.asks_about else None
    return make_response(
        render_template(
            "fair_play.html",
            page=page,
            campaigns=lines,
            policy=POLICIES.get(page.policy, page.policy) if page else "",
            rules={name: setting.value for name, setting in SETTINGS.items()},
            kinds=kinds(page) if page else (),
            fates=fates,
            quality=told,
            integrity=seen,
            decided=decided,
            about=about,
            asked=ASKED,
            answers=ANSWERS,
            fewest=FEWEST,
            least_raters=LEAST_RATERS,
            least_decided=LEAST_DECIDED,
            quality_rule=RULES.get(told.judged.rule) if told else None,
            remark=findings.remark,
        )
    )


def fates(row: Shown) -> Fates:
    """What became of an entrant's places."""
    if not row.places:
        return Fates("–", "–", "–")
    return Fates(*(percent(part / row.places, 1) for part in (row.voted, row.skipped, row.expired)))


def kinds(page: FairPlay) -> list[KindRow]:
    """Every kind of battle, with its numbers."""
    if page.sampling is None:
        return []
    told = page.sampling.kinds
    return [
        KindRow(
            name=gettext(name),
            rule=gettext(rule),
            dealt=told[kind].dealt,
            voted=told[kind].voted,
            left_out=page.sampling.left_out if kind is BattleKind.ORDINARY else told[kind].voted,
        )
        for kind, (name, rule) in KINDS.items()
    ]
