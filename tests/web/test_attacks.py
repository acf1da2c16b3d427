"""Attacks that somebody would really try: on voting, on pictures that are sent in, on the operators' door."""

from __future__ import annotations

import hashlib
import http.client
import socket
import struct
import threading
import tracemalloc
import zlib
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import func, select

from arena.cli.server import PageServer
from arena.tables import Battle, OperatorRole, Vote, Voter
from arena.web.brakes import PER_ADDRESS, PER_RATER
from tests.web import small
from tests.web.pages import cast, deal, read
from tests.web.test_admin import come_in, link
from tests.web.test_provenance import send

FAR = {"REMOTE_ADDR": "198.51.100.7"}


def votes(arena: small.SmallArena) -> list[tuple[str, int]]:
    """Outcome and battle of every vote."""
    with arena.database.read() as session:
        return [(row[0].value, row[1]) for row in session.execute(select(Vote.outcome, Vote.battle_id))]


def test_a_vote_that_is_sent_again_by_whoever_caught_it_counts_once(
    arena: small.SmallArena, client: FlaskClient
) -> None:
    battle = deal(client)
    ballot = read(client.get(battle)).form("/vote")
    sent = {**ballot.hidden, ballot.buttons[0][0]: "left"}
    cookie = client.get_cookie("arena")
    assert cookie
    thief = arena.app.test_client()
    thief.set_cookie("arena", cookie.value)
    for _ in range(3):
        client.post(ballot.action, data=sent)
        thief.post(ballot.action, data=sent)
    assert thief.post(ballot.action, data={**sent, ballot.buttons[0][0]: "right"}).status_code == 409
    nobody = arena.app.test_client()
    assert nobody.post(ballot.action, data=sent).status_code == 404
    assert [outcome for outcome, _ in votes(arena)] == ["left"]


def test_a_voter_cannot_be_forged(arena: small.SmallArena, client: FlaskClient) -> None:
    """Cookies signed by another secret, by none, cut, or with another voter's key inside."""
    battle = deal(client)
    with arena.database.read() as session:
        victim = session.scalars(select(Voter.key)).one()
    other = small.empty_arena(arena.settings.home.parent / "other", ARENA_SECRET_KEY="x" * 40)
    signer = SecureCookieSessionInterface().get_signing_serializer(other.app)
    assert signer
    honest = client.get_cookie("arena")
    assert honest
    payload, _, rest = honest.value.partition(".")
    forged = [
        signer.dumps({"voter": victim}),
        f"{payload}.",
        f"{payload}.{rest[:-3]}AAA",
        payload[::-1],
        "{}",
    ]
    for cookie in forged:
        thief = arena.app.test_client()
        thief.set_cookie("arena", cookie)
        assert thief.get(battle).status_code == 404, cookie
        assert thief.post(f"{battle}/vote", data={"preference": "left", "consent": "x"}).status_code == 404
    assert votes(arena) == []
    other.close()


def test_the_things_of_another_voter_cannot_be_had_by_their_numbers(
    arena: small.SmallArena, client: FlaskClient, stranger: FlaskClient
) -> None:
    battle = deal(client)
    cast(client, battle)
    with arena.database.read() as session:
        row = session.scalars(select(Battle)).one()
        number = session.scalars(select(Vote.id)).one()
    deal(stranger)
    asked = [
        stranger.get(battle),
        stranger.get(f"/battles/{row.id}"),
        stranger.get(f"/pictures/{row.left_token}"),
        stranger.get(battle.replace("battles", "originals") + "/left"),
        stranger.get(f"/my-votes/{number}/withdraw"),
        *(stranger.post(f"{battle}/{act}") for act in ("vote", "undo", "skip", "reasons", "report")),
        stranger.post(f"/my-votes/{number}/withdraw"),
    ]
    assert {answer.status_code for answer in asked} <= {400, 404}
    assert [outcome for outcome, _ in votes(arena)] == ["left"]
    assert client.get(f"/pictures/{row.left_token}").status_code == 200


