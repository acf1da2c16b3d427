"""Where a picture may be fetched from: who names an address does not get to reach inside this network.

The name is looked up once, every address that it has must be a public one, and the connection goes to one of
these very addresses: a name that means another place a moment later leads nowhere.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from models.remote_answers import NotTheirs

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway takes for the IPv4 address in their last 32 bits (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A URL with an address in place of its name, and the name, which the certificate must have."""

    url: str
    host: str
    name: str


def pinned(url: str) -> Pinned:
    """Look up where a URL leads, and hold on to it.

    Raises
    ------
    NotTheirs
        If it leads nowhere, or to an address that is not public.
    """
    parts = urlsplit(url)
    name, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotTheirs("named a picture at a host that cannot be found") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise NotTheirs(
            "named a picture at an address that is not public; nothing was fetched (a card may allow it: "
            "runtime, private_pictures = true)"
        )
    there = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    target = urlunsplit((parts.scheme, f"{there}:{port}", parts.path or "/", parts.query, ""))
    return Pinned(target, parts.netloc, name)


def is_public(address: str) -> bool:
    """Whether an address is one of the internet, in whatever way an IPv4 address is written into it."""
    told = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(told, ipaddress.IPv6Address):
        inner = told.ipv4_mapped or told.sixtofour
        if told in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(told) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return told.is_global and not told.is_multicast
