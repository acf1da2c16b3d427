"""Which votes a board counts, and how it takes them: everything that its address can say.

The text of a view is a query string in one order with nothing in it that is as usual, so that the same board
has one name: in its address, on its rating runs, and in what was asked of the worker. The view of all votes,
the standing board, is the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Final, Literal, cast
from urllib.parse import parse_qsl, urlencode

from arena.errors import Invalid

Ties = Literal["half", "drop", "davidson"]
TIES: Final = ("half", "drop", "davidson")
SOURCES: Final = ("curated", "own")
COHORTS: Final = ("public", "creators", "staff")

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class View:
    """Some of the votes of one question, and how they are fitted.

    Attributes
    ----------
    category : str or None
        Only prompts of this category.
    source : {"curated", "own"} or None
        Only the operator's prompts, or only raters' own.
    cohort : str or None
        Only votes of these raters.
    since, until : date or None
        Only votes from these UTC days on, and up to this one, both included.
    ties : {"half", "drop", "davidson"}
        Ties as half a win each, left out (both-bad votes too), or with a probability of their own.
    style : bool
        Whether the measured style of the pictures is held equal.
    """

    category: str | None = None
    source: str | None = None
    cohort: str | None = None
    since: date | None = None
    until: date | None = None
    ties: Ties = "half"
    style: bool = False

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise Invalid(f"the period ends ({self.until}) before it begins ({self.since})")
        if self.style and self.ties == "davidson":
            raise Invalid("style is controlled with ties=half or ties=drop, not with ties=davidson")

    @classmethod
    def read(cls, told: Mapping[str, str]) -> View:
        """Read the parameters of an address; empty ones and those of others are passed over.

        Raises
        ------
        Invalid
            If a value cannot be used; the sentence names the parameter.
        """
        given = {name: told[name].strip() for name in NAMES if told.get(name, "").strip()}
        return cls(
            category=_slug("category", given.get("category")),
            source=_one_of("source", given.get("source"), SOURCES),
            cohort=_slug("cohort", given.get("cohort")),
            since=_day("since", given.get("since")),
            until=_day("until", given.get("until")),
            ties=cast(Ties, _one_of("ties", given.get("ties"), TIES) or "half"),
            style=_one_of("style", given.get("style"), ("0", "1")) == "1",
        )

    @classmethod
    def of_text(cls, text: str) -> View:
        """The view that `str` wrote."""
        return cls.read(dict(parse_qsl(text)))

    def parameters(self) -> dict[str, str]:
        """What an address has to say, by name; nothing for what is as usual."""
        told = {
            "category": self.category,
            "source": self.source,
            "cohort": self.cohort,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "ties": None if self.ties == "half" else self.ties,
            "style": "1" if self.style else None,
        }
        return {name: value for name, value in told.items() if value}

    def __str__(self) -> str:
        return urlencode(self.parameters())

    @property
    def standing(self) -> bool:
        """Whether this is the board of all votes, which is always kept fitted."""
        return self == View()


NAMES: Final = tuple(field.name for field in fields(View))


def _slug(name: str, value: str | None) -> str | None:
    if value is not None and not _SLUG.fullmatch(value):
        raise Invalid(f"{name}={value[:64]} is no name; use small letters, digits and hyphens")
    return value


def _one_of(name: str, value: str | None, known: tuple[str, ...]) -> str | None:
    if value is not None and value not in known:
        raise Invalid(f"{name} must be {' or '.join(known)}, not {value[:64]!r}")
    return value


def _day(name: str, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Invalid(f"{name} must be a day such as 2026-11-23, not {value[:64]!r}") from None
