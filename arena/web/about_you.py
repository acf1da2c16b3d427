"""About you: three coarse questions that nobody has to answer, where a campaign asks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.about import QUESTIONS
from arena.services import about_voters
from arena.web.context import fields, known_voter, now, reading, voter_key, writing
from arena.web.i18n import noted
from arena.web.security import in_the_room

bp = Blueprint("about_you", __name__, url_prefix="/about-you")

ASKED: Final[Mapping[str, str]] = {
    "age": noted("Your age"),
    "visual_work": noted("Years in visual work"),
    "screen": noted("The screen you vote on"),
}
ANSWERS: Final[Mapping[str, str]] = {
    "under-25": noted("Under 25"),
    "25-39": noted("25 to 39"),
    "40-59": noted("40 to 59"),
    "60-and-over": noted("60 or over"),
    "none": noted("None"),
    "under-3-years": noted("Under 3 years"),
    "3-to-10-years": noted("3 to 10 years"),
    "over-10-years": noted("Over 10 years"),
    "phone": noted("Phone"),
    "tablet": noted("Tablet"),
    "laptop": noted("Laptop"),
    "desktop": noted("Desktop screen"),
    "calibrated": noted("Calibrated screen"),
}

bp.after_request(in_the_room)


@bp.get("")
def show() -> Response:
    """The three questions, with what was answered."""
    with reading() as session:
        told = about_voters.told_by(session, voter_key=voter_key())
    return make_response(
        render_template("about_you.html", questions=QUESTIONS, asked=ASKED, answers=ANSWERS, told=told)
    )


@bp.post("")
def tell() -> BaseResponse:
    """Keep the answers in place of those of before, or delete them all."""
    sent = {name: str(value) for name, value in fields().items()}
    voter, moment = known_voter(), now()
    if "delete" in sent:
        sent = {}
    writing(lambda session: about_voters.tell(session, voter_key=voter, sent=sent, now=moment))
    return redirect(url_for("my_votes.show"), code=303)
