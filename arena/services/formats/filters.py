"""Which votes an export holds, as it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from analysis.outcomes import Outcome
from arena.domain.splits import Split
from arena.errors import Invalid
from arena.queries.reliability import Reliable


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked of votes; what is left out asks nothing.

    Days are UTC and both inclusive. ``entrants`` are slugs or slug@revision: both sides of a vote must be
    among them. ``min_agreement`` is the least share of the commonest of the four answers among the votes on
    the same two pictures, whichever hung left, counted before ``verdicts`` are picked.

    ``reliable`` leaves out votes that came too fast (`arena.domain.quality.TOO_FAST_MS`; those without a
    stopwatch stay), and in each campaign all votes of raters of whom a rule has excluded one;
    ``min_rater_votes`` raters with fewer votes on the questions of the export; ``min_pass_rate`` raters who
    gave a smaller share of the known answers of a campaign, while who was asked none stays.
    """

    campaign: str | None = None
    criterion: str | None = None
    since: date | None = None
    until: date | None = None
    entrants: tuple[str, ...] = ()
    category: str | None = None
    verdicts: tuple[Outcome, ...] = ()
    min_agreement: float | None = None
    reliable: bool = False
    min_rater_votes: int | None = None
    min_pass_rate: float | None = None
    split: Split | None = None

    def check(self) -> None:
        """See that it can be meant.

        Raises
        ------
        Invalid
            With what to ask instead.
        """
        if self.since and self.until and self.since > self.until:
            raise Invalid(f"no day is both since {self.since} and until {self.until}; turn them round")
        if self.min_agreement is not None and not 0 < self.min_agreement <= 1:
            raise Invalid(f"an agreement is a share above 0 and up to 1, not {self.min_agreement:g}")
        if self.min_rater_votes is not None and self.min_rater_votes < 1:
            raise Invalid(f"a rater has at least 1 vote, so ask for 1 or more, not {self.min_rater_votes}")
        if len(self.entrants) == 1:
            raise Invalid("both sides of a vote must be named: give --entrant at least twice")
        Reliable(self.min_pass_rate)

    def told(self) -> dict[str, Any]:
        """What was asked, as JSON; nothing that was not."""
        asked: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value is False or value == ():
                continue
            asked[field.name] = (
                list(map(str, value)) if isinstance(value, tuple) else
                value if isinstance(value, int | float) else str(value)
            )  # fmt: skip
        if self.split is not None:
            asked["seed"] = self.split.seed
        return asked
