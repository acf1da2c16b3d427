"""The cells of a row: read as what they should be, or refused with the row, the column and the value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from analysis.errors import UnknownOutcome
from analysis.outcomes import OUTCOME_WORDS, Outcome, parse_outcome
from arena.errors import Invalid

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
A_DAY: Final = timedelta(days=1)
MOST_COUNTED: Final = 1_000_000
"""Votes that one row may stand for: a number too many would fill the memory."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file of votes; ``place`` is its number as people find it, such as ``line 7``."""

    file: Path
    place: str
    cells: Mapping[str, Any]

    def wrong(self, column: str, why: str) -> Invalid:
        """The error that a cell is, to be raised."""
        value = self.cells.get(column)
        told = repr(value) if not isinstance(value, bytes) else f"{len(value):,} bytes"
        shown = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."
        return Invalid(f"{self.file.name}, {self.place}, column {column}: {shown} {why}")

    def any_of(self, columns: Iterable[str]) -> str | None:
        """The first of the columns that the row has."""
        return next((column for column in columns if column in self.cells), None)

    def text(self, column: str) -> str:
        """A text without blanks at its ends; empty if it is missing."""
        value = self.cells.get(column)
        if value is None:
            return ""
        if not isinstance(value, str) or _is_broken(value):
            raise self.wrong(column, "is no text")
        return value.strip()

    def name(self, column: str) -> str:
        """The name of an entrant."""
        value = self.text(column)
        if not value:
            raise self.wrong(column, "names no entrant")
        return value

    def number(self, column: str) -> float:
        """A finite number."""
        value = self.cells.get(column)
        try:
            number = math.nan if value is None or isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise self.wrong(column, "is no number")
        return number

    def count(self, column: str) -> int:
        """A whole number from nought to `MOST_COUNTED`."""
        number = self.number(column)
        if not 0 <= number <= MOST_COUNTED or number != int(number):
            raise self.wrong(column, f"is no count of votes; it is at most {MOST_COUNTED:,}")
        return int(number)

    def outcome(
        self, column: str, *vocabularies: str, word: object = None, own: Mapping[str, Outcome] | None = None
    ) -> Outcome:
        """An outcome in the words of formats; an unknown one is an error, never a tie.

        Parameters
        ----------
        column : str
        *vocabularies : str
            Keys of `OUTCOME_WORDS`.
        word : object
            What is read, if not the cell itself.
        own : mapping of str to Outcome, optional
            Words that the operator has told, before those of the formats.
        """
        told = self.cells.get(column) if word is None else word
        if own and str(told) in own:
            return own[str(told)]
        for vocabulary in vocabularies:
            try:
                return parse_outcome(told, vocabulary)
            except UnknownOutcome:
                continue
        words = dict.fromkeys(w for name in vocabularies for w in OUTCOME_WORDS[name].values() if w)
        known = ", ".join([*words, *(own or ())]) or "none yet; say what it means with --outcome"
        raise self.wrong(column, f"is no outcome; known are {known}")

    def moment(self, column: str | None, now: datetime) -> datetime | None:
        """A moment: seconds since 1970, ISO 8601, or a day (its midnight); UTC where nothing else is said."""
        value = self.cells.get(column) if column else None
        if column is None or value is None or value == "":
            return None
        try:
            at = _moment(value)
        except (TypeError, ValueError, OverflowError, OSError):
            raise self.wrong(column, "is no moment; write seconds since 1970, or ISO 8601") from None
        if not EARLIEST <= at <= now + A_DAY:
            raise self.wrong(column, f"is {at:%Y-%m-%d} and not between {EARLIEST:%Y-%m-%d} and now")
        return at


def _is_broken(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, or a NUL, which no database takes."""
    try:
        return b"\0" in text.encode()
    except UnicodeEncodeError:
        return True


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return datetime.fromtimestamp(float(value), UTC)
