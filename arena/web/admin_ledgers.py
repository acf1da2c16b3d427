"""The operators' ledgers: entrants with their retirement, raters by pseudonym, jobs, and every event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.imported import BACKEND
from arena.domain.pseudonyms import Pseudonyms
from arena.queries import people
from arena.queries.entrants import ledger
from arena.services import retiring
from arena.web.admin import EVENTS, bp, see_that_they_may_change, sentence, who_is_in
from arena.web.context import arena, now, reading, writing

__all__ = ["bp"]

ROOM = "operators' room"
"""Under this name raters have their pseudonyms here: the same on every visit, and nowhere else."""

LAST_PAGE = 100_000


@bp.get("/entrants")
def entrants_list() -> Response:
    """Everybody who ever entered, and the buttons that retire them and bring them back."""
    with reading() as session:
        lines = ledger(session)
    return _page("admin_entrants.html", lines=lines[::-1], imported=BACKEND)


@bp.post("/entrants/<name>/retire")
def retire_entrant(name: str) -> BaseResponse:
    """Retire an entrant, named as ``slug@revision``."""
    return _act(name, retiring.retire)


@bp.post("/entrants/<name>/return")
def return_entrant(name: str) -> BaseResponse:
    """Let a retired entrant take part again."""
    return _act(name, retiring.bring_back)


@bp.get("/raters")
def raters() -> Response:
    """Raters by pseudonym: how much they voted, and how fast."""
    page = _asked_page()
    names = Pseudonyms(arena().settings.secret, ROOM)
    with reading() as session:
        lines, count = people.rater_page(session, names, page=page)
    return _page("admin_raters.html", lines=lines, count=count, page=page, pages=_pages(count))


@bp.get("/events")
def events() -> Response:
    """Every event, a page at a time."""
    page, kind = _asked_page(), request.args.get("kind", "")
    with reading() as session:
        lines, count = people.event_page(session, kind=kind, page=page)
        kinds = people.event_kinds(session)
    return _page(
        "admin_events.html",
        lines=lines,
        count=count,
        kind=kind,
        kinds=kinds,
        known=EVENTS,
        page=page,
        pages=_pages(count),
        says=sentence,
    )


@bp.get("/jobs")
def jobs() -> Response:
    """What is to be painted, and what is being painted now."""
    with reading() as session:
        lines, running = people.job_lines(session), people.running_jobs(session)
    return _page("admin_jobs.html", lines=lines, running=running, most=people.MOST_RUNNING)


def _act(name: str, act: Callable[..., bool]) -> BaseResponse:
    see_that_they_may_change()
    who, moment = who_is_in().name, now()
    writing(lambda session: act(session, name, now=moment, actor=who))
    return redirect(url_for("admin.entrants_list"), code=303)


def _page(template: str, **told: Any) -> Response:
    return make_response(render_template(template, guest=who_is_in(), **told))


def _asked_page() -> int:
    return min(LAST_PAGE, max(1, request.args.get("page", 1, type=int)))


def _pages(count: int) -> int:
    return max(1, -(-count // people.PAGE))
