"""Which way with ties predicts unseen votes best: held-out log-loss on questions that all can be asked.

The four rules are half wins, ties dropped, Davidson and Rao-Kupper. They speak of different outcomes, so they
are asked three questions: of a decided vote, who won; of any vote, the expected score (a tie a half); of any
vote, which of three outcomes. For the third, "drop" gets the share of ties among the training votes, the same
for every pair; "half" has no answer.

References
----------
.. [1] T. Gneiting, A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the
   American Statistical Association 102, 2007.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import expit

from analysis.arrays import Floats, Ints
from analysis.bradley_terry import fit_bradley_terry
from analysis.comparisons import BOTH_BAD, LEFT, RIGHT, TIE, Comparisons
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.estimate import StrengthFit
from analysis.likelihood import Davidson
from analysis.ties import TieFit, fit_davidson, fit_rao_kupper

RULES: Final = ("half", "drop", "davidson", "rao-kupper")
QUESTIONS: Final = ("decided", "score", "outcome")

_LEAST: Final = 1e-12


@dataclass(frozen=True, slots=True)
class TieRuleLoss:
    """Held-out loss of one rule on one question.

    Attributes
    ----------
    rule, question : str
    loss : float
        Mean log-loss of a vote, in nats; lower is better, NaN where the rule has no answer.
    behind : float
        Loss less that of the best rule.
    behind_se : float
        Standard error of that difference, over votes.
    votes : int
    """

    rule: str
    question: str
    loss: float
    behind: float
    behind_se: float
    votes: int


@dataclass(frozen=True, slots=True, eq=False)
class TieRuleComparison:
    """Losses of all rules, and how they were got.

    Attributes
    ----------
    losses : tuple of TieRuleLoss
        By question, the best rule first.
    folds, seed : int
    n_left_out : int
        Held-out votes of pairs that some rule's training votes do not connect; no rule is asked for them.
    """

    losses: tuple[TieRuleLoss, ...]
    folds: int
    seed: int
    n_left_out: int

    def best(self, question: str = "score") -> str:
        """Name the rule with the lowest loss."""
        return next(loss.rule for loss in self.losses if loss.question == question)


def compare_tie_rules(comparisons: Comparisons, *, folds: int = 10, seed: int = 0) -> TieRuleComparison:
    """Cross-validate the four rules.

    Votes are dealt to folds at random, independently of each other, which can be done from counts. A both-bad
    vote is a tie.

    Parameters
    ----------
    comparisons : Comparisons
        Unweighted.
    folds : int
        At least 2.
    seed : int

    Raises
    ------
    InvalidOption
        Fewer than two folds.
    InvalidComparisons
        Votes are weighted, or there are no ties to compare rules by.
    """
    if folds < 2:
        raise InvalidOption("cross-validation takes at least two folds")
    if comparisons.weights is not comparisons.counts:
        raise InvalidComparisons("tie rules are compared on unweighted votes")
    three = _three(comparisons.counts)
    if not three[:, 2].any():
        raise InvalidComparisons("no ties: every rule is the same")
    rng = np.random.default_rng(seed)
    dealt = rng.multinomial(np.rint(three).astype(np.int64), np.full(folds, 1 / folds))
    shape = (len(QUESTIONS), len(RULES))
    # Sums over votes of losses and of products of losses, for the errors of differences.
    sums, products = np.zeros(shape), np.zeros((len(QUESTIONS), len(RULES), len(RULES)))
    votes = np.zeros(len(QUESTIONS))
    left_out = 0
    for fold in range(folds):
        held = dealt[:, :, fold].astype(np.float64)
        train = three - held
        counts = _four(train)
        seen = replace(comparisons, counts=counts, weights=counts, squares=counts, votes=None)
        fits = _fits(seen)
        asked = np.ones(len(held), dtype=np.bool_)
        for fit in fits.values():
            asked &= fit.component[comparisons.left] == fit.component[comparisons.right]
        left_out += round(float(held[~asked].sum()))
        held = held[asked]
        share = float(train[:, 2].sum() / train.sum())
        answers = np.stack([
            _answers(rule, fits[rule], comparisons.left[asked], comparisons.right[asked], share)
            for rule in RULES
        ])  # fmt: skip
        for q, losses in enumerate(_losses(answers)):
            count = held.copy()
            if QUESTIONS[q] == "decided":
                count[:, 2] = 0
            votes[q] += count.sum()
            sums[q] += np.einsum("ro,vro->v", count, losses)
            products[q] += np.einsum("ro,vro,wro->vw", count, losses, losses)
    found = [loss for q in range(len(QUESTIONS)) for loss in _ranked(q, votes[q], sums[q], products[q])]
    return TieRuleComparison(tuple(found), folds, seed, left_out)


def _three(counts: Floats) -> Floats:
    """Wins of the left, of the right, and ties with both-bad votes."""
    return np.column_stack([counts[:, LEFT], counts[:, RIGHT], counts[:, TIE] + counts[:, BOTH_BAD]])


def _four(three: Floats) -> Floats:
    return np.column_stack([three, np.zeros(len(three))])


def _fits(seen: Comparisons) -> dict[str, StrengthFit]:
    """Fit every rule to the training votes."""
    half = fit_bradley_terry(seen)
    return {
        "half": half,
        "drop": fit_bradley_terry(seen, ties="drop"),
        "davidson": fit_davidson(seen, start=half.strengths),
        "rao-kupper": fit_rao_kupper(seen, start=half.strengths),
    }


def _answers(rule: str, fit: StrengthFit, left: Ints, right: Ints, share: float) -> Floats:
    """P(left), P(right), P(tie), P(left | decided), expected score of the left; shape (n, 5)."""
    x = fit.strengths[left] - fit.strengths[right]
    if isinstance(fit, TieFit):
        if rule == "davidson":
            win, lose, tie = Davidson.probabilities(x, fit.eta)
        else:
            win, lose = expit(x - fit.eta), expit(-x - fit.eta)
            tie = 1 - win - lose
        return np.column_stack([win, lose, tie, win / (win + lose), win + tie / 2])
    p = expit(x)
    tied = np.full_like(p, share)
    win, lose = (1 - share) * p, (1 - share) * (1 - p)
    if rule == "half":
        nothing = np.full_like(p, np.nan)
        return np.column_stack([nothing, nothing, nothing, p, p])
    return np.column_stack([win, lose, tied, p, win + share / 2])


def _losses(answers: Floats) -> tuple[Floats, Floats, Floats]:
    """Log-loss of each answer if the left won, the right won, or it was a tie; (rules, n, 3) a question."""
    safe = np.clip(answers, _LEAST, 1 - _LEAST)
    decided, score = safe[:, :, 3], safe[:, :, 4]
    won, lost = -np.log(score), -np.log1p(-score)
    return (
        np.stack([-np.log(decided), -np.log1p(-decided), np.zeros_like(decided)], axis=2),
        np.stack([won, lost, (won + lost) / 2], axis=2),
        -np.log(safe[:, :, :3]),
    )


def _ranked(q: int, votes: float, sums: Floats, products: Floats) -> list[TieRuleLoss]:
    """Order the rules of one question."""
    if not votes:
        return [TieRuleLoss(rule, QUESTIONS[q], math.nan, math.nan, math.nan, 0) for rule in RULES]
    means = sums / votes
    best = int(np.nanargmin(means))
    found = []
    for v, rule in enumerate(RULES):
        gap = float(means[v] - means[best])
        square = float(products[v, v] - 2 * products[v, best] + products[best, best]) / votes
        se = math.sqrt(max(square - gap**2, 0.0) / votes) if math.isfinite(gap) else math.nan
        found.append(TieRuleLoss(rule, QUESTIONS[q], float(means[v]), gap, se, round(votes)))
    return sorted(found, key=lambda loss: (math.isnan(loss.loss), loss.loss))
