"""What a campaign is to tell apart, and the errors of whoever may not vote, see or change.

::

    ArenaError
    ├── Forbidden
    │   ├── NotInvited          403  the campaign takes votes by invitation
    │   └── BoardKeptBack       403  the board is not for this reader, or not yet
    └── Conflict
        ├── EnoughVotes         409  the campaign takes no more votes of this rater
        ├── PlanFixed           409  votes have been cast: little but name, end and cap may change
        └── Registered          409  the plan was registered, and this is part of it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from arena.errors import Conflict, Forbidden, Invalid

BEST_BASELINE: Final = "best_baseline"
LEAST_VOTES: Final = 200
MOST_VOTES: Final = 10_000_000
DELAYS: Final = (0, 1, 6, 12, 24, 72, 168)
"""Hours after which boards and votes may be published."""

MOST_BITS: Final = 24
"""More work than this would take a phone minutes."""

RESERVED: Final = frozenset({"new"})
"""Slugs that are addresses of the operator's room."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class NotInvited(Forbidden):
    """The campaign takes votes of those who were invited."""

    code = "not_invited"

    def __init__(self, slug: str) -> None:
        super().__init__(f"campaign {slug!r} takes votes by invitation; open the link that you were sent")
        self.slug = slug


class BoardKeptBack(Forbidden):
    """The board is not for this reader, or not yet; ``readers`` says for whom it is."""

    def __init__(self, slug: str, readers: str) -> None:
        told = {
            "hidden": "is seen when the campaign closes",
            "raters": "is for those who voted in it until it closes",
            "staff": "is for its operators and staff",
            "delayed": "is published some hours after the votes; only the leaderboard shows what was before",
        }[readers]
        super().__init__(f"the board of campaign {slug!r} {told}")
        self.code = f"board_{readers}"
        self.slug = slug


class EnoughVotes(Conflict):
    """The campaign takes so many votes of one rater, and has them."""

    code = "enough_votes"

    def __init__(self, slug: str, most: int) -> None:
        super().__init__(f"campaign {slug!r} takes {most:,} votes of one rater, and has yours; thank you")
        self.slug = slug
        self.most = most


class PlanFixed(Conflict):
    """People have voted under the plan: only name, end and cap, and how it is guarded, may change."""

    code = "plan_fixed"

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"people have voted in campaign {slug!r}: only its name, end and cap, and how it is guarded, "
            "may change"
        )
        self.slug = slug


class Registered(Conflict):
    """The plan was registered, and what should change is part of it."""

    code = "registered"

    def __init__(self, slug: str, digest: str) -> None:
        super().__init__(
            f"the plan of campaign {slug!r} was registered as {digest[:12]} and stays as it is; "
            "its name, end and cap and how it is guarded may change, and entrants may be added"
        )
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Target:
    """What a campaign is to tell apart, on its first question.

    Attributes
    ----------
    kind : {"pair", "ranking"}
        One entrant from another (or from the best baseline), or every pair of entrants.
    a, b : str
        Entrants of a pair as the board names them; ``b`` may be `BEST_BASELINE`.
    gap : float
        Points that matter: the difference to be seen, and what is less is as good as none.
    error : float
        Probability of a wrong answer.
    power : float
        Probability with which the votes that are planned see the gap.
    least_votes : int
        The campaign never stops by its rule before so many.
    most_votes : int or None
        It stops at so many without an answer.
    """

    kind: Literal["pair", "ranking"]
    a: str = ""
    b: str = ""
    gap: float = 30.0
    error: float = 0.05
    power: float = 0.8
    least_votes: int = LEAST_VOTES
    most_votes: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in {"pair", "ranking"}:
            raise Invalid(f"a target is a pair or a ranking, not {self.kind!r}")
        if self.kind == "pair" and (not self.a or not self.b or self.a == self.b):
            raise Invalid("name two entrants to tell apart, or one and best_baseline")
        if not 1 <= self.gap <= 400:
            raise Invalid(f"the gap must be from 1 to 400 points, not {self.gap:g}")
        if not 0.001 <= self.error <= 0.2:
            raise Invalid(f"the error must be from 0.001 to 0.2, not {self.error:g}")
        if not 0.5 <= self.power <= 0.99:
            raise Invalid(f"the power must be from 0.5 to 0.99, not {self.power:g}")
        if not 1 <= self.least_votes <= MOST_VOTES:
            raise Invalid(f"the least votes must be from 1 to {MOST_VOTES:,}, not {self.least_votes:,}")
        if self.most_votes is not None and not self.least_votes <= self.most_votes <= MOST_VOTES:
            raise Invalid(
                f"the most votes must be from {self.least_votes:,} to {MOST_VOTES:,}, not {self.most_votes:,}"
            )

    def as_dict(self) -> dict[str, Any]:
        """As it is kept."""
        told: dict[str, Any] = {"kind": self.kind}
        if self.kind == "pair":
            told |= {"a": self.a, "b": self.b}
        return told | {
            "gap": self.gap,
            "error": self.error,
            "power": self.power,
            "least_votes": self.least_votes,
            "most_votes": self.most_votes,
        }

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Target:
        """From what is kept."""
        return cls(**told)


def check_slug(slug: str) -> str:
    """See that a campaign can be called so.

    Raises
    ------
    Invalid
    """
    if not _SLUG.fullmatch(slug) or slug in RESERVED:
        raise Invalid(
            f"{slug[:80]!r} is no name for an address: use lower-case letters, digits and hyphens, "
            f"and not {' or '.join(sorted(RESERVED))}"
        )
    return slug


def check_cap(most_votes: int | None) -> int | None:
    """See that a campaign can take so many votes of one rater.

    Raises
    ------
    Invalid
    """
    if most_votes is not None and not 1 <= most_votes <= MOST_VOTES:
        raise Invalid(f"the most votes of one rater must be from 1 to {MOST_VOTES:,}, not {most_votes:,}")
    return most_votes


def check_delay(hours: int) -> int:
    """See that boards and votes can be published so many hours after the votes.

    Raises
    ------
    Invalid
    """
    if hours not in DELAYS:
        raise Invalid(f"boards are published {', '.join(map(str, DELAYS))} hours later, not {hours}")
    return hours


def check_bits(bits: int | None) -> int | None:
    """See that a browser can be asked for a proof of so many bits of work.

    Raises
    ------
    Invalid
    """
    if bits is not None and not 0 <= bits <= MOST_BITS:
        raise Invalid(f"a proof of work is of 0 to {MOST_BITS} bits, not {bits}")
    return bits
