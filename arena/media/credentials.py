"""Content credentials (C2PA): a signed note inside a picture's file on where it comes from.

Signing changes no pixel: the note is a chunk of its own. It is bound to every other byte of the file, so that
a change of pixels or of the note is seen. It does not survive being saved anew by most programs.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from io import BytesIO
from typing import Any

from PIL import Image

from arena.media.foreign import MOST_PIXELS

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
PICTURE = "vernissage.picture"
"""Label of the assertion that says which entrant made a picture, and how."""

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_SMALL = {"builder": {"thumbnail": {"enabled": False}}, "verify": {**_OFFLINE, "verify_after_sign": False}}
_EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"


class State(StrEnum):
    """What a picture's credentials are worth."""

    TRUSTED = "trusted"
    """Whole, and signed under an authority of one of our lists."""
    VALID = "valid"
    """Whole, and signed by somebody we do not know."""
    INVALID = "invalid"
    """Changed after it was signed, or signed by a certificate that is not good now."""
    UNKNOWN = "unknown"
    """Without credentials."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A check of the credentials that failed: its code in the C2PA specification, and what it was about."""

    code: str
    about: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a file.

    ``trusted_by`` names the list that has the authority. ``told`` is what the signer says of the picture,
    and worth no more than the state; ``source_type`` is the kind of source it names.
    """

    state: State
    trusted_by: str | None = None
    failures: tuple[Failure, ...] = ()
    signer: str | None = None
    generator: str | None = None
    source_type: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


def available() -> bool:
    """Whether the libraries that credentials need are installed."""
    return find_spec("c2pa") is not None and find_spec("cryptography") is not None


def sign(
    data: bytes,
    manifest: Mapping[str, Any],
    *,
    chain: str,
    signature: str | Callable[[bytes], bytes],
    timestamps: str | None = None,
    opened: bool = False,
) -> bytes:
    """Put signed credentials into a picture's PNG.

    Parameters
    ----------
    data : bytes
        The PNG.
    manifest : mapping
        What is said of it, as `c2pa` takes it.
    chain : str
        The signing certificate and its authority, in PEM.
    signature : str or callable
        The private key in PEM; or what gives the ES256 signature of bytes, 64 bytes long. What it raises is
        raised here, and the note is 10 kB longer: room is kept for whatever it may give.
    timestamps : str, optional
        URL of a timestamp authority (RFC 3161).
    opened : bool
        The picture was there before: it becomes an ingredient of itself, and its source stays open.

    Raises
    ------
    ValueError
        If it cannot be signed, such as by an expired certificate.
    """
    import c2pa

    raised: list[Exception] = []
    out = BytesIO()
    try:
        with (
            c2pa.Context.from_dict(_SMALL) as context,
            _hand(signature, chain, timestamps, raised) as signer,
            c2pa.Builder(json.dumps(manifest), context) as builder,
        ):
            if opened:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                ingredient = {"title": "the picture as it came", "relationship": "parentOf"}
                builder.add_ingredient(json.dumps(ingredient), TYPES["PNG"], BytesIO(data))
            builder.sign(signer, TYPES["PNG"], BytesIO(data), out)
    except c2pa.C2paError as error:
        if raised:
            raise raised[0] from error
        raise ValueError(f"the picture cannot be signed: {error}") from error
    return out.getvalue()


def _hand(
    signature: str | Callable[[bytes], bytes], chain: str, timestamps: str | None, raised: list[Exception]
) -> Any:
    """What signs for the library; an error of a callable, which the library swallows, goes on the list."""
    import c2pa

    if isinstance(signature, str):
        told = (b"es256", chain.encode(), signature.encode(), timestamps.encode() if timestamps else None)
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(*told))
    sign_bytes = signature

    def told_of_errors(bare: bytes) -> bytes:
        try:
            return sign_bytes(bare)
        except Exception as error:
            raised.append(error)
            raise

    return c2pa.Signer.from_callback(told_of_errors, c2pa.C2paSigningAlg.ES256, chain, timestamps)


def read(data: bytes, lists: Mapping[str, str]) -> Reading:
    """Read the credentials of a PNG, JPEG or WebP file; asks nobody over the network, decodes no pixel.

    Parameters
    ----------
    data : bytes
        The file.
    lists : mapping
        Certificates of authorities in PEM, by the name of the list they are on; the first that trusts the
        file counts. A timestamp counts only where the list has the authority that gave it, too.

    Raises
    ------
    ValueError
        If it is no picture of those kinds, has more than `MOST_PIXELS`, or is cut short.
    """
    media_type = kind_of(data)
    readings: list[Reading] = []
    for name, anchors in (lists or {"": ""}).items():
        seen = _read(data, media_type, name, anchors)
        if seen.state in (State.TRUSTED, State.UNKNOWN):
            return seen
        readings.append(seen)
    return next((seen for seen in readings if seen.state is State.VALID), readings[0])


def kind_of(data: bytes) -> str:
    """Media type of a file by its head.

    Raises
    ------
    ValueError
        If it is no picture of `TYPES`, or has more than `MOST_PIXELS`.
    """
    found, width, height = _head(data)
    if width * height > MOST_PIXELS:
        raise ValueError(f"it has {width * height:,} pixels; at most {MOST_PIXELS:,} are looked at")
    return TYPES[found]


def _head(data: bytes) -> tuple[str, int, int]:
    """Format, width and height; a PNG's even where the note in it is so broken that it cannot be opened."""
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        if width and height:
            return "PNG", width, height
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "WEBP")) as opened:
            return str(opened.format), opened.width, opened.height
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError("it is no PNG, JPEG or WebP file") from error


def _read(data: bytes, media_type: str, name: str, anchors: str) -> Reading:
    import c2pa

    asked: dict[str, Any] = {"verify": {**_OFFLINE, "verify_trust": True}}
    if anchors:
        asked["trust"] = {"trust_anchors": anchors, "trust_config": _EMAIL_PROTECTION}
    try:
        with c2pa.Context.from_dict(asked) as context:
            reader = c2pa.Reader.try_create(media_type, BytesIO(data), context=context)
            if reader is None:
                return Reading(State.UNKNOWN)
            with reader:
                return _told(json.loads(reader.json()), name)
    except c2pa.C2paError as error:
        if b"c2pa" not in data:
            raise ValueError(f"it cannot be read to its end: {error}") from error
        return Reading(State.INVALID, failures=(Failure("unreadable", str(error)),))


def _told(found: Mapping[str, Any], name: str) -> Reading:
    state = State(str(found["validation_state"]).lower())
    manifest: Mapping[str, Any] = found["manifests"][found["active_manifest"]]
    checks = found.get("validation_results", {}).get("activeManifest", {})
    failures = tuple(
        Failure(str(check["code"]), str(check.get("url", "")).rpartition("/")[2])
        for check in checks.get("failure", ())
    )
    said = {each["label"]: each.get("data") for each in manifest.get("assertions", ())}
    actions = (said.get("c2pa.actions.v2") or {}).get("actions") or [{}]
    told = said.get(PICTURE)
    signature = manifest.get("signature_info", {})
    generators = manifest.get("claim_generator_info") or [{}]
    return Reading(
        state=state,
        trusted_by=name if state is State.TRUSTED else None,
        failures=failures,
        signer=signature.get("common_name") or signature.get("issuer"),
        generator=generators[0].get("name"),
        source_type=actions[0].get("digitalSourceType"),
        told=told if isinstance(told, dict) else {},
    )
