"""The published rules by which a rater's votes may be left out as dishonest.

A rule says what is looked at and how sure a finding must be; an operator, who sees the evidence, confirms or
dismisses each. A rule is never changed under its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Look(StrEnum):
    """What a rater is looked at for; see `analysis.rater_flags`, `analysis.rings` and `analysis.bursts`."""

    SURPRISE = "surprise"
    INFLUENCE = "influence"
    FOLLOWING = "following"
    RING = "ring"
    BURST = "burst"


class Decision(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    DISMISSED = "dismissed"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a rater is found, and may be excluded.

    Attributes
    ----------
    name : str
    level : float
        Of the raters that a look finds, so many are honest on average; of rings and bursts it is the
        probability of even one false one.
    share : float
        Each look finds at most this share of all honest raters.
    least_votes : int
        Raters with fewer votes are not looked at by themselves.
    together_votes : int
        Nor, with fewer than these, as members of a ring or burst.
    """

    name: str
    level: float
    share: float
    least_votes: int
    together_votes: int

    @property
    def share_of_all(self) -> float:
        """At most this share of honest raters is found by any look."""
        return self.share * len(Look)


RULES: Final[Mapping[str, Rule]] = {
    "integrity/1": Rule("integrity/1", level=0.01, share=0.002, least_votes=8, together_votes=4),
}
"""Every rule there has been, by its name."""

IN_FORCE: Final = "integrity/1"
"""The rule by which raters are looked at now."""
