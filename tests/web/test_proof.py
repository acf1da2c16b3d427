"""The door to the first vote: work, a wait, a captcha; and nobody comes through it twice."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from arena.domain.proofs import GOOD_FOR, is_answer, made_at, make_challenge
from arena.errors import SettingsError
from arena.tables import Campaign
from tests.web import small
from tests.web.pages import read

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "of this test alone"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[small.SmallArena]:
    """An arena that asks newcomers for a little work."""
    arena = small.empty_arena(tmp_path / "home", ARENA_PROOF_OF_WORK="8")
    small.open_campaign(arena)
    yield arena
    arena.close()


def work(challenge: str) -> str:
    """What a browser does."""
    return next(str(n) for n in itertools.count() if is_answer(challenge, str(n)))


def door(client: FlaskClient) -> str:
    """The challenge at the door that a newcomer is sent to."""
    sent = client.get("/battles/next")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/proof?campaign=open")
    page = client.get(sent.headers["Location"]).get_data(as_text=True)
    found = re.search(r'name="challenge" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_challenge_is_of_one_voter_one_secret_and_its_time() -> None:
    challenge = make_challenge(SECRET, "ann", bits=10, now=NOW)
    answer = work(challenge)
    wrong = next(str(n) for n in itertools.count() if not is_answer(challenge, str(n)))
    assert is_answer(challenge, answer)
    assert not is_answer(challenge, wrong)
    assert made_at(SECRET, "ann", challenge, bits=10, now=NOW + GOOD_FOR) == NOW
    late = NOW + GOOD_FOR + timedelta(seconds=1)
    easier = challenge.replace(".10.", ".1.")
    for secret, voter, told, bits, now in (
        ("another secret", "ann", challenge, 10, NOW),
        (SECRET, "bob", challenge, 10, NOW),
        (SECRET, "ann", easier, 1, NOW),
        (SECRET, "ann", challenge, 11, NOW),
        (SECRET, "ann", challenge, 10, late),
        (SECRET, "ann", "no challenge", 10, NOW),
    ):
        assert made_at(secret, voter, told, bits=bits, now=now) is None


def test_a_newcomer_votes_after_the_work_and_is_not_asked_again(guarded: small.SmallArena) -> None:
    client, other = guarded.app.test_client(), guarded.app.test_client()
    told = client.get("/battles/next", headers={"Accept": "application/json"}).get_json()
    assert (told["state"], told["battle"]) == ("proof", None)
    challenge = door(client)
    form = {"campaign": "open", "challenge": challenge, "answer": work(challenge)}
    door(other)
    assert other.post("/proof", data=form).status_code == 400, "it is another voter's"
    assert other.get("/battles/next").headers["Location"].startswith("/proof")
    assert client.post("/proof", data=form).status_code == 303
    assert client.get("/battles/next").headers["Location"].startswith("/battles/")
    assert client.get("/proof?campaign=open").status_code == 303


def test_without_a_script_one_waits(guarded: small.SmallArena, monkeypatch: pytest.MonkeyPatch) -> None:
    from arena.web import proof

    client = guarded.app.test_client()
    form = {"campaign": "open", "challenge": door(client), "answer": ""}
    early = client.post("/proof", data=form)
    page = early.get_data(as_text=True)
    assert early.status_code == 400
    assert "seconds more" in page
    assert form["challenge"] in page, "the wait goes on"
    later = datetime.now(UTC) + timedelta(seconds=31)
    monkeypatch.setattr(proof, "now", lambda: later)
    assert client.post("/proof", data=form).status_code == 303


def test_a_campaign_may_ask_for_less(guarded: small.SmallArena) -> None:
    door(guarded.app.test_client())
    with guarded.database.write.begin() as session:
        session.scalars(select(Campaign)).one().proof_bits = 0
    assert guarded.app.test_client().get("/battles/next").headers["Location"].startswith("/battles/")


class Captcha(BaseHTTPRequestHandler):
    """A site that says yes to one answer, once."""

    good = "yes-please"
    asked: ClassVar[list[dict[str, list[str]]]] = []

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.asked.append(sent)
        said = json.dumps({"success": sent["response"] == [self.good]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_captcha_is_checked_by_its_site_and_loads_only_at_the_door(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Captcha)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    arena = small.empty_arena(
        tmp_path / "home",
        ARENA_CAPTCHA="https://captcha.example/api.js",
        ARENA_CAPTCHA_VERIFY=f"http://127.0.0.1:{server.server_port}/siteverify",
        ARENA_CAPTCHA_KEY="public-key",
        ARENA_CAPTCHA_SECRET="private-key",
    )
    small.open_campaign(arena)
    client = arena.app.test_client()
    challenge = door(client)
    page = client.get("/proof?campaign=open")
    assert "https://captcha.example/api.js" in page.get_data(as_text=True)
    assert "script-src 'self' https://captcha.example;" in page.headers["Content-Security-Policy"]
    assert "captcha.example" not in client.get("/").headers["Content-Security-Policy"]
    assert read(page).forms[0].action == "/proof"
    form = {"campaign": "open", "challenge": challenge}
    for answer, status in (("", 400), ("no", 400), (Captcha.good, 303)):
        assert client.post("/proof", data={**form, "cf-turnstile-response": answer}).status_code == status
    assert [sent["secret"] for sent in Captcha.asked] == [["private-key"]] * 2, "no answer is not asked about"
    server.shutdown()
    fresh = arena.app.test_client()
    form["challenge"] = door(fresh)
    server.server_close()
    assert fresh.post("/proof", data={**form, "h-captcha-response": "x"}).status_code == 503
    arena.close()


def test_half_a_captcha_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="all four or none"):
        small.settings_in(tmp_path, ARENA_CAPTCHA="https://captcha.example/api.js")
