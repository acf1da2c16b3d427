"""The operators' page of prompts and pictures that no checker was sure of: allow, or decline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.moderation import CATEGORIES
from arena.queries.reviews import held_picture, queue
from arena.services import reviewing
from arena.web.admin import bp, see_that_they_may_change, who_is_in
from arena.web.context import arena, chance, now, reading, writing
from arena.web.i18n import gettext, language
from arena.web.own_prompts import FOUND

__all__ = ["bp"]

LARGEST = 2**31 - 1


@bp.get("/review")
def review() -> Response:
    """What waits for a decision, the oldest first."""
    with reading() as session:
        held = queue(session)
    return make_response(
        render_template("admin_review.html", guest=who_is_in(), held=held, category=category, language=spoken)
    )


@bp.get(f"/review/pictures/<int(max={LARGEST}):job>.png")
def review_picture(job: int) -> Response:
    """A picture that waits for a decision."""
    with reading() as session:
        digest = held_picture(session, job)
    return Response(arena().images.get(digest), mimetype="image/png")


@bp.post(f"/review/prompts/<int(max={LARGEST}):number>/<any(allow, block):word>")
def decide_prompt(number: int, word: str) -> BaseResponse:
    """Have a rater's prompt painted, or decline it."""
    return _decide(partial(reviewing.decide_prompt, rng=chance()), number, word)


@bp.post(f"/review/pictures/<int(max={LARGEST}):job>/<any(allow, block):word>")
def decide_picture(job: int, word: str) -> BaseResponse:
    """Let a picture hang, or not."""
    return _decide(reviewing.decide_picture, job, word)


def category(slug: str) -> str:
    """A category of moderation in the reader's language."""
    return gettext(FOUND[slug]) if slug in CATEGORIES else slug


def spoken(code: str) -> str:
    """The language that a rater says the words are in."""
    return gettext("Another language") if code == "und" else language(code)


def _decide(act: Callable[..., object], number: int, word: str) -> BaseResponse:
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    writing(lambda session: act(session, number, allow=word == "allow", actor=name, now=moment))
    return redirect(url_for("admin.review"), code=303)
