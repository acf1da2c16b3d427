"""One-time codes by the clock (TOTP), as apps make them: RFC 6238 with SHA-1, six digits, 30 seconds."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

DIGITS: Final = 6
STEP_SECONDS: Final = 30
DRIFT: Final = 1
"""Steps that a phone's clock may be early or late."""


def step_of(moment: datetime) -> int:
    """The time step of a moment."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(key: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a time step (RFC 4226, section 5.3, over RFC 6238's counter)."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def matching_step(key: bytes, typed: str, *, now: datetime, after: int) -> int | None:
    """The time step whose code was typed; none if it is no code of about now, or its step was used.

    Every step is compared, and each in constant time.

    Parameters
    ----------
    after : int
        The newest step that was used: it and those before it open nothing any more.
    """
    code, found = "".join(typed.split()).encode(), None
    for step in range(step_of(now) - DRIFT, step_of(now) + DRIFT + 1):
        if hmac.compare_digest(code_at(key, step).encode(), code) and step > after:
            found = step
    return found


def spelt(key: bytes) -> str:
    """A key as people type it into an app: base 32 in groups of four."""
    letters = base64.b32encode(key).decode().rstrip("=")
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def address(key: bytes, *, name: str, issuer: str) -> str:
    """The ``otpauth:`` address of a key, for the square that a phone's camera reads."""
    label = quote(f"{issuer}:{name}", safe="")
    told = {"secret": spelt(key).replace(" ", ""), "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(told, quote_via=quote)}"
