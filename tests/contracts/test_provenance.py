"""Content credentials against a forger, an expired leaf, a key kept elsewhere, and copies without them."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image as Pillow
from sqlalchemy import select

from arena.cli import arena as command
from arena.cli.context import Context
from arena.errors import Invalid, SettingsError
from arena.media import authority
from arena.media.blind import encode
from arena.media.credentials import State, read
from arena.media.fingerprints import NEAR, distance, fingerprint
from arena.queries.provenance import Origin, origins
from arena.services import backing_up, provenance, signing
from arena.services.painting import Studio
from arena.services.provenance import CannotSign
from arena.services.recognising import FILE, Fingerprints, UnreadablePicture, judge
from arena.services.regenerating import draw, repaint
from arena.storage import ImageStore
from arena.tables import Entrant, Image
from models.catalog import Catalog
from models.contracts import EntrantCard, GeneratedImage, GenerationRequest
from tests.web import small

NOW = datetime.now(UTC)
HAND = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = serialization.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256())))
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[small.SmallArena]:
    """An arena that signs, with twelve pictures; nothing changes it."""
    made = small.empty_arena(tmp_path_factory.mktemp("here"))
    small.open_campaign(made)
    assert provenance.establish(made.settings, now=NOW)
    yield made
    made.close()


@pytest.fixture(scope="module")
def origin(here: small.SmallArena) -> Origin:
    """Where the first picture comes from."""
    with here.database.read() as session:
        digest = session.scalars(select(Image.digest).order_by(Image.id)).first()
        return origins(session, str(digest))[0]


@pytest.fixture(scope="module")
def signed(here: small.SmallArena, origin: Origin) -> bytes:
    """The first picture with its credentials."""
    return signing.SignedCopies(here.settings, here.images).signed(origin)


def saved(data: bytes, kind: str, **options: object) -> bytes:
    """A picture saved anew."""
    out = BytesIO()
    with Pillow.open(BytesIO(data)) as opened:
        opened.convert("RGB").save(out, format=kind, **options)
    return out.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of the chunks of a PNG."""
    found, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def assembled(parts: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of chunks, with the checksums that they call for."""
    made = b"\x89PNG\r\n\x1a\n"
    for name, body in parts:
        made += len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)
    return made


def repainted(signed: bytes) -> bytes:
    """A signed picture with one pixel painted over, whole as a PNG, and the old note back in its place."""
    with Pillow.open(BytesIO(signed)) as opened:
        picture = opened.convert("RGB")
    picture.putpixel((9, 9), (255, 0, 0))
    note = next(part for part in chunks(signed) if part[0] == b"caBX")
    head, *rest = chunks(encode(picture))
    return assembled([head, note, *rest])


def briefly_signed(here: small.SmallArena, origin: Origin, ends: datetime) -> bytes:
    """A picture signed under the arena's own authority by a leaf that soon expires."""
    folder = provenance.folder_of(here.settings)
    key = authority.new_key()
    chain = authority.make_leaf(
        authority.public_key_of(key),
        authority=(folder / "ca.crt").read_text(),
        authority_key=(folder / "ca.key").read_text(),
        name="short-lived",
        now=NOW,
        ends=ends,
    )

    data = here.images.get(str(origin.digest))
    return signing.sign_picture(data, origin, provenance.Signer(chain, "leaf", key, None))


def test_the_table_of_verdicts(here: small.SmallArena, origin: Origin, signed: bytes, tmp_path: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    expiring = briefly_signed(here, origin, ends)
    forger = small.settings_in(tmp_path / "forger")
    provenance.establish(forger, now=NOW)
    bare = here.images.get(str(origin.digest))
    hand = provenance.signer_of(forger)
    assert hand is not None
    files = {
        "signed": signed,
        "pixel": repainted(signed),
        "byte": flipped(signed, signed.rindex(b"IDAT") + 40),
        "note": signed.replace(b"hrevision", b"hrevisiom"),
        "claim": assembled(chunks(signed.replace(b"sfumato", b"sfumata"))),
        "stripped": bare,
        "jpeg": saved(signed, "JPEG", quality=85),
        "foreign": signing.sign_picture(bare, origin, hand),
    }
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds() + 1.1))
    files["expired"] = expiring
    found = {name: read(data, provenance.trust_lists(here.settings)) for name, data in files.items()}
    assert {name: reading.state.value for name, reading in found.items()} == {
        "signed": "trusted",
        "pixel": "invalid",
        "byte": "invalid",
        "note": "invalid",
        "claim": "invalid",
        "stripped": "unknown",
        "jpeg": "unknown",
        "foreign": "valid",
        "expired": "invalid",
    }
    failed = {name: {failure.code for failure in reading.failures} for name, reading in found.items()}
    assert failed["pixel"] == {"assertion.dataHash.mismatch"}
    assert failed["note"] == {"assertion.hashedURI.mismatch"}
    assert failed["claim"] == {"assertion.hashedURI.mismatch", "claimSignature.mismatch"}
    assert failed["foreign"] == {"signingCredential.untrusted"}
    assert any("expired" in code or "outsideValidity" in code for code in failed["expired"])
    trusting = {**provenance.trust_lists(here.settings), "theirs": provenance.authority_certificate(forger)}
    assert read(files["foreign"], trusting).trusted_by == "theirs"


