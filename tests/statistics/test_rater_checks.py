"""What checks of raters say, against simulated raters whose chances are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis import InvalidOption, repeat_ceiling, side_tests, wilson_interval
from analysis.agreement import Share


def share(agreeing: int, pairs: int) -> Share:
    low, high = wilson_interval(agreeing, pairs)
    return Share(agreeing, pairs, agreeing / pairs if pairs else math.nan, low, high)


def test_an_interval_of_a_proportion_holds_it_and_is_that_of_scipy():
    for trials in range(1, 200):
        for successes in {0, 1, trials // 3, trials - 1, trials}:
            low, high = wilson_interval(successes, trials)
            assert low <= successes / trials <= high
            known = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
            assert (low, high) == pytest.approx((known.low, known.high), abs=1e-12)


@pytest.mark.parametrize("answers", [2, 4])
@pytest.mark.parametrize("concentration", [0.1, 1.0, 8.0])
def test_the_ceiling_holds_the_best_prediction_of_simulated_raters(answers, concentration):
    rng = np.random.default_rng(7)
    chances = rng.dirichlet(np.full(answers, concentration), size=200_000)
    steps = chances.cumsum(axis=1)
    one, two = ((rng.random((len(steps), 1)) > steps).sum(axis=1) for _ in range(2))
    found = repeat_ceiling(share(int((one == two).sum()), len(steps)), answers=answers)
    best = chances.max(axis=1).mean()
    assert found.lower_low <= best <= found.upper_high
    assert found.lower == pytest.approx((chances**2).sum(axis=1).mean(), abs=0.005)


def test_the_bounds_meet_where_answers_are_certain_and_where_they_are_chance():
    sure = repeat_ceiling(share(50, 50), answers=2)
    assert (sure.lower, sure.upper) == (1.0, 1.0)
    chance = repeat_ceiling(share(20, 80), answers=4)
    assert (chance.lower, chance.upper) == (0.25, 0.25)
    fewer = repeat_ceiling(share(30, 100), answers=2)
    assert (fewer.lower, fewer.upper) == (0.5, 0.5)
    assert math.isnan(repeat_ceiling(share(0, 0)).upper)
    with pytest.raises(InvalidOption):
        repeat_ceiling(share(1, 2), answers=1)


def test_sides_are_tested_exactly_and_for_as_many_raters_as_there_are():
    p = side_tests([9, 20, 0, 50], [20, 20, 0, 100])
    assert p[1] == pytest.approx(3 * binomtest(20, 20).pvalue)
    assert math.isnan(p[2])
    assert p[0] == p[3] == 1.0
    with pytest.raises(InvalidOption):
        side_tests([3], [2])


def test_fair_raters_are_seldom_told_to_keep_to_a_side():
    rng = np.random.default_rng(3)
    decided = rng.integers(20, 200, size=(400, 30))
    left = rng.binomial(decided, 0.5)
    told = [bool((side_tests(mine, of) < 0.05).any()) for mine, of in zip(left, decided, strict=True)]
    assert np.mean(told) < 0.07
