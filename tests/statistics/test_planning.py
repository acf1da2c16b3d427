"""Votes needed, answers at any time, and what being chosen is worth."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom

from analysis import Comparisons, InvalidComparisons, InvalidOption, difference, fit_bradley_terry
from analysis.planning import (
    expected_half_width,
    power_of,
    total_votes,
    visible_difference,
    votes_for_half_width,
    votes_needed,
    votes_still_needed,
)
from analysis.scale import POINTS_PER_NAT, to_points
from analysis.selection import expected_maximum, exposure_frame, exposure_shares, selection_adjusted
from analysis.sequential import (
    best_rho,
    difference_sequence,
    log_e_value,
    neighbours,
    separations,
    sequence_half_width,
)
from analysis.simulate import Arena

CALM = settings(max_examples=40, deadline=None)


def test_votes_needed_are_the_known_ones():
    # n = (z / 2 + z' sqrt(p (1 - p)))^2 / (p - 1/2)^2 at 5 % and 80 %.
    assert [votes_needed(points) for points in (20, 30, 50, 100)] == [2372, 1056, 382, 98]
    assert votes_needed(-50) == 382


def test_so_many_votes_have_the_power_that_was_asked_for():
    for points in (50, 100):
        n, p = votes_needed(points), expit(points / POINTS_PER_NAT)
        wins = np.arange(n + 1)
        seen = np.abs(wins - n / 2) > 1.959964 * math.sqrt(n) / 2
        exact = binom.pmf(wins, n, p)[seen].sum()
        assert exact == pytest.approx(0.8, abs=0.02)
        assert power_of(points, n) == pytest.approx(exact, abs=0.02)


@CALM
@given(st.floats(5, 400), st.floats(0.55, 0.95), st.floats(0.8, 0.99), st.floats(0, 0.5))
def test_power_undoes_votes_needed(points, power, level, tie_share):
    n = votes_needed(points, power=power, level=level, tie_share=tie_share)
    if n < 30:
        return
    assert power_of(points, n, level=level, tie_share=tie_share) >= power - 1e-9
    assert power_of(points, n - 1, level=level, tie_share=tie_share) < power
    assert visible_difference(n, power=power, level=level, tie_share=tie_share) <= points + 1e-3


@pytest.mark.parametrize("tie", [0.0, 0.8])
def test_half_widths_come_out_as_expected(tie):
    arena = Arena(np.zeros(8), tie=tie)
    share = tie / (tie + 2)
    widths = [
        to_points(
            1.959964 * float(np.sqrt(fit_bradley_terry(arena.comparisons(5600, seed=s)).variance).mean())
        )
        for s in range(10)
    ]
    assert np.mean(widths) == pytest.approx(expected_half_width(8, 200, tie_share=share), rel=0.02)
    # 347.4 is twice the points of a nat.
    assert expected_half_width(8, 200) == pytest.approx(
        1.96 * 347.4 * math.sqrt((1 - 1 / 8) / 1600), rel=1e-3
    )


def test_a_half_width_is_reached_with_the_votes_it_takes():
    n = votes_for_half_width(12, 20, tie_share=0.2)
    assert (
        expected_half_width(12, n / 66, tie_share=0.2)
        <= 20
        < expected_half_width(12, (n - 1) / 66, tie_share=0.2)
    )


def test_a_board_shows_a_difference_with_its_total():
    points, entrants = 50.0, 6
    strengths = np.zeros(entrants)
    strengths[0] = points / POINTS_PER_NAT
    seen = 0
    for seed in range(150):
        fit = fit_bradley_terry(Arena(strengths, tie=0).comparisons(total_votes(entrants, points), seed=seed))
        found = difference(fit, fit.labels[0], fit.labels[1])
        seen += found.low > 0 or found.high < 0
    assert seen / 150 == pytest.approx(0.8, abs=0.1)


def expected(labels, r, votes, tie=0.0):
    """Counts as the model expects them, without noise."""
    rows = []
    for (a, b), n in votes.items():
        p = (1 - tie) * (expit(r[a] - r[b]) - 0.5) + (1 - tie) / 2
        rows += [(a, b, "left", n * p), (a, b, "right", n * (1 - tie - p)), (a, b, "tie", n * tie)]
    left, right, word, count = zip(*rows, strict=True)
    return Comparisons.from_counts(labels, left, right, word, count)


@pytest.mark.parametrize("tie", [0.0, 0.3])
def test_votes_still_needed_are_enough_when_they_are_cast(tie):
    r, votes = [0.2, 0.0, -0.3], {(0, 1): 150, (0, 2): 200, (1, 2): 120}
    fit = fit_bradley_terry(expected("abc", r, votes, tie))
    still = votes_still_needed(fit, "a", "b")
    assert still.votes > 100
    cast = {**votes, (0, 1): votes[0, 1] + still.votes}
    after = difference(fit_bradley_terry(expected("abc", r, cast, tie)), "a", "b")
    assert after.estimate / after.se == pytest.approx(1.959964 + 0.841621, rel=0.02)
    assert str(still) == str(still.votes)


def test_votes_still_needed_have_a_bottom_and_a_top():
    counts = Comparisons.from_counts("ab", "aa", "bb", ["left", "right"], [800, 200])
    assert votes_still_needed(fit_bradley_terry(counts), "a", "b").votes == 0
    even = Comparisons.from_counts("ab", "aa", "bb", ["left", "right"], [502, 500])
    still = votes_still_needed(fit_bradley_terry(even), "a", "b")
    assert still.votes is None
    assert str(still) == "more than 20,000"
    level = Comparisons.from_counts("ab", "aa", "bb", ["left", "right"], [5, 5])
    assert votes_still_needed(fit_bradley_terry(level), "a", "b").votes is None


@pytest.mark.parametrize("call", [
    lambda: votes_needed(0),
    lambda: votes_needed(20, power=0.3),
    lambda: votes_needed(20, tie_share=1.0),
    lambda: power_of(20, 0),
    lambda: expected_half_width(1, 100),
    lambda: visible_difference(1),
    lambda: expected_maximum(0),
    lambda: best_rho(0),
    lambda: log_e_value(-1, 2),
])  # fmt: skip
def test_questions_without_an_answer_are_refused(call):
    with pytest.raises(InvalidOption):
        call()


# Sequential ------------------------------------------------------------------------------------------------


def test_the_e_value_of_an_even_mixture_is_a_fraction():
    # With c = 1: E = 2^n / ((n + 1) C(n, w)).
    for w, l in ((0, 0), (3, 1), (10, 2), (60, 40)):  # noqa: E741
        n = w + l
        exact = Fraction(2**n, (n + 1) * math.comb(n, w))
        assert float(log_e_value(w, l, concentration=1)) == pytest.approx(math.log(exact), abs=1e-9)


@CALM
@given(st.integers(0, 300), st.integers(0, 300), st.floats(0.3, 50))
def test_the_next_vote_of_equals_leaves_the_e_value_as_it_is(w, l, c):  # noqa: E741
    now = float(log_e_value(w, l, concentration=c))
    after = np.logaddexp(log_e_value(w + 1, l, concentration=c), log_e_value(w, l + 1, concentration=c))
    assert float(after) - math.log(2) == pytest.approx(now, abs=1e-8)


def test_equals_are_hardly_ever_separated_however_often_one_looks():
    rng = np.random.default_rng(1)
    wins = np.cumsum(rng.random((1000, 2000)) < 0.5, axis=1)
    n = np.arange(1, 2001)
    ever = (log_e_value(wins, n - wins) >= math.log(20)).any(axis=1)
    assert ever.mean() < 0.05
    # The fixed-sample test, looked at as often, is wrong far more often.
    assert (np.abs(wins - n / 2)[:, 20:] > 0.98 * np.sqrt(n[20:])).any(axis=1).mean() > 0.3


def test_pairs_share_the_error_probability():
    votes = [("a", "b", "left", 80), ("b", "a", "left", 40), ("b", "c", "right", 9), ("b", "c", "tie", 500)]
    left, right, word, count = zip(*votes, strict=True)
    comparisons = Comparisons.from_counts("abc", left, right, word, count)
    one = separations(comparisons, [("b", "a")])[0]
    assert (one.wins, one.losses, one.leader, one.separated) == (40, 80, "a", True)
    assert one.threshold == pytest.approx(20)
    three = {frozenset((row.first, row.second)): row for row in separations(comparisons)}
    assert three[frozenset("ab")].threshold == pytest.approx(60)
    assert three[frozenset("ab")].e_value == pytest.approx(one.e_value)
    assert three[frozenset("bc")].wins + three[frozenset("bc")].losses == 9
    assert not three[frozenset("ac")].separated
    with pytest.raises(InvalidOption):
        separations(comparisons, [("a", "b"), ("b", "a")])
    assert separations(comparisons, []) == ()


def test_a_clear_difference_is_separated_soon():
    # At 64 % among ten pairs the median is about 170 votes; a fixed plan for 80 % power takes 98 for one.
    rng = np.random.default_rng(2)
    wins = np.cumsum(rng.random((300, 1500)) < 0.64, axis=1)
    n = np.arange(1, 1501)
    reached = log_e_value(wins, n - wins) >= math.log(200)
    assert reached.any(axis=1).all()
    assert 120 < np.median(reached.argmax(axis=1)) < 220


def test_the_confidence_sequence_is_the_published_one():
    se, n, alpha, rho = 0.07, 430.0, 0.05, 0.2
    sigma = se * math.sqrt(n)
    grown = n * rho**2 + 1
    theirs = sigma * math.sqrt(2 * grown / (n * rho) ** 2 * math.log(math.sqrt(grown) / alpha))
    assert float(sequence_half_width(se, n, rho=rho)) == pytest.approx(theirs, rel=1e-12)
    # No other rho does much better at the reading it is made for.
    best = float(sequence_half_width(se, n, rho=best_rho(n)))
    others = [float(sequence_half_width(se, n, rho=best_rho(n) * factor)) for factor in (0.3, 0.6, 1.6, 3)]
    assert best < min(others)


def test_the_truth_stays_inside_at_all_times_at_once():
    rng = np.random.default_rng(3)
    n = np.arange(1, 3001)
    y = rng.random((300, 3000)) < 0.6
    mean = np.cumsum(y, axis=1) / n
    se = np.sqrt(np.clip(mean * (1 - mean), 0.01, None) / n)
    inside = np.abs(mean - 0.6) <= sequence_half_width(se, n)
    assert inside[:, 100:].all(axis=1).mean() > 0.95
    plain = np.abs(mean - 0.6) <= 1.96 * se
    assert plain[:, 100:].all(axis=1).mean() < 0.75


def test_a_sequence_of_a_board_is_shown_when_there_are_votes_enough():
    arena = Arena(np.array([-0.5, 0.0, 0.5]), tie=0.5)
    early, later = (fit_bradley_terry(arena.comparisons(n, seed=1)) for n in (90, 4000))
    names = arena.labels[:2]
    assert math.isnan(difference_sequence(early, *names).low)
    shown, fixed = difference_sequence(later, *names), difference(later, *names)
    assert shown.low < fixed.low < shown.estimate < fixed.high < shown.high
    assert shown.clock == pytest.approx(4 / fixed.se**2)
    assert neighbours(later) == ((arena.labels[2], arena.labels[1]), (arena.labels[1], arena.labels[0]))


# Selection -------------------------------------------------------------------------------------------------


def test_expected_maxima_are_those_of_the_tables():
    # David and Nagaraja 2003; The Leaderboard Illusion prints .56, 1.16, 1.54, 2.00.
    known = {1: 0.0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi), 5: 1.16296, 10: 1.53875}
    for n, value in known.items():
        assert expected_maximum(n) == pytest.approx(value, abs=2e-5)
    assert round(expected_maximum(27), 2) == 2.0


def test_expected_maxima_are_those_of_draws():
    draws = np.random.default_rng(0).standard_normal((200_000, 7))
    assert expected_maximum(7) == pytest.approx(draws.max(axis=1).mean(), abs=0.006)
    assert all(expected_maximum(n) < expected_maximum(n + 1) for n in (1, 5, 100, 1000))


def test_the_best_of_equals_is_where_the_others_are_once_adjusted():
    family = [f"entrant-{i:02}" for i in range(1, 6)]
    shown, adjusted = [], []
    for seed in range(120):
        fit = fit_bradley_terry(Arena(np.zeros(20), tie=0.5).comparisons(4000, seed=seed))
        (found,) = selection_adjusted(fit, {"family": family})
        shown.append(found.rating)
        adjusted.append(found.adjusted)
    assert np.mean(shown) > 1015
    assert np.mean(adjusted) == pytest.approx(1000, abs=3.5)


def test_withdrawn_variants_count_as_tried():
    fit = fit_bradley_terry(Arena(np.zeros(4)).comparisons(400, seed=1))
    one, many = (selection_adjusted(fit, {"f": ["entrant-1"]}, tried=t)[0] for t in ({}, {"f": 27}))
    assert one.adjusted == one.rating
    assert many.correction == pytest.approx(2.0 * many.sigma, rel=0.01)
    with pytest.raises(InvalidOption):
        selection_adjusted(fit, {"f": ["entrant-1", "entrant-2"]}, tried={"f": 1})
    with pytest.raises(InvalidComparisons):
        selection_adjusted(fit, {"f": ["nobody"]})


def test_exposure_adds_up_and_organisations_are_compared_with_their_size():
    arena = Arena(np.zeros(4))
    comparisons = arena.comparisons(3000, seed=1, exposure=np.array([3.0, 1, 1, 1]))
    rows = exposure_shares(comparisons, {"entrant-1": "big", "entrant-2": "big"})
    assert rows[0].group == "big"
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert sum(row.votes for row in rows) == 6000
    assert rows[0].even_share == 0.5
    assert rows[0].share == pytest.approx(14 / 24, abs=0.02)
    assert exposure_frame(rows).ratio.iloc[0] == pytest.approx(14 / 12, abs=0.04)
