"""Covariates and the advantage of the left."""

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
    ConvergenceError,
    InvalidComparisons,
    clustered,
    difference,
    fit_bradley_terry,
    fit_contextual,
    leaderboard,
    position_bias,
    profile_interval,
    read_covariates,
    wald_intervals,
)
from tests.statistics import published

TRUTH = np.array([-0.8, -0.3, 0.1, 0.4, 0.6])


def draw(n_votes, seed, *, effects=(0.4, -0.2), side=0.3, tie=0.2, truth=TRUTH):
    rng = np.random.default_rng(seed)
    n = len(truth)
    left = rng.integers(n, size=n_votes)
    right = (left + rng.integers(1, n, size=n_votes)) % n
    z = rng.normal(size=(len(effects), n_votes))
    x = truth[left] - truth[right] + side + np.asarray(effects) @ z
    won = rng.random(n_votes) < expit(x)
    outcome = np.where(rng.random(n_votes) < tie, "tie", np.where(won, "left", "right"))
    names = np.array([f"e{i}" for i in range(n)])
    rater = rng.integers(40, size=n_votes).astype(str)
    frame = pd.DataFrame({"left": names[left], "right": names[right], "outcome": outcome, "rater": rater})
    return frame, {f"z{k}": 3.0 * values for k, values in enumerate(z)}


def read(frame):
    return Comparisons.from_frame(frame, keep_votes=True, rater="rater")


def test_baseball_with_the_advantage_of_playing_at_home():
    # Agresti, Categorical Data Analysis (2002), pp. 437-438: .3023 (.1309). Strengths against Baltimore:
    # H. Turner, D. Firth, "Bradley-Terry models in R", Journal of Statistical Software 48(9), 2012.
    fit = fit_contextual(published.baseball(), covariance="hessian")
    home = fit.effect_table()[0]
    assert (home.name, home.scale) == ("left side", 1.0)
    assert home.estimate == pytest.approx(0.3023, abs=5e-5)
    assert home.se == pytest.approx(0.1309, abs=5e-5)
    known = {
        "Boston": (1.1438, 0.3378),
        "Cleveland": (0.7047, 0.3350),
        "Detroit": (1.4754, 0.3446),
        "Milwaukee": (1.6196, 0.3474),
        "New York": (1.2813, 0.3404),
        "Toronto": (1.3271, 0.3403),
    }
    for team, (strength, se) in known.items():
        found = difference(fit, team, "Baltimore")
        assert found.estimate == pytest.approx(strength, abs=5e-5)
        assert found.se == pytest.approx(se, abs=5e-5)


def slow(frame, covariates):
    """The same by a general optimiser on a dense design, and its sandwich; effects a standard deviation."""
    n = len(TRUTH)
    left = frame["left"].str[1:].astype(int).to_numpy()
    right = frame["right"].str[1:].astype(int).to_numpy()
    score = frame["outcome"].map({"left": 1.0, "right": 0.0, "tie": 0.5}).to_numpy(np.float64)
    design = np.zeros((len(frame), n + 1 + len(covariates)))
    design[np.arange(len(frame)), left] = 1
    design[np.arange(len(frame)), right] = -1
    design[:, n] = 1
    for k, values in enumerate(covariates.values()):
        design[:, n + 1 + k] = values / np.std(values)

    def loss(theta):
        x = design @ theta
        slope = design.T @ (expit(x) - score) + np.append(theta[:n], np.zeros(len(theta) - n))
        return np.sum(np.logaddexp(0, x) - score * x) + np.sum(theta[:n] ** 2) / 2, slope

    # The penalty only centres: its gradient along the mean is all that is left at mean zero.
    def centred(free):
        theta = np.concatenate([free[: n - 1], [-free[: n - 1].sum()], free[n - 1 :]])
        x = design @ theta
        slope = design.T @ (expit(x) - score)
        own = np.concatenate([slope[: n - 1] - slope[n - 1], slope[n:]])
        return np.sum(np.logaddexp(0, x) - score * x), own

    solved = minimize(centred, np.zeros(design.shape[1] - 1), jac=True, method="BFGS", options={"gtol": 1e-7})
    theta = np.concatenate([solved.x[: n - 1], [-solved.x[: n - 1].sum()], solved.x[n - 1 :]])
    p = expit(design @ theta)
    bread = np.linalg.pinv(design.T @ (design * (p * (1 - p))[:, None]), rcond=1e-10)
    scores = design * (score - p)[:, None]
    return theta, bread @ scores.T @ scores @ bread, bread, scores


