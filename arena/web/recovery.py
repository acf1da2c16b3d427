"""Carrying on in another browser: a code shown once, and the page where it is typed in."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.voters import GROUP, LENGTH, TooManyTries, UnknownCode, UnreadableCode, grouped
from arena.errors import ArenaError
from arena.services import recovering
from arena.services.voters import has_voted
from arena.web.context import arena, become, fields, known_voter, now, reading, voter_key, writing
from arena.web.qr import qr_code
from arena.web.read.views import kept
from arena.web.security import in_the_room

bp = Blueprint("recovery", __name__)
TRIES = 10
"""Codes that may be tried from one address in a minute."""

LONGEST = 80


bp.after_request(in_the_room)


@bp.get("/my-votes/device")
def device() -> Response:
    """What a code is for, and whether there is one."""
    with reading() as session:
        made_at = recovering.code_made_at(session, voter_key=voter_key())
    return make_response(render_template("device.html", made_at=made_at, code=None))


@bp.post("/my-votes/device")
def make() -> Response:
    """Make a code and show it: this page alone has it, so that it is answered here and not elsewhere."""
    voter, moment = known_voter(), now()
    code = writing(lambda session: recovering.make_code(session, voter_key=voter, now=moment))
    address = arena().settings.public_url + url_for("recovery.form", code=code)
    return make_response(
        render_template("device.html", made_at=moment, code=grouped(code), qr=qr_code(address))
    )


@bp.get("/recover")
@bp.get("/recover/<code>")
def form(code: str = "") -> Response:
    """Where a code is typed in; a link carries it, and is not yet a wish to be that voter."""
    return _form(code[:LONGEST])


@bp.post("/recover")
def recover() -> BaseResponse:
    """Let this browser be the voter whose code it is; ask first if it has votes of its own."""
    sent = fields()
    code, keep = str(sent.get("code") or "")[:LONGEST], str(sent.get("keep") or "")
    if keep == "mine":
        return redirect(url_for("my_votes.show"), code=303)
    door = kept().door
    if not door.minutes.take(f"codes of {door.name_of(request)}", TRIES).allowed:
        return _form(code, TooManyTries())
    try:
        with reading() as session:
            found = recovering.find_by_code(session, code)
            own = found != voter_key() and has_voted(session, voter_key())
    except (UnreadableCode, UnknownCode) as error:
        return _form(code, error)
    if own and keep != "theirs":
        return make_response(render_template("recover.html", code=code, asks=True, fault="", length=LENGTH))
    become(found)
    return redirect(url_for("my_votes.show"), code=303)


def _form(code: str, fault: ArenaError | None = None) -> Response:
    page = render_template(
        "recover.html",
        code=code,
        asks=False,
        fault=fault.code if fault else "",
        length=LENGTH,
        group=GROUP,
        longest=LONGEST,
    )
    return make_response(page, fault.status if fault else 200)
