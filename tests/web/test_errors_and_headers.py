"""What goes wrong is told plainly, with a right status and one way on; what every answer carries."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from arena.domain.blinding import CONSENT_VERSION
from arena.tables import BlindCopy, Vote
from tests.web import small
from tests.web.pages import cast, deal, read

PAGES = ("/", "/leaderboard", "/entrants", "/style", "/data", "/method", "/privacy")
JSON = {"Accept": "application/json"}


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("get", "/nowhere", 404, "not_found"),
        ("get", "/battles/" + "x" * 22, 404, "unknown_battle"),
        ("get", "/pictures/" + "x" * 22, 404, "unknown_picture"),
        ("get", "/originals/abc/middle", 404, "not_found"),
        ("get", "/leaderboard?campaign=none", 404, "unknown_campaign"),
        ("get", "/battles/next?campaign=none", 404, "unknown_campaign"),
        ("post", "/leaderboard", 405, "method_not_allowed"),
        ("get", "/battles/abc/vote", 405, "method_not_allowed"),
        ("get", "/static/x/../../app.py", 404, "not_found"),
    ],
)
def test_an_error_is_a_page_with_one_way_on_and_json_for_programs(
    client: FlaskClient, method: str, address: str, status: int, code: str
) -> None:
    response = getattr(client, method)(address)
    page = read(response)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert len(re.findall(r'class="way"', page.text)) == 1
    told = getattr(client, method)(address, headers=JSON)
    assert told.status_code == status
    assert told.get_json()["error"]["code"] == code
    assert told.get_json().keys() == {"error"}
    assert told.get_json()["error"].keys() == {"code", "message"}


def test_a_request_that_is_too_large_is_refused(client: FlaskClient) -> None:
    battle = deal(client)
    response = client.post(f"{battle}/vote", data={"preference": "left", "consent": "x" * 70_000})
    assert response.status_code == 413
    assert "Nothing was counted" in response.get_data(as_text=True)


def test_a_fault_is_told_with_a_number_that_the_log_has(
    arena: small.SmallArena, caplog: pytest.LogCaptureFixture
) -> None:
    @arena.app.get("/fault")
    def fault() -> str:
        raise RuntimeError("unforeseen")

    response = arena.app.test_client().get("/fault")
    assert response.status_code == 500
    (number,) = re.findall(r"quote ([0-9A-F]{4}-[0-9A-F]{4})\.", response.get_data(as_text=True))
    assert number in caplog.text
    assert "unforeseen" not in response.get_data(as_text=True)


def test_a_full_disk_says_that_nothing_was_lost(client: FlaskClient, arena: small.SmallArena) -> None:
    """A real database at its size limit: the vote is refused, and counted when there is room again."""
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")

    def limit(pages: str) -> None:
        def work(session: object) -> None:
            session.execute(text(f"PRAGMA max_page_count = {pages}"))  # type: ignore[attr-defined]

        arena.ledger.write(work)

    with arena.database.read() as session:
        pages = session.scalar(text("PRAGMA page_count"))
    limit(str(pages))
    statuses, refused = set(), None
    for _ in range(400):
        other = arena.app.test_client()
        response = other.get("/battles/next")
        statuses.add(response.status_code)
        if response.status_code == 503:
            refused = response
            break
    assert refused is not None, statuses
    assert "nothing was lost" in refused.get_data(as_text=True)
    assert refused.headers["Retry-After"] == "5"
    limit("1073741823")
    assert client.post(ballot.action, data={**ballot.hidden, "preference": "left"}).status_code == 303
    with arena.database.read() as session:
        assert len(session.scalars(select(Vote)).all()) == 1


def test_a_busy_database_is_told_as_unavailable(arena: small.SmallArena) -> None:
    def busy() -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked"))

    @arena.app.get("/busy")
    def page() -> str:
        from arena.web.context import writing

        writing(lambda session: busy())
        return ""

    response = arena.app.test_client().get("/busy", headers=JSON)
    assert response.status_code == 503
    assert response.get_json()["error"]["code"] == "unavailable"


def test_a_damaged_picture_is_not_shown(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    with arena.database.read() as session:
        for digest in session.scalars(select(BlindCopy.digest)):
            file = arena.images.path(digest)
            file.write_bytes(file.read_bytes()[:-9] + b"corrupted")
    address = read(client.get(battle)).pictures[0]["src"]
    response = client.get(address)
    assert response.status_code == 500
    assert "No vote was lost" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
    ],
)
def test_a_form_from_another_site_changes_nothing(
    client: FlaskClient, arena: small.SmallArena, headers: dict[str, str]
) -> None:
    battle = deal(client)
    told = {"preference": "left", "consent": CONSENT_VERSION}
    response = client.post(f"{battle}/vote", data=told, headers=headers)
    assert response.status_code == 403
    assert "Nothing was changed" in response.get_data(as_text=True)
    assert client.post("/preferences", data={"theme": "dark"}, headers=headers).status_code == 403
    with arena.database.read() as session:
        assert not session.scalars(select(Vote)).all()


def test_a_form_of_the_arena_itself_is_taken(client: FlaskClient) -> None:
    told = {"preference": "left", "consent": CONSENT_VERSION}
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    assert client.post(f"{deal(client)}/vote", data=told, headers=own).status_code == 303


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    battle = deal(client)
    for address in (*PAGES, battle, "/battles/next", "/nowhere", "/healthz", "/leaderboard.json"):
        headers = client.get(address).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"], address
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_no_page_styles_or_scripts_inline(client: FlaskClient) -> None:
    battle = deal(client)
    for address in (*PAGES, battle, "/nowhere"):
        page = read(client.get(address))
        assert not page.styled, address
        assert all(script.get("src", "").startswith("/static/") for script in page.scripts)


def test_the_room_is_never_kept_and_the_catalogue_is_asked_for_again(client: FlaskClient) -> None:
    battle = deal(client)
    for address in ("/", battle, "/nowhere", "/battles/next"):
        assert client.get(address).headers["Cache-Control"] == "no-store", address
    for address in PAGES[1:]:
        response = client.get(address)
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert {"Accept-Language", "Cookie"} <= set(response.vary)
        again = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304, address


def test_an_etag_tells_languages_and_themes_apart(client: FlaskClient) -> None:
    def etag(**cookies: str) -> str:
        for name, value in cookies.items():
            client.set_cookie(name, value)
        return client.get("/method").headers["ETag"]

    assert len({etag(), etag(theme="dark"), etag(theme="light"), etag(language="fr")}) == 4


def test_the_voter_cookie_is_signed_and_kept_to_the_arena(tmp_path: Path) -> None:
    for number, (url, secure) in enumerate((("http://a.example", False), ("https://a.example", True))):
        arena = small.empty_arena(tmp_path / str(number), ARENA_PUBLIC_URL=url)
        small.open_campaign(arena)
        told = arena.app.test_client().get("/battles/next").headers["Set-Cookie"]
        assert told.startswith("arena=")
        assert "HttpOnly" in told
        assert "SameSite=Lax" in told
        assert ("Secure" in told) is secure
        expires = re.search(r"Expires=\w+, ([^;]+) GMT", told)
        assert expires
        left = datetime.strptime(expires[1], "%d %b %Y %H:%M:%S").replace(tzinfo=UTC) - datetime.now(UTC)
        assert 363 < left.days < 366
        arena.close()


def test_a_forged_cookie_is_nobody(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    cookie = client.get_cookie("arena")
    assert cookie
    forger = arena.app.test_client()
    forger.set_cookie("arena", cookie.value[:-3] + "abc")
    assert forger.get(battle).status_code == 404
    honest = arena.app.test_client()
    honest.set_cookie("arena", cookie.value)
    assert honest.get(battle).status_code == 200


def test_health_is_told_in_a_word(client: FlaskClient) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").get_data()) == (200, b"ok\n")


def test_static_files_may_be_kept_for_good_at_their_own_address(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    address = re.findall(r'href="(/static/[^"]+/base\.css)"', page)[0]
    for asked, rule in ((address, "immutable"), ("/static/old/base.css", "no-cache")):
        response = client.get(asked)
        assert rule in response.headers["Cache-Control"]
        response.close()


def test_a_vote_is_kept_when_the_answer_is_lost(client: FlaskClient, arena: small.SmallArena) -> None:
    battle = deal(client)
    cast(client, battle)
    assert "You chose the left one." in client.get(battle).get_data(as_text=True)
    assert client.get("/battles/next").status_code == 303


def test_the_web_process_never_imports_torch() -> None:
    heavy = ("torch", "diffusers", "models", "matplotlib")
    told = f"import sys, arena.app; sys.exit(any(m in sys.modules for m in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0


def test_crafted_requests_are_refused_plainly(client: FlaskClient) -> None:
    nested = "[" * 60_000
    asks = [
        client.post("/battles/x/vote", json={"preference": "left", "consent": "\ud800"}),
        client.post("/battles/x/vote", data=nested, content_type="application/json"),
        client.post("/preferences", data={"theme": "dark"}, headers={"Origin": "http://[x"}),
        client.post("/preferences", data={"theme": "dark", "back": "http://[x"}),
        client.get("/battles/a%00b"),
        client.get("/leaderboard?campaign=%00"),
    ]
    assert [answer.status_code for answer in asks] == [400, 400, 403, 303, 404, 404]
    assert asks[3].headers["Location"].endswith("/")
