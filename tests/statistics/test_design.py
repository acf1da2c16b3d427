"""Which pair to ask about next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import InvalidOption
from analysis.design import boosted_probabilities, deal, pair_probabilities, uniform_probabilities
from analysis.design_trials import POLICIES, compare_policies
from analysis.simulate import Arena

CALM = settings(max_examples=40, deadline=None)


@st.composite
def tables(draw):
    n = draw(st.integers(2, 6))
    return np.array(draw(st.lists(st.integers(0, 200), min_size=n * n, max_size=n * n))).reshape(n, n) * (
        1.0 - np.eye(n)
    )


@CALM
@given(tables(), st.permutations(range(6)))
def test_every_policy_is_a_distribution_with_a_floor(wins, order):
    n = len(wins)
    order = [i for i in order if i < n]
    for policy in POLICIES.values():
        chance = policy(wins)
        np.testing.assert_allclose(chance, chance.T)
        assert np.triu(chance, 1).sum() == pytest.approx(1)
        assert not np.diagonal(chance).any()
        floor = 0.2 / (n * (n - 1) / 2)
        assert chance[~np.eye(n, dtype=bool)].min() >= floor - 1e-12
        # Names do not matter.
        np.testing.assert_allclose(
            policy(wins[np.ix_(order, order)]), chance[np.ix_(order, order)], atol=1e-9
        )


def test_one_more_vote_lowers_the_variance_as_the_policy_says():
    # Two entrants have one pair; of three, the pair with fewer votes tells more.
    assert pair_probabilities(np.array([[0, 3.0], [2, 0]]))[0, 1] == pytest.approx(1)
    wins = np.array([[0, 50.0, 5], [50, 0, 50], [5, 50, 0]])
    chance = pair_probabilities(wins, uniform_share=0.1)
    assert chance[0, 2] > chance[0, 1]
    assert chance[0, 1] == pytest.approx(chance[1, 2])
    # By the rank-one update, done slowly.
    information = 0.25 * (np.diag((wins + wins.T).sum(axis=1)) - wins - wins.T) + 0.25 * np.eye(3)
    drops = {}
    for a, b in ((0, 1), (0, 2), (1, 2)):
        x = np.zeros(3)
        x[a], x[b] = 1, -1
        before = x @ np.linalg.inv(information) @ x
        drops[a, b] = before - x @ np.linalg.inv(information + 0.25 * np.outer(x, x)) @ x
    for (a, b), drop in drops.items():
        assert chance[a, b] == pytest.approx(0.9 * drop / sum(drops.values()) + 0.1 / 3)


def test_a_newcomer_is_boosted_until_it_has_enough():
    rng = np.random.default_rng(0)
    wins = rng.integers(40, 60, (6, 6)) * (1.0 - np.eye(6))
    wins[5], wins[:, 5] = 0, 0
    for lacking in (0, 4):
        wins[5, 0] = lacking
        assert boosted_probabilities(wins)[5].sum() > uniform_probabilities(wins)[5].sum()
    wins[5, :5] = 30
    np.testing.assert_allclose(boosted_probabilities(wins), pair_probabilities(wins))


def test_pairs_are_dealt_as_often_as_their_propensities_say():
    chance = pair_probabilities(np.array([[0, 50.0, 5], [50, 0, 50], [5, 50, 0]]))
    rng = np.random.default_rng(1)
    dealt = [deal(chance, rng) for _ in range(6000)]
    for a in range(3):
        for b in range(3):
            share = np.mean([(one.left, one.right) == (a, b) for one in dealt])
            assert share == pytest.approx(chance[a, b] / 2, abs=0.02)
    assert {(one.left, one.right): one.propensity for one in dealt}[0, 2] == pytest.approx(chance[0, 2] / 2)


@pytest.mark.parametrize("chance", [np.ones((2, 2)), np.array([[0, 2.0], [0, 0]]), np.zeros((3, 3))])
def test_what_is_no_policy_is_refused(chance):
    with pytest.raises(InvalidOption):
        deal(chance, np.random.default_rng(0))


def test_options_out_of_range_are_refused():
    wins = np.zeros((3, 3))
    for call in (
        lambda: pair_probabilities(wins, uniform_share=0.05),
        lambda: boosted_probabilities(wins, boost_share=0.95),
        lambda: uniform_probabilities(np.zeros((1, 1))),
        lambda: compare_policies(Arena(np.zeros(3)), half_width=0),
    ):
        with pytest.raises(InvalidOption):
            call()


def test_informative_pairs_reach_a_half_width_with_fewer_votes():
    arena = Arena(np.linspace(-2, 2, 10), tie=0.5)
    trial = compare_policies(arena, half_width=40, trials=6, batch=100)
    table = trial.frame().set_index("policy")
    # A little: on a board where all are shown alike, no policy can save much.
    assert 0.7 < table.to_uniform["informative"] < 1
    assert table.unfinished.sum() == 0
    assert "40 points on average" in trial.goal


def test_a_newcomer_is_rated_several_times_sooner():
    arena = Arena(np.linspace(-1, 1, 12), tie=0.6)
    start = arena.comparisons(6000, seed=1, exposure=np.array([1.0] * 11 + [0.0]))
    trial = compare_policies(arena, half_width=60, newcomer=11, start=start, trials=6, batch=20)
    table = trial.frame().set_index("policy")
    assert table.to_uniform["informative"] < 0.35
    assert table.to_uniform["newcomers first"] < 0.35


def test_a_trial_that_ends_early_says_so():
    trial = compare_policies(Arena(np.array([-0.5, 0.0, 0.5])), trials=2, limit=2000)
    assert trial.goal == "neighbours told apart"
    short = compare_policies(Arena(np.zeros(3)), half_width=1, trials=2, limit=400)
    assert short.frame().unfinished.tolist() == [2, 2, 2]
