"""Simulated truth, recovered as often as was promised.

Arenas share a seed each; tolerances are about three standard errors of the simulation itself.
"""

from __future__ import annotations

import numpy as np
import pytest

from analysis import (
    Comparisons,
    clustered,
    fit_bradley_terry,
    fit_davidson,
    profile_interval,
    rank_intervals,
    wald_intervals,
)
from analysis.simulate import Arena


def covers(fit, truth):
    low, high = wald_intervals(fit)
    return (low <= truth) & (truth <= high)


def test_endless_votes_find_the_truth_without_ties():
    strengths = np.array([-1.0, -0.2, 0.3, 0.9])
    arena = Arena(strengths, tie=0)
    np.testing.assert_allclose(arena.target(), strengths, atol=1e-6)
    fit = fit_bradley_terry(arena.comparisons(400_000, seed=1))
    np.testing.assert_allclose(fit.strengths, strengths, atol=0.02)


def test_davidson_finds_the_truth_and_the_rate_of_ties():
    strengths = np.array([-1.0, -0.2, 0.3, 0.9])
    fit = fit_davidson(Arena(strengths, tie=0.7).comparisons(400_000, seed=2))
    np.testing.assert_allclose(fit.strengths, strengths, atol=0.02)
    assert fit.tie_parameter == pytest.approx(0.7, abs=4 * fit.tie_parameter_se)


def test_sandwich_intervals_cover_as_promised_and_hessian_ones_too_often():
    arena = Arena(np.linspace(-1, 1, 8), tie=0.8)
    truth = arena.target()
    sandwich, hessian = [], []
    for seed in range(400):
        comparisons = arena.comparisons(2000, seed=seed)
        sandwich.append(covers(fit_bradley_terry(comparisons), truth))
        hessian.append(covers(fit_bradley_terry(comparisons, covariance="hessian"), truth))
    assert np.mean(sandwich) == pytest.approx(0.95, abs=0.013)
    assert np.mean(hessian) > 0.965


def test_two_way_clusters_cover_where_raters_and_prompts_have_tastes():
    arena = Arena(np.linspace(-1, 1, 6), raters=50, prompts=50, rater_spread=0.7, prompt_spread=0.7)
    truth = arena.target()
    plain, both = [], []
    for seed in range(200):
        votes = Comparisons.from_frame(arena.votes(6000, seed=seed), rater="rater", prompt="prompt")
        fit = fit_bradley_terry(votes)
        plain.append(covers(fit, truth))
        both.append(covers(clustered(fit), truth))
    assert np.mean(plain) < 0.75
    assert np.mean(both) == pytest.approx(0.95, abs=0.03)


def test_newcomers_with_few_votes_are_covered():
    strengths = np.append(np.linspace(-1, 1, 8), 0.8)
    arena = Arena(strengths, tie=0.5)
    exposure = np.append(np.ones(8), 0.02)
    truth = arena.target(exposure=exposure)
    covered = []
    for seed in range(400):
        comparisons = arena.comparisons(2500, seed=seed, exposure=exposure)
        votes = comparisons.table()[8].sum() + comparisons.table()[:, 8].sum()
        if not 5 <= votes <= 20:
            continue
        fit = fit_bradley_terry(comparisons)
        low, high = profile_interval(fit, 8)
        # An undefeated newcomer is placed against the mean of the others, not of all nine.
        target = truth[8] if fit.component[8] == fit.component[0] else truth[8] - truth[:8].mean()
        covered.append(low <= target <= high)
    assert len(covered) > 300
    assert np.mean(covered) > 0.94


@pytest.mark.parametrize("n_votes", [1000, 5000])
def test_rank_intervals_make_hardly_any_wrong_claim(n_votes):
    strengths = np.concatenate([np.zeros(5), np.linspace(0.05, 0.8, 10)])
    arena = Arena(strengths, tie=0.6)
    truth = arena.target()
    wrong, plain = 0, 0
    for seed in range(200):
        fit = fit_bradley_terry(arena.comparisons(n_votes, seed=seed))
        not_above = truth[:, None] <= truth + 1e-9
        claims = rank_intervals(fit, draws=500, seed=seed)
        wrong += bool(np.any(claims.surely_above & not_above))
        gap = fit.strengths[:, None] - fit.strengths
        variance = np.diagonal(fit.covariance)
        spread = np.sqrt(np.clip(variance[:, None] + variance - 2 * fit.covariance, 1e-12, None))
        plain += bool(np.any((gap > 1.96 * spread) & not_above))
    assert wrong <= 0.05 * 200 + 9
    assert plain > 5 * max(wrong, 1)
