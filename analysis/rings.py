"""Rings: raters who answer by one and the same table of winners, pair of entrants by pair of entrants.

One person behind many accounts, or a program, votes alike in all of them. A ring is found by an e-value: the
chance of its answers if each followed what the others of the ring said of the same two entrants, over their
chance if honest raters with tastes had given them. Divided by the number of groups of that size that could
have been picked it is a test of all groups at once [1]_, whatever the search did. Somebody belongs to a
found ring whose own answers are so much likelier by the ring's table than by honest tastes that at most
`share` of honest raters would be [2]_.

References
----------
.. [1] V. Vovk, R. Wang, "E-values: calibration, combination and applications", Annals of Statistics 49(3),
   2021.
.. [2] J. Ville, "Étude critique de la notion de collectif", 1939: a likelihood ratio reaches 1 / a with
   probability of at most `a`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaln, logsumexp

from analysis.arrays import Bools, Floats, Ints
from analysis.ballots import Ballots
from analysis.comparisons import TIE
from analysis.errors import InvalidOption

FAITHFUL: Final = 0.95
"""Chance that one of a ring answers as the others do."""

TIED: Final = 0.02
"""Chance that one of a ring calls a tie."""

LIKING_DRAWS: Final = 400
"""Draws of likings over which the chance of an honest ballot is averaged."""

MOST_SEEDS: Final = 60
"""Ballots from which a search begins, beside the tables that lift or sink one entrant."""

_ROUNDS: Final = 6
_BLOCK: Final = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """Raters who answer alike.

    Attributes
    ----------
    members : ndarray of int
        Positions of the raters in ``ballots.codes``.
    log_e : float
        Logarithm of the e-value, the number of groups taken off; found where it is at least
        ``log(1 / level)``.
    agreeing, answers : int
        Answers that the others of the ring gave to the same two entrants, among decided ones on pairs that
        the others decided.
    honest : float
        How many of these would have agreed if the raters had answered as all others do.
    lifted, sunk : int or None
        An entrant that won, or lost, at least `FAITHFUL` of its battles in the ring, met most often.
    """

    members: Ints
    log_e: float
    agreeing: int
    answers: int
    honest: float
    lifted: int | None
    sunk: int | None


def find_rings(
    ballots: Ballots, *, least_votes: int = 4, level: float = 0.01, share: float = 0.002, seed: int = 0
) -> list[Ring]:
    """Find rings of two raters or more, the clearest first; nobody is in two.

    Parameters
    ----------
    ballots : Ballots
    least_votes : int
        Raters with fewer votes belong to no ring.
    level : float
        Probability of even one false ring.
    share : float
        Largest share of honest raters that is taken for members of a ring.
    seed : int
        Of the likings.
    """
    if not 0 < level < 1 or not 0 < share < 1:
        raise InvalidOption("level and share lie between 0 and 1")
    search = _Search(ballots, least_votes, share, np.random.default_rng(seed))
    rings: list[Ring] = []
    while (ring := search.best()) is not None and ring.log_e >= -np.log(level):
        rings.append(ring)
        search.free[ring.members] = False
    return sorted(rings, key=lambda ring: -ring.log_e)


class _Search:
    """Votes as counts of (rater, pair), and how likely each ballot is of an honest rater."""

    def __init__(self, ballots: Ballots, least: int, share: float, rng: np.random.Generator) -> None:
        n = ballots.taste.size
        self.ballots, self.n = ballots, n
        self.low = np.minimum(ballots.left, ballots.right)
        self.high = np.maximum(ballots.left, ballots.right)
        self.pair = self.low * n + self.high
        tied = ballots.answer >= TIE
        won = (ballots.answer == 0) == (ballots.left == self.low)
        # +1 where the entrant of the lower number won, -1 where the other did, 0 for a tie
        self.sign = np.where(tied, 0, np.where(won, 1, -1))
        self.free: Bools = ballots.sizes >= least
        self.enough = -np.log(share)
        self.honest = self._honest(rng)
        self.starts = self._starts()

    def _honest(self, rng: np.random.Generator) -> Floats:
        """Log-chance of each rater's ballot, likings averaged out."""
        told = np.zeros(self.ballots.n_raters)
        likings = self.ballots.draw_likings(LIKING_DRAWS, rng)
        for rater in np.flatnonzero(self.free).tolist():
            own = self.ballots.of(rater)
            answer = self.ballots.answer[own]
            size = max(1, _BLOCK // max(1, answer.size))
            logs = [
                np.log(self.ballots.shares(own, some)[:, np.arange(answer.size), answer]).sum(axis=1)
                for some in np.array_split(likings, max(1, -(-LIKING_DRAWS // size)))
            ]
            told[rater] = logsumexp(np.concatenate(logs)) - np.log(LIKING_DRAWS)
        return told

    def _starts(self) -> list[Ints]:
        """Tables to begin from: one entrant above or below all, and the ballots that are least honest."""
        n = self.n
        tables = []
        low, high = np.divmod(np.arange(n * n), n)
        for entrant in range(n):
            table = np.where(low == entrant, 1, np.where(high == entrant, -1, 0))
            tables += [table, -table]
        decided = np.bincount(self.ballots.rater, self.sign != 0, self.ballots.n_raters)
        surplus = np.where(self.free, -self.honest + decided * np.log(FAITHFUL), -np.inf)
        for rater in np.argsort(-surplus)[:MOST_SEEDS].tolist():
            if self.free[rater]:
                own = self.ballots.of(rater)
                tables.append(np.sign(np.bincount(self.pair[own], self.sign[own], n * n)).astype(np.int64))
        return tables

    def best(self) -> Ring | None:
        """The clearest ring among raters that are in none."""
        found = [self._grow(table) for table in self.starts]
        rings = [ring for ring in found if ring is not None]
        return max(rings, key=lambda ring: ring.log_e, default=None)

    def _grow(self, table: Ints) -> Ring | None:
        """Members by a table, then the table by its members, until they stay."""
        before: Ints = np.zeros(0, dtype=np.int64)
        for _ in range(_ROUNDS):
            gain = self._gains(table[self.pair])
            members = np.flatnonzero(self.free & (gain >= self.enough))
            if members.size < 2:
                return None
            if np.array_equal(members, before):
                break
            before = members
            mine = np.isin(self.ballots.rater, members)
            table = np.sign(np.bincount(self.pair[mine], self.sign[mine], self.n**2)).astype(np.int64)
        return self._told(members)

    def _gains(self, said: Ints) -> Floats:
        """Log-likelihood ratio of each rater's ballot, by what a table says of each vote."""
        logs = np.where(
            self.sign == 0,
            np.log(TIED),
            np.where(
                said == 0,
                np.log((1 - TIED) / 2),
                np.where(said == self.sign, np.log(FAITHFUL), np.log(1 - FAITHFUL - TIED)),
            ),
        )
        return np.asarray(
            np.bincount(self.ballots.rater, logs, self.ballots.n_raters) - self.honest, dtype=np.float64
        )

    def _told(self, members: Ints) -> Ring | None:
        """The ring that some members make: those who follow the others of it, each judged without itself."""
        while members.size >= 2:
            mine = np.flatnonzero(np.isin(self.ballots.rater, members))
            pair, sign, rater = self.pair[mine], self.sign[mine], self.ballots.rater[mine]
            together = np.bincount(pair, sign, self.n**2)
            cell, at = np.unique(rater * self.n**2 + pair, return_inverse=True)
            own = np.bincount(at, sign, cell.size)
            said = np.zeros(self.sign.size, dtype=np.int64)
            said[mine] = np.sign(np.round(together[pair] - own[at]))
            gain = self._gains(said)[members]
            if gain.min() >= self.enough:
                break
            members = np.delete(members, int(np.argmin(gain)))
        if members.size < 2:
            return None
        # In turn, each by those before: only that is a chance of all the answers together.
        in_turn = self._in_turn(members) - self.honest[members].sum()
        eligible = int(np.count_nonzero(self.ballots.sizes > 0))
        m = members.size
        groups = gammaln(eligible + 1) - gammaln(m + 1) - gammaln(eligible - m + 1) + np.log(eligible)
        both = (said[mine] != 0) & (sign != 0)
        agrees = both & (said[mine] == sign)
        return Ring(
            members=members,
            log_e=float(in_turn - groups),
            agreeing=int(agrees.sum()),
            answers=int(both.sum()),
            honest=self._expected(mine[both], said[mine[both]]),
            lifted=self._one_way(mine, 1),
            sunk=self._one_way(mine, -1),
        )

    def _in_turn(self, members: Ints) -> float:
        """Log-chance of the members' answers if each follows what was said before of the same pair."""
        table = np.zeros(self.n**2)
        total = 0.0
        for rater in members.tolist():
            own = self.ballots.of(rater)
            for pair, sign in zip(self.pair[own].tolist(), self.sign[own].tolist(), strict=True):
                said = table[pair]
                if sign == 0:
                    total += np.log(TIED)
                elif said == 0:
                    total += np.log((1 - TIED) / 2)
                else:
                    total += np.log(FAITHFUL if said * sign > 0 else 1 - FAITHFUL - TIED)
                table[pair] += sign
        return float(total)

    def _expected(self, votes: Ints, said: Ints) -> float:
        """Answers that would agree with the ring's if everybody else's votes foretold them."""
        lower = self.ballots.left[votes] == self.low[votes]
        wants_left = (said > 0) == lower
        p = self.ballots.probability[votes]
        decided = p[:, 0] + p[:, 1]
        return float((np.where(wants_left, p[:, 0], p[:, 1]) / decided).sum())

    def _one_way(self, votes: Ints, way: int) -> int | None:
        """The entrant met most often among those that won (1), or lost (-1), nearly always in a ring."""
        decided = votes[self.sign[votes] != 0]
        met = np.bincount(self.low[decided], minlength=self.n) + np.bincount(
            self.high[decided], minlength=self.n
        )
        winner = np.where(self.sign[decided] * way > 0, self.low[decided], self.high[decided])
        went = np.bincount(winner, minlength=self.n)
        sure = (met > 0) & (went >= FAITHFUL * met)
        return int(np.argmax(np.where(sure, met, -1))) if sure.any() else None
