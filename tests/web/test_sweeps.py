"""The same attack on every address that the application has, so that a new one is attacked at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from arena.tables import Base, OperatorRole
from tests.web import small
from tests.web.pages import deal, settle
from tests.web.test_admin import come_in, link

SAFE = {"GET", "HEAD", "OPTIONS"}
OPEN_ADMIN = {"admin.link", "admin.come_in", "admin.sign_in", "admin.enter", "admin.ask_provider",
              "admin.from_provider"}  # fmt: skip
OWN_ADMIN = {"admin.leave", "admin.begin_login", "admin.confirm_login", "admin.change_login",
             "admin.leave_elsewhere", "admin.reckon_campaign"}  # fmt: skip
"""What an analyst may send: about themselves, or without changing anything."""

FILLED = {"slug": "open", "campaign": "open", "name": "sfumato", "number": "1", "job": "1", "prompt": "1",
          "invite": "1", "word": "allow", "side": "left", "filename": "base.css", "version_asked": "x",
          "file": "manifest.json", "digest": "0" * 64}  # fmt: skip
EVIL = "evil.example"
ASKED = ("campaign", "category", "criterion", "cohort", "sort", "page", "q", "entrant", "outcome", "since",
         "code", "state", "set", "kind", "language", "source", "ties", "style", "limit", "after")  # fmt: skip
PREFIXES = ("/static/x/", "/data/releases/", "/data/releases/x/", "/pictures/", "/playground/", "/originals/",
            "/recover/", "/join/", "/campaigns/", "/entrants/")  # fmt: skip


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[small.SmallArena]:
    """One arena for every sweep, with a vote: none of them is to change it."""
    arena = small.empty_arena(tmp_path_factory.mktemp("sweeps") / "home", ARENA_METRICS="off")
    small.open_campaign(arena)
    client = arena.app.test_client()
    settle(client, deal(client))
    yield arena
    arena.close()


def addresses(arena: small.SmallArena, method: str) -> list[tuple[str, str]]:
    """Endpoint and address of every rule that answers a method, its gaps filled."""
    return [
        (rule.endpoint, re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda gap: FILLED.get(gap[1], "x" * 22), str(rule)))
        for rule in arena.app.url_map.iter_rules()
        if method in (rule.methods or ())
    ]


def rows(arena: small.SmallArena) -> dict[str, int]:
    """How many rows each table has."""
    with arena.database.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def member(arena: small.SmallArena, name: str, role: OperatorRole) -> FlaskClient:
    """A browser in which somebody is in."""
    client = arena.app.test_client()
    come_in(client, link(arena, name, role))
    return client


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": f"https://{EVIL}"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://localhost@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_form_is_taken_from_another_site(arena: small.SmallArena, headers: dict[str, str]) -> None:
    client = member(arena, "ann", OperatorRole.OPERATOR)
    before = rows(arena)
    swept = addresses(arena, "POST")
    told = {address: client.post(address, headers=headers).status_code for _, address in swept}
    assert len(told) > 40
    assert {address: status for address, status in told.items() if status != 403} == {}
    assert rows(arena) == before


def test_the_operators_room_is_closed_to_strangers_everywhere(arena: small.SmallArena) -> None:
    client, before = arena.app.test_client(), rows(arena)
    for method, send in (("GET", client.get), ("POST", client.post)):
        inside = [
            a for name, a in addresses(arena, method) if name.startswith("admin.") and name not in OPEN_ADMIN
        ]
        assert len(inside) > 12
        assert {address for address in inside if send(address).status_code != 403} == set()
    assert rows(arena) == before


def test_an_analyst_changes_nothing_anywhere(arena: small.SmallArena) -> None:
    client = member(arena, "bob", OperatorRole.ANALYST)
    before = rows(arena)
    changing = [
        a for name, a in addresses(arena, "POST")
        if name.startswith("admin.") and name not in OPEN_ADMIN | OWN_ADMIN
    ]  # fmt: skip
    assert len(changing) > 15
    assert {address for address in changing if client.post(address).status_code != 403} == set()
    assert rows(arena) == before


def test_every_answer_carries_the_headers_and_no_page_an_inline_script(arena: small.SmallArena) -> None:
    client = member(arena, "cleo", OperatorRole.OPERATOR)
    for _, address in addresses(arena, "GET"):
        with client.get(address) as response:
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith(("default-src 'self'", "default-src 'none'")), address
            assert "unsafe" not in policy, address
            assert response.headers["X-Content-Type-Options"] == "nosniff", address
            assert response.headers["X-Frame-Options"] == "DENY", address
            if response.mimetype == "text/html":
                page = response.get_data(as_text=True)
                assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=\"|\sstyle=\"|javascript:", page), (
                    address
                )


def test_no_answer_believes_the_host_that_it_was_asked_by(arena: small.SmallArena) -> None:
    """A poisoned link, a redirect or a cached page needs the header to come back somewhere."""
    client = arena.app.test_client()
    lies = {"Host": EVIL, "X-Forwarded-Host": EVIL, "X-Forwarded-Server": EVIL, "Forwarded": f"host={EVIL}"}
    for _, address in addresses(arena, "GET"):
        with client.get(address, headers=lies) as response:
            told = "\n".join(f"{name}: {value}" for name, value in response.headers)
            assert EVIL not in told, address
            if response.mimetype.startswith(("text/", "application/json")):
                assert EVIL not in response.get_data(as_text=True), address


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "' OR 1=1; DROP TABLE vote --",
        "../../secret.key",
        "\r\nSet-Cookie: operator=mine",
        "\ud800".encode("utf-8", "surrogatepass"),
        "9" * 400,
        "%s%n{{7*7}}${7*7}",
    ],
)
def test_no_address_breaks_or_gives_back_what_was_put_into_it(
    arena: small.SmallArena, attack: str | bytes
) -> None:
    client = arena.app.test_client()
    before = rows(arena)
    for _, address in addresses(arena, "GET"):
        if address.startswith(("/readyz", "/battles/next")):
            continue
        asked = dict.fromkeys(ASKED, attack)
        with client.get(address, query_string=asked) as response:
            assert response.status_code < 500, (address, response.get_data()[:300])
            assert "operator=mine" not in str(response.headers), address
            if response.mimetype == "text/html":
                page = response.get_data(as_text=True)
                assert "<script>alert" not in page, address
                assert "%n49$" not in page, address
    assert rows(arena) == before


TRAVERSALS = (
    "../secret.key", "..%2fsecret.key", "%2e%2e/secret.key", "....//secret.key", "..%5csecret.key",
    "%2e%2e%2fsecret.key", "/etc/passwd", "%2fetc%2fpasswd", "..%252fsecret.key", "../../../../etc/passwd",
    "..%c0%afsecret.key", "secret.key%00.css", "file:///etc/passwd",
)  # fmt: skip


def test_no_path_leads_out_of_its_folder(arena: small.SmallArena) -> None:
    home: Path = arena.settings.home
    (home / "secret.key").write_text("the secret of the data folder\n")
    client = arena.app.test_client()
    for prefix in PREFIXES:
        for attack in TRAVERSALS:
            with client.get(prefix + attack) as response:
                assert response.status_code in {200, 308, 400, 403, 404}, (prefix, attack)
                told = response.get_data()
                assert b"secret of the data folder" not in told, (prefix, attack)
                assert b"root:" not in told, (prefix, attack)
                if prefix.startswith(("/static", "/data", "/pictures")):
                    assert response.status_code != 200, (prefix, attack)
