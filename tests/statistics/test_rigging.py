"""Raters who stand out, and votes meant to rig a board."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kstest

from analysis import Comparisons, InvalidComparisons, InvalidOption, fit_bradley_terry, fit_davidson
from analysis.multiplicity import adjust_e_values, adjust_p_values
from analysis.rater_looks import rater_tests
from analysis.rigging import ATTACKS, rig, stability_certificate, withstands
from analysis.simulate import Arena

STRENGTHS = np.linspace(-1, 1, 8)


def read(votes):
    return Comparisons.from_frame(votes, rater="rater", prompt="prompt")


@pytest.fixture(scope="module")
def honest():
    return Arena(STRENGTHS, tie=0.6, raters=60).votes(6000, seed=4)


@pytest.fixture(scope="module")
def rigged(honest):
    """Rater 1 tosses a coin, rater 2 votes for entrant 1 wherever it is shown, rater 3 against everybody."""
    rng = np.random.default_rng(0)
    votes = honest.astype(str)
    coin, boost, contrary = (votes.rater == f"rater-{k}" for k in (1, 2, 3))
    votes.loc[coin, "outcome"] = rng.choice(["left", "right"], int(coin.sum()))
    votes.loc[boost & (votes.left == "entrant-1"), "outcome"] = "left"
    votes.loc[boost & (votes.right == "entrant-1"), "outcome"] = "right"
    # Names sort as strengths do.
    votes.loc[contrary, "outcome"] = np.where(votes.left < votes.right, "left", "right")[contrary]
    return votes


def place(comparisons, votes, rater):
    return comparisons.votes.clusters["rater"][np.flatnonzero(votes.rater == rater)[0]]


def test_p_values_are_adjusted_as_in_the_paper():
    # Benjamini and Hochberg 1995, sec. 3.2: four findings at 5 % (Bonferroni and Holm: three).
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1,
    ]
    assert np.count_nonzero(adjust_p_values(p, method="benjamini-hochberg") <= 0.05) == 4
    assert np.count_nonzero(adjust_p_values(p, method="holm") <= 0.05) == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_other_programs(p):
    theirs = false_discovery_control(p, method="bh")
    np.testing.assert_allclose(adjust_p_values(p, method="benjamini-hochberg"), theirs)
    order = np.argsort(p, kind="stable")
    worst = 0.0
    for step, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - step) * p[i]))
        assert adjust_p_values(p)[i] == pytest.approx(worst)


def test_no_test_stays_none_and_e_values_follow_their_own_rule():
    adjusted = adjust_p_values([0.01, np.nan, 0.2])
    np.testing.assert_allclose(adjusted, [0.02, np.nan, 0.2])
    # Of 4, the two largest are at least 4 / (2 alpha) = 40.
    assert np.count_nonzero(adjust_e_values([50, 41, 3, 1]) <= 0.05) == 2


def test_each_kind_of_rater_is_found_by_the_test_made_for_it(rigged):
    comparisons = read(rigged)
    found = rater_tests(comparisons, target="entrant-1", draws=20_000)
    coin, boost, contrary = (place(comparisons, rigged, f"rater-{k}") for k in (1, 2, 3))
    assert found.surprise_adjusted[contrary] < 0.01
    assert found.bet_adjusted[contrary] < 0.01
    assert found.bet[coin] > 20
    assert found.push_adjusted[boost] < 0.01
    assert found.push[boost] > 3
    others = np.setdiff1d(found.codes, [coin, boost, contrary])
    assert np.count_nonzero(found.surprise_adjusted[others] < 0.05) <= 2
    assert found.frame().rater.iloc[0] in (coin, boost, contrary)


def test_surprise_is_that_of_a_fit_to_everybody_else(rigged):
    comparisons = read(rigged)
    found = rater_tests(comparisons, draws=1)
    for name in ("rater-0", "rater-3"):
        own = rigged[rigged.rater == name]
        fit = fit_davidson(Comparisons.from_frame(rigged[rigged.rater != name], labels=comparisons.labels))
        r = dict(zip(fit.labels, fit.strengths, strict=True))
        total = 0.0
        for row in own.itertuples():
            x = (r[row.left] - r[row.right]) / 2
            shares = {"left": np.exp(x), "right": np.exp(-x), "tie": fit.tie_parameter}
            said = shares.get(row.outcome, fit.tie_parameter)
            total -= 2 * np.log(said / sum(shares.values()))
        at = place(comparisons, rigged, name)
        assert found.surprise[at] == pytest.approx(total, abs=0.15)
        assert found.votes[at] == len(own)


def test_p_values_of_honest_raters_are_even():
    votes = Arena(STRENGTHS, tie=0.6, raters=400).votes(16_000, seed=8)
    found = rater_tests(read(votes), target="entrant-4", draws=400)
    assert kstest(found.surprise_p, "uniform").pvalue > 0.005
    assert kstest(found.push_p, "uniform").pvalue > 0.005
    assert np.std(found.push) == pytest.approx(1, abs=0.12)
    # Ville: at most one in twenty ever reaches 20.
    assert np.mean(found.bet >= 20) < 0.05


def test_votes_without_ties_are_judged_too():
    votes = Arena(STRENGTHS, tie=0, raters=20).votes(2000, seed=1)
    found = rater_tests(read(votes), draws=200)
    assert np.isfinite(found.surprise).all()
    assert np.isnan(found.push).all()


def test_rater_tests_need_raters():
    with pytest.raises(InvalidComparisons, match="rater"):
        rater_tests(Arena(STRENGTHS).comparisons(100, seed=1))


@pytest.fixture(scope="module")
def fit():
    return fit_bradley_terry(Arena(STRENGTHS, tie=0.6).comparisons(8000, seed=2))


def test_one_pair_takes_the_votes_that_level_it_and_one_more():
    votes = Comparisons.from_counts("ab", "aa", "bb", ["left", "right"], [60, 40])
    for attack in ATTACKS[:4]:
        assert withstands(fit_bradley_terry(votes), "b", attack).votes == 21


def test_a_certificate_names_the_cheapest_attack(fit):
    certificate = stability_certificate(fit, challengers=2)
    numbers = [row.votes for row in certificate.rows]
    assert numbers == sorted(numbers)
    assert certificate.withstands == numbers[0] - 1
    assert certificate.rows[0].attack == "chosen"
    assert len(certificate.frame()) == 2 * len(ATTACKS)
    assert certificate.share == pytest.approx(certificate.withstands / 8000)
    by = {row.attack: row.votes for row in certificate.rows if row.target == certificate.rows[0].target}
    # Who abstains where the vote would be wasted needs fewer votes than who tosses coins there.
    assert by["chosen"] <= by["demote"] <= by["target_only"] < by["random_boost"]


def test_drawn_attacks_succeed_where_the_certificate_says(fit):
    for attack in ("target_only", "omnipresent"):
        needed = withstands(fit, "entrant-7", attack)
        for votes, wanted in ((0.7, False), (1.4, True)):
            after = [
                fit_bradley_terry(rig(fit, "entrant-7", attack, round(votes * needed.votes), seed=seed))
                for seed in range(5)
            ]
            assert all((f.labels[int(np.argmax(f.strengths))] == "entrant-7") == wanted for f in after)


def test_who_recognises_fewer_pictures_needs_more_battles(fit):
    sharp, dull = (withstands(fit, "entrant-6", "target_only", accuracy=a) for a in (1.0, 0.5))
    assert sharp.votes == dull.votes
    assert dull.battles == pytest.approx(2 * sharp.battles, rel=0.01)
    assert sharp.battles > 3 * sharp.votes


def test_attacks_that_make_no_sense_are_refused(fit):
    with pytest.raises(InvalidOption, match="attack"):
        withstands(fit, "entrant-7", "bribe")
    with pytest.raises(InvalidOption, match="already"):
        rig(fit, "entrant-8", "target_only", 10, seed=0)
    with pytest.raises(InvalidOption, match="places"):
        stability_certificate(fit, places=8)
    assert withstands(fit, "entrant-8", "target_only").votes == 0
