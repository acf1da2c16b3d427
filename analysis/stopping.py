"""When a campaign may stop: a question named before the votes, and a rule that may look at any time.

The rule looks at decided votes alone. The share of ties depends on the pair, but under Davidson's model the
decided votes follow Bradley and Terry's exactly; so their fit stays right however the pairs were chosen, and
its scale is that of the plan, of the e-process and of a coin.

Each pair of the question has a confidence sequence (`analysis.sequential`), and together they miss a truth
with the probability of error at most. A pair is settled when its sequence leaves out zero, or holds nothing
that is as far from zero as the gap that matters. Where raters and prompts are known the wider of the plain
and the clustered standard error is taken.

References
----------
.. [1] I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
   asymptotic confidence sequences", Annals of Statistics 52(6), 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from scipy.special import ndtri

from analysis.bradley_terry import fit_bradley_terry
from analysis.clustering import clustered, usable_ways
from analysis.comparisons import LEFT, RIGHT, Comparisons
from analysis.errors import DisconnectedError, InvalidOption
from analysis.estimate import StrengthFit
from analysis.intervals import difference, quantile
from analysis.planning import POWER, votes_needed
from analysis.scale import POINTS_PER_NAT, to_points
from analysis.sequential import SHOWN_FROM, best_rho, sequence_half_width

RULE: Final = "anytime/1"
"""Name and version of the rule, kept with every plan."""

Answer = Literal["above", "below", "alike"]


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be told apart, named before the votes.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Labels of entrants; the error is shared evenly among them.
    gap : float
        Points that matter; pairs that are surely closer are called alike.
    error : float
        Probability that any pair is ever answered wrongly.
    power : float
        What the plan asks for; the rule itself does not know it but by `rho`.
    against_best : bool
        Whether the pairs set one entrant against the best of several, and ask for one answer.
    """

    pairs: tuple[tuple[str, str], ...]
    gap: float
    error: float = 0.05
    power: float = POWER
    against_best: bool = False

    def __post_init__(self) -> None:
        if not self.pairs or any(a == b for a, b in self.pairs):
            raise InvalidOption("a question names one pair or more, each of two entrants")
        if not 0 < self.error < 0.5 or not self.gap > 0:
            raise InvalidOption("the error must lie between 0 and 0.5, and the gap be positive")

    @property
    def level(self) -> float:
        """Confidence of each pair's sequence."""
        return 1 - self.error / len(self.pairs)

    @property
    def rho(self) -> float:
        """Of the sequences: narrowest about where a plan with a fixed number of votes would stop."""
        return best_rho(votes_needed(self.gap, power=self.power, level=self.level), level=self.level)


@dataclass(frozen=True, slots=True)
class PairState:
    """What the votes say of one pair, in points; no estimate where they do not connect the two.

    `wins` and `losses` are decided votes on the pair itself; `answer` is about the first, and none while
    the sequence leaves it open. `clock` is how many decided votes between equals would tell as much.
    """

    first: str
    second: str
    wins: int
    losses: int
    estimate: float | None
    low: float | None
    high: float | None
    clock: float
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Look:
    """What the rule saw: every pair, and the answer to the whole question, if there is one.

    `estimate`, `low` and `high` are of the one pair, or of the first entrant less the best of the others; for
    several separate pairs there is no such number. `settled` is how many pairs have an answer.
    """

    states: tuple[PairState, ...]
    estimate: float | None
    low: float | None
    high: float | None
    settled: int
    answer: Answer | Literal["told"] | None

    @property
    def clock(self) -> float:
        """Of the pair that the votes tell least about."""
        return min(state.clock for state in self.states)


def look(comparisons: Comparisons, aim: Aim, *, start: StrengthFit | None = None) -> Look:
    """Look at the votes; as often as one likes.

    Parameters
    ----------
    comparisons : Comparisons
        Every entrant of the aim among the labels; ties and both-bad votes are left aside.
    aim : Aim
    start : StrengthFit, optional
        A fit of fewer of these votes, to start from.
    """
    fit = fit_bradley_terry(
        comparisons, ties="drop", both_bad="drop", start=None if start is None else start.strengths
    )
    return look_at(fit, aim)


def look_at(fit: StrengthFit, aim: Aim) -> Look:
    """Look at a fit of decided votes."""
    ways = usable_ways(fit.comparisons) if fit.covariance is not None else ()
    by_clusters = clustered(fit, by=ways) if ways else None
    states = tuple(_state(fit, by_clusters, a, b, aim) for a, b in aim.pairs)
    settled = sum(state.answer is not None for state in states)
    if len(states) > 1 and not aim.against_best:
        return Look(states, None, None, None, settled, "told" if settled == len(states) else None)
    estimate, low, high = (
        _least([getattr(state, name) for state in states]) for name in ("estimate", "low", "high")
    )
    return Look(states, estimate, low, high, settled, answer_of(low, high, aim.gap))


