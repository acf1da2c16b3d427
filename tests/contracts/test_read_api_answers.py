"""How the read API answers: conditional requests, other sites, limits and keys, and problems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from arena.db import Database
from arena.services.keys import revoke_key
from arena.storage import ImageStore
from arena.tables import Campaign, Reason
from arena.web.read.access import PER_ADDRESS
from arena.web.read.problems import SCHEMA
from arena.web.read.views import EXTENSION, PREFIX
from tests.contracts.reading import Reader, reader
from tests.databases import new_sqlite

BOARD = "/leaderboard?campaign=spring"


@pytest.fixture
def api(database: Database, images: ImageStore, tmp_path: Path) -> Iterator[Reader]:
    """The read API of an arena with votes, on each kind of database."""
    with reader(database, images, tmp_path / "home") as found:
        yield found


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The read API of an arena in which nothing changes."""
    folder = tmp_path_factory.mktemp("still")
    database = new_sqlite(folder / "arena.sqlite")
    with reader(database, ImageStore(folder / "images"), folder) as found:
        yield found
    database.dispose()


def test_what_has_not_changed_is_not_sent_again_and_what_has_is(api: Reader) -> None:
    paths = ("/votes", "/battles?limit=1000", "/votes.csv", "/prompts", BOARD)
    tags = {path: api.get(path).headers["ETag"] for path in paths}

    def changed() -> set[str]:
        found = set()
        for path in paths:
            response = api.get(path, **{"If-None-Match": tags[path]})
            assert response.headers["Cache-Control"] == "public, no-cache"
            assert {"Accept", "Authorization"} <= set(response.vary)
            if response.status_code == 304:
                assert response.data == b""
                assert response.headers["ETag"] == tags[path]
            else:
                found.add(path)
                tags[path] = response.headers["ETag"]
        return found

    of_votes = set(paths) - {BOARD}
    assert changed() == set()
    api.young()
    battle = api.arena.deal("rose", "iris", voter="eve")
    api.arena.vote(battle)
    assert changed() == {BOARD}  # which says how many votes there are, told or not
    api.seal()
    assert changed() == set(paths)
    api.reveal(battle)
    assert changed() == of_votes
    with api.arena.database.write.begin() as session:
        session.add(Reason(battle_id=battle, tag="text", unblinded=True, given_at=datetime.now(UTC)))
    assert changed() == of_votes
    with api.arena.database.write.begin() as session:
        session.get_one(Campaign, api.arena.campaign_id).closed_at = datetime.now(UTC)
    assert changed() >= of_votes
    assert changed() == set()


def test_other_sites_may_read_this_and_nothing_else(still: Reader) -> None:
    client = still.app.test_client()
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    preflight = client.options(f"{PREFIX}/votes", headers=asked)
    assert preflight.status_code == 200
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "POST" not in preflight.headers["Access-Control-Allow-Methods"]
    for path in ("", "/votes?limit=1", "/votes?limit=0", "/nowhere"):
        headers = client.get(f"{PREFIX}{path}", headers=asked).headers
        assert headers["Access-Control-Allow-Origin"] == "*", path
        assert "Access-Control-Allow-Credentials" not in headers
        assert "Set-Cookie" not in headers
    for page in ("/leaderboard.json", "/data/votes.csv", "/nowhere", "/api/v2"):
        assert "Access-Control-Allow-Origin" not in client.get(page, headers=asked, buffered=True).headers


