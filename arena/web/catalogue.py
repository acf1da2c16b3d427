"""The Catalogue: the leaderboard, the entrants, the data, the method, and what is kept about voters."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, render_template, request

from arena.domain.blinding import CONSENT_VERSION
from arena.errors import UnknownCampaign
from arena.queries.boards import Board, BoardRow, CampaignLine, board, campaigns
from arena.queries.data import data_page
from arena.queries.entrants import ledger
from arena.services.method import parameters
from arena.web import drawing, findings
from arena.web.context import reading
from arena.web.security import in_the_catalogue

bp = Blueprint("catalogue", __name__)


@bp.after_request
def _catalogue(response: Response) -> Response:
    return in_the_catalogue(response)


@bp.get("/leaderboard")
def leaderboard() -> Response:
    """The newest board of a campaign."""
    shown, lines = read_board()
    return make_response(
        render_template(
            "leaderboard.html",
            board=shown,
            campaigns=lines,
            finding=findings.finding(shown) if shown else None,
            remark=findings.remark,
            about=findings.about,
            scale=drawing.axis(_numbers(shown.rows)) if shown else None,
            drawing=drawing,
        )
    )


@bp.get("/leaderboard.json")
def leaderboard_json() -> Response:
    """The newest board of a campaign, for programs."""
    with reading() as session:
        return jsonify(board(session, campaign=request.args.get("campaign") or None).as_dict())


@bp.get("/entrants")
def entrants() -> Response:
    """Everybody who ever entered."""
    with reading() as session:
        lines = ledger(session)
    return make_response(render_template("entrants.html", entrants=lines))


@bp.get("/data")
def data() -> Response:
    """What can be downloaded, and the head of the chain of seals."""
    with reading() as session:
        page = data_page(session)
    return make_response(render_template("data.html", page=page))


@bp.get("/method")
def method() -> Response:
    """How pairing, blindness, ratings and seals work, with the parameters in force."""
    with reading() as session:
        told = parameters(session)
    return make_response(render_template("method.html", told=told))


@bp.get("/privacy")
def privacy() -> Response:
    """What is kept about a voter, in plain words."""
    return make_response(render_template("privacy.html", version=CONSENT_VERSION))


def read_board() -> tuple[Board | None, list[CampaignLine]]:
    """The board that the address asks for; without a name, of the newest campaign that people vote in.

    Raises
    ------
    UnknownCampaign
        If a name was asked for that no campaign has.
    """
    asked = request.args.get("campaign") or None
    with reading() as session:
        lines = campaigns(session)
        voted = [line.slug for line in lines if line.votes]
        if asked is None and len(voted) > 1:
            asked = voted[0]
        try:
            return board(session, campaign=asked), lines
        except UnknownCampaign:
            if asked is not None:
                raise
            return None, lines


def _numbers(rows: tuple[BoardRow, ...]) -> list[float | None]:
    return [number for row in rows for number in (row.rating, row.low, row.high)]
