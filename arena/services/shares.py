"""What counted votes say of two entrants, or of one picture: a share, its interval, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.intervals import wilson_interval
from analysis.planning import MANY, votes_needed
from analysis.scale import POINTS_PER_NAT
from arena.queries.showing import Count

LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Share:
    """The share of the deciding votes that were won, with its Wilson interval."""

    share: float
    low: float
    high: float

    @property
    def separated(self) -> bool:
        """Whether the interval leaves out one half."""
        return self.low > 0.5 or self.high < 0.5

    @property
    def ahead(self) -> bool:
        """Whether it is surely more than one half."""
        return self.low > 0.5


def share_of(count: Count) -> Share | None:
    """The share that was won of the votes that chose one of the two; nothing where there are none."""
    if not count.decided:
        return None
    low, high = wilson_interval(count.wins, count.decided, level=LEVEL)
    return Share(count.wins / count.decided, low, high)


def still_needed(count: Count) -> int | None:
    """Further votes on a pair until a difference as large as today's is seen four times in five.

    Today's share, drawn to one half by half a vote on either side, is taken for the true one, and as many
    votes to be tied or both bad as so far. Only direct votes count, while a board also learns about a pair
    from votes on others.

    Returns
    -------
    int or None
        0 if the interval leaves out one half already; None where it is more than `MANY` votes.
    """
    today = share_of(count)
    if today is not None and today.separated:
        return 0
    share = (count.wins + 0.5) / (count.decided + 1)
    points = POINTS_PER_NAT * math.log(share / (1 - share))
    if not points:
        return None
    tied = (count.ties + count.both_bad) / count.votes if count.decided else 0.0
    further = votes_needed(points, power=POWER, level=LEVEL, tie_share=tied) - count.votes
    return max(1, further) if further <= MANY else None


def most_and_least(counts: Mapping[int, Count], *, most: int) -> tuple[list[int], list[int]]:
    """Pictures that won most surely and those that lost most surely, by the near end of their interval.

    One that won as often as it lost is in neither.
    """
    shares = {image: share for image, count in counts.items() if (share := share_of(count))}
    liked_most = [image for image, share in shares.items() if share.share > 0.5]
    liked_least = [image for image, share in shares.items() if share.share < 0.5]
    liked_most.sort(key=lambda image: (-shares[image].low, image))
    liked_least.sort(key=lambda image: (shares[image].high, image))
    return liked_most[:most], liked_least[:most]
