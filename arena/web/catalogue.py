"""The Catalogue: the entrants, the data, the method, and what is kept about voters."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template

from arena.domain.blinding import CONSENT_VERSION
from arena.domain.quality import TOO_FAST_MS
from arena.queries.data import data_page
from arena.queries.entrants import ledger
from arena.web import formats
from arena.web.context import arena, reading
from arena.web.method import context
from arena.web.security import in_the_catalogue

bp = Blueprint("catalogue", __name__)


bp.after_request(in_the_catalogue)


@bp.get("/entrants")
def entrants() -> Response:
    """Everybody who ever entered."""
    with reading() as session:
        lines = ledger(session)
    return make_response(render_template("entrants.html", entrants=lines))


@bp.get("/data")
def data() -> Response:
    """What can be downloaded, the releases, and the head of the chain of seals."""
    with reading() as session:
        page = data_page(session)
    told = render_template(
        "data.html",
        page=page,
        releases=arena().shelf.releases(),
        formats=list(formats.lines(page)),
        too_fast=TOO_FAST_MS / 1000,
    )
    return make_response(told)


@bp.get("/method")
def method() -> Response:
    """How pairing, blindness, ratings and seals work, with the parameters in force."""
    with reading() as session:
        told = context(session)
    return make_response(render_template("method.html", **told))


@bp.get("/privacy")
def privacy() -> Response:
    """What is kept about a voter, in plain words."""
    contact = arena().settings.contact or ""
    link = contact if "://" in contact else f"mailto:{contact}"
    return make_response(
        render_template("privacy.html", version=CONSENT_VERSION, contact=contact, contact_link=link)
    )
