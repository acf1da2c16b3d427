"""The operator's room: who may come in, how far the campaigns are, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, g, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.errors import NotSignedIn, ReadOnly
from arena.queries.admin import (
    CampaignState,
    EventLine,
    Progress,
    event,
    newest_events,
    overview,
    progress,
    room,
)
from arena.services import operators, steering
from arena.services.operators import SESSION_HOURS, Guest
from arena.web.context import arena, now, reading, wants_json, writing
from arena.web.i18n import decimal, gettext, ngettext, noted, number
from arena.web.operator_cookies import let_in, let_out, operator_is_in, session_token

bp = Blueprint("admin", __name__, url_prefix="/admin")

OUTSIDE = frozenset(
    f"admin.{name}" for name in ("link", "come_in", "sign_in", "enter", "ask_provider", "from_provider")
)

EVENTS: Mapping[str, str] = {
    "operator.made": noted("%(who)s made %(what)s one of the operators"),
    "operator.role": noted("%(who)s changed what %(what)s may do"),
    "operator.linked": noted("%(who)s made a link for %(what)s"),
    "operator.came_in": noted("%(who)s came in"),
    "operator.left": noted("%(who)s signed out"),
    "operator.retired": noted("%(who)s sent %(what)s away"),
    "operator.refused": noted("%(who)s tried to sign in as %(what)s"),
    "operator.locked": noted("%(who)s gave too many wrong codes for %(what)s"),
    "operator.revoked": noted("%(who)s ended the sessions of %(what)s"),
    "operator.password": noted("%(who)s set up a password and a second factor"),
    "operator.password_changed": noted("%(who)s changed their password"),
    "operator.codes_renewed": noted("%(who)s made new recovery codes"),
    "operator.code_used": noted("%(who)s used a recovery code"),
    "operator.reset": noted("%(who)s took the password and second factor of %(what)s away"),
    "operator.bound": noted("%(who)s bound %(what)s to an account elsewhere"),
    "operator.unbound": noted("%(who)s unbound the account of %(what)s"),
    "campaign.opened": noted("%(who)s opened the campaign %(what)s"),
    "campaign.changed": noted("%(who)s changed the campaign %(what)s"),
    "campaign.registered": noted("%(who)s registered the plan of %(what)s"),
    "campaign.amended": noted("%(who)s added an entrant to the registered campaign %(what)s"),
    "campaign.closed": noted("%(who)s closed the campaign %(what)s"),
    "campaign.asked": noted("%(who)s asked for the missing pictures of %(what)s"),
    "campaign.tried": noted("%(who)s had the failed pictures of %(what)s tried again"),
    "campaign.own_prompts_on": noted("%(who)s let raters of %(what)s have their own words painted"),
    "campaign.own_prompts_off": noted("%(who)s ended the raters’ own words in %(what)s"),
    "prompt.allowed": noted("%(who)s let the held prompt %(what)s be painted"),
    "prompt.blocked": noted("%(who)s declined the held prompt %(what)s"),
    "picture.allowed": noted("%(who)s let the held picture %(what)s hang"),
    "picture.blocked": noted("%(who)s declined the held picture %(what)s"),
    "prompt.tagged": noted("%(who)s changed the categories of the prompt %(what)s"),
    "prompts.imported": noted("%(who)s took prompts into %(what)s"),
    "prompts.retagged": noted("%(who)s had the rules tag the prompts of %(what)s"),
    "votes.excluded": noted("%(who)s left votes out by the rule %(what)s"),
    "quality.set": noted("%(who)s changed how the votes in %(what)s are checked"),
    "quality.applied": noted("%(who)s left out raters of %(what)s by its rule of quality"),
    "integrity.found": noted("%(who)s found raters of %(what)s whose votes do not look honest"),
    "integrity.dismissed": noted("%(who)s let the votes of a rater of %(what)s stand"),
    "integrity.excluded": noted("%(who)s left out raters of %(what)s by the rule of integrity"),
    "invite.made": noted("%(who)s made an invitation to %(what)s"),
    "invite.revoked": noted("%(who)s took back an invitation to %(what)s"),
    "votes.imported": noted("%(who)s brought votes of another arena into %(what)s"),
    "picture.reported": noted("%(who)s reported picture %(what)s"),
    "picture.kept": noted("%(who)s let the reported picture %(what)s hang"),
    "picture.taken_down": noted("%(who)s took picture %(what)s down"),
    "entrant.entered": noted("%(who)s entered %(what)s"),
    "entrant.retired": noted("%(who)s retired %(what)s"),
    "entrant.returned": noted("%(who)s let %(what)s take part again"),
    "key.made": noted("%(who)s made the key %(what)s"),
    "key.revoked": noted("%(who)s revoked the key %(what)s"),
}
ACTORS: Mapping[str, str] = {
    "operator": noted("The command line"),
    "init": "arena init",
    "demo": "arena demo",
    "rater": noted("A rater"),
    "stranger": noted("Somebody"),
    "worker": noted("The worker"),
    "stop rule": noted("The stop rule"),
    "import": "arena import",
}


@bp.before_request
def _let_in() -> None:
    """Nobody comes in but by a link, a password with a second factor, or an account elsewhere.

    Raises
    ------
    NotSignedIn
    """
    if request.endpoint in OUTSIDE:
        return
    token = session_token()
    with reading() as session:
        guest = operators.find_guest(session, token, now=now()) if token else None
    if guest is None:
        raise NotSignedIn
    g.guest = guest


@bp.after_request
def _never_kept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.vary.update(("Accept", "Accept-Language", "Cookie"))
    return response


@bp.app_context_processor
def _footer() -> dict[str, Callable[[], bool]]:
    return {"operator_is_in": operator_is_in}


@bp.get("")
def home() -> Response:
    """Every campaign, and what was done last."""
    with reading() as session:
        campaigns, events = overview(session, now=now()), newest_events(session)
    return make_response(
        render_template(
            "admin_home.html",
            guest=who_is_in(),
            campaigns=campaigns,
            events=events,
            says=sentence,
            share=share,
        )
    )


@bp.get("/campaigns/<slug>")
def campaign(slug: str) -> BaseResponse:
    """How far a campaign is; a script asks for the numbers alone."""
    if wants_json():
        with reading() as session:
            far = progress(session, slug, now=now())
        response = jsonify({"active": far.active, "cells": cells(far), "bars": bars(far)})
        response.add_etag()
        return response.make_conditional(request)
    with reading() as session:
        seen = room(session, slug, now=now())
        done = event(session, request.args.get("done", 0, type=int), actor=who_is_in().name, subject=slug)
    return make_response(
        render_template(
            "admin_campaign.html",
            guest=who_is_in(),
            room=seen,
            state=seen.progress.state,
            cells=cells(seen.progress),
            bars=bars(seen.progress),
            told=outcome(done) if done else "",
        )
    )


@bp.post("/campaigns/<slug>/ask")
def ask(slug: str) -> BaseResponse:
    """Ask for the pictures that a campaign still needs."""
    see_that_they_may_change()
    parts = arena()
    done = steering.ask_for_missing(
        parts.database, parts.images, writing, campaign=slug, actor=who_is_in().name, now=now()
    )
    return redirect(url_for("admin.campaign", slug=slug, done=done), code=303)


@bp.post("/campaigns/<slug>/again")
def again(slug: str) -> BaseResponse:
    """Have the pictures that failed tried again."""
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    done = writing(lambda session: steering.try_failed_again(session, campaign=slug, actor=name, now=moment))
    return redirect(url_for("admin.campaign", slug=slug, done=done), code=303)


@bp.get("/links/<token>")
def link(token: str) -> Response:
    """Whom a link lets in, with the button that uses it: what only looks at addresses uses nothing up."""
    with reading() as session:
        name = operators.check_link(session, token, now=now())
    return make_response(render_template("admin_link.html", name=name, hours=SESSION_HOURS))


@bp.post("/links/<token>")
def come_in(token: str) -> BaseResponse:
    """Use a link: it opens nothing again, and neither does the session that this browser had before."""
    before, moment = session_token(), now()
    opened = writing(lambda session: operators.use_link(session, token, now=moment, before=before))
    return let_in(redirect(url_for("admin.home"), code=303), opened)


@bp.post("/leave")
def leave() -> BaseResponse:
    """Sign out."""
    token, moment = session_token(), now()
    writing(lambda session: operators.sign_out(session, token, now=moment))
    return let_out(redirect(url_for("home"), code=303))


def who_is_in() -> Guest:
    """Who is in."""
    guest: Guest = g.guest
    return guest


def see_that_they_may_change() -> None:
    """Only operators change anything.

    Raises
    ------
    ReadOnly
    """
    if not who_is_in().may_change:
        raise ReadOnly(who_is_in().name)


def sentence(line: EventLine) -> str:
    """An event in words."""
    who = gettext(ACTORS[line.actor]) if line.actor in ACTORS else line.actor
    if line.kind in EVENTS:
        return gettext(EVENTS[line.kind], who=who, what=line.subject)
    return f"{who}: {line.kind} {line.subject}"


def outcome(done: EventLine) -> str:
    """What came of a button, in words."""
    if done.kind == "campaign.tried":
        queued = int(done.data.get("queued", 0))
        if not queued:
            return gettext("No picture had failed.")
        return ngettext(
            "%(num)s failed picture waits for another try.",
            "%(num)s failed pictures wait for another try.",
            queued,
        )
    if done.kind != "campaign.asked":
        return ""
    asked, copied, left = (int(done.data.get(name, 0)) for name in ("asked", "copied", "left"))
    told = [
        ngettext("%(num)s picture was asked for.", "%(num)s pictures were asked for.", asked)
        if asked
        else gettext("Every picture had been asked for.")
    ]
    if copied:
        told.append(
            ngettext(
                "%(num)s older picture hangs here too now.",
                "%(num)s older pictures hang here too now.",
                copied,
            )
        )
    if left:
        told.append(
            ngettext(
                "%(num)s older picture needs a copy first: arena generate --campaign %(slug)s makes it.",
                "%(num)s older pictures need a copy first: arena generate --campaign %(slug)s makes them.",
                left,
                slug=done.subject,
            )
        )
    return " ".join(told)


def cells(far: Progress) -> dict[str, str]:
    """Every number of a campaign's page that moves while pictures are made, as it is written there."""
    counts = far.state.pictures
    told = {
        "line": line(far.state),
        "pace": pace_line(far),
        "votes": number(far.state.votes),
        "asked": number(counts.asked),
    }
    for entrant in far.entrants:
        mine, key = entrant.pictures, f"{entrant.slug}@{entrant.revision}"
        for name, value in (
            ("made", mine.made),
            ("refused", mine.refused),
            ("failed", mine.failed),
            ("waiting", mine.waiting),
        ):
            told[f"{key} {name}"] = number(value)
        told[f"{key} pace"] = pace(entrant.pace)
        told[f"{key} left"] = duration(entrant.seconds_left)
    return told


