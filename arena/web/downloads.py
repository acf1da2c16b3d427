"""Files to take away: the votes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Protocol

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from arena.config import Settings
from arena.db import told_plainly
from arena.errors import NoPassRate
from arena.queries.reliability import Reliable
from arena.services.publishing import votes_csv, votes_parquet
from arena.web.context import arena

bp = Blueprint("downloads", __name__)


class Source(Protocol):
    """Makes a file of votes, piece by piece."""

    def __call__(self, session: Session, settings: Settings, *, now: datetime) -> Iterator[bytes]: ...


@bp.get("/data/votes.csv")
def csv_of_votes() -> Response:
    """Every vote, or those that are asked for, as CSV."""
    return streamed(partial(votes_csv, reliable=_reliable()), "votes.csv", "text/csv; charset=utf-8")


@bp.get("/data/votes.parquet")
def parquet_of_votes() -> Response:
    """Every vote, or those that are asked for, as Parquet."""
    source = partial(votes_parquet, reliable=_reliable())
    return streamed(source, "votes.parquet", "application/vnd.apache.parquet")


def _reliable() -> Reliable:
    """What a request asks of votes by the published checks.

    Raises
    ------
    NoPassRate
    """
    told = request.args.get("min_pass_rate", "").strip()
    try:
        rate = float(told.replace(",", ".")) if told else None
    except ValueError as error:
        raise NoPassRate(told) from error
    return Reliable(rate, leave_out_fast="leave_out_fast" in request.args)


def streamed(source: Source, name: str, content_type: str) -> Response:
    """Answer with a file, piece by piece.

    The first piece is made before the answer begins, so that an error is told as one.
    """
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
