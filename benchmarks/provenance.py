"""Content credentials: verdicts on changed files, milliseconds a picture, and how well copies are found.

    python benchmarks/provenance.py
    python benchmarks/provenance.py --pictures var/images --most 500

Without a folder of pictures it draws its own. Every file is signed under an authority made for the run. Times
are those of this process on one thread: wall and processor milliseconds, the median over the pictures. The
last two tables say how often a copy led to its original, and how often two different pictures came out near.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import ParamSpec, TypeVar

from PIL import Image, ImageDraw, ImageFilter

from arena.config import Settings
from arena.media import authority
from arena.media.blind import encode
from arena.media.credentials import read
from arena.media.fingerprints import NEAR, distance, fingerprint, opened
from arena.queries.provenance import Origin
from arena.queries.showing import Name
from arena.services import provenance
from arena.services.provenance import Signer
from arena.services.signing import sign_picture

Asked = ParamSpec("Asked")
Result = TypeVar("Result")
SIZES = (256, 512, 1024)
COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "stripped": lambda picture: encode(picture),
    "JPEG 85": lambda picture: saved(picture, "JPEG", 85),
    "JPEG 30": lambda picture: saved(picture, "JPEG", 30),
    "WebP 50": lambda picture: saved(picture, "WEBP", 50),
    "half the size": lambda picture: encode(picture.resize((picture.width // 2, picture.height // 2))),
    "2 % cut off": lambda picture: encode(cut(picture, 0.02)),
    "10 % cut off": lambda picture: encode(cut(picture, 0.10)),
    "mirrored": lambda picture: encode(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=Path, help="folder of PNG files, such as the store of an arena")
    parser.add_argument("--most", type=int, default=100, help="so many pictures at most (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    if asked.pictures:
        files = sorted(asked.pictures.rglob("*.png"))
        pictures = [file.read_bytes() for file in rng.sample(files, min(asked.most, len(files)))]
    else:
        pictures = [encode(scene(rng, SIZES[n % len(SIZES)])) for n in range(asked.most)]
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (established(Path(folder) / name) for name in ("ours", "theirs"))
        verdicts(pictures[:20], ours, theirs)
        times(pictures, ours)
    likeness(pictures)


def established(home: Path) -> Settings:
    """Settings of a data folder with an authority of its own."""
    settings = Settings.from_environment({"ARENA_HOME": str(home)})
    provenance.establish(settings, now=datetime.now(UTC))
    return settings


def verdicts(pictures: list[bytes], ours: Settings, theirs: Settings) -> None:
    """Print what each kind of file reads as."""
    signer, forger = provenance.signer_of(ours), provenance.signer_of(theirs)
    assert signer is not None
    assert forger is not None
    lists = provenance.trust_lists(ours)
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    brief = signer_until(ours, ends)
    signed = [sign_picture(data, origin(), signer) for data in pictures]
    expired = [sign_picture(data, origin(), brief) for data in pictures[:5]]
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds() + 1.1))
    kinds = {
        "signed": signed,
        "one pixel painted over": [painted_over(data) for data in signed],
        "one byte of the pixels flipped": [flipped(data) for data in signed],
        "name in the note changed": [
            assembled(chunks(data.replace(b"benchmark", b"benchmarc"))) for data in signed
        ],
        "stripped": pictures,
        "saved as JPEG": [saved(opened(data), "JPEG", 90) for data in signed],
        "signed under another authority": [sign_picture(data, origin(), forger) for data in pictures],
        "signed by a leaf that has expired": expired,
    }
    print(f"{'file':36} {'files':>5}  verdict")
    for name, files in kinds.items():
        found = [read(data, lists) for data in files]
        states = Counter(reading.state.value for reading in found)
        why = ", ".join(sorted({failure.code for reading in found for failure in reading.failures}))
        told = ", ".join(f"{state} {n}" for state, n in states.items())
        print(f"{name:36} {len(files):>5}  {told} {f'({why})' if why else ''}".rstrip())


def times(pictures: list[bytes], ours: Settings) -> None:
    """Print what signing and reading take, by the size of the pictures."""
    signer, lists = provenance.signer_of(ours), provenance.trust_lists(ours)
    assert signer is not None
    rows: dict[str, list[tuple[float, ...]]] = {}
    for data in pictures:
        signed, *signing = timed(sign_picture, data, origin(), signer)
        _, *reading = timed(read, signed, lists)
        _, *plain = timed(read, data, lists)
        picture = opened(data)
        _, *looking = timed(fingerprint, picture)
        assert opened(signed).tobytes() == picture.tobytes(), "signing changed a pixel"
        size = f"{picture.width} x {picture.height}"
        rows.setdefault(size, []).append((*signing, *reading, *plain, *looking, len(signed) - len(data)))
    heads = "".join(f"{head:>15}" for head in ("sign", "read signed", "read unsigned", "look"))
    print(f"\n{'pixels':12} {'files':>5}{heads} bytes")
    for size, found in sorted(rows.items()):
        medians = [statistics.median(column) for column in zip(*found, strict=True)]
        pairs = [f"{wall:6.1f} /{cpu:6.1f}" for wall, cpu in zip(medians[:8:2], medians[1:8:2], strict=True)]
        print(f"{size:12} {len(found):>5} {' '.join(pairs)} +{medians[8]:.0f}")
    print("milliseconds, wall / processor, the median")


def likeness(pictures: list[bytes]) -> None:
    """Print how often copies are found, and how often strangers are taken for copies."""
    kept = [opened(data) for data in pictures]
    known = [fingerprint(picture) for picture in kept]
    print(f"\n{'copy':14} found nearest  most bits apart, of {len(kept)} pictures")
    for name, copy in COPIES.items():
        found = first = worst = 0
        for number, picture in enumerate(kept):
            own = fingerprint(opened(copy(picture)))
            apart = [distance(own, other) for other in known]
            found += apart[number] <= NEAR
            first += apart[number] <= NEAR and apart[number] == min(apart)
            worst = max(worst, apart[number])
        print(f"{name:14} {found:>5} {first:>7} {worst:>5}")
    pairs = [distance(a, b) for n, a in enumerate(known) for b in known[:n]]
    near = sum(bits <= NEAR for bits in pairs)
    print(
        f"different pictures: {near} of {len(pairs)} pairs within {NEAR} bits "
        f"({near / max(1, len(pairs)):.2%}); the nearest differ in {min(pairs)}, the median in "
        f"{statistics.median(pairs):.0f} of 63"
    )


def timed(
    work: Callable[Asked, Result], *args: Asked.args, **more: Asked.kwargs
) -> tuple[Result, float, float]:
    """A result, and its wall and processor milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*args, **more)
    return result, 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def origin() -> Origin:
    """Where a picture of this benchmark comes from."""
    return Origin(
        image_id=1,
        digest="0" * 64,
        entrant=Name(label="benchmark@0123456789ab", name="Benchmark", kind="baseline"),
        slug="benchmark",
        revision="0123456789ab",
        backend="lumen",
        identity={"steps": 20},
        runtime={"engine": "openvino", "dtype": "bfloat16"},
        seed=481139,
        steps=20,
        prompt=1,
        prompt_digest="1" * 64,
        width=256,
        height=256,
        canvases=(512,),
        made_at=datetime(2026, 11, 1, tzinfo=UTC),
        software={"torch": "2.13.0"},
        hardware=None,
        seconds=1.0,
    )


