"""Whose picture is this? By its credentials, and where they are gone by what it looks like."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from arena.errors import ArenaError, CorruptImage, UnknownPicture
from arena.media.credentials import Reading, State, read
from arena.media.fingerprints import NEAR, alike, distance, fingerprint, opened
from arena.media.foreign import look
from arena.queries.provenance import Origin, all_digests, origins_of
from arena.storage import DIGEST, ImageStore

FILE = "fingerprints.txt"
"""Fingerprints of kept pictures in the data folder, a digest and 16 hexadecimal digits a line."""

MOST_TOLD = 5


class UnreadablePicture(ArenaError):
    """A file that is no picture, or not a whole one."""

    status = 400
    code = "unreadable_picture"

    def __init__(self, why: str) -> None:
        super().__init__(f"the file cannot be checked: {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class Match:
    """A kept picture that a file may be a copy of.

    ``bits`` are how many of the 63 bits of their fingerprints differ; ``psnr`` is in dB, over both scaled to
    64 x 64 pixels, and null where these are equal.
    """

    origin: Origin
    bits: int
    psnr: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a file; ``looked_through`` pictures were compared with it."""

    reading: Reading
    matches: tuple[Match, ...]
    looked_through: int

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        reading = self.reading
        return {
            "state": reading.state.value,
            "trusted_by": reading.trusted_by,
            "signer": reading.signer,
            "failures": [asdict(each) for each in reading.failures],
            "source_type": reading.source_type,
            "told": dict(reading.told),
            "looked_through": self.looked_through,
            "matches": [
                {
                    "bits": match.bits,
                    "psnr": match.psnr,
                    "entrant": match.origin.slug,
                    "revision": match.origin.revision,
                    "seed": match.origin.seed,
                    "prompt": match.origin.prompt,
                    "picture": match.origin.digest,
                }
                for match in self.matches
            ],
        }


def credentials_of(data: bytes, lists: Mapping[str, str]) -> Reading:
    """What the credentials of a file say.

    Raises
    ------
    UnreadablePicture
    """
    try:
        return read(data, lists)
    except ValueError as error:
        raise UnreadablePicture(str(error)) from error


def judge(session: Session, data: bytes, *, lists: Mapping[str, str], known: Fingerprints) -> Verdict:
    """Read the credentials of a file; unless they are trusted, look for the picture it is a copy of.

    Raises
    ------
    UnreadablePicture
    """
    reading = credentials_of(data, lists)
    if reading.state is State.TRUSTED:
        return Verdict(reading, (), 0)
    try:
        matches, looked_through = known.matches(session, data)
    except UnreadablePicture:
        if reading.state is State.UNKNOWN:
            raise
        return Verdict(reading, (), 0)
    return Verdict(reading, tuple(matches), looked_through)


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What the kept pictures look like, in a file of the data folder that can be made again."""

    file: Path
    images: ImageStore

    def matches(self, session: Session, data: bytes) -> tuple[list[Match], int]:
        """Pictures that a file may be a copy of, the most alike first; and how many were compared with it.

        Raises
        ------
        UnreadablePicture
        """
        try:
            asked = look(data).convert("RGB")
        except ValueError as error:
            raise UnreadablePicture(str(error)) from error
        digests = all_digests(session)
        known, own = self.bring_up_to_date(digests), fingerprint(asked)
        best: dict[int, Match] = {}
        near = [digest for digest, bits in known.items() if distance(own, bits) <= NEAR]
        found = {
            origin.image_id: origin for origin in origins_of(session, {i for d in near for i in digests[d]})
        }
        for digest in near:
            likeness = alike(asked, opened(self.images.get(digest)))
            psnr = None if math.isinf(likeness) else likeness
            for image_id in digests[digest]:
                match = Match(found[image_id], distance(own, known[digest]), psnr)
                if image_id not in best or _order(match) < _order(best[image_id]):
                    best[image_id] = match
        return sorted(best.values(), key=_order)[:MOST_TOLD], len(known)

    def bring_up_to_date(self, digests: Collection[str]) -> dict[str, int]:
        """Fingerprints of pictures by their digests; those that are not known yet are taken and kept.

        A picture that is missing or damaged has none.
        """
        kept = self._read()
        known = {digest: kept[digest] for digest in digests if digest in kept}
        missing = [digest for digest in digests if digest not in kept]
        for digest in missing:
            try:
                known[digest] = fingerprint(opened(self.images.get(digest)))
            except (UnknownPicture, CorruptImage):
                continue
        if missing:
            self._write(known)
        return known

    def _read(self) -> dict[str, int]:
        try:
            lines = self.file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        known = {}
        for line in lines:
            digest, _, bits = line.partition(" ")
            if DIGEST.fullmatch(digest) and len(bits) == 16:
                known[digest] = int(bits, 16)
        return known

    def _write(self, known: Mapping[str, int]) -> None:
        handle, name = tempfile.mkstemp(dir=self.file.parent, prefix=".new-")
        with os.fdopen(handle, "w") as file:
            file.writelines(f"{digest} {bits:016x}\n" for digest, bits in sorted(known.items()))
        Path(name).replace(self.file)


def _order(match: Match) -> tuple[float, int]:
    return -(math.inf if match.psnr is None else match.psnr), match.bits


def told(verdict: Verdict) -> list[str]:
    """A verdict in lines for people."""
    return [*_reading_lines(verdict.reading), *_match_lines(verdict.matches, verdict.looked_through)]


def _reading_lines(reading: Reading) -> list[str]:
    lines = [
        {
            State.TRUSTED: f"trusted: signed by {reading.signer}, on the list of {reading.trusted_by}",
            State.VALID: f"valid: whole, but signed by {reading.signer}, who is on no list of ours",
            State.INVALID: "invalid: " + ", ".join(f"{f.code} ({f.about})" for f in reading.failures),
            State.UNKNOWN: "unknown: the file carries no content credentials",
        }[reading.state]
    ]
    if reading.state in {State.TRUSTED, State.VALID}:
        says = dict(reading.told)
        if reading.source_type:
            says["source"] = reading.source_type.rpartition("/")[2]
        lines += [f"  {name:16} {_plain(value)}" for name, value in sorted(says.items())]
    return lines


def _plain(value: object) -> str:
    """A value of a note in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _match_lines(matches: Sequence[Match], looked_through: int) -> list[str]:
    if not matches:
        return [f"It looks like none of the {looked_through:,} pictures here."] if looked_through else []
    lines = [f"It looks like these of the {looked_through:,} pictures here, the most alike first:"]
    for match in matches:
        origin = match.origin
        close = "equal at 64 px" if match.psnr is None else f"{match.psnr:.1f} dB at 64 px"
        lines.append(
            f"  {origin.entrant.label} seed {origin.seed} prompt {origin.prompt} "
            f"({match.bits} of 63 bits differ, {close}) {origin.digest}"
        )
    return lines