def test_a_picture_that_was_there_before_claims_no_source(here: small.SmallArena, origin: Origin) -> None:
    hand = provenance.signer_of(here.settings)
    assert hand is not None
    bare = here.images.get(str(origin.digest))
    sources = {}
    for backend in ("atelier", "lumen", "imported", "retrieval"):
        data = signing.sign_picture(bare, replace(origin, backend=backend), hand)
        reading = read(data, provenance.trust_lists(here.settings))
        assert reading.state is State.TRUSTED
        sources[backend] = reading.source_type and reading.source_type.rpartition("/")[2]
    assert sources == {
        "atelier": "algorithmicMedia",
        "lumen": "trainedAlgorithmicMedia",
        "imported": None,
        "retrieval": None,
    }


def test_many_threads_sign_at_once(here: small.SmallArena, origin: Origin) -> None:
    hand = provenance.signer_of(here.settings)
    assert hand is not None
    bare = here.images.get(str(origin.digest))
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: signing.sign_picture(bare, origin, hand), range(24)))
    lists = provenance.trust_lists(here.settings)
    assert all(read(data, lists).state is State.TRUSTED for data in made)


def test_keys_are_their_owners_and_in_no_backup_unasked(here: small.SmallArena, tmp_path: Path) -> None:
    folder = provenance.folder_of(here.settings)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "signer.pem": 0o600}
    made = backing_up.back_up(
        here.settings,
        here.database,
        here.images,
        folder=tmp_path / "backup",
        now=NOW,
        step=lambda *_: None,
        with_pictures=False,
    )
    assert {"provenance/ca.key", "provenance/signer.pem"} <= set(made.left_out)
    assert "provenance/ca.crt" in made.files
    assert not any(name.startswith("signed/") for name in (*made.files, *made.left_out))


def test_another_leaf_and_another_authority_leave_old_signatures_good(
    here: small.SmallArena, origin: Origin, signed: bytes, tmp_path: Path
) -> None:
    settings = small.settings_in(tmp_path)
    shutil.copytree(provenance.folder_of(here.settings), provenance.folder_of(settings))
    before = provenance.standing(settings)
    after = provenance.rotate(settings, now=NOW)
    assert after.fingerprint == before.fingerprint
    assert after.leaf_fingerprint != before.leaf_fingerprint
    assert read(signed, provenance.trust_lists(settings)).state is State.TRUSTED
    assert not provenance.establish(settings, now=NOW)
    assert provenance.establish(settings, now=NOW, anew=True)
    assert read(signed, provenance.trust_lists(settings)).trusted_by == f"former-{before.fingerprint[:12]}"
    (provenance.folder_of(settings) / "ca.key").unlink()
    with pytest.raises(SettingsError, match="--with-secrets"):
        provenance.rotate(settings, now=NOW)


def test_a_command_signs_with_a_key_that_is_not_here(
    here: small.SmallArena, origin: Origin, tmp_path: Path
) -> None:
    elsewhere, hand = tmp_path / "kms.key", tmp_path / "hand.py"
    elsewhere.write_text(authority.new_key())
    hand.write_text(HAND)
    line = f"{sys.executable} {hand} {elsewhere}"
    settings = small.settings_in(tmp_path / "home", ARENA_SIGN_COMMAND=line)
    with pytest.raises(Invalid, match="--public-key"):
        provenance.establish(settings, now=NOW)
    public = authority.public_key_of(elsewhere.read_text())
    provenance.establish(settings, now=NOW, public_key=public)
    assert provenance.standing(settings).by_command
    assert "PRIVATE" not in (provenance.folder_of(settings) / "signer.pem").read_text()
    data = here.images.get(str(origin.digest))
    signer = provenance.signer_of(settings)
    assert signer is not None
    made = signing.sign_picture(data, origin, signer)
    assert read(made, provenance.trust_lists(settings)).state is State.TRUSTED
    elsewhere.write_text(authority.new_key())
    with pytest.raises(CannotSign, match="not by the key of the leaf"):
        signing.sign_picture(data, origin, signer)
    elsewhere.unlink()
    with pytest.raises(CannotSign, match="ended with 1: FileNotFoundError"):
        signing.sign_picture(data, origin, signer)


