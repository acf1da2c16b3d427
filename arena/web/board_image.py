"""``/leaderboard.png``: the newest board of a view as a picture for slides."""

from __future__ import annotations

import hashlib
import textwrap
from functools import lru_cache

from flask import Blueprint, Response, request

from arena.errors import NotFound
from arena.queries.boards import Board, BoardRow
from arena.web import board_figure, findings, words
from arena.web.board_figure import Poster, PosterRow
from arena.web.boards import read_board
from arena.web.chart_scales import short
from arena.web.charts import said
from arena.web.i18n import gettext, moment, number
from arena.web.security import in_the_catalogue

bp = Blueprint("board_image", __name__)

MOST = 20
"""A slide has room for so many rows; the foot says how many there are."""

_LONGEST_NAME = 30
_LINE = 78


bp.after_request(in_the_catalogue)


@bp.get("/leaderboard.png")
def show() -> Response:
    """The board that the address asks for; nothing is fitted, and the same run is drawn once.

    Raises
    ------
    NotFound
        If no board of these votes has been computed.
    """
    found = read_board().board
    if found is None or found.run is None or not found.votes:
        raise NotFound(
            "no board of these votes has been computed yet; the leaderboard tells when there is one"
        )
    told = poster(found, found.run)
    digest = hashlib.sha256(repr(told).encode()).hexdigest()
    if request.if_none_match.contains(digest):
        response = Response(status=304)
    else:
        response = Response(drawn(told), mimetype="image/png")
    response.set_etag(digest)
    return response


def poster(board: Board, run: int) -> Poster:
    """What the picture of a board says, in the reader's language."""
    foot = [
        " · ".join(filter(None, (_as_of(board), _method(board), _shown(board)))),
        findings.about(board.options),
    ]
    return Poster(
        run=run,
        title=short(board.campaign_name, 44),
        question=tuple(textwrap.wrap(words.question(board.question), _LINE, max_lines=3, placeholder="…")),
        filters=short(" · ".join(f"{label}: {value}" for label, value in said(board.view)), 120),
        heads=(gettext("Rank"), gettext("Entrant"), gettext("Rating"), gettext("Votes")),
        rows=tuple(_row(row) for row in board.rows[:MOST]),
        foot=tuple(foot),
    )


@lru_cache(maxsize=16)
def drawn(told: Poster) -> bytes:
    """The picture of a board; the last few stay in memory."""
    return board_figure.draw(told)


def _as_of(board: Board) -> str:
    assert board.fitted_at is not None
    return gettext("As of vote %(n)s, %(when)s", n=number(board.votes), when=moment(board.fitted_at))


def _method(board: Board) -> str:
    return gettext("Method %(version)s", version=board.method_version)


def _shown(board: Board) -> str:
    if len(board.rows) <= MOST:
        return ""
    return gettext("The first %(shown)s of %(all)s entrants", shown=MOST, all=number(len(board.rows)))


def _row(row: BoardRow) -> PosterRow:
    under = [words.kind(row.kind)]
    if row.provisional:
        under.append(gettext("Provisional"))
    return PosterRow(
        rank=_ranks(row),
        name=short(row.name, _LONGEST_NAME),
        kind=row.kind,
        under=" · ".join(under),
        told=str(round(row.rating)) if row.rating is not None else "–",
        half=_half(row),
        votes=number(row.votes),
        rating=row.rating,
        low=row.low,
        high=row.high,
        provisional=row.provisional,
    )


def _half(row: BoardRow) -> str:
    if row.rating is None or row.low is None or row.high is None:
        return ""
    return f"±{round((row.high - row.low) / 2)}"


def _ranks(row: BoardRow) -> str:
    """The ranks that the votes leave open."""
    if row.rank_low is None or row.rank_high is None:
        return "–" if row.rank is None else str(row.rank)
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
