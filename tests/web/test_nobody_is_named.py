"""No page, file, export or line of the log tells who voted: all that leaves the arena is searched."""

from __future__ import annotations

import io
import logging
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from arena import logs
from arena.domain.formats import FORMATS, VERNISSAGE
from arena.services.formats.exporting import export_as
from arena.services.formats.filters import Filters
from arena.services.publishing import export
from arena.services.sealing import seal_pending
from arena.services.standings import refresh
from arena.tables import Voter
from tests.web import small
from tests.web.pages import cast, deal

ADDRESS, MAIL = "203.0.113.77", "jo@example.org"
MAILS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[a-z]{2,})+")
ASKED_OF = re.compile(r"^/(?:static|admin|api/v1/openapi)|<(?!slug)")
"""Addresses that are not a voter's to read without more: files of the pages, the operator's room."""


@pytest.fixture
def written(arena: small.SmallArena) -> Iterator[io.StringIO]:
    """What the log says meanwhile, at its most talkative."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.start_log(small.settings_in(arena.settings.home, ARENA_LOG_LEVEL="debug"), stream)
    root.handlers += before
    yield stream
    root.handlers[:], root.level = before, level


@pytest.fixture
def told(arena: small.SmallArena, client: FlaskClient) -> list[str]:
    """Votes and a report of one rater from one address; what of them must never be found."""
    client.environ_base["REMOTE_ADDR"] = ADDRESS
    for outcome in ("left", "tie", "right"):
        cast(client, deal(client), outcome)
    client.post(f"{deal(client)}/report", data={"side": "left", "kind": "other", "note": f"tell {MAIL}"})
    later = datetime.now(UTC) + timedelta(hours=1)
    with arena.database.write.begin() as session:
        seal_pending(session, now=later)
    refresh(arena.database, now=later)
    with arena.database.read() as session:
        return [ADDRESS, MAIL, *session.scalars(select(Voter.key))]


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file of an export but its pictures, as text."""
    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            yield file.name, pq.read_table(file).to_pandas().to_csv()
        elif file.is_file() and file.suffix != ".png":
            yield file.name, file.read_bytes().decode("utf-8", "replace")


def nobody(told: list[str], where: str, text: str) -> None:
    for trace in told:
        assert trace not in text, (where, trace)
    assert not MAILS.search(text), (where, MAILS.search(text))


def test_no_page_and_no_line_of_the_log_tells_who_voted(
    arena: small.SmallArena, stranger: FlaskClient, written: io.StringIO, told: list[str]
) -> None:
    seen = 0
    stranger.environ_base["REMOTE_ADDR"] = ADDRESS
    for rule in arena.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or ASKED_OF.search(rule.rule):
            continue
        address = rule.rule.replace("<slug>", "sfumato")
        response = stranger.get(address)
        data = response.get_data()
        if data[:4] == b"PAR1":
            data = pq.read_table(io.BytesIO(data)).to_pandas().to_csv().encode()
        nobody(told, address, data.decode("utf-8", "replace") + str(response.headers))
        seen += response.status_code == 200
    assert seen > 20
    assert "/data/votes.csv" in written.getvalue()
    nobody(told, "the log", written.getvalue())


def test_no_export_tells_who_voted(arena: small.SmallArena, told: list[str], tmp_path: Path) -> None:
    options = {"images": arena.images, "now": datetime.now(UTC)}
    for name in FORMATS:
        with arena.database.read() as session:
            if name == VERNISSAGE:
                export(session, folder=tmp_path / name, secret_key=arena.settings.secret, **options)
            else:
                rng = random.Random(1)
                export_as(session, name, folder=tmp_path / name, asked=Filters(), rng=rng, **options)
        found = dict(texts(tmp_path / name))
        assert found
        for file, text in found.items():
            nobody(told, f"{name}/{file}", text)
