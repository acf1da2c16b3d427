"""The playground: a picture of an entrant by name, painted while one waits."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.imported import BACKEND
from arena.domain.prompts import clean_prompt
from arena.errors import Invalid
from arena.queries.entrants import ledger
from arena.queries.sketches import SketchPage, page, pages, picture
from arena.services import sketching
from arena.services.moderation import see_that_words_may_be_sketched
from arena.web.context import arena, fields, known_voter, now, reading, voter_key, wants_json, writing
from arena.web.i18n import gettext, locale
from arena.web.security import in_the_catalogue
from arena.web.signed import signed_sketch

bp = Blueprint("playground", __name__)


@bp.after_request
def _catalogue(response: Response) -> Response:
    if response.mimetype == "image/png":
        response.headers["Cache-Control"] = "private, max-age=600"
        return response
    return in_the_catalogue(response)


@bp.get("/playground")
def form() -> Response:
    """What to ask for, and what was asked for today."""
    with reading() as session:
        entrants = [line for line in ledger(session) if line.retired_at is None and line.backend != BACKEND]
        mine = pages(session, voter_key=voter_key())
    return make_response(
        render_template(
            "playground.html", entrants=entrants, sketches=mine, asked=request.args, most=sketching.MOST_STEPS
        )
    )


@bp.post("/playground")
def ask() -> BaseResponse:
    """Queue a sketch and go to it."""
    sent = fields()
    voter, moment = known_voter(), now()
    entrant, prompt = str(sent.get("entrant") or ""), clean_prompt(str(sent.get("prompt") or ""))
    seed, steps = _whole(sent, "seed"), _whole(sent, "steps")
    see_that_words_may_be_sketched(arena().moderator.check(prompt, locale()))
    key = writing(
        lambda session: sketching.ask(
            session, voter_key=voter, entrant=entrant, prompt=prompt, seed=seed, steps=steps, now=moment
        )
    )
    return redirect(url_for("playground.show", key=key), code=303)


@bp.get("/playground/<key>")
def show(key: str) -> BaseResponse:
    """A sketch: its place in the queue, or the picture."""
    with reading() as session:
        seen = page(session, key=key, voter_key=voter_key())
    if wants_json():
        response = jsonify(
            {"state": seen.state.value, "settled": seen.settled, "ahead": seen.ahead, "line": line(seen)}
        )
        response.add_etag()
        return response.make_conditional(request)
    return make_response(render_template("sketch.html", sketch=seen, line=line(seen)))


@bp.post("/playground/<key>/cancel")
def cancel(key: str) -> BaseResponse:
    """Take back a sketch that still waits."""
    voter = voter_key()
    writing(lambda session: sketching.cancel(session, key=key, voter_key=voter))
    return redirect(url_for("playground.form"), code=303)


@bp.get("/playground/<key>.png")
def png(key: str) -> Response:
    """The picture of a sketch; with ``?download`` as a file."""
    with reading() as session:
        data, name = picture(session, key=key, voter_key=voter_key())
    response = Response(mimetype="image/png")
    if "download" in request.args:
        data = signed_sketch(data, key=key, voter_key=voter_key())
        response.headers.set("Content-Disposition", "attachment", filename=name)
    response.set_data(data)
    return response


def line(sketch: SketchPage) -> str:
    """Where a sketch stands, in a sentence."""
    if sketch.settled:
        return gettext("It is painted.") if sketch.state.value == "done" else gettext("There is no picture.")
    if sketch.ahead:
        place = gettext("Number %(n)s in the queue.", n=sketch.ahead + 1)
    else:
        place = gettext("It is next.") if sketch.state.value == "queued" else gettext("It is being painted.")
    if sketch.wait is None:
        return place
    return place + " " + gettext("About %(n)s s.", n=max(1, round(sketch.wait)))


def _whole(sent: dict[str, Any], name: str) -> int | None:
    """A whole number of a form; nothing where the field is empty."""
    told = str(sent.get(name) if sent.get(name) is not None else "").strip()
    if not told:
        return None
    try:
        return int(told)
    except ValueError:
        raise Invalid(f"{name} must be a whole number, not {told[:40]!r}") from None
