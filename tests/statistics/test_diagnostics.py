"""What votes say about themselves."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import (
    Comparisons,
    InvalidComparisons,
    InvalidOption,
    both_bad_rates,
    compare_tie_rules,
    drift,
    effective_sample_size,
    fit_bradley_terry,
    fit_davidson,
    goodness_of_fit,
    intransitivity,
    pair_weights,
    propensity_weights,
    reweighted,
    select_votes,
)
from analysis.simulate import Arena
from tests.statistics import published


def test_the_deviance_of_the_journals_is_in_the_goodness_of_fit():
    # Agresti, Categorical Data Analysis (2002), p. 448: 4.293 on 3 degrees of freedom.
    fit = fit_bradley_terry(published.stigler())
    found = goodness_of_fit(fit)
    assert found.deviance == pytest.approx(4.293, abs=5e-4)
    assert (found.degrees_of_freedom, found.statistic_df) == (3, 3)
    wins = fit.comparisons.table()[:, :, 0]
    met = np.triu(wins + wins.T, 1)
    p = 1 / (1 + np.exp(fit.strengths - fit.strengths[:, None]))
    pearson = np.sum(np.where(met > 0, (wins - met * p) ** 2 / np.where(met > 0, met * p * (1 - p), 1), 0))
    assert found.statistic == pytest.approx(pearson)
    assert found.statistic == pytest.approx(found.deviance, rel=0.1)


def test_goodness_of_fit_is_uniform_where_the_model_holds():
    arena = Arena(np.linspace(-0.5, 0.5, 6), tie=0.0)
    small = [
        goodness_of_fit(fit_bradley_terry(arena.comparisons(1500, seed=s))).p_value < 0.1 for s in range(200)
    ]
    assert np.mean(small) == pytest.approx(0.1, abs=0.06)


def circle(times=40):
    wins = {("a", "b"): 3 * times, ("b", "a"): times, ("b", "c"): 3 * times, ("c", "b"): times,
            ("c", "a"): 3 * times, ("a", "c"): times, ("a", "d"): times, ("d", "a"): times - 1,
            ("b", "d"): times, ("d", "b"): times - 2}  # fmt: skip
    return published.from_wins(wins)


def test_a_circle_is_found_and_is_no_chance():
    fit = fit_bradley_terry(circle())
    found = intransitivity(fit, draws=200)
    assert found.circular == 1
    assert found.triples == 2
    assert found.p_value > 0.1
    assert found.strongest_p_value < 0.01
    assert sorted(found.strongest[0][:3]) == ["a", "b", "c"]
    assert found.strongest[0][3] == pytest.approx(80 / np.sqrt(160))
    assert goodness_of_fit(fit).p_value < 1e-6


def test_circles_are_those_that_enumeration_finds():
    votes = Arena(np.zeros(9), tie=0.3).comparisons(500, seed=1)
    table = votes.table()
    margin = table[:, :, 0] + table[:, :, 1].T
    beats = margin > margin.T
    expected = sum(beats[a, b] and beats[b, c] and beats[c, a] for a, b, c in permutations(range(9), 3)) // 3
    found = intransitivity(fit_bradley_terry(votes), draws=100)
    assert found.circular == expected > 0
    assert found.p_value > 0.02


def test_tie_rules_are_told_apart_by_what_made_the_votes():
    votes = Arena(np.linspace(-1.5, 1.5, 8), tie=1.2).comparisons(60_000, seed=2)
    found = compare_tie_rules(votes, folds=5)
    assert found.best("outcome") == "davidson"
    assert {loss.votes for loss in found.losses if loss.question == "outcome"} == {60_000}
    half = next(loss for loss in found.losses if (loss.rule, loss.question) == ("half", "decided"))
    assert half.behind > 3 * half.behind_se
    assert np.isnan(next(x.loss for x in found.losses if (x.rule, x.question) == ("half", "outcome")))
    assert repr(compare_tie_rules(votes, folds=5)) == repr(found)


def test_held_out_losses_are_those_of_a_loop():
    votes = Arena(np.linspace(-1, 1, 4), tie=0.6).comparisons(3000, seed=3)
    found = compare_tie_rules(votes, folds=2, seed=9)
    three = np.column_stack([votes.counts[:, 0], votes.counts[:, 1], votes.counts[:, 2:].sum(axis=1)])
    dealt = np.random.default_rng(9).multinomial(three.astype(int), [0.5, 0.5])
    total = 0.0
    for fold in range(2):
        train = three - dealt[:, :, fold]
        left, right = np.repeat(votes.left, 3), np.repeat(votes.right, 3)
        words = ["left", "right", "tie"] * len(three)
        fit = fit_davidson(Comparisons.from_counts(votes.labels, left, right, words, train.ravel()))
        for cell, held in enumerate(dealt[:, :, fold]):
            x = fit.strengths[votes.left[cell]] - fit.strengths[votes.right[cell]]
            parts = np.array([np.exp(x / 2), np.exp(-x / 2), fit.tie_parameter])
            total -= held @ np.log(parts / parts.sum())
    davidson = next(x for x in found.losses if (x.rule, x.question) == ("davidson", "outcome"))
    assert davidson.loss == pytest.approx(total / 3000, abs=1e-9)


def test_tie_rules_need_ties():
    with pytest.raises(InvalidComparisons, match="no ties"):
        compare_tie_rules(published.wikipedia())
    with pytest.raises(InvalidOption, match="two folds"):
        compare_tie_rules(published.pudding(), folds=1)


def two_periods(n_votes, seed, moved):
    arena = Arena(np.array([-0.6, -0.2, 0.2, 0.6]), tie=0.4)
    later = Arena(np.array([-0.6, -0.2, 0.2, 0.6 + moved]), tie=0.4)
    frame = pd.concat(
        [arena.votes(n_votes, seed=seed), later.votes(n_votes, seed=seed + 1000)], ignore_index=True
    )
    return Comparisons.from_frame(frame, keep_votes=True), np.repeat(["2026-01", "2026-02"], n_votes)


def test_drift_is_rarely_seen_where_there_is_none_and_found_where_there_is():
    seen = [drift(*two_periods(600, seed, 0.0)).p_value < 0.1 for seed in range(100)]
    assert np.mean(seen) == pytest.approx(0.1, abs=0.08)
    found = drift(*two_periods(4000, 1, 0.6))
    assert found.p_value < 1e-6
    assert found.labels[int(np.argmin(found.entrant_p_values))] == "entrant-4"
    assert found.periods == ("2026-01", "2026-02")
    assert found.strengths[1, 3] > found.high[0, 3]


def test_two_periods_are_compared_as_two_independent_fits():
    votes, period = two_periods(800, 3, 0.2)
    found = drift(votes, period)
    one, two = (fit_bradley_terry(select_votes(votes, period == name)) for name in found.periods)
    gap = (one.strengths - two.strengths)[:3]
    expected = gap @ np.linalg.inv((one.covariance + two.covariance)[:3, :3]) @ gap
    assert found.statistic == pytest.approx(expected, rel=1e-6)
    assert found.degrees_of_freedom == 3


def test_drift_needs_periods_that_hang_together():
    votes, period = two_periods(50, 4, 0.0)
    with pytest.raises(InvalidOption, match="two periods"):
        drift(votes, np.zeros(100))
    with pytest.raises(InvalidOption, match="longer ones"):
        drift(votes, np.arange(100))
    with pytest.raises(InvalidComparisons, match="for each vote"):
        drift(votes, period[:7])


def test_both_bad_rates_have_intervals_and_wider_ones_by_cluster():
    rng = np.random.default_rng(5)
    prompt = rng.integers(30, size=3000)
    hard = rng.random(30) < 0.2
    bad = rng.random(3000) < np.where(hard[prompt], 0.6, 0.02)
    frame = Arena(np.zeros(4)).votes(3000, seed=5).astype(str).assign(prompt=prompt.astype(str))
    frame["outcome"] = np.where(bad, "both_bad", "left")
    votes = Comparisons.from_frame(frame, prompt="prompt")
    plain, by = both_bad_rates(votes), both_bad_rates(votes, by=["prompt"])
    for one, other in zip(plain, by, strict=True):
        assert one.low < one.rate == other.rate < one.high
        assert other.high - other.low > 2 * (one.high - one.low)
        assert "30 prompts" in other.target
    assert sum(row.votes for row in plain) == 6000
    nothing = both_bad_rates(Comparisons.from_counts("ab", [], [], []))
    assert nothing[0].rate is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50), st.floats(0.1, 10))
def test_effective_votes_know_no_unit_and_are_no_more_than_the_votes(weights, factor):
    found = effective_sample_size(weights)
    assert 1 - 1e-9 <= found <= len(weights) * (1 + 1e-9)
    assert effective_sample_size(np.multiply(weights, factor)) == pytest.approx(found)


def test_equal_weights_cost_nothing_and_one_heavy_vote_nearly_all():
    assert effective_sample_size(np.ones(70)) == 70
    assert effective_sample_size([1e9, *[1.0] * 99]) == pytest.approx(1, abs=1e-6)
    assert effective_sample_size([]) == 0


def test_equal_pairs_are_what_equal_dealing_would_have_found():
    # Two strengths cannot explain a circle, so the fit depends on how often each pair was dealt.
    rng = np.random.default_rng(6)
    share = {("a", "b"): 0.8, ("b", "c"): 0.8, ("a", "c"): 0.2}
    pairs = [("a", "b")] * 16_000 + [("b", "c")] * 2000 + [("a", "c")] * 2000
    frame = pd.DataFrame(pairs, columns=["left", "right"])
    p = frame.apply(lambda row: share[row.left, row.right], axis=1)
    frame["outcome"] = np.where(rng.random(len(p)) < p, "left", "right")
    votes = Comparisons.from_frame(frame, keep_votes=True)
    weighting = pair_weights(votes)
    assert weighting.weights.mean() == pytest.approx(1)
    assert weighting.efficiency == pytest.approx(9 / (1 / 0.8 + 2 / 0.1), rel=1e-9)
    even = published.from_wins(
        {(a, b): v for (x, y), q in share.items() for a, b, v in ((x, y, q), (y, x, 1 - q))}
    )
    target = fit_bradley_terry(even).strengths
    np.testing.assert_allclose(
        fit_bradley_terry(reweighted(votes, weighting.weights)).strengths, target, atol=0.04
    )
    assert np.abs(fit_bradley_terry(votes).strengths - target).max() > 0.15
    propensity = np.array([{"a": {"b": 0.8, "c": 0.1}, "b": {"c": 0.1}}[x][y] for x, y in pairs])
    same = propensity_weights(propensity)
    np.testing.assert_allclose(same.weights, weighting.weights, rtol=1e-9)
    cut = propensity_weights(propensity, largest=2.0)
    assert cut.n_clipped == 4000
    assert cut.efficiency > same.efficiency


def test_weighted_sandwiches_are_wider_as_effective_votes_say():
    arena = Arena(np.linspace(-0.3, 0.3, 4), tie=0)
    votes = Comparisons.from_frame(arena.votes(8000, seed=7), keep_votes=True)
    weights = np.random.default_rng(7).choice([0.2, 3.0], size=8000)
    wide, plain = fit_bradley_terry(reweighted(votes, weights)), fit_bradley_terry(votes)
    ratio = np.mean(wide.variance / plain.variance)
    assert ratio == pytest.approx(8000 / effective_sample_size(weights), rel=0.06)


def test_bad_weights_are_refused():
    votes = Comparisons.from_frame(Arena(np.zeros(3)).votes(10, seed=8), keep_votes=True)
    with pytest.raises(InvalidComparisons, match="zero or more"):
        reweighted(votes, -np.ones(10))
    with pytest.raises(InvalidComparisons, match="one weight"):
        reweighted(votes, np.ones(9))
    with pytest.raises(InvalidComparisons, match="above 0"):
        propensity_weights([0.5, 0.0])
    with pytest.raises(InvalidOption, match="at least 1"):
        propensity_weights([0.5], largest=0.5)
