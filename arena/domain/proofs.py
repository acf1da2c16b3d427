"""A small proof of work that a newcomer's browser does before the first vote, in the manner of hashcash.

The challenge is keyed and names the voter it is for, so that the server keeps nothing: it opens the door to
that voter alone, and to nobody a second time. Whoever cannot do the work waits instead. It slows a program
that makes many voters down; it stops nobody who is patient.

References
----------
.. [1] A. Back, "Hashcash: a denial of service counter-measure", 2002.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Final

WAIT: Final = timedelta(seconds=30)
"""Who waits so long after the challenge was made need not have done the work."""

GOOD_FOR: Final = timedelta(minutes=30)
LONGEST_ANSWER: Final = 20

_CHALLENGE: Final = re.compile(r"(\d{1,12})\.(\d{1,2})\.([0-9a-f]{32})")


def make_challenge(secret: str, voter_key: str, *, bits: int, now: datetime) -> str:
    """A challenge of so many bits for a voter: ``seconds.bits.mac``."""
    told = f"{int(now.timestamp())}.{bits}"
    return f"{told}.{_mac(secret, voter_key, told)}"


def made_at(secret: str, voter_key: str, challenge: str, *, bits: int, now: datetime) -> datetime | None:
    """When a challenge was made; none if it is not ours, not this voter's, of fewer bits, or too old."""
    found = _CHALLENGE.fullmatch(challenge)
    if found is None or int(found[2]) < bits:
        return None
    if not hmac.compare_digest(found[3], _mac(secret, voter_key, f"{found[1]}.{found[2]}")):
        return None
    made = datetime.fromtimestamp(int(found[1]), UTC)
    return made if now - GOOD_FOR <= made <= now + timedelta(seconds=1) else None


def is_answer(challenge: str, answer: str) -> bool:
    """Whether SHA-256 of ``challenge:answer`` begins with as many zero bits as the challenge asks for."""
    found = _CHALLENGE.fullmatch(challenge)
    if found is None or not answer or len(answer) > LONGEST_ANSWER or not answer.isascii():
        return False
    digest = hashlib.sha256(f"{challenge}:{answer}".encode()).digest()
    return int.from_bytes(digest, "big") >> (256 - int(found[2])) == 0


def _mac(secret: str, voter_key: str, told: str) -> str:
    return hmac.digest(secret.encode(), f"proof of work {voter_key} {told}".encode(), hashlib.sha256).hex()[
        :32
    ]
