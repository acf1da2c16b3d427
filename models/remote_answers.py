"""Reading what another server sent: nothing of it is believed before it is checked."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP")
LONGEST_NOTE = 4000


class NotTheirs(Exception):
    """An answer that is no answer of an images API; says what it did instead."""


@dataclass(frozen=True, slots=True)
class Told:
    """One picture of an answer: its file or its address, and what the server says about it."""

    data: bytes | None = None
    url: str = ""
    revision: str = ""
    took: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str, otherwise: float) -> float:
        """A number of what it took, if one is told that makes sense."""
        value = self.took.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return otherwise
        return float(value) if math.isfinite(value) and 0 <= value < 1e15 else otherwise

    def word(self, name: str) -> str:
        """A word of what it took."""
        value = self.took.get(name)
        return value[:16] if isinstance(value, str) else ""


def read_answer(body: bytes) -> Told:
    """Read the first picture of an answer.

    Raises
    ------
    NotTheirs
        If there is none.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotTheirs(f"answered with no JSON but {in_one_line(repr(body[:60]))}") from error
    data = told.get("data") if isinstance(told, dict) else None
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        raise NotTheirs("answered without a picture: there is no 'data' with one")
    took, revision = first.get("took"), first.get("revision")
    told_of = Told(
        revision=revision if isinstance(revision, str) else "",
        took=took if isinstance(took, dict) else {},
        notes=_notes(first),
    )
    if isinstance(first.get("b64_json"), str):
        try:
            return replace(told_of, data=base64.b64decode(first["b64_json"], validate=True))
        except (binascii.Error, ValueError) as error:
            raise NotTheirs("answered with a 'b64_json' that is no base64") from error
    if isinstance(first.get("url"), str):
        return replace(told_of, url=first["url"])
    raise NotTheirs("answered with neither 'b64_json' nor 'url'")


def picture_of(data: bytes, size: tuple[int, int]) -> Image:
    """Decode a picture; its size is checked before it is unpacked.

    Raises
    ------
    NotTheirs
        If it is none, of another size than asked for, or transparent.
    """
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            if opened.size != size:
                raise NotTheirs(
                    f"sent {opened.width} x {opened.height} pixels where {size[0]} x {size[1]} were asked "
                    "for; correct 'size' in the card"
                )
            opened.load()
            if opened.has_transparency_data and _see_through(opened):
                raise NotTheirs(
                    'sent a transparent picture; add arguments = { background = "opaque" } to the card'
                )
            return opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotTheirs(
            f"sent {len(data):,} bytes that are no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        ) from error


def url_allowed(url: str, base_url: str) -> bool:
    """Whether a picture may be fetched from there: over https, or from the very server that was asked."""
    try:
        there = urlsplit(url)
        usable = bool(there.hostname) and (there.port or 1) > 0
    except ValueError:
        return False
    if there.username or there.password or not usable:
        return False
    return there.scheme == "https" or same_server(url, base_url)


def same_server(url: str, base_url: str) -> bool:
    """Whether a URL leads to the very server that was asked."""
    there, asked = urlsplit(url), urlsplit(base_url)
    return (there.scheme, there.netloc) == (asked.scheme, asked.netloc)


def in_one_line(told: str, most: int = 300) -> str:
    """What a server said, in one line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in told[: 4 * most]).split())
    return line if len(line) <= most else line[: most - 3] + "..."


def _notes(first: Mapping[str, Any]) -> dict[str, Any]:
    notes = first.get("notes")
    kept = dict(notes) if isinstance(notes, dict) and len(json.dumps(notes)) <= LONGEST_NOTE else {}
    if isinstance(first.get("revised_prompt"), str):
        kept["revised_prompt"] = first["revised_prompt"][:LONGEST_NOTE]
    return kept


def _see_through(picture: Image) -> bool:
    opaque = picture.convert("RGBA").getchannel("A").histogram()[255]
    return opaque < picture.width * picture.height
