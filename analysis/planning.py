"""How many votes it takes.

A difference of d points is a win probability ``p = 1 / (1 + 10^(-d / 400))`` among decided votes. Everything
here is about raters and prompts that do not matter; where they do, no number of votes by the same people on
the same prompts takes their share of the variance away.

References
----------
.. [1] J. L. Fleiss, B. Levin, M. C. Paik, "Statistical Methods for Rates and Proportions", 3rd ed., Wiley,
   2003, ch. 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scipy.special import expit, ndtr, ndtri

from analysis.errors import InvalidOption
from analysis.estimate import StrengthFit
from analysis.intervals import difference, quantile
from analysis.scale import POINTS_PER_NAT

POWER: Final = 0.8
LEVEL: Final = 0.95

MANY: Final = 20_000
"""Above so many votes nobody should plan on the number itself."""


@dataclass(frozen=True, slots=True)
class VotesStillNeeded:
    """Further votes on one pair until its difference would be seen.

    Attributes
    ----------
    first, second : str
    gap : float
        Today's difference, in nats; taken to be the true one.
    se : float
        Its standard error today, in nats.
    votes : int or None
        None where it is more than `MANY`.
    """

    first: str
    second: str
    gap: float
    se: float
    votes: int | None

    def __str__(self) -> str:
        return f"more than {MANY:,}" if self.votes is None else f"{self.votes:,}"


def votes_needed(points: float, *, power: float = POWER, level: float = LEVEL, tie_share: float = 0.0) -> int:
    """Direct votes of one pair that show a difference of `points`, two-sided [1]_.

    ``n = (z_{alpha/2} / 2 + z_beta sqrt(p (1 - p)))^2 / (p - 1/2)^2`` decided votes, and as many more as
    are tied.

    Parameters
    ----------
    points : float
        The true difference; not zero.
    power : float
        Probability of seeing it.
    level : float
        One minus the probability of seeing one where there is none.
    tie_share : float
        Of the votes, those that decide nothing.

    Examples
    --------
    >>> [votes_needed(points) for points in (20, 30, 50, 100)]
    [2372, 1056, 382, 98]
    """
    p = _win_probability(points)
    upper, beta = _quantiles(power, level)
    decided = ((upper / 2 + beta * math.sqrt(p * (1 - p))) / (p - 0.5)) ** 2
    return math.ceil(decided / _decided_share(tie_share) - 1e-9)


def power_of(points: float, votes: float, *, level: float = LEVEL, tie_share: float = 0.0) -> float:
    """Probability that so many direct votes show a difference of `points`; the inverse of `votes_needed`."""
    if not votes > 0:
        raise InvalidOption("votes must be positive")
    p = _win_probability(points)
    decided = votes * _decided_share(tie_share)
    upper, _ = _quantiles(POWER, level)
    return float(ndtr((math.sqrt(decided) * abs(p - 0.5) - upper / 2) / math.sqrt(p * (1 - p))))


def visible_difference(
    votes: float, *, power: float = POWER, level: float = LEVEL, tie_share: float = 0.0
) -> float:
    """The difference in points that so many direct votes show with the given power."""
    from scipy.optimize import brentq

    if power_of(4000, votes, level=level, tie_share=tie_share) < power:
        raise InvalidOption(f"{votes:g} votes show no difference, however large")
    _quantiles(power, level)
    return float(
        brentq(lambda d: power_of(d, votes, level=level, tie_share=tie_share) - power, 1e-6, 4000, xtol=1e-6)
    )


def expected_half_width(
    entrants: int, votes_per_pair: float, *, level: float = LEVEL, tie_share: float = 0.0
) -> float:
    """Half the width of a rating's interval where equals have so many votes on each pair, in points.

    ``z 347.4 sqrt((1 - 1/k) / (k n))``; with ties as half wins narrower by ``sqrt(1 - tie_share)``, as ties
    say that two are equal. Entrants who differ make it wider.
    """
    _require_entrants(entrants)
    if not votes_per_pair > 0:
        raise InvalidOption("votes must be positive")
    upper, _ = _quantiles(POWER, level)
    spread = math.sqrt((1 - 1 / entrants) / (entrants * votes_per_pair) * _decided_share(tie_share))
    return upper * 2 * POINTS_PER_NAT * spread


def votes_for_half_width(
    entrants: int, points: float, *, level: float = LEVEL, tie_share: float = 0.0
) -> int:
    """All votes on a board of equals until each interval reaches `points` to either side."""
    if not points > 0:
        raise InvalidOption("the half-width must be positive")
    each = (expected_half_width(entrants, 1.0, level=level, tie_share=tie_share) / points) ** 2
    return math.ceil(each * _pairs(entrants) - 1e-9)


def total_votes(
    entrants: int,
    points: float,
    *,
    power: float = POWER,
    level: float = LEVEL,
    tie_share: float = 0.0,
) -> int:
    """All votes of a board on which any one pair `points` apart is to be told apart.

    Pairs are shown alike. The others tell about a pair, too: with k entrants the board's difference is as
    sure as k / 2 times the pair's own votes, so the total is ``(k - 1) n`` with n of `votes_needed`. About
    one comparison named beforehand; all of them at once take more.
    """
    _require_entrants(entrants)
    return (entrants - 1) * votes_needed(points, power=power, level=level, tie_share=tie_share)


def votes_still_needed(
    fit: StrengthFit, first: str, second: str, *, power: float = POWER, level: float = LEVEL
) -> VotesStillNeeded:
    """Further votes on this pair until the gap is ``z_{alpha/2} + z_beta`` standard errors.

    Today's gap is taken to be the true one, and the pair to be tied as often as so far. The variance falls
    from v to ``v / (1 + i n v)``, i being what one vote tells. The variance that a clustered fit owes to
    raters and prompts is treated alike, which is hopeful.

    Raises
    ------
    DisconnectedError
        The difference has no estimate.
    """
    today = difference(fit, first, second, level=level)
    _, beta = _quantiles(power, level)
    wanted = (abs(today.estimate) / (quantile(fit, level) + beta)) ** 2
    variance = today.se**2
    if variance <= wanted:
        return VotesStillNeeded(first, second, today.estimate, today.se, 0)
    if wanted <= 0:
        return VotesStillNeeded(first, second, today.estimate, today.se, None)
    number = (1 / wanted - 1 / variance) / _told_by_one(fit, first, second, today.estimate)
    votes = math.ceil(number - 1e-9)
    return VotesStillNeeded(first, second, today.estimate, today.se, votes if votes <= MANY else None)


def _told_by_one(fit: StrengthFit, first: str, second: str, gap: float) -> float:
    """What one more vote on a pair tells about its gap, per nat squared: slope squared over variance."""
    pairs = fit.pairs()
    a, b = sorted((fit.comparisons.index(first), fit.comparisons.index(second)))
    own = pairs.only((pairs.first == a) & (pairs.second == b))
    # Its own ties where there are votes, else those of the whole board.
    source = own if (own.wins + own.losses + own.ties).sum() > 0 else pairs
    met = float((source.wins + source.losses + source.ties).sum())
    p = float(expit(gap))
    tied = min(float(source.ties.sum()) / met, 1 - abs(2 * p - 1)) if met else 0.0
    return (p * (1 - p)) ** 2 / max(p * (1 - p) - tied / 4, 0.02 * p * (1 - p))


def _win_probability(points: float) -> float:
    if points == 0 or not math.isfinite(points):
        raise InvalidOption("no number of votes shows a difference of zero")
    return float(expit(abs(points) / POINTS_PER_NAT))


def _quantiles(power: float, level: float) -> tuple[float, float]:
    """z_{alpha/2} and z_beta."""
    if not 0 < level < 1 or not 0.5 <= power < 1:
        raise InvalidOption("level must lie between 0 and 1, and power between 0.5 and 1")
    return float(ndtri((1 + level) / 2)), float(ndtri(power))


def _decided_share(tie_share: float) -> float:
    if not 0 <= tie_share < 1:
        raise InvalidOption(f"the share of ties must be at least 0 and below 1, not {tie_share}")
    return 1 - tie_share


def _require_entrants(entrants: int) -> None:
    if entrants < 2:
        raise InvalidOption("a board takes at least two entrants")


def _pairs(entrants: int) -> int:
    return math.comb(entrants, 2)
