"""Boards at the edge: nothing but ties, many entrants, many cells."""

from __future__ import annotations

import time

import numpy as np
import pytest

from analysis import (
    Comparisons,
    bootstrap,
    connectivity,
    difference,
    fit_bradley_terry,
    fit_davidson,
    leaderboard,
    rank_intervals,
)
from analysis.profile import held_intervals
from analysis.resampling import Resampling
from analysis.simulate import Arena


def test_nothing_but_ties_is_not_certainty():
    fit = fit_bradley_terry(Comparisons.from_counts("ab", "a", "b", ["tie"], [40]))
    assert fit.variance.max() == 0
    for row in leaderboard(fit).rows:
        assert row.interval == "profile"
        assert row.provisional
        assert "ties" in row.reason
        assert row.low < 950
        assert row.high > 1050
    assert difference(fit, "a", "b").se == pytest.approx(np.sqrt(4 / 40))
    assert not rank_intervals(fit).surely_above.any()


def test_one_entrant_of_ties_among_others_is_wide_too():
    rows = [(a, b, word) for a, b in ("AB", "BC", "CA") for word in ("left", "right", "tie")]
    left, right, words = zip(*rows, strict=True)
    counts = [60] * 9
    made = Comparisons.from_counts(
        "ABCT", [*left, "T", "T"], [*right, "A", "B"], [*words, "tie", "tie"], [*counts, 30, 20]
    )
    row = next(row for row in leaderboard(fit_bradley_terry(made)).rows if row.entrant == "T")
    assert row.votes == 50
    assert row.high - row.low > 100


@pytest.mark.slow
@pytest.mark.parametrize("fit_votes", [fit_bradley_terry, fit_davidson])
def test_thousands_of_entrants_with_few_votes_each_make_a_board_soon(fit_votes):
    n = 3000
    rng = np.random.default_rng(0)
    left = rng.integers(n, size=45_000)
    right = (left + rng.integers(1, n, size=45_000)) % n
    truth = np.linspace(-1, 1, n)
    won = rng.random(45_000) < 1 / (1 + np.exp(truth[right] - truth[left]))
    word = np.where(rng.random(45_000) < 0.1, "tie", np.where(won, "left", "right"))
    votes = Comparisons.from_counts([f"e{i}" for i in range(n)], left, right, word.tolist())
    if fit_votes is fit_davidson:
        assert np.corrcoef(np.nan_to_num(fit_votes(votes).strengths), truth)[0, 1] > 0.7
        return
    begin = time.process_time()
    board = leaderboard(fit_votes(votes))
    assert time.process_time() - begin < 10
    assert "too narrow" in " ".join(board.warnings)
    assert len(board.rows) == n
    assert all(row.low < row.rating < row.high for row in board.rows if row.rating is not None)


def test_held_profiles_are_where_the_deviance_says():
    fit = fit_bradley_terry(Arena(np.linspace(-1, 1, 5)).comparisons(300, seed=1))
    low, high = held_intervals(fit, np.arange(5), level=0.95)
    pairs = fit.pairs()
    best = fit.log_likelihood
    for i in range(5):
        for bound in (low[i], high[i]):
            moved = fit.strengths.copy()
            moved[i] = bound
            value = fit.model.terms(pairs, moved[pairs.first] - moved[pairs.second], 0.0).value
            assert 2 * (best - value) == pytest.approx(3.8415, abs=1e-3)


def test_ranks_by_counting_are_ranks_by_comparing():
    rng = np.random.default_rng(2)
    for seed in range(30):
        n = 9
        left = rng.integers(n, size=14)
        right = (left + rng.integers(1, n, size=14)) % n
        votes = Comparisons.from_counts([f"e{i}" for i in range(n)], left, right, ["left"] * 14)
        fit = fit_bradley_terry(votes)
        reach = fit.connectivity.above()
        placed = [s not in ("apart", "unmet") for s in fit.connectivity.standings()]
        placed = (fit.island == 0) & (np.array(placed) if fit.connectivity.core[0] >= 0 else True)
        rank = rank_intervals(fit, seed=seed).rank
        for i in np.flatnonzero(np.isfinite(rank)):
            same = fit.component == fit.component[i]
            stronger = same & (np.nan_to_num(fit.strengths) > np.nan_to_num(fit.strengths[i]))
            above = reach[fit.component, fit.component[i]] | stronger
            assert rank[i] == 1 + above[placed].sum()


def test_standings_are_those_of_the_whole_reach():
    rng = np.random.default_rng(3)
    for _ in range(30):
        left = rng.integers(12, size=12)
        right = (left + rng.integers(1, 12, size=12)) % 12
        names = [f"e{i}" for i in range(12)]
        found = connectivity(Comparisons.from_counts(names, left, right, ["left"] * 12))
        reach = found.above()
        for i, standing in enumerate(found.standings()):
            core = found.core[found.island[i]]
            if core >= 0:
                assert (standing == "above") == bool(reach[found.component[i], core])
                assert (standing == "below") == bool(reach[core, found.component[i]])


def test_shared_tables_draw_what_the_multinomial_draws():
    # 38,500 votes over 6,000 cells of four sizes: enough cells for tables.
    votes = np.repeat([1.0, 5.0, 12.0, 40.0], [3000, 2500, 300, 200])
    source = Resampling(votes, np.random.default_rng(0))
    assert source.tabled
    drawn = source.draw(1500)
    assert set(drawn.sum(axis=0)) == {votes.sum()}
    for size in (1.0, 5.0, 12.0, 40.0):
        cells = drawn[votes == size]
        share = size / votes.sum()
        assert cells.mean() == pytest.approx(size, rel=0.01)
        assert cells.var(axis=1).mean() == pytest.approx(size * (1 - share), rel=0.02)
    # Counts of two cells are negatively correlated, by their shares.
    big = drawn[votes == 40.0]
    between = (big.sum(axis=0).var() - big.var(axis=1).sum()) / (200 * 199)
    assert between == pytest.approx(-(40.0**2) / votes.sum(), rel=0.6)


def test_bootstraps_of_many_entrants_give_the_sandwich_too():
    fit = fit_bradley_terry(Arena(np.linspace(-1, 1, 60), tie=0.5).comparisons(60_000, seed=4))
    drawn = bootstrap(fit, draws=300, seed=0)
    assert np.mean(drawn.strengths.std(axis=0) / np.sqrt(fit.variance)) == pytest.approx(1, abs=0.02)
