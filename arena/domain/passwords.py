"""Passwords: which are taken, and how they are kept (scrypt, RFC 7914).

A hash is text: ``scrypt$LOG2_N$R$P$SALT$HASH``, the last two in hexadecimal digits. With the parameters below
one takes 32 MiB and about a quarter of a second of a core, which whoever guesses has to pay for every guess.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

from arena.errors import Invalid

SHORTEST: Final = 12
LONGEST: Final = 256
FEWEST_LETTERS: Final = 5
"""Different characters that a password must have: twelve times the same one is none."""

LOG2_N: Final = 15
R: Final = 8
P: Final = 3
_MOST_MEMORY: Final = 256 * 1024 * 1024


class WeakPassword(Invalid):
    """A password that would be guessed; ``reason`` is ``short``, ``long``, ``plain`` or ``name``."""

    code = "weak_password"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def see_that_it_is_strong(password: str, *, name: str) -> None:
    """Refuse what a guesser would try first; length counts, not which kinds of characters there are.

    Raises
    ------
    WeakPassword
    """
    if len(password) < SHORTEST:
        raise WeakPassword("short", f"a password has at least {SHORTEST} characters; take a longer one")
    if len(password) > LONGEST:
        raise WeakPassword("long", f"a password has at most {LONGEST} characters; take a shorter one")
    if len(set(password)) < FEWEST_LETTERS:
        raise WeakPassword("plain", "this password repeats itself; take several words")
    if name in password.lower() and len(password) - len(name) < SHORTEST:
        raise WeakPassword("name", "this password is little more than your name; take other words")


def hashed(password: str, *, log2_n: int = LOG2_N) -> str:
    """Hash a password with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"scrypt${log2_n}${R}${P}${salt.hex()}${_scrypt(password, salt, log2_n, R, P).hex()}"


def is_it(password: str, kept: str) -> bool:
    """Whether a hash is of that password; compared in constant time."""
    _, log2_n, r, p, salt, told = kept.split("$")
    made = _scrypt(password[: LONGEST + 1], bytes.fromhex(salt), int(log2_n), int(r), int(p))
    return hmac.compare_digest(made, bytes.fromhex(told))


def _scrypt(password: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    told = unicodedata.normalize("NFC", password).encode()
    return hashlib.scrypt(told, salt=salt, n=2**log2_n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=32)


NOBODYS: Final = f"scrypt${LOG2_N}${R}${P}${'00' * 16}${'00' * 32}"
"""No password's hash: what is checked for a name that nobody has, so that the answer takes as long."""