def test_an_address_and_a_key_have_limits_of_their_own(api: Reader) -> None:
    key = api.key("site", per_minute=2)
    for left in reversed(range(PER_ADDRESS)):
        response = api.get("/campaigns")
        assert response.headers["RateLimit-Remaining"] == str(left)
    api.wait(20)
    refused = api.get("/campaigns")
    assert refused.status_code == 429
    assert refused.get_json()["code"] == "rate_limit_exceeded"
    assert 40 <= int(refused.headers["Retry-After"]) <= 41
    assert api.get("/campaigns", Authorization="Bearer wrong").status_code == 429
    assert [api.get("/campaigns", **key).status_code for _ in range(3)] == [200, 200, 429]
    assert api.get("/campaigns", **api.key("own")).headers.get("RateLimit-Limit") is None
    assert api.get("/campaigns", **{"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}).status_code == 200
    api.wait(41)
    assert api.get("/campaigns").status_code == 200
    counted = api.app.extensions[EXTENSION].door.minutes
    assert not [name for name in counted._made if "127.0.0.1" in name or "192.0.2.1" in name]


def test_a_stranger_cannot_borrow_an_address(still: Reader) -> None:
    def remaining(peer: str, told: str) -> int:
        response = still.app.test_client().get(
            PREFIX, headers={"X-Forwarded-For": told}, environ_overrides={"REMOTE_ADDR": peer}
        )
        return int(response.headers["RateLimit-Remaining"])

    assert remaining("203.0.113.9", "192.0.2.77") == remaining("203.0.113.9", "192.0.2.78") + 1
    assert remaining("2001:db8:1:2::a", "") == remaining("2001:db8:1:2::b", "") + 1
    assert remaining("2001:db8:1:2::c", "") < remaining("2001:db8:1:3::a", "")


def test_a_revoked_key_opens_nothing(api: Reader) -> None:
    key = api.key("site")
    assert api.get("/votes", **key).headers["Cache-Control"] == "private, no-cache"
    with api.arena.database.write.begin() as session:
        revoke_key(session, "site", now=datetime.now(UTC))
    refused = api.get("/votes", **key)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code", "parameter"),
    [
        ("get", "/votes?limit=0", {}, 400, "invalid_parameter", "limit"),
        ("get", "/votes?limit=1001", {}, 400, "invalid_parameter", "limit"),
        ("get", "/votes?limit=5&limit=6", {}, 400, "invalid_parameter", "limit"),
        ("get", "/votes?cursor=abc", {}, 400, "invalid_parameter", "cursor"),
        ("get", "/votes?Limit=5", {}, 400, "unknown_parameter", "Limit"),
        ("get", "/entrants?campaign=spring", {}, 400, "unknown_parameter", "campaign"),
        ("get", "/runs/first", {}, 400, "invalid_parameter", "number"),
        ("get", "/leaderboard?ties=never", {}, 400, "invalid_parameter", "ties"),
        ("get", "/leaderboard?since=2026-02-30", {}, 400, "invalid_parameter", "since"),
        ("get", "/leaderboard?since=2026-03-02&until=2026-03-01", {}, 400, "invalid", None),
        ("get", "/votes?campaign=none", {}, 404, "unknown_campaign", None),
        ("get", "/votes.parquet?campaign=none", {}, 404, "unknown_campaign", None),
        ("get", "/leaderboard?campaign=none", {}, 404, "unknown_campaign", None),
        ("get", "/leaderboard?campaign=spring&criterion=none", {}, 404, "not_found", None),
        ("get", "/entrants/none", {}, 404, "unknown_entrant", None),
        ("get", "/entrants/a%00b", {}, 404, "not_found", None),
        ("get", "/runs/4096", {}, 404, "not_found", None),
        ("get", "/", {}, 404, "not_found", None),
        ("post", "/nowhere", {}, 404, "not_found", None),
        ("post", "/votes", {}, 405, "method_not_allowed", None),
        ("delete", "/runs/1", {}, 405, "method_not_allowed", None),
        ("get", "/votes", {"Accept": "text/html"}, 406, "not_acceptable", None),
        ("get", "/votes.csv", {"Accept": "application/json"}, 406, "not_acceptable", None),
        ("get", "/votes", {"Authorization": "Basic abc"}, 401, "invalid_api_key", None),
    ],
)
def test_a_problem_says_what_to_do(
    still: Reader, method: str, path: str, headers: dict[str, str], status: int, code: str, parameter: Any
) -> None:
    client: FlaskClient = still.app.test_client()
    response = getattr(client, method)(f"{PREFIX}{path}", headers=headers)
    told = response.get_json()
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    jsonschema_rs.validator_for(SCHEMA).validate(told)
    assert (told["status"], told["code"], told.get("parameter")) == (status, code, parameter)
    assert (status == 405) == ("Allow" in response.headers)


def test_what_nobody_foresaw_is_told_with_a_number_that_the_log_has(
    api: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with api.arena.database.write.begin() as session:
        session.execute(text("ALTER TABLE rating_run RENAME TO lost"))
    response = api.get("/runs")
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    number = response.get_json()["detail"].split(" operator ")[1].split(",")[0]
    assert number in caplog.text
    assert "rating_run" not in response.get_data(as_text=True)