def test_keys_are_as_long_as_no_guess_is(arena: small.SmallArena, client: FlaskClient) -> None:
    for _ in range(3):
        cast(client, deal(client))
        client.post(read(client.get("/battles/next", follow_redirects=True)).forms[0].action)
    with arena.database.read() as session:
        found = session.execute(select(Battle.key, Battle.left_token, Battle.right_token)).all()
        voters = session.scalars(select(Voter.key)).all()
    keys = [key for row in found for key in row] + list(voters)
    assert len(set(keys)) == len(keys)
    assert min(map(len, keys)) >= 21


BACKS = (
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "http:evil.example", "javascript:alert(1)", "/ok\r\nSet-Cookie: operator=mine", "\x01//evil.example",
    " //evil.example", "/%0d%0aSet-Cookie:operator=mine", "http://127.0.0.1@evil.example/",
)  # fmt: skip


def test_no_redirect_leads_elsewhere(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    for back in BACKS:
        response = client.post("/preferences", data={"theme": "dark", "back": back})
        assert response.status_code == 303, back
        location = response.headers["Location"]
        assert location.startswith("/"), back
        assert not location.startswith(("//", "/\\")), back
        assert "evil.example" not in location, back
        assert len(response.headers.getlist("Set-Cookie")) == 1, back


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG file that says it is so large, whatever it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    """A real JPEG file."""
    out = BytesIO()
    Pillow.effect_noise((200, 200), 60).convert("RGB").save(out, format="JPEG")
    return out.getvalue()


SENT = {
    "a page": b"<html><script>alert(1)</script></html>",
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "a bomb of four gigapixels": png(65_000, 65_000, zlib.compress(bytes(4_000_000), 9)),
    "a bomb of the largest size": png(2**31 - 1, 2**31 - 1),
    "a picture without a pixel": png(0, 0),
    "a cut JPEG": jpeg()[:40],
    "a TIFF": b"II*\x00" + bytes(64),
    "a GIF": b"GIF89a" + bytes(64),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "an archive": b"PK\x03\x04" + bytes(64),
    "noughts": bytes(10_000),
}


def test_what_is_sent_to_be_checked_breaks_nothing(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    for name, data in SENT.items():
        tracemalloc.start()
        response = send(client, data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert response.status_code == 400, name
        assert peak < 64 * 2**20, name
        assert b"<script>alert" not in response.data, name
    assert client.get("/provenance").status_code == 200


def test_large_bodies_and_forms_of_many_parts_are_not_read(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    asked = [
        client.post("/preferences", data={"theme": "x" * 100_000}),
        client.post(
            "/provenance",
            data=b'--e\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2000 + b"--e--\r\n",
            content_type="multipart/form-data; boundary=e",
        ),
        send(client, bytes(8_100_000)),
    ]
    assert [answer.status_code for answer in asked] == [413] * 3


def test_a_flood_of_forms_is_held_by_its_rater_and_by_its_address(arena: small.SmallArena) -> None:
    client = arena.app.test_client()
    client.get("/battles/next", environ_base=FAR)

    def flood(times: int, **more: str) -> list[int]:
        return [
            client.post("/preferences", data={"theme": "x"}, environ_base={**FAR, **more}).status_code
            for _ in range(times)
        ]

    told = flood(PER_RATER + 1)
    assert told == [303] * PER_RATER + [429]
    assert flood(1, REMOTE_ADDR="203.0.113.9") == [429], "the same browser from elsewhere"
    client.delete_cookie("arena")
    left = PER_ADDRESS - PER_RATER - 1
    assert flood(left + 1) == [303] * left + [429], "without a cookie"
    assert client.get("/", environ_base=FAR).status_code == 200
    assert flood(1, REMOTE_ADDR="203.0.113.9") == [303], "another address"


def test_an_address_is_not_believed_from_whoever_tells_it(tmp_path: Path) -> None:
    arena = small.empty_arena(tmp_path / "home", ARENA_PROXIES="10.1.0.0/16")
    client = arena.app.test_client()

    def left(peer: str, told: str) -> int:
        with client.get(
            "/api/v1/campaigns", environ_base={"REMOTE_ADDR": peer}, headers={"X-Forwarded-For": told}
        ) as answer:
            return int(answer.headers["RateLimit-Remaining"])

    liar = [left("198.51.100.7", f"192.0.2.{n}") for n in range(3)]
    assert liar == [119, 118, 117], "counted by where they come from, not by what they say"
    assert [left("10.1.2.3", f"192.0.2.{n}") for n in range(3)] == [119] * 3, "a proxy of ours"
    assert [left("10.1.2.3", "1.1.1.1, 192.0.2.9"), left("10.1.2.3", "2.2.2.2, 192.0.2.9")] == [119, 118]
    arena.close()


def test_the_server_itself_hands_on_for_whom_a_proxy_asks(arena: small.SmallArena) -> None:
    """Without it all visitors behind a proxy of this machine would be this machine, which is not counted."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    server = PageServer(arena.app, host="127.0.0.1", port=port, threads=2)
    thread = threading.Thread(target=server.run)
    thread.start()

    def ask(path: str, visitor: str | None = None) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("GET", path, headers={"X-Forwarded-For": visitor} if visitor else {})
            with connection.getresponse() as answer:
                return answer.status, answer.headers.get("RateLimit-Remaining", "")

    try:
        told = [ask("/api/v1/campaigns", visitor) for visitor in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]
        assert told == [(200, "119"), (200, "118"), (200, "119")]
        assert [ask("/metrics")[0], ask("/metrics", "192.0.2.1")[0]] == [200, 403]
    finally:
        server.stop()
        thread.join()


def test_a_session_that_was_planted_does_not_become_the_operators(arena: small.SmallArena) -> None:
    attacker, victim = arena.app.test_client(), arena.app.test_client()
    come_in(attacker, link(arena, "eve", OperatorRole.ANALYST))
    planted = attacker.get_cookie("operator", path="/admin")
    assert planted
    victim.set_cookie("operator", planted.value, path="/admin")
    come_in(victim, link(arena, "ann"))
    assert "ann, operator" in victim.get("/admin").get_data(as_text=True)
    assert attacker.get("/admin").status_code == 403


def test_a_name_that_nobody_has_is_answered_after_the_same_work(
    arena: small.SmallArena, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes the time is the hash: once for each, with the same parameters and over as many bytes."""
    from arena.domain.passwords import hashed
    from arena.services import signing_in
    from tests.database.conftest import NOW

    link(arena, "ann")
    with arena.database.write.begin() as session:
        signing_in.begin(session, "ann", password=hashed("four plain words here"), now=NOW)
        salt = signing_in.standing(session, "ann").salt
        key = signing_in.second_factor("s", salt)
        typed = signing_in.totp.code_at(key, signing_in.totp.step_of(NOW))
        signing_in.confirm(session, "ann", typed, secret="s", now=NOW)
    made: list[tuple[object, ...]] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, **how: object) -> bytes:
        made.append((len(password), *(how[name] for name in ("n", "r", "p", "dklen"))))
        return scrypt(password, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "scrypt", counted)
    for name in ("ann", "nobody-here"):
        sent = {"name": name, "password": "a guess", "code": "123456"}
        assert client.post("/admin/sign-in", data=sent).status_code == 403
    assert len(made) == 2
    assert made[0] == made[1]


def test_cookies_of_a_public_arena_are_secure_and_it_asks_for_https(tmp_path: Path) -> None:
    arena = small.empty_arena(tmp_path / "home", ARENA_PUBLIC_URL="https://a.example")
    small.open_campaign(arena)
    client = arena.app.test_client()
    told = [
        client.get("/battles/next", base_url="https://a.example"),
        client.post("/preferences", data={"theme": "dark", "language": "fr"}, base_url="https://a.example"),
        client.post(link(arena), base_url="https://a.example"),
    ]
    cookies = [cookie for answer in told for cookie in answer.headers.getlist("Set-Cookie")]
    assert len(cookies) >= 4
    assert all("Secure" in cookie and "HttpOnly" in cookie and "SameSite" in cookie for cookie in cookies)
    assert all("Strict-Transport-Security" in answer.headers for answer in told)
    with arena.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Voter)) == 1
    arena.close()
