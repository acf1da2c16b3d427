"""Which pair to ask about next.

One more vote on a pair (a, b) lowers the variance of its strength difference from ``v`` to
``v / (1 + p(1-p) v)``, ``p`` being the win probability under the present fit. Pairs are drawn in proportion
to that drop, mixed with a uniform share so that every pair keeps a known, positive probability.

Every policy is a matrix of probabilities, symmetric and zero on the diagonal, whose upper triangle sums to 1;
`deal` draws from it and gives the propensity, to be stored with the battle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from analysis.arrays import Floats
from analysis.errors import InvalidOption

UNIFORM_SHARE: Final = 0.2
PRIOR_PRECISION: Final = 0.25
"""Of each strength, in nats^-2; for planning only, never for a rating."""

BOOST_SHARE: Final = 0.4
ENOUGH_VOTES: Final = 100
"""From so many votes on an entrant is no newcomer."""


class Policy(Protocol):
    """From the wins so far to the probability of each pair, both of shape (n_items, n_items)."""

    def __call__(self, wins: Floats, /) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Deal:
    """A pair to ask about.

    Attributes
    ----------
    left, right : int
        Positions of the entrants; either side is as likely.
    propensity : float
        Probability of this ordered pair: half that of the pair.
    """

    left: int
    right: int
    propensity: float


def deal(probabilities: Floats, rng: np.random.Generator) -> Deal:
    """Draw a pair and its sides.

    Parameters
    ----------
    probabilities : ndarray of shape (n_items, n_items)
        Of a policy.
    rng : numpy.random.Generator
    """
    chance = _checked(probabilities)
    at = int(rng.choice(chance.size, p=chance.ravel() / 2))
    left, right = divmod(at, len(chance))
    return Deal(left, right, float(chance[left, right]) / 2)


def uniform_probabilities(wins: Floats) -> Floats:
    """Every pair alike."""
    n_items = _items(wins)
    return np.asarray((1 - np.eye(n_items)) * 2 / (n_items * (n_items - 1)))


def boosted_probabilities(
    wins: Floats,
    *,
    boost_share: float = BOOST_SHARE,
    enough: int = ENOUGH_VOTES,
    uniform_share: float = UNIFORM_SHARE,
) -> Floats:
    """Give newcomers more battles until they have enough votes; else as `pair_probabilities`.

    A share of the battles goes to entrants with fewer than `enough` votes, in proportion to what they lack,
    against opponents that tell most. Without newcomers there is no such share.

    Parameters
    ----------
    wins : ndarray of shape (n_items, n_items)
    boost_share : float
        From 0 to 0.9; what the uniform share leaves is scaled down.
    enough : int
    uniform_share : float
        Share that is spread evenly over all pairs, at least 0.1.
    """
    if not 0 <= boost_share <= 0.9 or enough < 1:
        raise InvalidOption("the boost's share must be from 0 to 0.9, and enough votes at least one")
    informative = pair_probabilities(wins, uniform_share=uniform_share)
    lacking = np.clip(1 - (wins + wins.T).sum(axis=1) / enough, 0, None)
    if not lacking.any() or not boost_share:
        return informative
    towards = informative / informative.sum(axis=1, keepdims=True)
    boosted = (lacking / lacking.sum())[:, None] * towards
    boosted = (boosted + boosted.T) / np.triu(boosted + boosted.T).sum()
    share = boost_share * (1 - uniform_share)
    plain = uniform_probabilities(wins)
    # The informative part already holds its uniform share; take it out, so that the floor stays whole.
    told = (informative - uniform_share * plain) / (1 - uniform_share)
    return np.asarray(uniform_share * plain + share * boosted + (1 - uniform_share - share) * told)


def pair_probabilities(wins: Floats, *, uniform_share: float = UNIFORM_SHARE) -> Floats:
    """Probability of dealing each pair, by how much one more vote would tell.

    Parameters
    ----------
    wins : ndarray of shape (n_items, n_items)
        ``wins[i, j]`` is how often `i` beat `j`, a tie counting one half to each.
    uniform_share : float
        Share that is spread evenly over all pairs, at least 0.1.

    Returns
    -------
    ndarray of shape (n_items, n_items)
        Symmetric, zero on the diagonal; the upper triangle sums to 1.

    Raises
    ------
    ValueError
        If the uniform share is outside [0.1, 1], or there are fewer than two items.

    References
    ----------
    .. [Glickman2005] M. Glickman and S. Jensen, "Adaptive paired comparison design", Journal of
       Statistical Planning and Inference 127, 2005.
    """
    if not 0.1 <= uniform_share <= 1:
        raise InvalidOption(f"the uniform share must be from 0.1 to 1, not {uniform_share}")
    _items(wins)
    spread, _, gap = _known(wins)
    drop = np.triu(spread * gap**2 / (1 + spread * gap), 1)
    uniform = np.triu(np.ones_like(drop), 1)
    mixed = (1 - uniform_share) * drop / drop.sum() + uniform_share * uniform / uniform.sum()
    return np.asarray(mixed + mixed.T)


def targeted_probabilities(
    wins: Floats, pairs: Sequence[tuple[int, int]], *, uniform_share: float = UNIFORM_SHARE
) -> Floats:
    """Probability of dealing each pair, by how much one more vote would tell of the differences asked for.

    Votes on a pair itself tell most of it; those that connect it through others tell some, and are dealt
    where the pair is already well known.

    Parameters
    ----------
    wins : ndarray of shape (n_items, n_items)
    pairs : sequence of (int, int)
        Positions of the entrants whose differences are wanted; what counts is the sum of their variances.
    uniform_share : float
        Share that is spread evenly over all pairs, at least 0.1.
    """
    if not 0.1 <= uniform_share <= 1:
        raise InvalidOption(f"the uniform share must be from 0.1 to 1, not {uniform_share}")
    n_items = _items(wins)
    if not pairs or any(a == b or not (0 <= a < n_items and 0 <= b < n_items) for a, b in pairs):
        raise InvalidOption("name one pair or more, each of two of the items")
    spread, covariance, gap = _known(wins)
    first, second = np.array(pairs).T
    wanted = covariance[first] - covariance[second]  # how the wanted differences move with each strength
    moved = wanted[:, :, None] - wanted[:, None, :]
    drop = np.triu(spread * (moved**2).sum(axis=0) / (1 + spread * gap), 1)
    uniform = np.triu(uniform_probabilities(wins), 1)
    mixed = (1 - uniform_share) * drop / drop.sum() + uniform_share * uniform
    return np.asarray(mixed + mixed.T)


def _known(wins: Floats) -> tuple[Floats, Floats, Floats]:
    """What the votes tell under the planning prior: each (n_items, n_items).

    The variance of one outcome of each pair, the covariance of the strengths, and the variance of each
    difference.
    """
    strengths = _shrunken_strengths(wins)
    probability = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    spread = probability * (1 - probability)
    covariance = np.linalg.inv(_information(wins, spread))
    variance = np.diag(covariance)
    gap = np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0.0)
    return np.asarray(spread), np.asarray(covariance, dtype=np.float64), np.asarray(gap, dtype=np.float64)


def _information(wins: Floats, spread: Floats) -> Floats:
    """Information on the strengths plus the prior's, of shape (n_items, n_items)."""
    weight = (wins + wins.T) * spread
    return np.asarray(np.diag(weight.sum(axis=1) + PRIOR_PRECISION) - weight)


