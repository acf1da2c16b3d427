"""Raters of unequal reliability."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from analysis import (
    Comparisons,
    InvalidComparisons,
    InvalidOption,
    clustered,
    fit_bradley_terry,
    fit_judges,
    judge_weights,
    leaderboard,
    reweighted,
    wald_intervals,
)

TRUTH = np.linspace(-1, 1, 6)


def draw(n_votes, theta, seed, truth=TRUTH):
    rng = np.random.default_rng(seed)
    n = len(truth)
    left = rng.integers(n, size=n_votes)
    right = (left + rng.integers(1, n, size=n_votes)) % n
    rater = rng.integers(len(theta), size=n_votes)
    won = rng.random(n_votes) < expit(np.asarray(theta)[rater] * (truth[left] - truth[right]))
    entrants = np.array([f"e{i}" for i in range(n)])
    raters = np.array([f"r{i:03d}" for i in range(len(theta))])
    frame = pd.DataFrame({
        "left": entrants[left], "right": entrants[right],
        "outcome": np.where(won, "left", "right"), "rater": raters[rater],
    })  # fmt: skip
    return Comparisons.from_frame(frame, rater="rater")


def reliabilities(raters, seed=0, spread=0.4):
    theta = 1 + spread * np.random.default_rng(seed).normal(size=raters)
    return theta / theta.mean()


def test_a_general_optimiser_agrees():
    votes = draw(800, reliabilities(5), 1)
    fit = fit_judges(votes)
    v = votes.votes
    score = np.where(v.outcome == 0, 1.0, 0.0)

    def loss(free):
        r = np.append(free[:5], -free[:5].sum())
        theta = np.append(free[5:], 5 - free[5:].sum())
        x, t = r[v.left] - r[v.right], theta[fit.code]
        p = expit(t * x)
        known = np.bincount(fit.code, p * (1 - p) * x * x, 5) + 1 / fit.spread**2
        prior = np.sum((theta - 1) ** 2) / (2 * fit.spread**2)
        return np.sum(np.logaddexp(0, t * x) - score * t * x) + prior + np.log(known).sum() / 2

    solved = minimize(loss, np.append(np.zeros(5), np.ones(4)), method="BFGS", options={"gtol": 1e-6})
    np.testing.assert_allclose(fit.strengths[:5], solved.x[:5], atol=2e-5)
    np.testing.assert_allclose(fit.discriminations[:4], solved.x[5:], atol=2e-5)
    assert fit.discriminations.mean() == pytest.approx(1)


def test_one_kind_of_rater_is_bradley_terry():
    # With hardly any spread allowed all raters are alike.
    votes = draw(2000, np.ones(20), 2)
    fit, plain = fit_judges(votes, spread=1e-3), fit_bradley_terry(votes)
    np.testing.assert_allclose(fit.strengths, plain.strengths, atol=1e-4)
    np.testing.assert_allclose(fit.variance, plain.variance, rtol=1e-3)
    np.testing.assert_allclose(
        clustered(fit, ["rater"]).variance, clustered(plain, ["rater"]).variance, rtol=1e-2
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_names_of_raters_and_sides_do_not_matter(seed):
    theta = reliabilities(6, seed)
    votes = draw(500, theta, seed)
    v = votes.votes
    names = np.array(votes.labels)
    swap = np.array(["right", "left", "tie", "both_bad"])
    other = pd.DataFrame({
        "left": names[v.right], "right": names[v.left], "outcome": swap[v.outcome],
        "rater": [f"x{9 - code}" for code in fit_judges(votes).code],
    })  # fmt: skip
    one, two = fit_judges(votes), fit_judges(Comparisons.from_frame(other, rater="rater"))
    np.testing.assert_allclose(two.strengths, one.strengths, atol=1e-6)
    np.testing.assert_allclose(two.discriminations[::-1], one.discriminations, atol=1e-6)
    assert one.discriminations.mean() == pytest.approx(1)


def test_strengths_and_discriminations_are_covered():
    theta = reliabilities(30)
    own, of_raters = [], []
    for seed in range(60):
        fit = fit_judges(draw(9000, theta, seed))
        low, high = wald_intervals(fit)
        own.append((low <= TRUTH) & (high >= TRUTH))
        low, high = fit.discrimination_intervals()
        of_raters.append((low <= theta) & (theta <= high))
    assert np.mean(own) == pytest.approx(0.95, abs=0.03)
    assert np.mean(of_raters) == pytest.approx(0.95, abs=0.025)


def test_a_rater_against_all_others_is_found_and_weighs_nothing():
    theta = np.ones(20)
    theta[3], theta[7] = -1.0, 0.0
    fit = fit_judges(draw(8000, theta, 4))
    _, high = fit.discrimination_intervals()
    assert fit.raters[3] == "r003"
    assert high[3] < 0
    assert abs(fit.discriminations[7]) < 0.35
    assert "1 of the raters vote against the others." in fit.remarks()
    weights = judge_weights(fit)
    assert weights[3] == 0
    assert weights.max() <= 2
    again = fit_bradley_terry(reweighted(fit.comparisons, weights[fit.code]))
    plain = fit_bradley_terry(fit.comparisons)
    assert np.ptp(again.strengths) > np.ptp(plain.strengths)


def test_few_votes_say_little_of_a_rater():
    theta = np.ones(400)
    fit = fit_judges(draw(1200, theta, 5))
    assert fit.discriminations.std() < 0.25
    assert fit.discrimination_se.max() <= fit.spread
    np.testing.assert_array_equal(judge_weights(fit), 1.0)


def test_judge_aware_boards_are_made_and_clustered():
    fit = fit_judges(draw(1500, reliabilities(40), 6))
    board = leaderboard(clustered(fit, ["rater"]))
    assert board.method == "judge-aware bradley-terry"
    assert board.target == "other raters like the 40 raters seen"
    assert all(row.low < row.rating < row.high for row in board.rows)


def test_newcomers_and_undefeated_entrants_have_their_place():
    rows = [("n", "e2", "left")] * 5 + [("n", "e3", "right")] * 4 + [("u", "e1", "left")] * 7
    base = draw(1500, reliabilities(10), 7)
    names = np.array(base.labels)
    v = base.votes
    frame = pd.DataFrame({
        "left": [*names[v.left], *(row[0] for row in rows)],
        "right": [*names[v.right], *(row[1] for row in rows)],
        "outcome": [*np.array(["left", "right"])[v.outcome], *(row[2] for row in rows)],
        "rater": [*np.array(v.levels["rater"])[v.clusters["rater"]], *["r001"] * len(rows)],
    })  # fmt: skip
    board = {
        row.entrant: row for row in leaderboard(fit_judges(Comparisons.from_frame(frame, rater="rater"))).rows
    }
    assert board["n"].interval == "profile"
    assert board["n"].low < board["n"].rating < board["n"].high
    assert board["u"].high is None
    assert board["u"].low is not None


def test_raters_must_be_known():
    votes = draw(100, np.ones(3), 8)
    with pytest.raises(InvalidOption, match="spread"):
        fit_judges(votes, spread=0)
    with pytest.raises(InvalidComparisons, match="rater"):
        fit_judges(Comparisons.from_counts("ab", "a", "b", ["left"]))
