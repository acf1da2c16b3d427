"""Content credentials as people meet them: signed after the reveal, checked on a page, nothing before."""

from __future__ import annotations

import json
import re
import struct
import threading
import zlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import c2pa
import pytest
from flask.testing import FlaskClient
from PIL import Image as Pillow
from sqlalchemy import select
from werkzeug.test import TestResponse

from analysis.outcomes import Outcome
from arena.media.credentials import PICTURE, State, read, sign
from arena.services import provenance
from arena.services.sketching import SketchOutcome, ask, claim
from arena.services.sketching import settle as settle_sketch
from arena.tables import Image, JobState, Prompt
from tests.web import small
from tests.web.pages import deal, settle
from tests.web.shown import close, judge

NOW = datetime.now(UTC)


@pytest.fixture
def signing(arena: small.SmallArena) -> small.SmallArena:
    """An arena with an authority of its own."""
    assert provenance.establish(arena.settings, now=NOW)
    return arena


def pixels(data: bytes) -> bytes:
    with Pillow.open(BytesIO(data)) as opened:
        return opened.convert("RGB").tobytes()


def send(client: FlaskClient, data: bytes, **more: object) -> TestResponse:
    """Send the form with a file, as one body: the test client would leave the file of a large one open."""
    head = 'Content-Disposition: form-data; name="file"; filename="picture.png"\r\n\r\n'
    body = b"--edge\r\n" + head.encode() + data + b"\r\n--edge--\r\n"
    return client.post("/provenance", data=body, content_type="multipart/form-data; boundary=edge", **more)


def state_of(response: TestResponse) -> str | None:
    found = re.search(r'data-state="(\w+)"', response.get_data(as_text=True))
    return found.group(1) if found else None


def first_picture(arena: small.SmallArena) -> str:
    with arena.database.read() as session:
        return str(session.scalars(select(Image.digest).order_by(Image.id)).first())


def test_the_original_is_signed_and_the_blind_copy_is_not(
    signing: small.SmallArena, client: FlaskClient
) -> None:
    battle = deal(client)
    with signing.database.read() as session:
        digests = {image.digest: image for image in session.scalars(select(Image))}
        words = {prompt.digest: prompt.text for prompt in session.scalars(select(Prompt))}
    settle(client, battle)
    blind = re.findall(r'src="(/pictures/[^"]+)"', client.get(battle).get_data(as_text=True))
    assert len(blind) == 2
    for address in blind:
        data = client.get(address).data
        assert read(data, provenance.trust_lists(signing.settings)).state is State.UNKNOWN
        assert b"c2pa" not in data
        assert {data[i + 4 : i + 8] for i in chunks(data)} == {b"IHDR", b"IDAT", b"IEND"}
    data = client.get(f"/originals/{battle.rsplit('/', 1)[1]}/left").data
    found = read(data, provenance.trust_lists(signing.settings))
    assert found.state is State.TRUSTED
    assert found.trusted_by == provenance.OWN
    image = digests[found.told["picture_sha256"]]
    assert pixels(data) == pixels(signing.images.get(image.digest))
    assert found.told["seed"] == image.seed
    assert found.told["entrant"] in {card.slug for card in small.CARDS}
    assert found.told["prompt_sha256"] in words
    assert words[found.told["prompt_sha256"]].encode() not in data
    assert str(found.source_type).endswith("/trainedAlgorithmicMedia")


def chunks(data: bytes) -> list[int]:
    """Where the chunks of a PNG begin."""
    places, at = [], 8
    while at < len(data):
        places.append(at)
        at += 12 + struct.unpack(">I", data[at : at + 4])[0]
    return places


