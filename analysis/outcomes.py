"""The four outcomes of a comparison, in the one place that knows them."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What a rater said of the picture on the left and the picture on the right."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"
