"""The rules of blindness that can be said without a database or a page."""

from __future__ import annotations

from datetime import datetime, timedelta

REASONS = ("lighting", "texture", "anatomy", "text", "prompt_missed", "over_stylised", "generic", "other")
PICTURES_LAST = timedelta(minutes=10)
CONSENT_VERSION = "2026-11"


def pictures_end(expires_at: datetime, voted_at: datetime | None) -> datetime:
    """Until when the blind copies of a battle can be fetched: its expiry, or ten minutes after the vote."""
    return expires_at if voted_at is None else voted_at + PICTURES_LAST