def bars(far: Progress) -> dict[str, str]:
    """The widths of the bars of a campaign's page."""
    told = {"all": share(far.state.pictures.made, far.state.pictures.asked)}
    for entrant in far.entrants:
        counts = entrant.pictures
        told[f"{entrant.slug}@{entrant.revision}"] = share(counts.made, counts.asked)
    return told


def share(made: int, asked: int) -> str:
    """How much of a bar is filled, such as ``37.5%``."""
    return f"{100 * made / asked:.1f}%" if asked else "0%"


def line(state: CampaignState) -> str:
    """How many pictures there are, in a sentence."""
    counts = state.pictures
    if not counts.asked:
        return gettext("No pictures have been asked for yet.")
    return gettext("%(made)s of %(asked)s pictures", made=number(counts.made), asked=number(counts.asked))


def pace_line(far: Progress) -> str:
    """How fast the pictures are being made, in a sentence."""
    if not far.active:
        return gettext("Nothing waits to be painted.")
    waiting = ngettext("%(num)s waits.", "%(num)s wait.", far.state.pictures.waiting)
    if far.pace is None or far.seconds_left is None:
        return (
            waiting + " " + gettext("Too few came in the last minutes to tell how long; is a worker running?")
        )
    return (
        waiting
        + " "
        + gettext(
            "%(pace)s a second over the last minutes, about %(left)s to go.",
            pace=pace(far.pace),
            left=duration(far.seconds_left),
        )
    )


def pace(value: float | None) -> str:
    """Pictures a second with the digits that mean something."""
    if value is None:
        return "–"
    return decimal(value, 0 if value >= 10 else 1 if value >= 1 else 2)


def duration(seconds: float | None) -> str:
    """A time to wait, roundly."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return gettext("%(n)s s", n=number(max(1, seconds)))
    if seconds < 90 * 60:
        return gettext("%(n)s min", n=number(seconds / 60))
    return gettext("%(n)s h", n=number(seconds / 3600))
