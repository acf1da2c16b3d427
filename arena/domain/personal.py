"""Personal data in a prompt, by its form: kinds are told, values never, so that no log repeats them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import StrEnum


class Personal(StrEnum):
    """A kind of personal data."""

    EMAIL = "e-mail address"
    PHONE = "phone number"
    CARD = "card number"
    IBAN = "bank account"
    IP = "IP address"
    STREET = "street address"


_EMAIL = re.compile(r"[^\s@<>,;:\"']+@[^\s@<>,;:\"']+\.[a-z]{2,}", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w+])\d(?:[ -]?\d){12,18}(?!\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_PHONE = re.compile(r"(?<!\w)(?:\+\d|\(\d|\d)[\d ().\-/]{6,18}\d(?!\w)")
_CALL = re.compile(r"\b(?:tel|phone|call|mobile|fax|whatsapp|ring)\b", re.IGNORECASE)
_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_IP6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_STREET = re.compile(
    r"""(?<!\w)\d{1,5}[a-z]?,?\s+(?:[A-Z][\w'’]+\s+){1,3}
        (?i:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|square|terrace|crescent|close)(?!\w)
    | (?<!\w)[A-ZÄÖÜ][\wäöüß-]+(?:straße|strasse|str\.|gasse|weg|platz|allee)\s+\d{1,4}[a-z]?(?!\w)
    | (?<!\w)\d{1,4}(?:\s*bis)?,?\s+(?i:rue|avenue|boulevard|chemin|impasse|allée)\s+(?:d\w*['’]?\s*)?\w+""",
    re.VERBOSE,
)
_FEWEST_DIGITS, _MOST_DIGITS = 9, 15
_FEWEST_GROUPS = 3
_YEAR = re.compile(r"(?:1\d|20)\d\d")


def personal(text: str) -> tuple[Personal, ...]:
    """Kinds of personal data that a text seems to hold."""
    return tuple(kind for kind, finds in _FINDERS.items() if finds(text))


def _has_card(text: str) -> bool:
    return any(_luhn(re.sub(r"\D", "", match)) for match in _CARD.findall(text))


def _luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _has_iban(text: str) -> bool:
    for match in _IBAN.findall(text):
        number = match.replace(" ", "")
        if int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1:
            return True
    return False


def _has_phone(text: str) -> bool:
    """Whether there is a row of digits as phones are written: with a plus, in groups, or after "call"."""
    for match in _PHONE.finditer(text):
        told = match.group()
        groups = re.findall(r"\d+", told)
        digits = "".join(groups)
        if len(digits) > _MOST_DIGITS or all(_YEAR.fullmatch(group) for group in groups) or _IP4.search(told):
            continue
        if told.startswith(("+", "(")) or _CALL.search(text[: match.start()]):
            return True
        if len(groups) > 2 and len(digits) >= _FEWEST_DIGITS:
            return True
        if len(groups) == 1 and digits.startswith("0") and len(digits) >= _FEWEST_DIGITS:
            return True
    return False


def _has_ip(text: str) -> bool:
    for match in (*_IP4.findall(text), *_IP6.findall(text)):
        try:
            ipaddress.ip_address(match)
        except ValueError:
            continue
        if len(re.findall(r"\w+", match)) >= _FEWEST_GROUPS:  # "::2" weighs the words of a prompt
            return True
    return False


_FINDERS: Mapping[Personal, Callable[[str], bool]] = {
    Personal.EMAIL: lambda text: _EMAIL.search(text) is not None,
    Personal.PHONE: _has_phone,
    Personal.CARD: _has_card,
    Personal.IBAN: _has_iban,
    Personal.IP: _has_ip,
    Personal.STREET: lambda text: _STREET.search(text) is not None,
}
