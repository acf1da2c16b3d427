"""What must hold for any votes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import (
    Comparisons,
    Outcome,
    fit_bradley_terry,
    fit_davidson,
    leaderboard,
    profile_interval,
    quasi_standard_errors,
    rank_intervals,
)

WORDS = tuple(Outcome)
SWAP = {Outcome.LEFT: Outcome.RIGHT, Outcome.RIGHT: Outcome.LEFT}
CALM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def rows(draw, largest=6):
    """Any counts at all, connected or not."""
    n = draw(st.integers(2, largest))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda pair: pair[0] != pair[1])
    one = st.tuples(pairs, st.sampled_from(WORDS), st.integers(1, 50))
    return n, draw(st.lists(one, min_size=1, max_size=25))


def read(n, votes, *, order=None, swap=False, times=1):
    names = [f"e{i}" for i in range(n)] if order is None else [f"e{order[i]}" for i in range(n)]
    left, right = [names[pair[0]] for pair, _, _ in votes], [names[pair[1]] for pair, _, _ in votes]
    outcome = [word for _, word, _ in votes]
    if swap:
        left, right, outcome = right, left, [SWAP.get(word, word) for word in outcome]
    count = [times * count for _, _, count in votes]
    return Comparisons.from_counts(sorted(names), left, right, outcome, count)


@CALM
@given(rows(), st.randoms(use_true_random=False))
def test_names_do_not_matter(data, random):
    n, votes = data
    order = list(range(n))
    random.shuffle(order)
    plain, renamed = fit_bradley_terry(read(n, votes)), fit_bradley_terry(read(n, votes, order=order))
    np.testing.assert_allclose(renamed.strengths[order], plain.strengths, atol=1e-8)
    np.testing.assert_allclose(renamed.variance[order], plain.variance, rtol=1e-6, atol=1e-10)


@CALM
@given(rows())
def test_sides_do_not_matter(data):
    plain, swapped = fit_bradley_terry(read(*data)), fit_bradley_terry(read(*data, swap=True))
    np.testing.assert_allclose(swapped.strengths, plain.strengths, atol=1e-9)
    np.testing.assert_allclose(swapped.covariance, plain.covariance, rtol=1e-7, atol=1e-11)


@CALM
@given(rows())
def test_twice_the_votes_halve_the_variance_and_move_nothing(data):
    plain, doubled = fit_bradley_terry(read(*data)), fit_bradley_terry(read(*data, times=2))
    np.testing.assert_allclose(doubled.strengths, plain.strengths, atol=1e-8)
    np.testing.assert_allclose(2 * doubled.covariance, plain.covariance, rtol=1e-6, atol=1e-10)
    assert doubled.log_likelihood == pytest.approx(2 * plain.log_likelihood, rel=1e-9)


@CALM
@given(rows())
def test_expected_wins_are_the_wins(data):
    fit = fit_bradley_terry(read(*data))
    pairs = fit.pairs()
    pairs = pairs.only(fit.component[pairs.first] == fit.component[pairs.second])
    known = np.nan_to_num(fit.strengths)
    slope = fit.model.terms(pairs, known[pairs.first] - known[pairs.second], 0.0).slope
    np.testing.assert_allclose(pairs.total(slope), 0, atol=1e-6)


@CALM
@given(rows())
def test_any_votes_make_a_board(data):
    comparisons = read(*data)
    board = leaderboard(fit_bradley_terry(comparisons), draws=100)
    assert len(board.rows) == data[0]
    for row in board.rows:
        if row.rating is not None:
            assert row.low < row.rating < row.high
        if row.rank is not None:
            assert row.rank_low <= row.rank <= row.rank_high
        assert row.provisional == (row.reason is not None)
        assert row.votes == row.wins + row.losses + row.ties + row.both_bad


@CALM
@given(rows())
def test_strengths_are_known_just_where_an_entrant_is_not_alone(data):
    fit = fit_bradley_terry(read(*data))
    together = np.bincount(fit.component)[fit.component] > 1
    np.testing.assert_array_equal(np.isfinite(fit.strengths), together)
    for number in np.unique(fit.component[together]):
        assert fit.strengths[fit.component == number].mean() == pytest.approx(0, abs=1e-9)


@CALM
@given(rows(largest=4))
def test_the_bounds_of_a_profile_are_where_the_deviance_says(data):
    fit = fit_bradley_terry(read(*data))
    for i in np.flatnonzero(fit.core()):
        narrow, wide = profile_interval(fit, int(i), level=0.8), profile_interval(fit, int(i), level=0.95)
        assert wide.low < narrow.low < fit.strengths[i] < narrow.high < wide.high


def test_a_profile_of_one_pair_is_solved_by_hand():
    # 6 wins to 2: bounds d of the difference with 2 (l(log 3) - l(d)) = 3.8415; strengths are halves.
    fit = fit_bradley_terry(Comparisons.from_counts("ab", "aa", "bb", ["left", "right"], [6, 2]))
    low, high = profile_interval(fit, 0)

    def deviance(d):
        return 2 * sum(w * (np.log(w / 8) + np.log1p(np.exp(-s * d))) for w, s in ((6, 1), (2, -1)))

    for bound in (low, high):
        assert deviance(2 * bound) == pytest.approx(3.8415, abs=0.01)


def test_many_votes_make_profile_and_wald_one():
    votes = [((0, 1), "left", 5000), ((1, 2), "left", 5000), ((2, 0), "left", 4000), ((1, 0), "left", 4000),
             ((2, 1), "left", 4000)]  # fmt: skip
    fit = fit_bradley_terry(read(3, votes), covariance="hessian")
    low, high = profile_interval(fit, 0)
    assert (high - low) / 2 == pytest.approx(1.959964 * np.sqrt(fit.variance[0]), rel=1e-3)


def test_davidson_orders_as_bradley_terry_does():
    votes = [((i, (i + k) % 5), word, 20 + 5 * i * (word == "left"))
             for i in range(5) for k in (1, 2) for word in ("left", "right", "tie")]  # fmt: skip
    ours, ties = fit_bradley_terry(read(5, votes)), fit_davidson(read(5, votes))
    np.testing.assert_array_equal(np.argsort(ours.strengths), np.argsort(ties.strengths))


def test_quasi_errors_give_back_the_errors_of_differences():
    votes = [((i, j), word, 30 + 7 * i + 3 * j) for i in range(6) for j in range(6) if i != j
             for word in ("left", "right", "tie")]  # fmt: skip
    fit = fit_bradley_terry(read(6, votes))
    q = quasi_standard_errors(fit)
    v = np.diagonal(fit.covariance)
    true = np.sqrt(v[:, None] + v - 2 * fit.covariance)[np.triu_indices(6, 1)]
    np.testing.assert_allclose(np.sqrt(q[:, None] ** 2 + q**2)[np.triu_indices(6, 1)], true, rtol=0.05)


def test_rank_intervals_shrink_with_the_level():
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    votes = [(pair, "left", 80 - 10 * pair[0]) for pair in pairs] + [(pair, "right", 30) for pair in pairs]
    fit = fit_bradley_terry(read(6, votes))
    wide, narrow = rank_intervals(fit, level=0.99), rank_intervals(fit, level=0.5)
    assert np.all(wide.low <= narrow.low)
    assert np.all(wide.high >= narrow.high)
    assert wide.critical_value > narrow.critical_value
