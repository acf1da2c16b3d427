"""What watches the arena learns how it is, and nothing of who votes for whom."""

from __future__ import annotations

import io
import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena import logs
from arena.app import create_app
from arena.services.ledger import Ledger
from arena.services.pulse import Pulse
from arena.tables import Voter
from arena.web.metrics import Meters
from tests.factory import NOON
from tests.web.small import SmallArena, empty_arena, open_campaign, settings_in

TOKEN = "a-token-of-these-tests-" + "0" * 16
FAR = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallArena]:
    """An arena that several tests look at."""
    arena = empty_arena(tmp_path_factory.mktemp("watched") / "home")
    open_campaign(arena)
    yield arena
    arena.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[SmallArena]:
    """An arena that nobody else knows."""
    arena = empty_arena(tmp_path / "home")
    open_campaign(arena)
    yield arena
    arena.close()


@pytest.fixture
def client(small: SmallArena) -> FlaskClient:
    return small.app.test_client()


def vote(client: FlaskClient) -> str:
    """Deal a pair to a client and vote; the key of the pair."""
    key = client.get("/battles/next").location.rsplit("/", 1)[1]
    sent = {"preference": "left", "consent": "2026-11", "elapsed_ms": "900"}
    assert client.post(f"/battles/{key}/vote", data=sent).status_code == 303
    return str(key)


def numbers(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples of an exposition by name and labels."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_parse_and_count(fresh: SmallArena) -> None:
    meters = Meters()
    ledger = Ledger(fresh.database, on_commit=meters.committed)
    app = create_app(
        fresh.settings, database=fresh.database, images=fresh.images, write=ledger.write, meters=meters
    )
    client = app.test_client()
    key = vote(client)
    answer = client.get("/metrics")
    told = numbers(answer.text)
    route = "/battles/<key>/vote"
    assert told["arena_requests_total", ("POST", route, "303")] == 1
    assert told["arena_request_seconds_count", (route,)] == 1
    assert told["arena_votes", ("left",)] == 1
    assert told["arena_jobs", ("done",)] == 12
    assert told["arena_unsealed", ()] == 1
    assert told["arena_ledger_pieces_count", ()] >= 2
    for hidden in (key, *fresh.entrants):
        assert hidden not in answer.text
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    ledger.close()


@pytest.mark.parametrize(
    ("more", "sent", "status"),
    [
        ({}, {}, 200),
        ({}, {"headers": {"X-Forwarded-For": "203.0.113.9"}}, 403),
        ({}, {"environ_base": FAR}, 403),
        ({"ARENA_METRICS_TOKEN": TOKEN}, {"environ_base": FAR}, 403),
        ({"ARENA_METRICS_TOKEN": TOKEN}, {"environ_base": FAR, "auth": TOKEN[:-1]}, 403),
        ({"ARENA_METRICS_TOKEN": TOKEN}, {"environ_base": FAR, "auth": TOKEN}, 200),
        ({"ARENA_METRICS": "off"}, {}, 404),
    ],
)
def test_the_metrics_are_for_this_machine_or_the_token(
    small: SmallArena, more: dict[str, str], sent: dict[str, object], status: int
) -> None:
    app = create_app(
        settings_in(small.settings.home, **more),
        database=small.database,
        images=small.images,
        write=small.ledger.write,
    )
    if token := sent.pop("auth", None):
        sent["headers"] = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/metrics", **sent).status_code == status


def test_ready_means_that_a_vote_could_be_kept(small: SmallArena, client: FlaskClient) -> None:
    for page in ("/healthz", "/readyz"):
        answer = client.get(page)
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers


def test_what_is_missing_is_named(fresh: SmallArena, monkeypatch: pytest.MonkeyPatch) -> None:
    client = fresh.app.test_client()
    monkeypatch.setattr("arena.web.health.BOUND_SECONDS", 0.3)
    other = sqlite3.connect(fresh.settings.home / "arena.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert client.get("/readyz").text == "not ready: ledger\n"
    other.execute("UPDATE alembic_version SET version_num = '0001'")
    other.execute("COMMIT")
    other.close()
    folder = fresh.images.folder
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("a file where the pictures should lie")
    fresh.ledger.close()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready: migrations, storage, ledger\n")
    assert client.get("/healthz").status_code == 200


def test_a_worker_tells_of_its_pictures() -> None:
    pulse = Pulse()
    pulse.beat("painter")
    pulse.settled(None, "refused")
    told = numbers(generate_latest(pulse.registry).decode())
    assert told["arena_worker_pictures_total", ("refused",)] == 1
    assert told["arena_worker_pictures_total", ("done",)] == 0
    assert told["arena_worker_heartbeat_timestamp_seconds", ("painter",)] > 1.7e9


@pytest.fixture
def written(small: SmallArena) -> Iterator[io.StringIO]:
    """The log in JSON, as a running command writes it."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    logs.start_log(settings_in(small.settings.home, ARENA_LOG="json"), stream)
    root.handlers += before
    yield stream
    root.handlers[:], root.level = before, level


def test_the_log_tells_nobody_who_somebody_is(
    small: SmallArena, client: FlaskClient, written: io.StringIO
) -> None:
    vote(client)
    with client.session_transaction() as kept:
        voter = kept["voter"]
    cookie = client.get_cookie("arena")
    assert cookie is not None
    secret = small.settings.secret
    sentence = (
        "%s from 203.0.113.9 and 2001:db8::7 at jo@example.org with arena=%s; Bearer %s, redis://u:pw@h/0"
    )
    logging.getLogger("arena.test").warning(sentence, voter, cookie.value, TOKEN)
    try:
        raise ValueError(f"voter {voter} and {secret}")
    except ValueError:
        logging.getLogger("arena.test").exception("broke at 2026-11-23 08:29:00")
    text = written.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    for hidden in (voter, cookie.value, secret, TOKEN, "203.0.113.9", "2001:db8", "jo@example.org", "u:pw"):
        assert hidden not in text
    assert not re.search(r"127\.0\.0\.1", text)
    (request,) = [line for line in lines if line.get("route") == "/battles/<key>/vote"]
    assert request["status"] == 303
    assert re.fullmatch(r"[0-9a-f]{16}", request["request"])
    assert "08:29:00" in lines[-1]["message"]
    assert "request" not in lines[-1]


def test_an_error_of_the_database_names_no_voter(small: SmallArena) -> None:
    def twice(session: Session) -> None:
        for _ in range(2):
            session.execute(insert(Voter).values(key="somebody", cohort="public", created_at=NOON))

    with pytest.raises(IntegrityError, match="UNIQUE") as error:
        small.ledger.write(twice)
    assert "somebody" not in str(error.value)