def signer_until(settings: Settings, ends: datetime) -> Signer:
    """A leaf under an arena's own authority that expires soon."""
    folder = provenance.folder_of(settings)
    key = authority.new_key()
    chain = authority.make_leaf(
        authority.public_key_of(key),
        authority=(folder / "ca.crt").read_text(),
        authority_key=(folder / "ca.key").read_text(),
        name="short-lived",
        now=datetime.now(UTC),
        ends=ends,
    )
    return Signer(chain, "short-lived", key, None)


def scene(rng: random.Random, side: int) -> Image.Image:
    """Shaded discs on a ground, slightly out of focus."""
    picture = Image.new("RGB", (side, side), tuple(rng.randrange(60, 200) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, r = rng.randrange(side), rng.randrange(side), rng.randrange(side // 16, side // 4)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(256) for _ in range(3)))
    return picture.filter(ImageFilter.GaussianBlur(side / 200))


def saved(picture: Image.Image, kind: str, quality: int) -> bytes:
    """A picture in another container."""
    out = BytesIO()
    picture.convert("RGB").save(out, format=kind, quality=quality)
    return out.getvalue()


def cut(picture: Image.Image, share: float) -> Image.Image:
    """A picture without a share of its width and height, half of it on each side."""
    x, y = round(picture.width * share / 2), round(picture.height * share / 2)
    return picture.crop((x, y, picture.width - x, picture.height - y))


def flipped(data: bytes) -> bytes:
    """A file with one bit of its pixels flipped."""
    changed = bytearray(data)
    changed[data.rindex(b"IDAT") + 40] ^= 1
    return bytes(changed)


def painted_over(signed: bytes) -> bytes:
    """A signed picture with one pixel changed, whole as a PNG, and the old note back in its place."""
    picture = opened(signed)
    red, green, blue = picture.getpixel((9, 9))  # type: ignore[misc]
    picture.putpixel((9, 9), (red ^ 1, green, blue))
    note = next(part for part in chunks(signed) if part[0] == b"caBX")
    head, *rest = chunks(encode(picture))
    return assembled([head, note, *rest])


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


if __name__ == "__main__":
    main()
