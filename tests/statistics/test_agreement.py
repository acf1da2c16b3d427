"""Our numbers beside those of independent programs."""

from __future__ import annotations

import choix
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from analysis import (
    Comparisons,
    bootstrap,
    clustered,
    fit_bradley_terry,
    fit_davidson,
    fit_rao_kupper,
    run_elo,
)
from analysis.simulate import Arena


@pytest.fixture(scope="module")
def votes():
    arena = Arena(np.linspace(-1, 1, 8), tie=0.8, rater_spread=0.5, prompt_spread=0.3)
    return arena.votes(4000, seed=11)


@pytest.fixture(scope="module")
def comparisons(votes):
    return Comparisons.from_frame(votes, rater="rater", prompt="prompt")


def test_newton_and_choix_agree(comparisons):
    ours = fit_bradley_terry(comparisons)
    theirs = fit_bradley_terry(comparisons, solver="choix")
    np.testing.assert_allclose(ours.strengths, theirs.strengths, atol=1e-6)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, atol=1e-9)
    assert theirs.solver == "choix"


def test_choix_agrees_from_a_list_of_decided_votes(votes, comparisons):
    decided = votes[votes.outcome.isin(["left", "right"])]
    left, right = decided.left.cat.codes.to_numpy(), decided.right.cat.codes.to_numpy()
    won = (decided.outcome == "left").to_numpy()
    data = list(zip(np.where(won, left, right).tolist(), np.where(won, right, left).tolist(), strict=True))
    theirs = choix.ilsr_pairwise(8, data, alpha=0, tol=1e-10)
    ours = fit_bradley_terry(comparisons, ties="drop").strengths
    np.testing.assert_allclose(ours, theirs - np.mean(theirs), atol=1e-6)


def vote_by_vote(votes):
    left, right = votes.left.cat.codes.to_numpy(np.int64), votes.right.cat.codes.to_numpy(np.int64)
    design = np.zeros((len(votes), 8))
    design[np.arange(len(votes)), left] = 1
    design[np.arange(len(votes)), right] = -1
    score = votes.outcome.map({"left": 1.0, "right": 0.0, "tie": 0.5, "both_bad": 0.5}).to_numpy(np.float64)
    return design, score


def test_the_sandwich_is_that_of_the_votes_one_by_one(votes, comparisons):
    fit = fit_bradley_terry(comparisons)
    design, score = vote_by_vote(votes)
    p = expit(design @ fit.strengths)
    bread = np.linalg.pinv(design.T @ (design * (p * (1 - p))[:, None]), rcond=1e-9)
    scores = design * (score - p)[:, None]
    np.testing.assert_allclose(fit.covariance, bread @ scores.T @ scores @ bread, atol=1e-10)


@pytest.mark.parametrize("way", ["rater", "prompt"])
def test_the_clustered_sandwich_is_that_of_summed_scores(votes, comparisons, way):
    fit = fit_bradley_terry(comparisons)
    design, score = vote_by_vote(votes)
    p = expit(design @ fit.strengths)
    bread = np.linalg.pinv(design.T @ (design * (p * (1 - p))[:, None]), rcond=1e-9)
    scores = design * (score - p)[:, None]
    codes = votes[way].cat.codes.to_numpy()
    sums = np.array([scores[codes == code].sum(axis=0) for code in np.unique(codes)])
    expected = bread @ sums.T @ sums @ bread * len(sums) / (len(sums) - 1)
    np.testing.assert_allclose(clustered(fit, by=[way]).covariance, expected, atol=1e-10)


@pytest.mark.parametrize("fit_ties", [fit_davidson, fit_rao_kupper])
def test_the_tie_models_agree_with_a_general_optimiser(comparisons, fit_ties):
    table = comparisons.table()
    wins = table[:, :, 0] + table[:, :, 1].T
    ties = np.triu(sum(table[:, :, k] + table[:, :, k].T for k in (2, 3)))

    def loss(theta):
        r, eta = theta[:-1], theta[-1]
        pi, t = np.exp(r), np.exp(eta)
        a, b = pi[:, None], pi[None, :]
        if fit_ties is fit_davidson:
            total = a + b + t * np.sqrt(a * b)
            win, tie = a / total, t * np.sqrt(a * b) / total
        else:
            win = a / (a + t * b)
            tie = (t * t - 1) * win * (b / (b + t * a))
        off = ~np.eye(8, dtype=bool)
        return -(wins[off] @ np.log(win[off]) + ties[off] @ np.log(tie[off])) / 4000 + np.sum(r) ** 2

    solved = minimize(loss, np.append(np.zeros(8), 0.3), method="BFGS", options={"gtol": 1e-9}, tol=1e-12)
    fit = fit_ties(comparisons)
    np.testing.assert_allclose(fit.strengths, solved.x[:-1] - solved.x[:-1].mean(), atol=2e-5)
    assert fit.tie_parameter == pytest.approx(np.exp(solved.x[-1]), abs=2e-5)
    assert fit.log_likelihood == pytest.approx(-4000 * solved.fun, abs=1e-4)


@pytest.mark.parametrize("fit_ties", [fit_davidson, fit_rao_kupper])
def test_the_tie_models_have_nearly_one_covariance_where_they_hold(fit_ties):
    # Where the model is true, sandwich and inverse information estimate the same thing; ours is Davidson's.
    comparisons = Arena(np.linspace(-0.5, 0.5, 5), tie=0.8).comparisons(40_000, seed=5)
    sandwich, hessian = fit_ties(comparisons), fit_ties(comparisons, covariance="hessian")
    np.testing.assert_allclose(sandwich.variance, hessian.variance, rtol=0.03)
    assert sandwich.tie_parameter_se == pytest.approx(hessian.tie_parameter_se, rel=0.03)


def test_elo_is_the_plain_loop(votes):
    kept = Comparisons.from_frame(votes, keep_votes=True)
    ratings = dict.fromkeys(kept.labels, 1000.0)
    for row in votes.head(4000).itertuples():
        expected = 1 / (1 + 10 ** ((ratings[row.right] - ratings[row.left]) / 400))
        score = {"left": 1.0, "right": 0.0}.get(row.outcome, 0.5)
        ratings[row.left] += 16 * (score - expected)
        ratings[row.right] -= 16 * (score - expected)
    np.testing.assert_allclose(run_elo(kept, k=16).ratings, list(ratings.values()), atol=1e-8)


def test_the_bootstrap_from_counts_is_the_bootstrap_of_votes(votes, comparisons):
    rng = np.random.default_rng(3)
    resampled = []
    for _ in range(300):
        drawn = votes.iloc[rng.integers(len(votes), size=len(votes))]
        resampled.append(
            fit_bradley_terry(Comparisons.from_frame(drawn, labels=comparisons.labels)).strengths
        )
    theirs = np.std(resampled, axis=0)
    ours = bootstrap(fit_bradley_terry(comparisons), draws=3000, seed=1)
    # A standard deviation from 300 draws has a relative error of 4 %.
    np.testing.assert_allclose(ours.strengths.std(axis=0), theirs, rtol=0.15)
    assert np.mean(ours.strengths.std(axis=0) / theirs) == pytest.approx(1, abs=0.04)