def test_copies_are_found_by_what_they_look_like(
    here: small.SmallArena, origin: Origin, signed: bytes
) -> None:
    known = Fingerprints(here.settings.home / FILE, here.images)
    with Pillow.open(BytesIO(signed)) as opened:
        half, cut = opened.resize((64, 64)), opened.crop((2, 2, 126, 126))
    copies = {
        "stripped": here.images.get(str(origin.digest)),
        "jpeg": saved(signed, "JPEG", quality=30),
        "webp": saved(signed, "WEBP", quality=50),
        "half": encode(half),
        "cut": encode(cut),
    }
    with here.database.read() as session:
        for name, data in copies.items():
            verdict = judge(session, data, lists={}, known=known)
            assert verdict.looked_through == 12, name
            assert verdict.matches[0].origin.image_id == origin.image_id, name
            assert verdict.matches[0].bits <= NEAR, name
        stranger = judge(session, encode(small.scribble("nobody", 77)), lists={}, known=known)
        assert stranger.matches == ()
        with pytest.raises(UnreadablePicture):
            judge(session, copies["jpeg"][:300], lists={}, known=known)
    assert len((here.settings.home / FILE).read_text().splitlines()) == 12


def test_pictures_that_have_nothing_in_common_are_far_apart() -> None:
    prints = [fingerprint(small.scribble("far", number)) for number in range(60)]
    apart = [distance(a, b) for i, a in enumerate(prints) for b in prints[:i]]
    assert 28 < sum(apart) / len(apart) < 34
    assert min(apart) > NEAR


def test_the_command_tells_its_verdict_by_its_exit_code(
    here: small.SmallArena, origin: Origin, signed: bytes, tmp_path: Path
) -> None:
    told = {}
    bare = here.images.get(str(origin.digest))
    files = {
        "trusted.png": signed,
        "invalid.png": repainted(signed),
        "unknown.jpg": saved(bare, "JPEG", quality=80),
    }
    context = Context({**os.environ, "ARENA_HOME": str(here.settings.home), "ARENA_SECRET_KEY": "x" * 40})
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        done = CliRunner().invoke(command, ["verify-image", str(tmp_path / name), "--json"], obj=context)
        told[name] = (done.exit_code, json.loads(done.output))
    assert {name: code for name, (code, _) in told.items()} == {
        "trusted.png": 0,
        "invalid.png": 1,
        "unknown.jpg": 4,
    }
    assert all(report["state"] == name.partition(".")[0] for name, (_, report) in told.items())
    for name in ("invalid.png", "unknown.jpg"):
        assert told[name][1]["matches"][0]["picture"] == origin.digest
    empty = Context({"ARENA_HOME": str(tmp_path / "empty")})
    trust = provenance.folder_of(here.settings) / "ca.crt"
    done = CliRunner().invoke(
        command,
        ["verify-image", str(tmp_path / "trusted.png"), "--no-search", "--trust", str(trust)],
        obj=empty,
    )
    assert (done.exit_code, "on the list of ca.crt" in done.output) == (0, True)


def test_signed_pictures_of_a_campaign_are_written(here: small.SmallArena, tmp_path: Path) -> None:
    copies = signing.SignedCopies(here.settings, here.images)
    with here.database.read() as session:
        names = signing.write_signed(session, copies, folder=tmp_path / "out", campaign="open")
    lists = provenance.trust_lists(here.settings)
    assert len(names) == len(set(names)) == 12
    assert all(read((tmp_path / "out" / name).read_bytes(), lists).state is State.TRUSTED for name in names)


class Scribbler:
    """Paints what the small arena was painted with, but for one entrant that has changed."""

    def __init__(self, card: EntrantCard) -> None:
        self.card = card

    def generate(self, requests: list[GenerationRequest]) -> list[GeneratedImage]:
        made = []
        for request in requests:
            picture = small.scribble(self.card.slug, request.seed - 481139)
            if self.card.slug == "kiln":
                picture = picture.rotate(90)
            if self.card.slug == "grisaille":
                picture.putpixel((3, 3), tuple(level ^ 1 for level in picture.getpixel((3, 3))))
            made.append(GeneratedImage(picture, request.seed, 0.1, 0.1))
        return made


def test_a_sample_is_painted_again_and_compared(here: small.SmallArena, tmp_path: Path) -> None:
    studio = Studio(Catalog(small.CARDS), None, None, engine=Scribbler)
    with here.database.read() as session:
        samples = draw(session, 100, rng=random.Random(1))
        assert len(draw(session, 5, rng=random.Random(1))) == 5
        assert {sample.entrant for sample in samples} == {
            f"{entrant.slug}@{entrant.revision}" for entrant in session.scalars(select(Entrant))
        }
    results = list(repaint(studio, here.images, samples))
    assert len(results) == 12
    for each in results:
        slug = each.sample.entrant.partition("@")[0]
        assert each.same == (slug != "kiln")
        assert each.equal == (slug == "sfumato")
        assert each.levels == {"sfumato": 0, "grisaille": 1}.get(slug, each.levels)
    (lost,) = repaint(studio, ImageStore(tmp_path), samples[:1])
    assert not lost.same
    assert "is not in" in lost.why