def test_named_pictures_keep_their_signature_until_there_is_another_leaf(
    signing: small.SmallArena, client: FlaskClient
) -> None:
    judge(signing, (Outcome.LEFT,) * 4)
    close(signing)
    digest = first_picture(signing)
    first = client.get(f"/pictures/{digest}.png")
    again = client.get(f"/pictures/{digest}.png", headers={"If-None-Match": first.headers["ETag"]})
    assert read(first.data, provenance.trust_lists(signing.settings)).state is State.TRUSTED
    assert again.status_code == 304
    (kept,) = (signing.settings.home / "signed" / "names").glob("*.txt")
    copy = signing.settings.home / "signed" / kept.read_text()[:2] / f"{kept.read_text().strip()[2:]}.png"
    copy.write_bytes(first.data[:100])
    mended = client.get(f"/pictures/{digest}.png").data
    assert read(mended, provenance.trust_lists(signing.settings)).state is State.TRUSTED
    provenance.rotate(signing.settings, now=NOW)
    other = client.get(f"/pictures/{digest}.png", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200
    for data in (first.data, other.data):
        assert read(data, provenance.trust_lists(signing.settings)).state is State.TRUSTED


def test_without_an_authority_pictures_go_out_as_they_are(
    arena: small.SmallArena, client: FlaskClient
) -> None:
    judge(arena, (Outcome.LEFT,) * 4)
    close(arena)
    digest = first_picture(arena)
    assert client.get(f"/pictures/{digest}.png").data == arena.images.get(digest)
    assert "This arena signs no pictures" in client.get("/provenance").get_data(as_text=True)
    assert client.get("/provenance/authority.crt").status_code == 404


def test_a_sketch_is_signed_when_it_is_downloaded(signing: small.SmallArena, client: FlaskClient) -> None:
    client.get("/battles/next")
    with client.session_transaction() as cookie:
        voter = cookie["voter"]
    out = BytesIO()
    small.scribble("kiln", 9).save(out, format="PNG")
    with signing.database.write.begin() as session:
        key = ask(session, voter_key=voter, entrant="kiln", prompt="a quiet lake", seed=7, steps=11, now=NOW)
        sketch = claim(session, worker="w", now=NOW)
        assert sketch is not None
        came = SketchOutcome(JobState.DONE, out.getvalue(), 1.0)
        settle_sketch(session, sketch, came, worker="w", now=NOW)
    found = read(client.get(f"/playground/{key}.png?download").data, provenance.trust_lists(signing.settings))
    assert found.state is State.TRUSTED
    assert (found.told["seed"], found.told["steps"], found.told["entrant"]) == (7, 11, "kiln")
    assert client.get(f"/playground/{key}.png").data == out.getvalue()
    assert not list((signing.settings.home / "signed").rglob("*.png"))


def test_the_facts_of_a_picture_are_under_the_embargo(signing: small.SmallArena, client: FlaskClient) -> None:
    digest = first_picture(signing)
    assert client.get(f"/pictures/{digest}/provenance").status_code == 404
    judge(signing, (Outcome.LEFT,) * 4)
    close(signing)
    page = client.get(f"/pictures/{digest}/provenance").get_data(as_text=True)
    for told in ("Sfumato 2.1", small.CARDS[0].revision, "481139", digest, "Signed when it is downloaded"):
        assert told in page
    assert client.get(f"/pictures/{'0' * 64}/provenance").status_code == 404


def test_the_page_says_what_a_file_is_worth_and_keeps_nothing(
    signing: small.SmallArena, client: FlaskClient
) -> None:
    judge(signing, (Outcome.LEFT,) * 4)
    close(signing)
    digest = first_picture(signing)
    signed = client.get(f"/pictures/{digest}.png").data
    before = sorted(signing.settings.home.rglob("*"))
    trusted = send(client, signed)
    assert state_of(trusted) == "trusted"
    assert f"/pictures/{digest}/provenance" in trusted.get_data(as_text=True)
    assert trusted.headers["Cache-Control"] == "no-store"
    assert state_of(send(client, signing.images.get(digest))) == "unknown"
    changed = bytearray(signed)
    changed[-40] ^= 1
    invalid = send(client, bytes(changed))
    assert state_of(invalid) == "invalid"
    assert "assertion.dataHash.mismatch" in invalid.get_data(as_text=True)
    assert sorted(signing.settings.home.rglob("*")) == before


def test_markup_of_a_signer_is_text(signing: small.SmallArena, client: FlaskClient) -> None:
    signer = provenance.signer_of(signing.settings)
    assert signer is not None
    told = {"entrant": "<script>alert(1)</script>", "steps": ["<b>"]}
    manifest = {
        "claim_generator_info": [{"name": "<i>"}],
        "assertions": [
            {"label": PICTURE, "data": told},
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": "<u>/<u>"}]},
            },
        ],
    }
    data = sign(
        signing.images.get(first_picture(signing)), manifest, chain=signer.chain, signature=signer.signature
    )
    page = send(client, data).get_data(as_text=True)
    assert "&lt;script&gt;alert(1)" in page
    assert not any(tag in page for tag in ("<script>alert", "<b>&quot;", "<u>", '["<b>"]'))


def test_a_bad_file_gets_one_sentence(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    bomb = bytearray(small_png())
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bytes(bomb[12:29])))
    for data, status, told in (
        (b"", 400, "Choose a file first"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, 400, "no whole PNG"),
        (b"GIF89a" + b"\0" * 100, 400, "no whole PNG"),
        (bytes(bomb), 400, "too many pixels"),
        (b"\0" * 8_000_001, 413, "larger than that"),
        (b"\0" * 9_000_000, 413, "larger than that"),
    ):
        response = send(client, data)
        assert response.status_code == status
        assert told in response.get_data(as_text=True)
        refused = send(client, data, headers={"Accept": "application/json"})
        assert refused.status_code == status
        assert refused.json["error"]["message"]


def small_png() -> bytes:
    out = BytesIO()
    Pillow.new("RGB", (8, 8)).save(out, format="PNG")
    return out.getvalue()


def test_an_address_may_check_so_many_files_a_minute(bare: small.SmallArena) -> None:
    client = bare.app.test_client()
    codes = [send(client, small_png()).status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]


def test_a_note_that_lies_elsewhere_is_not_fetched(signing: small.SmallArena, client: FlaskClient) -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signer = provenance.signer_of(signing.settings)
    assert signer is not None
    out = BytesIO()
    created = {"action": "c2pa.created", "digitalSourceType": "http://x/y"}
    manifest = {
        "claim_generator_info": [{"name": "somebody"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    told = c2pa.C2paSignerInfo(b"es256", signer.chain.encode(), str(signer.signature).encode(), None)
    settings = {"verify": {"remote_manifest_fetch": False, "verify_after_sign": False}}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Signer.from_info(told) as hand,
        c2pa.Builder(json.dumps(manifest), context) as builder,
    ):
        builder.set_no_embed()
        builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/note.c2pa")
        builder.sign(hand, "image/png", BytesIO(signing.images.get(first_picture(signing))), out)
    assert b"note.c2pa" in out.getvalue()
    response = send(client, out.getvalue())
    server.shutdown()
    server.server_close()
    assert response.status_code < 500
    assert asked == []
