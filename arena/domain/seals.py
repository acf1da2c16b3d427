"""Leaves and seals: what makes a vote tamper-evident without telling who cast it.

::

    private = SHA-256(salt ‖ private part)            rater, exact time, stopwatch; never published
    leaf    = SHA-256(public part ‖ private)          of a vote; recomputed from a row of an export
    leaf    = SHA-256(part of a removal)              of a removal: the vote's leaf, kind, rule and day
    seal    = SHA-256(previous seal ‖ count ‖ leaves) in order; the first has `GENESIS` before it

Parts are canonical JSON: keys sorted, no spaces, UTF-8, floats as Python writes them (the shortest decimal
that reads back to the same double). Digests enter as 32 bytes, the count as 8 bytes, most significant first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

GENESIS = "0" * 64
"""What stands before the first seal."""

PUBLIC = (
    "vote",
    "battle",
    "campaign",
    "criterion",
    "ballot_no",
    "day",
    "prompt_digest",
    "left",
    "right",
    "left_image",
    "right_image",
    "outcome",
    "kind",
    "propensity",
    "eligible",
    "policy",
    "consent",
)
"""Fields of a vote's public part; an export has a column of each name."""

TYPE = "vote/1"
"""Stands in every vote's public part, so that a leaf of another type can never be read as a vote."""

REMOVAL = ("vote_leaf", "kind", "rule", "day")
"""Fields of a removal, all of them public; the rule is empty where a rater took the vote back."""

REMOVAL_TYPE = "removal/1"

Value = str | int | float | None
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(part: Mapping[str, Value]) -> bytes:
    """JSON of a part in the one form that is hashed."""
    return _CANONICAL.encode(part).encode("utf-8", "surrogateescape")


def day_of(cast_at: datetime) -> str:
    """UTC date of a vote: as much of its time as is public."""
    return cast_at.astimezone(UTC).date().isoformat()


def private_digest(salt: bytes, *, voter: str, cast_at: datetime, elapsed_ms: int | None) -> str:
    """Digest of what only the arena knows of a vote; the salt keeps it from being guessed.

    Parameters
    ----------
    salt : bytes
        Random bytes of this vote.
    voter : str
        Key of the rater.
    cast_at : datetime
        Aware, to the microsecond.
    elapsed_ms : int or None
        The page's stopwatch.
    """
    return _private(salt, voter_json(voter), cast_at.astimezone(UTC).isoformat(), elapsed_ms)


def private_digests(
    salts: Iterable[bytes], voters: Iterable[str], moments: Iterable[str], elapsed: Iterable[int | None]
) -> list[str]:
    """Private digests of many votes, several times as fast.

    Parameters
    ----------
    voters : iterable of str
        Keys of the raters, each from `voter_json`.
    moments : iterable of str
        In UTC, as 2026-11-02 09:00:00.000000.
    """
    isoformat = (f"{at.removesuffix('.000000').replace(' ', 'T')}+00:00" for at in moments)
    return [*map(_private, salts, voters, isoformat, elapsed)]


def voter_json(key: str) -> str:
    """Key of a rater as a private part has it."""
    return _CANONICAL.encode(key)


def _private(salt: bytes, voter: str, at: str, elapsed_ms: int | None) -> str:
    # What `canonical` makes of these three, written out: an export needs it of every vote.
    elapsed = "null" if elapsed_ms is None else elapsed_ms
    part = f'{{"cast_at":"{at}","elapsed_ms":{elapsed},"voter":{voter}}}'
    return hashlib.sha256(salt + part.encode("utf-8", "surrogateescape")).hexdigest()


def leaf(row: Mapping[str, Value], private: str) -> str:
    """Leaf of a vote.

    Parameters
    ----------
    row : mapping
        Has every field of `PUBLIC`; others are not looked at.
    private : str
        From `private_digest`.
    """
    part = {name: row[name] for name in PUBLIC}
    return hashlib.sha256(canonical({"type": TYPE, **part}) + bytes.fromhex(private)).hexdigest()


def removal_leaf(row: Mapping[str, Value]) -> str:
    """Leaf of a removal.

    Parameters
    ----------
    row : mapping
        Has every field of `REMOVAL`; others are not looked at.
    """
    part = {name: row[name] for name in REMOVAL}
    return hashlib.sha256(canonical({"type": REMOVAL_TYPE, **part})).hexdigest()


def seal_digest(previous: str, leaves: Sequence[str]) -> str:
    """Digest of a seal over its ordered leaves and the seal before."""
    told = hashlib.sha256(bytes.fromhex(previous))
    told.update(len(leaves).to_bytes(8, "big"))
    told.update(bytes.fromhex("".join(leaves)))
    return told.hexdigest()
