"""How well an entrant can be told from pixels alone: the blinder an arena, the nearer to chance.

A multinomial logistic regression learns who painted the pictures of some prompts and is asked about those
of others. No prompt is in both, for pictures of one prompt are alike whoever painted them. A rater or a bot
that knows the entrants' pictures could do about as well on the vectors, and perhaps better by looking.

References
----------
.. [1] C. M. Bishop, "Pattern Recognition and Machine Learning", Springer, 2006, section 4.3.4.
.. [2] K. H. Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR 2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from analysis.arrays import Floats, Ints
from analysis.errors import ConvergenceError, InvalidOption
from analysis.intervals import wilson_interval
from analysis.picture_diversity import Estimate
from analysis.vectors import scaling_of

FEWEST_PROMPTS: Final = 20
"""Entrants with fewer prompts than these are left out."""

FOLDS: Final = 5
RIDGE: Final = 1e-3
"""Penalty on half the sum of squared weights, beside the mean log-loss."""

MOST_STEPS: Final = 500


@dataclass(frozen=True, slots=True)
class Told:
    """How well an entrant is told from the others.

    Attributes
    ----------
    prompts : int
        That it painted.
    recall : Estimate or None
        Share of its pictures that are taken for its own; chance is one over the number of entrants told
        apart. Nothing where prompts are too few.
    balanced : Estimate or None
        Mean of that and of the share of the others' pictures that are not taken for its own [2]_; chance
        is 1/2.
    """

    prompts: int
    recall: Estimate | None
    balanced: Estimate | None


@dataclass(frozen=True, slots=True)
class Telling:
    """How well entrants are told apart by pictures of prompts that were never seen.

    Attributes
    ----------
    rows : tuple of Told
        By entrant.
    compared : int
        Entrants with enough prompts.
    chance : float or None
        The accuracy of guessing.
    accuracy : Estimate or None
        Mean of the recalls; nothing where fewer than two entrants have enough prompts.
    """

    rows: tuple[Told, ...]
    compared: int
    chance: float | None
    accuracy: Estimate | None


def tell(
    vectors: Floats,
    entrant: Ints,
    prompt: Ints,
    *,
    parts: Sequence[slice],
    entrants: int,
    folds: int = FOLDS,
    level: float = 0.95,
    seed: int = 0,
) -> Telling:
    """Cross-validate over prompts how well entrants are told by their pictures.

    The intervals are Wilson's with each prompt as one trial: pictures of one prompt stand or fall together,
    and where they do not the intervals are too wide, never too narrow. They hold for classifiers learnt
    from about so many pictures; more of them may tell better.

    Parameters
    ----------
    vectors : ndarray of shape (n_pictures, n_features)
    entrant, prompt : ndarray of shape (n_pictures,)
        Codes from zero, of who painted what.
    parts : sequence of slice
        Groups of columns that weigh the same.
    entrants : int
        How many there are; the answer has one row each.
    folds : int
    level : float
    seed : int
        Deals the prompts to the folds.

    Raises
    ------
    InvalidOption
        The codes do not fit the vectors, or there are fewer than two folds.
    ConvergenceError
    """
    if not len(vectors) == len(entrant) == len(prompt):
        raise InvalidOption("there must be one entrant and one prompt a vector")
    if folds < 2:
        raise InvalidOption(f"prompts are parted into two folds or more, not {folds}")
    painted = [len(np.unique(prompt[entrant == e])) for e in range(entrants)]
    enough = [e for e in range(entrants) if painted[e] >= FEWEST_PROMPTS]
    if len(enough) < 2:
        return Telling(tuple(Told(n, None, None) for n in painted), len(enough), None, None)
    kept = np.isin(entrant, enough)
    guessed = _guesses(
        vectors[kept],
        np.searchsorted(enough, entrant[kept]),
        prompt[kept],
        parts=parts,
        entrants=len(enough),
        folds=folds,
        seed=seed,
    )
    true = np.searchsorted(enough, entrant[kept])
    confusion = np.zeros((len(enough), len(enough)))
    np.add.at(confusion, (true, guessed), 1)
    shares = confusion / confusion.sum(axis=1, keepdims=True)
    rows = [Told(n, None, None) for n in painted]
    for place, e in enumerate(enough):
        recall = float(shares[place, place])
        others = float(1 - np.delete(shares[:, place], place).mean())
        rows[e] = Told(
            painted[e], _share(recall, painted[e], level), _share((recall + others) / 2, painted[e], level)
        )
    prompts = min(painted[e] for e in enough)
    return Telling(
        rows=tuple(rows),
        compared=len(enough),
        chance=1 / len(enough),
        accuracy=_share(float(np.diag(shares).mean()), prompts, level),
    )


def _guesses(
    vectors: Floats,
    entrant: Ints,
    prompt: Ints,
    *,
    parts: Sequence[slice],
    entrants: int,
    folds: int,
    seed: int,
) -> Ints:
    """Whom each picture is taken for by a classifier that saw no picture of its prompt."""
    names = np.unique(prompt)
    fold_of = np.random.default_rng(seed).permutation(np.arange(len(names)) % folds)
    fold = fold_of[np.searchsorted(names, prompt)]
    guessed = np.zeros(len(vectors), dtype=np.int64)
    for number in range(folds):
        train, test = fold != number, fold == number
        scaling = scaling_of(vectors[train], parts)
        weights = fit_softmax(scaling(vectors[train]), entrant[train], entrants)
        guessed[test] = np.argmax(_logits(scaling(vectors[test]), weights), axis=1)
    return guessed


def fit_softmax(vectors: Floats, classes: Ints, n_classes: int, *, ridge: float = RIDGE) -> Floats:
    """Fit a multinomial logistic regression [1]_ in which every class weighs the same.

    Returns
    -------
    ndarray of shape (n_features + 1, n_classes)
        Weights, and in the last row the intercepts, which are not penalised.

    Raises
    ------
    ConvergenceError
    """
    rows, columns = vectors.shape
    target = np.eye(n_classes)[classes]
    share = (target / np.maximum(target.sum(axis=0), 1)).sum(axis=1)
    share /= share.sum()

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(columns + 1, n_classes)
        logs = log_softmax(_logits(vectors, weights), axis=1)
        slope = (np.exp(logs) - target) * share[:, None]
        gradient = np.vstack([vectors.T @ slope + ridge * weights[:-1], slope.sum(axis=0)])
        penalty = ridge / 2 * float((weights[:-1] ** 2).sum())
        return penalty - float(share @ logs[np.arange(rows), classes]), gradient.ravel()

    start = np.zeros((columns + 1) * n_classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS})
    if not found.success:
        raise ConvergenceError(f"the classifier did not settle: {found.message}", iterations=int(found.nit))
    weights: Floats = found.x.reshape(columns + 1, n_classes)
    return weights


def _logits(vectors: Floats, weights: Floats) -> Floats:
    logits: Floats = vectors @ weights[:-1] + weights[-1]
    return logits


def _share(value: float, prompts: int, level: float) -> Estimate:
    low, high = wilson_interval(value * prompts, prompts, level=level)
    return Estimate(value, low, high)
