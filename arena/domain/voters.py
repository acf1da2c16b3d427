"""What lets a voter in, or back in: invitations, and the codes that carry a voter to another browser.

A code is twenty letters in five groups, without I, L and O, which are misread. The last one is a check
letter: with 23 letters, a prime, and weights 1 to 20, every single wrong letter and every two that changed
places are found before anybody is asked whose code it is.

::

    ArenaError
    ├── UnknownInvite          404  no such invitation
    ├── SpentInvite            410  the invitation was used up, has expired or was revoked
    ├── UnreadableCode         400  a letter of the code is wrong
    ├── UnknownCode            404  no voter has that code, or a newer one replaced it
    └── TooManyTries           429  too many codes were tried from there
"""

from __future__ import annotations

import secrets
from typing import Final

from arena.errors import ArenaError, Invalid, NotFound

ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH: Final = 20
GROUP: Final = 4


class UnknownInvite(NotFound):
    """No such invitation."""

    code = "unknown_invite"

    def __init__(self) -> None:
        super().__init__("there is no such invitation; ask whoever sent it for the whole address")


class SpentInvite(ArenaError):
    """The invitation was used up, has expired or was revoked."""

    status = 410
    code = "spent_invite"

    def __init__(self) -> None:
        super().__init__(
            "this invitation was used up, has expired or was revoked; ask whoever sent it for another"
        )


class UnreadableCode(Invalid):
    """A letter of the code is wrong."""

    code = "unreadable_code"

    def __init__(self) -> None:
        super().__init__(
            f"a code is {LENGTH} letters in groups of {GROUP}, without I, L and O; one of these is wrong"
        )


class UnknownCode(NotFound):
    """No voter has that code, or a newer one replaced it."""

    code = "unknown_code"

    def __init__(self) -> None:
        super().__init__("nobody has this code; if a newer one was made, only that one opens anything")


class TooManyTries(ArenaError):
    """Too many codes were tried from there."""

    status = 429
    code = "too_many_tries"

    def __init__(self) -> None:
        super().__init__("too many codes were tried; wait a minute and try again")


def new_code() -> str:
    """A code that nobody can guess: 19 random letters, 86 bits, and the check letter."""
    letters = [secrets.randbelow(len(ALPHABET)) for _ in range(LENGTH - 1)]
    check = -_weighed(letters) * pow(LENGTH, -1, len(ALPHABET)) % len(ALPHABET)
    return "".join(ALPHABET[letter] for letter in (*letters, check))


def grouped(code: str) -> str:
    """A code as people read it."""
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def read_code(typed: str) -> str:
    """The letters of a code that was typed, in whatever case and with whatever between them.

    Raises
    ------
    UnreadableCode
    """
    code = "".join(letter for letter in typed.upper() if letter.isalnum())
    if len(code) != LENGTH or any(letter not in ALPHABET for letter in code):
        raise UnreadableCode
    if _weighed([ALPHABET.index(letter) for letter in code]) % len(ALPHABET):
        raise UnreadableCode
    return code


def _weighed(letters: list[int]) -> int:
    return sum(weight * letter for weight, letter in enumerate(letters, start=1))
