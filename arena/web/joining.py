"""Invitations: who invites, what for, what one agrees to, and the button that takes one."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.queries.finding import first_criterion
from arena.services import inviting
from arena.services.voters import PUBLIC
from arena.web.admin import ACTORS
from arena.web.context import known_voter, now, reading, voter_key, writing
from arena.web.security import in_the_room

bp = Blueprint("joining", __name__, url_prefix="/join")


bp.after_request(in_the_room)


@bp.get("/<token>")
def show(token: str) -> Response:
    """What a link offers; what only looks at addresses uses nothing up."""
    with reading() as session:
        offer = inviting.read_invite(session, token, voter_key=voter_key(), now=now())
        question = first_criterion(session, offer.campaign.id).question
    return make_response(
        render_template(
            "join.html",
            offer=offer,
            question=question,
            token=token,
            by=None if offer.by in ACTORS else offer.by,
            kept=offer.voter_cohort != offer.cohort,
            public=PUBLIC,
        )
    )


@bp.post("/<token>")
def take(token: str) -> BaseResponse:
    """Take an invitation."""
    voter, moment = known_voter(), now()
    writing(lambda session: inviting.accept(session, token, voter_key=voter, now=moment))
    return redirect(url_for("joining.show", token=token), code=303)
