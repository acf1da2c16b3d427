"""Releases on the data page: listed, downloaded file by file, and held back while their prompts are dealt."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from arena.services.releasing import ReleaseReport, release
from arena.services.sealing import seal_pending
from arena.services.shelf import FOLDER, Shelf
from arena.tables import Campaign
from tests.web import small
from tests.web.pages import deal, read, settle


def freeze(arena: small.SmallArena, name: str) -> ReleaseReport:
    """Release all there is."""
    now = datetime.now(UTC)

    def seal() -> int:
        with arena.database.write.begin() as session:
            return seal_pending(session, now=now)

    with arena.database.read() as session:
        return release(
            session,
            name,
            shelf=Shelf(arena.settings.home / FOLDER),
            images=arena.images,
            secret_key=arena.settings.secret,
            url=arena.settings.public_url,
            now=now,
            seal=seal,
        )


def fetch(client: FlaskClient, address: str, **headers: str) -> tuple[int, bytes, str]:
    """Status, content and ETag of an answer, which is closed."""
    with client.get(address, headers=headers) as response:
        return response.status_code, response.get_data(), response.headers.get("ETag", "")


def close(arena: small.SmallArena) -> None:
    """Close every campaign."""
    with arena.database.write.begin() as session:
        session.execute(update(Campaign).values(closed_at=datetime.now(UTC) - timedelta(hours=2)))


def test_releases_are_listed_with_what_changed(client: FlaskClient, arena: small.SmallArena) -> None:
    assert "Nothing has been released yet." in read(client.get("/data")).text
    settle(client, deal(client))
    report = freeze(arena, "one")
    settle(client, deal(client))
    client.post("/my-votes/1/withdraw")
    freeze(arena, "two")
    page = read(client.get("/data"))
    assert [link for link in page.links if "/data/releases/" in link] == [
        "/data/releases/two",
        "/data/releases/one",
    ]
    for told in (report.digest, "The first of its kind", "Since one:", "1 vote added", "1 withdrawn"):
        assert told in page.text


def test_a_release_is_downloaded_file_by_file(client: FlaskClient, arena: small.SmallArena) -> None:
    settle(client, deal(client))
    freeze(arena, "one")
    close(arena)
    page = read(client.get("/data/releases/one"))
    files = [link for link in page.links if link.startswith("/data/releases/one/")]
    assert len(files) == 16
    told = {}
    for address in files:
        status, data, _ = fetch(client, address)
        assert status == 200, address
        told[address.rpartition("/")[2]] = hashlib.sha256(data).hexdigest()
    sums = fetch(client, "/data/releases/one/SHA256SUMS")[1].decode().splitlines()
    listed = dict(reversed(line.split("  ")) for line in sums)
    assert {name: listed[name] for name in told if name != "SHA256SUMS"} == {
        name: digest for name, digest in told.items() if name != "SHA256SUMS"
    }
    picture = next(name for name in listed if name.startswith("images/"))
    assert fetch(client, f"/data/releases/one/{picture}")[1][:4] == b"\x89PNG"
    votes = "/data/releases/one/votes.csv"
    etag = {"If-None-Match": fetch(client, votes)[2]}
    assert fetch(client, votes, **etag)[0] == 304


def test_a_release_is_held_back_while_its_prompts_are_dealt(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    settle(client, deal(client))
    freeze(arena, "one")
    page = read(client.get("/data/releases/one"))
    assert "Held back: prompts of this release are still being dealt (Spring 2026)" in page.text
    assert not [link for link in page.links if link.startswith("/data/releases/one/")]
    for file in ("votes.csv", "images.parquet", "manifest.json"):
        assert fetch(client, f"/data/releases/one/{file}")[0] == 403
    close(arena)
    assert fetch(client, "/data/releases/one/votes.csv")[0] == 200
    small.open_campaign(arena, slug="again", name="Autumn 2026", prompts=small.PROMPTS[1:2])
    assert fetch(client, "/data/releases/one/votes.csv")[0] == 403
    assert "are still being dealt (Autumn 2026)" in read(client.get("/data/releases/one")).text


@pytest.mark.parametrize(
    "address",
    [
        "none", "none/votes.csv", "one/none.csv", "one/../../arena.sqlite", "one/%2e%2e/%2e%2e/secret.key",
        "one/..%2f..%2farena.sqlite", "one/images", "one//etc/passwd", "..", "%2e%2e/images",
        ".one.part/votes.csv",
    ],
)  # fmt: skip
def test_nothing_but_files_of_a_release_is_sent(
    client: FlaskClient, arena: small.SmallArena, address: str
) -> None:
    settle(client, deal(client))
    freeze(arena, "one")
    close(arena)
    assert client.get(f"/data/releases/{address}", follow_redirects=True).status_code == 404
