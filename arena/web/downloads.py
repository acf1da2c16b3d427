"""Files to take away: the votes and the board."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime
from itertools import chain
from typing import Protocol

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from arena.config import Settings
from arena.db import told_plainly
from arena.queries.boards import BoardRow
from arena.services.publishing import votes_csv, votes_parquet
from arena.web.catalogue import read_board
from arena.web.context import arena

bp = Blueprint("downloads", __name__)


class Source(Protocol):
    """Makes a file of votes, piece by piece."""

    def __call__(self, session: Session, settings: Settings, *, now: datetime) -> Iterator[bytes]: ...


@bp.get("/data/votes.csv")
def csv_of_votes() -> Response:
    """Every vote, as CSV."""
    return _stream(votes_csv, "votes.csv", "text/csv; charset=utf-8")


@bp.get("/data/votes.parquet")
def parquet_of_votes() -> Response:
    """Every vote, as Parquet."""
    return _stream(votes_parquet, "votes.parquet", "application/vnd.apache.parquet")


@bp.get("/leaderboard.csv")
@bp.get("/data/leaderboard.csv")
def csv_of_board() -> Response:
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


def _stream(source: Source, name: str, content_type: str) -> Response:
    """Answer piece by piece; the first piece is made before the answer begins, so that an error is a page."""
    session = arena().database.read()
    try:
        with told_plainly():
            chunks = source(session, arena().settings, now=datetime.now(UTC))
            first = next(chunks, b"")
    except BaseException:
        session.close()
        raise
    response = Response(chain((first,), chunks), content_type=content_type)
    response.call_on_close(session.close)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