def test_a_general_optimiser_and_a_dense_design_agree():
    frame, covariates = draw(4000, 1)
    fit = fit_contextual(read(frame), covariates)
    theta, covariance, bread, scores = slow(frame, covariates)
    np.testing.assert_allclose(np.append(fit.strengths, fit.effects), theta, atol=1e-6)
    np.testing.assert_allclose(fit.covariance, covariance[:5, :5], atol=1e-8)
    np.testing.assert_allclose(fit.effect_covariance, covariance[5:, 5:], atol=1e-8)
    by = frame["rater"].astype("category").cat.codes.to_numpy()
    sums = np.array([scores[by == code].sum(axis=0) for code in range(by.max() + 1)])
    expected = bread @ sums.T @ sums @ bread * len(sums) / (len(sums) - 1)
    found = clustered(fit, ["rater"])
    np.testing.assert_allclose(found.covariance, expected[:5, :5], atol=1e-8)
    np.testing.assert_allclose(found.effect_covariance, expected[5:, 5:], atol=1e-8)
    assert "40 raters" in found.target


def test_many_votes_start_from_a_sample_and_end_at_the_same_place():
    frame, covariates = draw(200_000, 2, tie=0.0)
    fit = fit_contextual(read(frame), covariates)
    assert fit.sample_iterations > 0
    assert fit.n_iterations <= 4
    np.testing.assert_allclose(fit.strengths, TRUTH - TRUTH.mean(), atol=0.05)
    theta = slow(frame, covariates)[0]
    np.testing.assert_allclose(np.append(fit.strengths, fit.effects), theta, atol=1e-6)


def test_without_covariates_and_sides_it_is_bradley_terry():
    frame, _ = draw(2000, 3)
    plain = fit_bradley_terry(read(frame))
    fit = fit_contextual(read(frame), position=False)
    np.testing.assert_allclose(fit.strengths, plain.strengths, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, plain.covariance, atol=1e-10)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood)


def test_votes_and_counts_give_one_position():
    frame, _ = draw(2000, 4)
    counts = Comparisons.from_frame(frame)
    one, other = fit_contextual(counts), fit_contextual(read(frame))
    np.testing.assert_allclose(one.strengths, other.strengths, atol=1e-8)
    np.testing.assert_allclose(one.effect_covariance, other.effect_covariance, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["half", "drop"]))
def test_swapping_the_sides_swaps_the_sign_of_the_side_alone(seed, ties):
    frame, covariates = draw(400, seed)
    swapped = frame.assign(
        left=frame["right"], right=frame["left"],
        outcome=frame["outcome"].replace({"left": "right", "right": "left"}),
    )  # fmt: skip
    fit = fit_contextual(read(frame), covariates, ties=ties)
    other = fit_contextual(read(swapped), {name: -values for name, values in covariates.items()}, ties=ties)
    np.testing.assert_allclose(other.strengths, fit.strengths, atol=1e-7)
    np.testing.assert_allclose(other.effects, fit.effects * [-1, 1, 1], atol=1e-7)


def test_the_unit_of_a_covariate_does_not_matter():
    frame, covariates = draw(1000, 5)
    fit = fit_contextual(read(frame), covariates)
    other = fit_contextual(read(frame), {name: 1e4 * values for name, values in covariates.items()})
    np.testing.assert_allclose(other.effects, fit.effects, atol=1e-8)
    assert other.effect_table()[1].scale == pytest.approx(1e4 * fit.effect_table()[1].scale)


