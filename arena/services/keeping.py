"""What takes seconds to count where there are a million votes: kept, and counted anew when there is more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.queries import liked
from arena.queries.liked import Shown, Stamp
from arena.queries.reasons import Reasons, reasons
from arena.queries.showing import Count
from arena.services.shares import most_and_least
from arena.tables import Reason, Removal

SHOWN = 3
"""Pictures that are shown of those most and of those least liked."""

MORE = 0.01
"""Reasons are counted anew when there is this share more of them: in a small arena with each."""

_SPARE = 8


@dataclass(frozen=True, slots=True)
class LikedPicture:
    """A picture with its votes."""

    picture: Shown
    count: Count


@dataclass(slots=True)
class Favourites:
    """The most and the least liked pictures of entrants, counted anew when their votes have changed."""

    _kept: dict[int, tuple[Stamp, dict[int, Count], tuple[list[int], list[int]]]] = field(
        default_factory=dict
    )

    def of(
        self, session: Session, entrant_id: int, *, now: datetime
    ) -> tuple[list[LikedPicture], list[LikedPicture]]:
        """At most `SHOWN` pictures each; the embargo is asked every time."""
        found = liked.stamp(session, entrant_id, now=now)
        kept = self._kept.get(entrant_id)
        if kept is None or kept[0] != found:
            counts = liked.picture_counts(session, entrant_id, now=now)
            both = most_and_least(counts, most=SHOWN + _SPARE)
            kept = found, {image: counts[image] for images in both for image in images}, both
            self._kept[entrant_id] = kept
        _, counts, (best, worst) = kept
        shown = liked.pictures(session, counts, now=now)
        return _hung(best, counts, shown), _hung(worst, counts, shown)


def _hung(images: list[int], counts: Mapping[int, Count], shown: Mapping[int, Shown]) -> list[LikedPicture]:
    return [LikedPicture(shown[image], counts[image]) for image in images if image in shown][:SHOWN]


@dataclass(slots=True)
class ReasonCounts:
    """The reasons given in campaigns, counted anew when there are `MORE` of them or of votes removed."""

    _kept: dict[int, tuple[int, Reasons]] = field(default_factory=dict)

    def of(self, session: Session, campaign_id: int) -> Reasons:
        """The reasons of one campaign."""
        newest = session.scalar(select(func.max(Reason.id))) or 0
        changes = newest + (session.scalar(select(func.count()).select_from(Removal)) or 0)
        kept = self._kept.get(campaign_id)
        if kept is None or changes > kept[0] * (1 + MORE):
            kept = changes, reasons(session, campaign_id)
            self._kept[campaign_id] = kept
        return kept[1]
