"""Few raters, few prompts: the cluster bootstrap-t, and clusters of every kind of fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, stdtrit

from analysis import (
    AnalysisError,
    Comparisons,
    InvalidOption,
    bootstrap,
    cluster_bootstrap,
    clustered,
    effective_clusters,
    fit_bradley_terry,
    fit_davidson,
    fit_rao_kupper,
    leaderboard,
    usable_ways,
    wald_intervals,
)
from analysis.simulate import Arena


def arena(raters=10, prompts=60, **more):
    return Arena(np.linspace(-0.8, 0.8, 5), raters=raters, prompts=prompts, **more)


def read(frame):
    return Comparisons.from_frame(frame, rater="rater", prompt="prompt")


@pytest.mark.parametrize("by", [["rater"], ["rater", "prompt"]])
def test_a_slow_bootstrap_of_copied_votes_agrees(by):
    # Copies of clusters are made clusters of their own, and everything is fitted by the plain functions.
    frame = arena(raters=12, prompts=15, rater_spread=0.8, prompt_spread=0.8).votes(1500, seed=1)
    fit = fit_bradley_terry(read(frame))
    ours = cluster_bootstrap(fit, by, draws=8, seed=5)
    rng = np.random.default_rng(5)
    sizes = {"rater": 12, "prompt": 15}
    weights = [rng.multinomial(sizes[way], np.full(sizes[way], 1 / sizes[way]), size=8) for way in by]
    codes = [read(frame).votes.clusters[way] for way in by]
    base = clustered(fit, by)
    for draw in range(8):
        parts = []
        for row in range(len(frame)):
            first = range(weights[0][draw, codes[0][row]])
            second = range(weights[1][draw, codes[1][row]]) if len(by) > 1 else [0]
            parts += [(row, f"{codes[0][row]}.{i}", f"{codes[-1][row]}.{j}") for i in first for j in second]
        rows, one, two = zip(*parts, strict=True)
        copied = frame.iloc[list(rows)].assign(rater=list(one))
        if len(by) > 1:
            copied = copied.assign(prompt=list(two))
        again = clustered(fit_bradley_terry(read(copied)), by)
        t = np.abs(again.strengths - fit.strengths) / np.sqrt(again.variance)
        np.testing.assert_allclose(ours.t[draw], t, rtol=1e-5)
    np.testing.assert_allclose(ours.fit.variance, base.variance)


def test_few_raters_are_covered():
    few = arena(raters=8, prompts=20, rater_spread=0.6)
    truth = few.target()
    plain, studentised = [], []
    for seed in range(50):
        fit = fit_bradley_terry(read(few.votes(500, seed=seed)))
        for found, (low, high) in (
            (plain, wald_intervals(fit)),
            (studentised, cluster_bootstrap(fit, ["rater"], draws=99, seed=seed).interval()),
        ):
            found.append((low <= truth) & (truth <= high))
    assert np.mean(plain) < 0.85
    assert np.mean(studentised) > 0.92


def test_a_board_of_few_clusters_says_so_and_can_take_the_bootstrap():
    fit = clustered(fit_bradley_terry(read(arena(raters=8, rater_spread=0.5).votes(1500, seed=2))))
    board = leaderboard(fit, seed=4)
    assert {row.interval for row in board.rows} == {"wald"}
    assert board.warnings[0].startswith("Few raters or prompts: they weigh like ")
    assert "8 raters and 60 prompts" in board.target
    assert board.as_dict() == leaderboard(fit, seed=4).as_dict()
    given = leaderboard(fit, resampled=cluster_bootstrap(fit, seed=4))
    assert {row.interval for row in given.rows} == {"cluster bootstrap-t"}


def test_clusters_count_by_their_weight():
    assert effective_clusters(np.repeat(np.arange(8), 50)) == pytest.approx(8)
    assert effective_clusters(np.array([0] * 98 + [1, 2])) == pytest.approx(100**2 / (98**2 + 2))
    votes = read(arena(raters=2, prompts=3).votes(400, seed=1))
    assert usable_ways(votes) == ("prompt",)
    assert usable_ways(votes, least=2) == ("rater", "prompt")
    assert usable_ways(fit_bradley_terry(arena().comparisons(100, seed=1)).comparisons) == ()


def test_unequal_zeal_is_covered_where_the_plain_count_of_raters_is_not():
    # Twelve raters, the k-th with a share of 1 / k of the first one's votes: like six equally busy ones.
    few = arena(raters=12, prompts=48, rater_spread=0.6, prompt_spread=0.6)
    truth, zeal = few.target(), 1 / np.arange(1, 13)
    ours, by_count = [], []
    for seed in range(120):
        frame = few.votes(3200, seed=seed)
        kept = np.random.default_rng([seed, 1]).random(len(frame)) < zeal[frame["rater"].cat.codes]
        fit = clustered(fit_bradley_terry(read(frame[kept])))
        assert 3 < fit.degrees_of_freedom < 7
        low, high = wald_intervals(fit)
        ours.append((low <= truth) & (truth <= high))
        half = stdtrit(11, 0.975) * np.sqrt(fit.variance)
        by_count.append(np.abs(fit.strengths - truth) <= half)
    assert np.mean(ours) > 0.925
    assert np.mean(by_count) < 0.925


def test_many_clusters_keep_to_students_t():
    many = arena(raters=60, prompts=60, rater_spread=0.5)
    board = leaderboard(clustered(fit_bradley_terry(read(many.votes(3000, seed=3)))))
    assert {row.interval for row in board.rows} == {"wald"}


def test_the_vote_bootstrap_can_take_the_place_of_wald():
    fit = fit_bradley_terry(arena().comparisons(2000, seed=4))
    drawn = bootstrap(fit, draws=400, seed=1)
    board = leaderboard(fit, resampled=drawn)
    assert {row.interval for row in board.rows} == {"bootstrap"}
    wald = {row.entrant: row for row in leaderboard(fit).rows}
    for row in board.rows:
        assert row.high - row.low == pytest.approx(wald[row.entrant].high - wald[row.entrant].low, rel=0.2)
    other = fit_bradley_terry(Comparisons.from_counts("ab", "aa", "bb", ["left", "right"], [40, 30]))
    with pytest.raises(InvalidOption, match="other entrants"):
        leaderboard(other, resampled=drawn)


@pytest.mark.parametrize("fit_ties", [fit_davidson, fit_rao_kupper])
def test_clusters_of_single_votes_give_the_plain_sandwich_of_tie_models(fit_ties):
    frame = arena().votes(1500, seed=5)
    frame["rater"] = pd.Categorical([f"v{i}" for i in range(len(frame))])
    fit = fit_ties(read(frame))
    found = clustered(fit, ["rater"])
    # But for G / (G - 1).
    np.testing.assert_allclose(found.covariance, fit.covariance * 1500 / 1499, rtol=1e-6, atol=1e-12)
    assert found.tie_parameter_se == pytest.approx(fit.tie_parameter_se, rel=1e-3)


def test_draws_that_fall_apart_are_an_error_not_an_interval():
    # Every rater knows one pair of entrants only: most draws lose a link.
    rows = [(f"e{i}", f"e{i + 1}", word, f"r{i}", "p") for i in range(7) for word in ("left", "right") * 20]
    frame = pd.DataFrame(rows, columns=["left", "right", "outcome", "rater", "prompt"])
    fit = fit_bradley_terry(read(frame))
    with pytest.raises(AnalysisError, match="fell apart"):
        cluster_bootstrap(fit, ["rater"], draws=50)
    board = leaderboard(clustered(fit, ["rater"]))
    assert "Few raters" in " ".join(board.warnings)


def test_profile_intervals_of_newcomers_hold_the_clustered_ones():
    frame = arena(raters=40, rater_spread=0.5).votes(3000, seed=6).astype(str)
    p = expit(0.3)
    extra = pd.DataFrame({
        "left": "new", "right": "entrant-1", "rater": "rater-1", "prompt": "prompt-1",
        "outcome": ["left"] * round(20 * p) + ["right"] * (20 - round(20 * p)),
    })  # fmt: skip
    fit = clustered(fit_bradley_terry(read(pd.concat([frame, extra], ignore_index=True))), ["rater"])
    row = next(row for row in leaderboard(fit).rows if row.entrant == "new")
    low, high = wald_intervals(fit)
    at = fit.comparisons.index("new")
    assert row.interval == "profile"
    assert row.low <= 1000 + 400 / np.log(10) * low[at] + 1e-9
    assert row.high >= 1000 + 400 / np.log(10) * high[at] - 1e-9