def test_the_truth_is_covered():
    wanted = np.concatenate([TRUTH - TRUTH.mean(), [0.3, 0.4, -0.2]])
    covered = []
    for seed in range(150):
        frame, covariates = draw(1500, seed, tie=0.0)
        fit = fit_contextual(read(frame), covariates)
        low, high = wald_intervals(fit)
        rows = fit.effect_table()
        scale = np.array([1.0] + [3.0 / row.scale for row in rows[1:]])
        low, high = (
            np.append(low, [r.low for r in rows] * scale),
            np.append(high, [r.high for r in rows] * scale),
        )
        covered.append((low <= wanted) & (wanted <= high))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_an_effect_of_few_prompts_is_not_surer_than_the_model():
    rng = np.random.default_rng(5)
    surer = 0
    for seed in range(20):
        frame, covariates = draw(300, seed)
        frame["prompt"] = rng.integers(3, size=len(frame)).astype(str)
        comparisons = Comparisons.from_frame(frame, keep_votes=True, prompt="prompt")
        plain = fit_contextual(comparisons, covariates, covariance="hessian")
        fit = clustered(plain, ["prompt"])
        surer += int((np.diagonal(fit.effect_covariance) < np.diagonal(plain.effect_covariance)).sum())
        for effect, own in zip(fit.effect_table(), plain.effect_table(), strict=True):
            assert effect.se >= own.se
    assert surer > 20  # of 60: a sandwich of three prompts alone is often narrower


def test_what_only_one_entrant_has_takes_that_entrant_off_the_board():
    frame, covariates = draw(3000, 6)
    mark = (frame["left"] == "e2").to_numpy(float) - (frame["right"] == "e2").to_numpy(float)
    fit = fit_contextual(read(frame), {**covariates, "watermark": mark})
    assert np.isnan(fit.strengths[2])
    assert np.isnan(fit.effects[3])
    assert np.isfinite(fit.effects[:3]).all()
    assert fit.effect_table()[3].explained == pytest.approx(1)
    # The others are as if the entrant's votes had gone to a free parameter, which they have.
    without = fit_contextual(read(frame), covariates)
    for one, other in (("e0", "e4"), ("e1", "e3")):
        ours, theirs = difference(fit, one, other), difference(without, one, other)
        assert ours.estimate == pytest.approx(theirs.estimate, abs=1e-8)
        assert ours.se == pytest.approx(theirs.se, rel=1e-6)
    board = leaderboard(fit)
    row = next(row for row in board.rows if row.entrant == "e2")
    assert (row.rating, row.low, row.high, row.rank) == (None,) * 4
    assert "watermark" in row.reason
    assert any("watermark" in warning for warning in board.warnings)


def test_a_covariate_that_is_the_entrant_leaves_no_board():
    frame, _ = draw(1000, 7)
    level = {f"e{i}": value for i, value in enumerate([1.0, 4.0, 2.0, 8.0, 5.0])}
    size = frame["left"].map(level).to_numpy(float) - frame["right"].map(level).to_numpy(float)
    fit = fit_contextual(read(frame), {"size": size})
    assert np.isnan(fit.strengths).all()
    assert np.isnan(fit.effects[1])
    assert np.isfinite(fit.effects[0])
    assert all(row.rating is None for row in leaderboard(fit).rows)
    assert np.isfinite(fit.plain.strengths).all()


def test_half_explained_covariates_say_so_and_inflate():
    frame, _ = draw(4000, 8)
    level = {f"e{i}": float(i) for i in range(5)}
    noise = np.random.default_rng(0).normal(0, 1.5, len(frame))
    mixed = frame["left"].map(level).to_numpy(float) - frame["right"].map(level).to_numpy(float) + noise
    row = fit_contextual(read(frame), {"mixed": mixed}).effect_table()[1]
    assert 0.3 < row.explained < 0.8
    assert row.inflation == pytest.approx(1 / (1 - row.explained), rel=0.05)


