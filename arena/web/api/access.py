"""Who may ask the images API, how often, and for what not."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Protocol

from arena.db import Database, told_plainly
from arena.services.keys import Embargo, Holder, digest_of, find_holder
from arena.web.api.faults import Fault
from arena.web.limits import Counts, Minutes


class Gate(Protocol):
    """Knows the keys, and what they do not open."""

    def holder(self, secret: str) -> Holder | None:
        """Who holds a key; nobody if it is none."""
        ...

    def embargoed(self, prompt: str) -> bool:
        """Whether an open campaign is dealing these words."""
        ...

    def check(self) -> None:
        """Raise if it cannot answer now."""
        ...


class KeyRing:
    """The keys and the campaigns of a database; a key that is revoked is refused from then on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._embargo = Embargo()

    def holder(self, secret: str) -> Holder | None:
        with told_plainly(), self._database.read() as session:
            return find_holder(session, secret)

    def embargoed(self, prompt: str) -> bool:
        with told_plainly(), self._database.read() as session:
            return self._embargo.covers(session, prompt, now=datetime.now(UTC))

    def check(self) -> None:
        self.holder("")


class OneKey:
    """The single key of an engine that serves an arena alone and has no database; it opens everything."""

    def __init__(self, secret: str) -> None:
        self._digest = digest_of(secret)

    def holder(self, secret: str) -> Holder | None:
        known = hmac.compare_digest(digest_of(secret), self._digest)
        return Holder("arena", may_unblind=True) if known else None

    def embargoed(self, prompt: str) -> bool:
        return False

    def check(self) -> None:
        return None


class Allowances:
    """How often each key may ask: as many requests a minute as its limit says."""

    def __init__(self, counts: Counts | None = None) -> None:
        self._minutes = counts or Minutes()

    def take(self, holder: Holder) -> None:
        """Count a request.

        Raises
        ------
        Fault
            429 and when to come again, if the minute is used up; that one is not counted.
        """
        if holder.per_minute is None:
            return
        taken = self._minutes.take(holder.name, holder.per_minute)
        if not taken.allowed:
            raise Fault(
                429,
                "rate_limit_exceeded",
                f"this key may make {taken.most} requests a minute; try again in {taken.again:.0f} s",
                retry_after=taken.again,
            )


def bearer(header: str | None) -> str:
    """The key of an ``Authorization: Bearer`` header.

    Raises
    ------
    Fault
        401 if there is none.
    """
    scheme, _, secret = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Fault(
            401,
            "invalid_api_key",
            "send a key as 'Authorization: Bearer KEY'; the operator makes one with `arena keys make`",
        )
    return secret.strip()