def answer_of(low: float | None, high: float | None, gap: float) -> Answer | None:
    """What an interval of a difference in points says: above zero, below it, or nearer than the gap."""
    if low is None or high is None:
        return None
    if low > 0:
        return "above"
    if high < 0:
        return "below"
    return "alike" if -gap < low and high < gap else None


def planned_votes(entrants: int, aim: Aim, *, tie_share: float = 0.0) -> int:
    """Votes of a whole board at which the rule answers a pair that is `gap` apart, with the wanted power.

    For pairs that are shown alike and one named pair of them; like `analysis.planning.total_votes`, but
    for a rule that may look at any time, which costs about twice as much as one look at the end.

    Parameters
    ----------
    entrants : int
    aim : Aim
    tie_share : float
        Of the votes, those that decide nothing.
    """
    if entrants < 2:
        raise InvalidOption("a board takes at least two entrants")
    if not 0 <= tie_share < 1:
        raise InvalidOption(f"the share of ties must be at least 0 and below 1, not {tie_share}")
    nats, beta = aim.gap / POINTS_PER_NAT, float(ndtri(aim.power))
    chance = 1 / (1 + math.exp(-nats))
    spread = 4 * chance * (1 - chance)
    clock = _first_clock(
        lambda clock: _half(clock, aim) + beta * 2 / math.sqrt(clock) <= nats,
    )
    return math.ceil(clock / spread * (entrants - 1) / (1 - tie_share))


def votes_left(found: Look, aim: Aim, votes: int) -> int | None:
    """Further votes until there is an answer, if what they show now is true and pairs are dealt as so far.

    None where they cannot tell yet, or where it would take a thousand times as many as there are.
    """
    if found.answer is not None:
        return 0
    open_states = [state for state in found.states if state.answer is None]
    clocks = [(state, _clock_wanted(state, aim)) for state in open_states]
    if aim.against_best:
        behind = min(open_states, key=lambda s: math.inf if s.estimate is None else s.estimate)
        clocks = [(state, clock) for state, clock in clocks if state is behind]
    ratios = [clock / state.clock if clock and state.clock > 0 else math.inf for state, clock in clocks]
    most = max(ratios, default=math.inf)
    return math.ceil(votes * (most - 1)) if 1 <= most < 1000 else None


def _state(fit: StrengthFit, by_clusters: StrengthFit | None, first: str, second: str, aim: Aim) -> PairState:
    comparisons = fit.comparisons
    a, b = comparisons.index(first), comparisons.index(second)
    forth = (comparisons.left == a) & (comparisons.right == b)
    back = (comparisons.left == b) & (comparisons.right == a)
    counts = comparisons.counts
    wins = round(float(counts[forth, LEFT].sum() + counts[back, RIGHT].sum()))
    losses = round(float(counts[forth, RIGHT].sum() + counts[back, LEFT].sum()))
    try:
        found = difference(fit, first, second, level=aim.level)
    except DisconnectedError:
        return PairState(first, second, wins, losses, None, None, None, 0.0, None)
    se = found.se
    if by_clusters is not None:
        # Few raters or prompts say little of how much they differ: Student's t takes the place of z.
        wider = quantile(by_clusters, aim.level) / float(ndtri((1 + aim.level) / 2))
        se = max(se, wider * difference(by_clusters, first, second, level=aim.level).se)
    clock = 4 / se**2 if se > 0 else 0.0
    met = (
        (comparisons.left == a) | (comparisons.right == a),
        (comparisons.left == b) | (comparisons.right == b),
    )
    fewest = min(float(counts[rows][:, [LEFT, RIGHT]].sum()) for rows in met)
    estimate = to_points(found.estimate)
    if fewest < SHOWN_FROM or clock <= 0:
        return PairState(first, second, wins, losses, estimate, None, None, clock, None)
    half = to_points(_half(clock, aim))
    low, high = estimate - half, estimate + half
    return PairState(first, second, wins, losses, estimate, low, high, clock, answer_of(low, high, aim.gap))


def _half(clock: float, aim: Aim) -> float:
    """Half-width of a sequence at a clock reading, in nats."""
    return float(sequence_half_width(2 / math.sqrt(clock), clock, level=aim.level, rho=aim.rho))


def _clock_wanted(state: PairState, aim: Aim) -> float | None:
    """The clock at which a pair has its answer, if today's estimate is true; None where none would do."""
    if state.estimate is None:
        return None
    distance = abs(state.estimate)
    room = max(distance, aim.gap - distance) / POINTS_PER_NAT
    return _first_clock(lambda clock: _half(clock, aim) <= room) if room > 0 else None


def _first_clock(reached: Callable[[float], bool]) -> float:
    """The first clock reading, to a thousandth, at which something that stays true once it is."""
    low, high = 1.0, 2.0
    while not reached(high):
        low, high = high, 2 * high
        if high > 1e12:
            raise InvalidOption("no number of votes answers a question about so small a gap")
    while high - low > 1e-3 * low:
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _least(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if len(known) == len(values) else None
