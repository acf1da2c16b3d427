"""A rater reports a picture that should not hang; before the vote the page knows no name, like the pair."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.errors import Invalid
from arena.queries.battles import battle_page
from arena.services import reporting
from arena.services.reporting import LONGEST_NOTE
from arena.tables import PictureSide, ReportKind
from arena.web.context import fields, now, reading, voter_key, writing
from arena.web.security import in_the_room

bp = Blueprint("reports", __name__)
Word = TypeVar("Word", PictureSide, ReportKind)


@bp.after_request
def _room(response: Response) -> Response:
    return in_the_room(response)


@bp.get("/battles/<key>/report")
def ask(key: str) -> BaseResponse:
    """The form: which picture, what is wrong with it, a short note."""
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter_key(), now=now())
    return make_response(
        render_template("report.html", page=page, kinds=list(ReportKind), longest=LONGEST_NOTE)
    )


@bp.post("/battles/<key>/report")
def send(key: str) -> BaseResponse:
    """Keep the report; a pair without an answer is set aside, and another is dealt."""
    sent, voter, moment = fields(), voter_key(), now()
    side = _word(PictureSide, "side", sent.get("side"))
    kind = _word(ReportKind, "kind", sent.get("kind"))
    note = str(sent.get("note") or "")
    aside = writing(
        lambda session: reporting.report(
            session, key=key, voter_key=voter, side=side, kind=kind, note=note, now=moment
        )
    )
    if not aside:
        return redirect(url_for("battles.show", key=key), code=303)
    with reading() as session:
        page = battle_page(session, key=key, voter_key=voter, now=moment)
    return redirect(url_for("battles.deal", campaign=page.campaign), code=303)


def _word(known: type[Word], name: str, told: object) -> Word:
    """One of the words of a field.

    Raises
    ------
    Invalid
    """
    try:
        return known(str(told))
    except ValueError as error:
        raise Invalid(f"{name} must be one of {', '.join(known)}, not {str(told)[:40]!r}") from error