def _shrunken_strengths(wins: Floats) -> Floats:
    """Strengths under the planning prior, by Newton steps; they exist whatever the votes are."""
    strengths = np.zeros(len(wins))
    games = wins + wins.T
    for _ in range(25):
        probability = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        gradient = wins.sum(axis=1) - (games * probability).sum(axis=1) - PRIOR_PRECISION * strengths
        step = np.linalg.solve(_information(wins, probability * (1 - probability)), gradient)
        strengths = strengths + step
        if np.abs(step).max() < 1e-6:
            break
    return strengths


def _items(wins: Floats) -> int:
    if len(wins) < 2:
        raise InvalidOption("a pair takes at least two items")
    return len(wins)


def _checked(probabilities: Floats) -> Floats:
    """Refuse what is no policy's matrix: a wrong propensity would bias every reweighting."""
    chance = np.asarray(probabilities, dtype=np.float64)
    square = chance.ndim == 2 and chance.shape[0] == chance.shape[1]
    if (
        not square
        or np.any(chance < 0)
        or np.diagonal(chance).any()
        or not np.allclose(chance, chance.T)
        or abs(float(np.triu(chance, 1).sum()) - 1) > 1e-6
    ):
        raise InvalidOption("the probabilities of pairs must be symmetric and sum to one, none with itself")
    return np.asarray(chance / (chance.sum() / 2), dtype=np.float64)
