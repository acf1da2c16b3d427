"""How many adversarial votes a board withstands.

An attacker is dealt battles like everybody else, in the proportions of the votes cast so far, tells who
painted a picture with some accuracy, and votes to lift a target past the entrants above it:

=================  ================================================================================
attack             what the attacker does
=================  ================================================================================
``random_boost``   votes for the target where it is shown, tosses a coin everywhere else
``target_only``    votes for the target where it is shown, abstains everywhere else [1]_
``demote``         votes for the target and against the rivals above it, abstains elsewhere [2]_
``omnipresent``    votes in every battle for the side that moves the target up against the rival,
                   whether or not the target is shown [1]_
``chosen``         chooses the pair, too: what an arena allows that lets people pick
=================  ================================================================================

`withstands` adds the expected counts of such votes and bisects: it is exact up to their noise, needs no seed,
and a refit decides. `rig` draws single votes, for trying a defence. Votes already cast stay: this is about
ballot stuffing; dropping and changing votes is the matter of `fragility`.

References
----------
.. [1] R. Min, T. Pang, C. Du, Q. Liu, M. Cheng, M. Lin, "Improving your model ranking on Chatbot Arena by
   vote rigging", ICML 2025, arXiv:2501.17858.
.. [2] Y. Huang et al., "Exploring and mitigating adversarial manipulation of voting-based leaderboards", ICML
   2025, arXiv:2501.07493.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.bradley_terry import fit_bradley_terry
from analysis.comparisons import Comparisons, require_option
from analysis.errors import DisconnectedError, InvalidOption
from analysis.estimate import StrengthFit, generalised_inverse

if TYPE_CHECKING:
    import pandas as pd

ATTACKS: Final = ("chosen", "omnipresent", "demote", "target_only", "random_boost")
"""The strongest first, as a rule."""

LIMIT: Final = 10_000_000
"""More adversarial votes than this are not tried."""


@dataclass(frozen=True, slots=True)
class Resistance:
    """What one attack on behalf of one target needs.

    Attributes
    ----------
    attack : str
    target : str
    goal : int
        The rank that the target is to reach.
    rank : int
        Its rank before.
    votes : int or None
        Adversarial votes that lift it there; one fewer is withstood. None where `LIMIT` is not enough or
        the attack never gets there.
    battles : int or None
        Battles that have to be dealt to the attacker for that, those without a vote included.
    """

    attack: str
    target: str
    goal: int
    rank: int
    votes: int | None
    battles: int | None


@dataclass(frozen=True, slots=True, eq=False)
class StabilityCertificate:
    """The fewest adversarial votes, over targets and attacks, that bring an outsider to the top.

    Attributes
    ----------
    places : int
        How many top places are guarded.
    withstands : int or None
        Every attack tried with so many votes leaves the top as it is, as a set; None where no attack
        succeeded at all.
    share : float or None
        The same as a share of the votes cast.
    rows : tuple of Resistance
        Every target and attack that was tried, the cheapest first.
    votes : int
        Votes cast.
    accuracy : float
    """

    places: int
    withstands: int | None
    share: float | None
    rows: tuple[Resistance, ...]
    votes: int
    accuracy: float

    def frame(self) -> pd.DataFrame:
        """One row a target and attack."""
        import pandas as pd

        names = ("attack", "target", "goal", "rank", "votes", "battles")
        table = pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.rows])
        return table.astype({"votes": "Int64", "battles": "Int64"})


def stability_certificate(
    fit: StrengthFit,
    *,
    places: int = 1,
    challengers: int = 3,
    attacks: Sequence[str] = ATTACKS,
    accuracy: float = 1.0,
) -> StabilityCertificate:
    """Try every attack for every challenger below the top places.

    Parameters
    ----------
    fit : StrengthFit
        A Bradley-Terry fit of unweighted votes.
    places : int
        How many top places are guarded.
    challengers : int
        How many entrants below them are tried as targets: the next ones.
    attacks : sequence of str
        Of `ATTACKS`.
    accuracy : float
        Share of the pictures whose painter the attacker recognises.
    """
    order = _ranking(fit)
    if not 1 <= places < order.size or challengers < 1:
        raise InvalidOption(f"guard from 1 to {order.size - 1} places, against one challenger or more")
    rows = [
        withstands(fit, fit.labels[i], attack, goal=places, accuracy=accuracy)
        for i in order[places : places + challengers].tolist()
        for attack in attacks
    ]
    rows.sort(key=lambda row: (row.votes is None, row.votes or 0))
    found = rows[0].votes
    withstood = None if found is None else found - 1
    share = None if withstood is None else withstood / max(1, fit.n_votes)
    return StabilityCertificate(places, withstood, share, tuple(rows), fit.n_votes, accuracy)


def withstands(
    fit: StrengthFit, target: str, attack: str, *, goal: int = 1, accuracy: float = 1.0, limit: int = LIMIT
) -> Resistance:
    """Bisect the number of adversarial votes that lift a target to a rank.

    Parameters
    ----------
    fit : StrengthFit
    target : str
        In the core.
    attack : str
        One of `ATTACKS`.
    goal : int
        The rank to reach.
    accuracy, limit
        As in `stability_certificate` and `LIMIT`.
    """
    at, order = _target(fit, target, attack, accuracy)
    rank = int(np.flatnonzero(order == at)[0]) + 1
    if rank <= goal:
        return Resistance(attack, target, goal, rank, 0, 0)
    ballots = _ballots(fit, at, int(order[goal - 1]), attack, accuracy)
    cast = float(ballots.sum())
    strengths = np.nan_to_num(fit.strengths)
    rivals = order[: rank - 1]

    def reached(votes: int) -> bool:
        after = fit_bradley_terry(
            _with(fit.comparisons, ballots * (votes / cast)),
            ties=fit.ties,
            both_bad=fit.both_bad,
            start=strengths,
        )
        ahead = after.strengths[rivals] >= after.strengths[at] - 1e-12
        return int(np.count_nonzero(ahead)) < goal

    low, high = 0, 1
    while cast > 0 and high <= limit and not reached(high):
        low, high = high, high * 4
    if not cast > 0 or high > limit:
        return Resistance(attack, target, goal, rank, None, None)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return Resistance(attack, target, goal, rank, high, int(np.ceil(high / cast - 1e-9)))


def rig(
    fit: StrengthFit, target: str, attack: str, votes: int, *, goal: int = 1, accuracy: float = 1.0, seed: int
) -> Comparisons:
    """Add adversarial votes, drawn one by one, to the counts.

    Parameters
    ----------
    fit, target, attack, goal, accuracy
        As in `withstands`.
    votes : int
        Votes cast by the attacker.
    seed : int

    Returns
    -------
    Comparisons
        Of the honest and the adversarial votes.
    """
    at, order = _target(fit, target, attack, accuracy)
    rank = int(np.flatnonzero(order == at)[0]) + 1
    if rank <= goal:
        raise InvalidOption(f"{target} is there already")
    ballots = _ballots(fit, at, int(order[goal - 1]), attack, accuracy)
    if not ballots.sum() > 0:
        raise InvalidOption(f"{target} never meets anybody: this attack casts no vote")
    drawn = np.random.default_rng(seed).multinomial(votes, ballots.ravel() / ballots.sum())
    return _with(fit.comparisons, drawn.reshape(ballots.shape).astype(np.float64))


def _ballots(fit: StrengthFit, target: int, rival: int, attack: str, accuracy: float) -> Floats:
    """Votes that the attacker casts per battle dealt, on average, as ``[winner, loser]``.

    Where the painter is not recognised the attacker does what the attack does elsewhere: abstains, or tosses
    a coin.
    """
    pairs = fit.pairs()
    n = pairs.n
    met = pairs.wins + pairs.losses + pairs.ties
    core = fit.core()
    met = np.where(core[pairs.first] & core[pairs.second], met, 0.0)
    chance = np.zeros((n, n))
    chance[pairs.first, pairs.second] = chance[pairs.second, pairs.first] = met / met.sum()
    wanted = np.zeros((n, n), dtype=np.bool_)
    inverse = generalised_inverse(fit.information(), fit.component)
    pull = (inverse[target] - inverse[rival])[:, None] - (inverse[target] - inverse[rival])[None, :]
    if attack == "chosen":
        best = np.unravel_index(np.argmax(np.where(core[:, None] & core, pull, -np.inf)), pull.shape)
        ballots = np.zeros((n, n))
        ballots[best] = 1.0
        return ballots
    wanted[target, :] = True
    if attack == "demote":
        above = core & (fit.strengths > fit.strengths[target])
        wanted[:, above] = ~above[:, None]
        wanted[:, target] = False
        # Between two rivals above there is no favourite.
    elif attack == "omnipresent":
        wanted = pull > 0
    # To know whom to vote for takes both painters where the target need not be among them, else the one who
    # matters.
    known = accuracy**2 if attack == "omnipresent" else accuracy
    ballots = known * np.where(wanted, chance, 0.0)
    if attack == "random_boost":
        tossed = chance - known * np.where(wanted | wanted.T, chance, 0.0)
        ballots = ballots + tossed / 2
    return ballots


def _with(comparisons: Comparisons, ballots: Floats) -> Comparisons:
    """Add wins ``[winner, loser]`` to counts; expected counts need not be whole."""
    winner, loser = np.nonzero(ballots)
    rows = np.repeat(np.arange(len(comparisons.left)), 4)
    words = ["left", "right", "tie", "both_bad"]
    return Comparisons.from_counts(
        comparisons.labels,
        np.concatenate([comparisons.left[rows], winner]),
        np.concatenate([comparisons.right[rows], loser]),
        words * len(comparisons.left) + ["left"] * winner.size,
        np.concatenate([comparisons.counts.ravel(), ballots[winner, loser]]),
    )


def _ranking(fit: StrengthFit) -> Ints:
    """Positions of the core's entrants, the strongest first."""
    if fit.method != "bradley-terry" or fit.comparisons.weights is not fit.comparisons.counts:
        raise InvalidOption("attacks are simulated on Bradley-Terry fits of unweighted votes")
    core = np.flatnonzero(fit.core())
    if core.size < 2:
        raise DisconnectedError("fewer than two entrants are connected by wins both ways")
    return core[np.argsort(-fit.strengths[core], kind="stable")]


def _target(fit: StrengthFit, target: str, attack: str, accuracy: float) -> tuple[int, Ints]:
    """Position of the target, and the ranking."""
    require_option("attack", attack, ATTACKS)
    if not 0 < accuracy <= 1:
        raise InvalidOption(f"accuracy must lie between 0 and 1, not {accuracy}")
    at, order = fit.comparisons.index(target), _ranking(fit)
    if at not in order:
        raise DisconnectedError(f"{target} is not connected to the others by wins both ways", [[target]])
    return at, order
