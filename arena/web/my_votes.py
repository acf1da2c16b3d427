"""One's own votes: the cookie is the voter, and nobody else sees this page or may take a vote back."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.errors import Invalid
from arena.queries.own_board import ENOUGH, own_boards
from arena.queries.own_votes import own_vote, own_votes, standing
from arena.services.removing import withdraw, withdraw_all
from arena.web.context import now, reading, voter_key, writing
from arena.web.security import in_the_room

bp = Blueprint("my_votes", __name__, url_prefix="/my-votes")
LARGEST = 2**31 - 1
_TOLD = "withdrawn"


@bp.after_request
def _room(response: Response) -> Response:
    """It belongs to one voter and one moment, like the Room."""
    return in_the_room(response)


@bp.get("")
def show() -> Response:
    """The votes cast with this cookie, the newest first, and how many were just withdrawn."""
    before, after = _number("before"), _number("after")
    with reading() as opened:
        found = own_votes(opened, voter_key=voter_key(), before=before, after=after)
    return make_response(render_template("my_votes.html", found=found, told=session.pop(_TOLD, None)))


@bp.get("/board")
def board() -> Response:
    """How often this voter chose each entrant, from so many votes on."""
    with reading() as opened:
        boards = own_boards(opened, voter_key=voter_key())
    return make_response(render_template("my_board.html", boards=boards, enough=ENOUGH))


@bp.get(f"/<int(max={LARGEST}):number>/withdraw")
def confirm(number: int) -> Response:
    """Ask whether one vote shall be withdrawn."""
    with reading() as opened:
        vote = own_vote(opened, voter_key=voter_key(), number=number)
    return make_response(render_template("withdraw.html", vote=vote, count=int(vote.removed is None)))


@bp.post(f"/<int(max={LARGEST}):number>/withdraw")
def take_back(number: int) -> BaseResponse:
    """Withdraw one vote."""
    voter, moment = voter_key(), now()
    return _done(writing(lambda opened: withdraw(opened, voter_key=voter, vote_id=number, now=moment)))


@bp.get("/withdraw")
def confirm_all() -> Response:
    """Ask whether all votes shall be withdrawn."""
    with reading() as opened:
        count = standing(opened, voter_key=voter_key())
    return make_response(render_template("withdraw.html", vote=None, count=count))


@bp.post("/withdraw")
def take_all_back() -> BaseResponse:
    """Withdraw every vote of this cookie."""
    voter, moment = voter_key(), now()
    return _done(writing(lambda opened: withdraw_all(opened, voter_key=voter, now=moment)))


def _done(count: int) -> BaseResponse:
    session[_TOLD] = count
    return redirect(url_for("my_votes.show"), code=303)


def _number(name: str) -> int | None:
    """The number of a vote that the address goes on from.

    Raises
    ------
    Invalid
        If it is no number.
    """
    told = request.args.get(name)
    if told is None:
        return None
    if not (told.isascii() and told.isdecimal()) or len(told) > 10 or int(told) > LARGEST:
        raise Invalid(f"{name} must be the number of a vote")
    return int(told)
