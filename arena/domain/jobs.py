"""How long a job is leased, how often it is tried, and how long it rests between tries."""

from __future__ import annotations

import hashlib
from datetime import timedelta

LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 3


def back_off(attempts: int) -> timedelta:
    """Rest before the next try: 5 s, 25 s, 125 s."""
    return timedelta(seconds=5**attempts)


def picture_seed(campaign_seed: int, prompt_digest: str, number: int) -> int:
    """Seed of a picture, the same for every entrant: 31 bits from the campaign, the prompt and its number."""
    told = f"{campaign_seed}:{prompt_digest}:{number}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4], "big") >> 1