def test_separation_by_a_covariate_is_an_error():
    frame, _ = draw(300, 9, tie=0.0)
    tell = np.where(frame["outcome"] == "left", 1.0, -1.0)
    with pytest.raises(ConvergenceError):
        fit_contextual(read(frame), {"tell": tell})


def test_bad_covariates_are_refused_with_their_rows():
    frame, covariates = draw(50, 10)
    bad = covariates["z0"].copy()
    bad[[3, 7]] = np.nan
    with pytest.raises(InvalidComparisons, match="2 rows: 3, 7"):
        fit_contextual(read(frame), {"z0": bad})
    with pytest.raises(InvalidComparisons, match="one number for each vote"):
        fit_contextual(read(frame), {"z0": bad[:9]})
    with pytest.raises(InvalidComparisons, match="keep_votes"):
        fit_contextual(Comparisons.from_frame(frame), covariates)


def test_covariates_are_read_as_differences_or_from_both_sides():
    table = pd.DataFrame({"a": [3.0, 1.0], "b": [1.0, 4.0], "d": [0.5, -0.5]})
    found = read_covariates(table, {"one": ("a", "b"), "two": "d"})
    np.testing.assert_array_equal(found["one"], [2.0, -3.0])
    np.testing.assert_array_equal(found["two"], [0.5, -0.5])


def test_a_newcomer_gets_a_profile_interval_and_an_undefeated_one_an_arrow():
    frame, covariates = draw(4000, 11)
    extra = pd.DataFrame({
        "left": ["new"] * 9 + ["ace"] * 8, "right": ["e0", "e1", "e2"] * 3 + ["e4"] * 8,
        "outcome": ["left"] * 6 + ["right"] * 3 + ["left"] * 8, "rater": ["1"] * 17,
    })  # fmt: skip
    joined = pd.concat([frame, extra], ignore_index=True)
    z = {name: np.append(values, np.zeros(17)) for name, values in covariates.items()}
    fit = fit_contextual(read(joined), z)
    rows = {row.entrant: row for row in leaderboard(fit).rows}
    assert rows["new"].interval == "profile"
    assert rows["new"].low < rows["new"].rating < rows["new"].high
    assert (rows["ace"].rating, rows["ace"].high) == (None, None)
    # Eight wins on the left against e4, held: p^8 = exp(-3.8415 / 2).
    p = np.exp(-3.841458821 / 16)
    e4 = fit.strengths[fit.comparisons.index("e4")]
    bound = np.log(p / (1 - p)) + e4 - fit.effects[0]
    assert profile_interval(fit, fit.comparisons.index("ace")).low == pytest.approx(bound, abs=1e-4)


def test_the_profile_of_rows_is_nearly_the_full_one():
    frame, _ = draw(600, 12, side=0.0)
    extra = pd.DataFrame({"left": ["new"] * 9, "right": ["e1", "e2", "e3"] * 3,
                          "outcome": ["left"] * 6 + ["right"] * 3, "rater": "1"})  # fmt: skip
    votes = read(pd.concat([frame, extra], ignore_index=True))
    full = profile_interval(fit_bradley_terry(votes), 5)
    ours = profile_interval(fit_contextual(votes, position=False), 5)
    np.testing.assert_allclose(ours, full, atol=0.01)


def test_position_bias_is_found_where_it_is():
    frame, _ = draw(20_000, 13, effects=(0.0, 0.0), side=0.2, tie=0.0)
    found = position_bias(read(frame))
    assert found.low < 0.2 < found.high
    assert found.share == pytest.approx(expit(0.2), abs=0.02)
    assert position_bias(read(frame), by=["rater"]).target == "other raters like the 40 raters seen"
