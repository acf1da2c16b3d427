"""Who asks the read API, and how often: anybody by their address, or by a key that the operator made."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field

from flask import Request
from sqlalchemy.orm import Session

from arena.services.keys import Holder, find_holder
from arena.web.limits import Counts, Minutes, Taken
from arena.web.read.problems import Problem

PER_ADDRESS = 120
"""Requests a minute without a key."""


@dataclass(frozen=True, slots=True)
class Door:
    """Counts who comes in.

    Addresses are known by a keyed digest alone. Its key is this process's own and never kept, unless several
    processes count together, which need one and the same. What a proxy says of an address is believed if the
    proxy is on this machine or in one of the networks of ``proxies``.
    """

    minutes: Counts = field(default_factory=Minutes)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    proxies: tuple[str, ...] = ()

    def by_address(self, request: Request) -> Taken:
        """Count a request of an address.

        Raises
        ------
        Problem
            429, if its minute is used up.
        """
        return self._count(self.name_of(request), PER_ADDRESS, "this address")

    def name_of(self, request: Request) -> str:
        """What the address of a request is counted as: its keyed digest."""
        address = hmac.digest(self.key, _network(self._address(request)).encode(), hashlib.sha256).hex()
        return f"address {address}"

    def by_key(self, holder: Holder) -> Taken | None:
        """Count a request of a key; nothing where the key has no limit.

        Raises
        ------
        Problem
            429, if its minute is used up.
        """
        if holder.per_minute is None:
            return None
        return self._count(f"key {holder.name}", holder.per_minute, "this key")

    def is_this_machine(self, request: Request) -> bool:
        """Whether a request comes from this machine itself, and not through a proxy on it."""
        return is_loopback(self._address(request))

    def _address(self, request: Request) -> str:
        """Where a request comes from; behind a proxy that is believed, what that proxy says."""
        peer = request.remote_addr or ""
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return told if told and self._believes(peer) else peer

    def _believes(self, peer: str) -> bool:
        if is_loopback(peer):
            return True
        try:
            known = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(known in ipaddress.ip_network(network) for network in self.proxies)

    def _count(self, name: str, most: int, who: str) -> Taken:
        taken = self.minutes.take(name, most)
        if taken.allowed:
            return taken
        told = f"{who} may make {most} requests a minute; ask again in {taken.again:.0f} s"
        headers = {**limit_headers(taken), "Retry-After": str(_seconds(taken))}
        raise Problem(429, "rate_limit_exceeded", told, headers=headers)


def limit_headers(taken: Taken) -> dict[str, str]:
    """What an answer says of the limit."""
    return {
        "RateLimit-Limit": str(taken.most),
        "RateLimit-Remaining": str(taken.left),
        "RateLimit-Reset": str(_seconds(taken)),
    }


def holder_of(session: Session, authorization: str) -> Holder:
    """Who holds the key of an ``Authorization`` header.

    Raises
    ------
    Problem
        401, if it is none.
    """
    scheme, _, secret = authorization.partition(" ")
    holder = find_holder(session, secret.strip()) if scheme.lower() == "bearer" else None
    if holder is None:
        told = (
            "this is no key, or one that was revoked; send it as 'Authorization: Bearer KEY', or nothing at "
            "all for what is public"
        )
        raise Problem(401, "invalid_api_key", told, headers={"WWW-Authenticate": "Bearer"})
    return holder


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _network(address: str) -> str:
    """The /64 of an IPv6 address, which is one customer's; any other as it is."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(known, ipaddress.IPv4Address) or known.ipv4_mapped:
        return str(known)
    return known.packed[:8].hex()


def _seconds(taken: Taken) -> int:
    return max(1, round(taken.again + 0.5))
