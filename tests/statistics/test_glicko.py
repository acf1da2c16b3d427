"""Glicko-2."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from analysis import Comparisons, Glicko2Rating, InvalidComparisons, InvalidOption, rate_glicko2, run_glicko2
from analysis.simulate import Arena


def test_glickmans_worked_example():
    # M. E. Glickman, "Example of the Glicko-2 system" (2013): 1464.06, 151.52, 0.05999, rounded on the way.
    player = Glicko2Rating(1500, 200, 0.06)
    met = [Glicko2Rating(1400, 30, 0.06), Glicko2Rating(1550, 100, 0.06), Glicko2Rating(1700, 300, 0.06)]
    found = rate_glicko2(player, met, [1, 0, 0], tau=0.5)
    assert found.rating == pytest.approx(1464.06, abs=0.015)
    assert found.deviation == pytest.approx(151.52, abs=0.006)
    assert found.volatility == pytest.approx(0.05999, abs=1e-5)


def slow(state, games, tau):
    """One period, entrant by entrant, the volatility by Brent's method."""
    after = {}
    for i, (mu, phi, sigma) in state.items():
        mine = [(j, s) for a, b, s in games for j, s, me in ((b, s, a), (a, 1 - s, b)) if me == i]
        if not mine:
            after[i] = (mu, math.sqrt(phi**2 + sigma**2), sigma)
            continue
        g = [1 / math.sqrt(1 + 3 * state[j][1] ** 2 / math.pi**2) for j, _ in mine]
        e = [1 / (1 + math.exp(-gj * (mu - state[j][0]))) for gj, (j, _) in zip(g, mine, strict=True)]
        v = 1 / sum(gj**2 * ej * (1 - ej) for gj, ej in zip(g, e, strict=True))
        gain = sum(gj * (s - ej) for gj, ej, (_, s) in zip(g, e, mine, strict=True))
        delta = v * gain

        def f(x, phi=phi, sigma=sigma, v=v, delta=delta):
            top = math.exp(x) * (delta**2 - phi**2 - v - math.exp(x))
            return top / (2 * (phi**2 + v + math.exp(x)) ** 2) - (x - 2 * math.log(sigma)) / tau**2

        sigma = math.exp(brentq(f, -30, 10, xtol=1e-12) / 2)
        phi = 1 / math.sqrt(1 / (phi**2 + sigma**2) + 1 / v)
        after[i] = (mu + phi**2 * gain, phi, sigma)
    return after


def test_a_slow_program_agrees():
    frame = Arena(np.linspace(-2, 2, 5), tie=0.5).votes(120, seed=1)
    votes = Comparisons.from_frame(frame, keep_votes=True)
    run = run_glicko2(votes, periods=np.arange(120) // 30, tau=0.9)
    scale = 400 / math.log(10)
    state = dict.fromkeys(range(5), (0.0, 350 / scale, 0.06))
    v = votes.votes
    score = np.array([1.0, 0.0, 0.5, 0.5])[v.outcome]
    for period in range(4):
        part = slice(30 * period, 30 * period + 30)
        games = list(zip(v.left[part].tolist(), v.right[part].tolist(), score[part].tolist(), strict=True))
        state = slow(state, games, 0.9)
    for i, (mu, phi, sigma) in state.items():
        assert run.ratings[i] == pytest.approx(1000 + scale * mu, abs=1e-5)
        assert run.deviations[i] == pytest.approx(scale * phi, abs=1e-5)
        assert run.volatilities[i] == pytest.approx(sigma, abs=1e-7)
    assert run.n_periods == 4


def test_truth_is_followed():
    strengths = np.linspace(-1, 1, 10)
    run = run_glicko2(Comparisons.from_frame(Arena(strengths, tie=0).votes(40_000, seed=2), keep_votes=True))
    points = 400 / math.log(10) * strengths
    assert np.abs(run.ratings - run.ratings.mean() - points).max() < 60
    low, high = run.interval()
    assert np.all((low < run.ratings) & (run.ratings < high))


def test_who_sits_out_grows_uncertain_and_who_never_played_has_no_rating():
    votes = Comparisons.from_frame(
        {"left": ["a", "a", "b", "b"], "right": ["b", "c", "c", "c"], "outcome": ["left"] * 4},
        keep_votes=True, labels=["a", "b", "c", "d"],
    )  # fmt: skip
    early = run_glicko2(votes, periods=[1, 1, 2, 2])
    assert np.isnan(early.ratings[3])
    assert early.votes.tolist() == [2, 3, 3, 0]
    alone = Comparisons.from_frame(
        {"left": ["a", "a"], "right": ["b", "c"], "outcome": ["left"] * 2},
        keep_votes=True,
        labels=list("abcd"),
    )
    assert early.deviations[0] > run_glicko2(alone, periods=[1, 1]).deviations[0]


def test_orders_and_options_are_checked():
    with pytest.raises(InvalidComparisons, match="order"):
        run_glicko2(Comparisons.from_counts("ab", "a", "b", ["left"]))
    votes = Comparisons.from_frame(
        {"left": ["a"] * 3, "right": ["b"] * 3, "outcome": ["left"] * 3}, keep_votes=True
    )
    with pytest.raises(InvalidComparisons, match="must not fall"):
        run_glicko2(votes, periods=[2, 1, 3])
    with pytest.raises(InvalidOption, match="positive"):
        run_glicko2(votes, tau=0)
