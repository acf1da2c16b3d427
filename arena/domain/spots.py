"""Spots that raters mark on pictures: where, and what is wrong there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.domain.blinding import REASONS
from arena.errors import Invalid, UnknownReason

MOST_SPOTS = 5
SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Spot:
    """A spot on one picture, in shares of the canvas from its upper left corner; the tag may be null."""

    side: str
    x: float
    y: float
    tag: str | None = None

    @classmethod
    def read(cls, told: str) -> Spot:
        """Read a spot as pages send it: side, x, y and, if there is one, the tag, with blanks between.

        Raises
        ------
        Invalid
            If it is no spot on a picture.
        UnknownReason
            If the tag is not offered.
        """
        parts = told.split()
        wrong = Invalid("a spot is a side, two shares of the canvas and perhaps a tag, as left 0.4 0.7 text")
        if not 3 <= len(parts) <= 4 or parts[0] not in SIDES:
            raise wrong
        try:
            x, y = float(parts[1]), float(parts[2])
        except ValueError as error:
            raise wrong from error
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise wrong
        tag = parts[3] if len(parts) == 4 else None
        if tag is not None and tag not in REASONS:
            raise UnknownReason(tag)
        return cls(parts[0], round(x, 4), round(y, 4), tag)


def read_spots(told: Sequence[str]) -> list[Spot]:
    """Read every spot of a battle.

    Raises
    ------
    Invalid
        If one is no spot, or there are more than `MOST_SPOTS`.
    UnknownReason
    """
    if len(told) > MOST_SPOTS:
        raise Invalid(f"at most {MOST_SPOTS} spots are marked in a battle, not {len(told)}")
    return [Spot.read(one) for one in told]
