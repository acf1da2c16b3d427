"""Published results, to the digits they were published with."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis import difference, fit_bradley_terry, fit_davidson, rate_period
from tests.statistics import published


def test_the_worked_example_of_wikipedia():
    # Wikipedia, "Bradley-Terry model", worked example of 22 games; geometric mean 1.
    fit = fit_bradley_terry(published.wikipedia())
    np.testing.assert_allclose(np.exp(fit.strengths), [0.640, 1.043, 0.660, 2.270], atol=5e-4)


def test_stiglers_journals():
    # Agresti, Categorical Data Analysis (2002), p. 448.
    fit = fit_bradley_terry(published.stigler())
    for journal, strength in {"Comm Statist": -2.9491, "JASA": -0.4796, "JRSS-B": 0.2690}.items():
        assert difference(fit, journal, "Biometrika").estimate == pytest.approx(strength, abs=5e-5)
    deviance, degrees = fit.deviance()
    assert deviance == pytest.approx(4.293, abs=5e-4)
    assert degrees == 3


def test_baseball_without_the_advantage_of_playing_at_home():
    # Agresti, Categorical Data Analysis (2002), pp. 437-438: strengths and standard errors.
    fit = fit_bradley_terry(published.baseball(), covariance="hessian")
    known = {
        "Boston": (1.1077, 0.3339),
        "Cleveland": (0.6839, 0.3319),
        "Detroit": (1.4364, 0.3396),
        "Milwaukee": (1.5814, 0.3433),
        "New York": (1.2476, 0.3359),
        "Toronto": (1.2945, 0.3367),
    }
    for team, (strength, se) in known.items():
        found = difference(fit, team, "Baltimore")
        assert found.estimate == pytest.approx(strength, abs=5e-5)
        assert found.se == pytest.approx(se, abs=5e-5)


def test_davidsons_chocolate_puddings():
    # Davidson, JASA 65 (1970): worths that sum to one, and nu, printed to four digits.
    fit = fit_davidson(published.pudding())
    worths = np.exp(fit.strengths) / np.exp(fit.strengths).sum()
    np.testing.assert_allclose(worths, [0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], atol=5e-5)
    assert fit.tie_parameter == pytest.approx(0.7468, abs=5e-5)


def test_an_elo_tournament():
    # Wikipedia, "Elo rating system", mathematical details, K = 32.
    rating = rate_period(1613, [1609, 1477, 1388, 1586, 1720], [0, 0.5, 1, 1, 0], k=32)
    assert rating == pytest.approx(1601, abs=1)


def test_one_pair_is_solved_by_hand():
    # 30 wins to 10: a difference of log 3; Var = 1/30 + 1/10 by the delta method.
    fit = fit_bradley_terry(published.from_wins({("a", "b"): 30, ("b", "a"): 10}))
    found = difference(fit, "a", "b")
    assert found.estimate == pytest.approx(math.log(3), abs=1e-12)
    assert found.se == pytest.approx(math.sqrt(1 / 30 + 1 / 10), abs=1e-12)
