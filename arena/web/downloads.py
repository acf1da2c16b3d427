"""Files to take away: the votes and the board."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields

from flask import Blueprint, Response, stream_with_context

from arena.queries.boards import BoardRow
from arena.services import publishing
from arena.web.catalogue import read_board
from arena.web.context import arena, reading

bp = Blueprint("downloads", __name__)


@bp.get("/data/votes.csv")
def votes_csv() -> Response:
    """Every vote, as CSV."""
    return _stream(publishing.votes_csv, "votes.csv", "text/csv; charset=utf-8")


@bp.get("/data/votes.parquet")
def votes_parquet() -> Response:
    """Every vote, as Parquet."""
    return _stream(publishing.votes_parquet, "votes.parquet", "application/vnd.apache.parquet")


@bp.get("/leaderboard.csv")
@bp.get("/data/leaderboard.csv")
def leaderboard_csv() -> Response:
    """The newest board of a campaign, as CSV."""
    shown, _ = read_board()
    out = io.StringIO()
    names = [field.name for field in fields(BoardRow)]
    table = csv.DictWriter(out, names, lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in (shown.rows if shown else ()))
    response = Response(out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename="leaderboard.csv")
    return response


def _stream(source: object, name: str, content_type: str) -> Response:
    def chunks() -> object:
        with reading() as session:
            yield from source(session, arena().settings)  # type: ignore[operator]

    response = Response(stream_with_context(chunks()), content_type=content_type)  # type: ignore[arg-type]
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
