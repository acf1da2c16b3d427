"""Before the reveal nothing that leaves the server differs by entrant but the pixels."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import select, update

from arena.tables import Battle, Entrant, Image
from tests.web import small
from tests.web.pages import cast, deal, read

NAMES = re.compile(
    "|".join(word for card in small.CARDS for word in (card.slug, re.escape(card.name), card.revision)),
    re.IGNORECASE,
)


def everything(client: FlaskClient, address: str, **more: Any) -> str:
    """Status, headers and body of an answer, as text."""
    response = client.get(address, **more)
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers)
    return f"{response.status}\n{headers}\n{response.get_data(as_text=True)}"


def masked(text: str) -> str:
    """The text without what is drawn at random for each battle and voter."""
    text = re.sub(r"[A-Za-z0-9_-]{22}(?=[\"/&]|$)", "KEY", text, flags=re.MULTILINE)
    text = re.sub(r"(?m)^(Set-Cookie: arena=)[^;]+", r"\1KEY", text)
    return re.sub(r"(?m)^(Set-Cookie: .*Expires=)[^;]+", r"\1DATE", text)


def mirror(arena: small.SmallArena) -> None:
    """Hang the pictures of every battle the other way round."""
    with arena.database.write.begin() as session:
        for battle in session.scalars(select(Battle)):
            session.execute(
                update(Battle)
                .where(Battle.id == battle.id)
                .values(
                    left_entrant_id=battle.right_entrant_id,
                    right_entrant_id=battle.left_entrant_id,
                    left_image_id=battle.right_image_id,
                    right_image_id=battle.left_image_id,
                )
            )


def test_the_battle_page_is_the_same_when_the_pictures_hang_the_other_way(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    before = (
        everything(client, battle),
        everything(client, "/battles/next", headers={"Accept": "application/json"}),
    )
    mirror(arena)
    after = (
        everything(client, battle),
        everything(client, "/battles/next", headers={"Accept": "application/json"}),
    )
    assert before == after


def test_the_reasons_page_is_the_same_when_the_pictures_hang_the_other_way(
    client: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    cast(client, battle)
    before = everything(client, battle)
    mirror(arena)
    assert everything(client, battle) == before


def test_the_battle_page_is_the_same_whoever_painted(client: FlaskClient, arena: small.SmallArena) -> None:
    """Another pair of entrants on the same prompt gives the same page, keys aside."""
    battle = deal(client)
    before = masked(everything(client, battle))
    with arena.database.write.begin() as session:
        row = session.scalars(select(Battle)).one()
        other = session.scalars(
            select(Image).where(
                Image.prompt_id == row.prompt_id,
                Image.entrant_id.not_in([row.left_entrant_id, row.right_entrant_id]),
            )
        ).one()
        session.execute(update(Battle).values(left_entrant_id=other.entrant_id, left_image_id=other.id))
    assert masked(everything(client, battle)) == before


def test_nothing_names_an_entrant_before_the_reveal(client: FlaskClient) -> None:
    battle = deal(client)
    told = [
        everything(client, battle),
        everything(client, "/battles/next", headers={"Accept": "application/json"}),
    ]
    response = cast(client, battle)
    told += [str(response.headers), response.get_data(as_text=True), everything(client, battle)]
    assert not [found for text in told if (found := NAMES.search(text))]
    for text in told:
        assert not re.search(r"seed|steps|481139|4\.21|sha256|digest", text)


def test_addresses_of_pictures_are_random_and_alike(client: FlaskClient, arena: small.SmallArena) -> None:
    left, right = (picture["src"] for picture in read(client.get(deal(client))).pictures)
    for address in (left, right):
        assert re.fullmatch(r"/pictures/[A-Za-z0-9_-]{22}", address)
    with arena.database.read() as session:
        known = {str(value) for image in session.scalars(select(Image)) for value in (image.id, image.digest)}
        known |= {str(entrant.id) for entrant in session.scalars(select(Entrant))}
    assert not known & {left.rsplit("/", 1)[1], right.rsplit("/", 1)[1]}


def test_both_pictures_carry_the_same_headers(client: FlaskClient) -> None:
    page = read(client.get(deal(client)))
    left, right = (client.get(picture["src"]) for picture in page.pictures)
    told = [
        [(name, value) for name, value in response.headers if name != "Content-Length"]
        for response in (left, right)
    ]
    assert told[0] == told[1]
    headers = dict(told[0])
    assert headers["Cache-Control"] == "private, max-age=600"
    assert headers["Content-Type"] == "image/png"
    assert not {"ETag", "Last-Modified", "Content-Disposition", "Set-Cookie", "Date"} & headers.keys()


def chunks(data: bytes) -> list[tuple[str, bytes]]:
    """Chunks of a PNG, checked against their sums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        found.append((kind.decode(), body))
        at += 12 + length
    return found


def test_files_hold_nothing_but_pixels(tmp_path: Path) -> None:
    """Entrants of other sizes and modes, too: one canvas, one header, no chunk but the pixels'."""

    def paint(slug: str, number: int) -> Pillow.Image:
        picture = small.scribble(slug, number)
        if slug == "kiln":
            return picture.resize((96, 64)).convert("L")
        return picture.convert("P") if slug == "grisaille" else picture

    arena = small.empty_arena(tmp_path / "mixed")
    small.open_campaign(arena, paint=paint)
    client = arena.app.test_client()
    for _ in range(4):
        battle = deal(client)
        files = [chunks(client.get(p["src"]).get_data()) for p in read(client.get(battle)).pictures]
        for file in files:
            assert {kind for kind, _ in file} == {"IHDR", "IDAT", "IEND"}
        assert files[0][0] == files[1][0], "size, depth, colour type and interlacing"
        cast(client, battle)
    arena.close()


def test_a_picture_is_for_its_voter_alone_and_not_for_ever(
    client: FlaskClient, stranger: FlaskClient, arena: small.SmallArena
) -> None:
    battle = deal(client)
    deal(stranger)
    address = read(client.get(battle)).pictures[0]["src"]
    assert client.get(address).status_code == 200
    assert stranger.get(address).status_code == 404
    guess = stranger.get("/pictures/" + "A" * 22)
    assert guess.status_code == 404
    assert guess.get_data() == stranger.get(address).get_data()
    cast(client, battle)
    assert client.get(address).status_code == 200
    with arena.database.write.begin() as session:
        row = session.scalars(select(Battle).where(Battle.voted_at.is_not(None))).one()
        session.execute(
            update(Battle).where(Battle.id == row.id).values(voted_at=row.dealt_at.replace(year=2020))
        )
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_original_is_for_after_the_reveal(client: FlaskClient, side: str) -> None:
    battle = deal(client)
    address = f"/originals/{battle.rsplit('/', 1)[1]}/{side}"
    assert client.get(address).status_code == 409
    cast(client, battle)
    assert client.get(address).status_code == 409
    client.post(f"{battle}/reasons")
    assert client.get(address).status_code == 200
