"""Drawing a battle: the probability that is written down is the one that was in force."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.design import pair_probabilities
from arena.domain.pairing import draw, eligible_digest, eligible_pairs

PICTURES = {
    1: {10: (100,), 11: (101, 111), 12: (102,)},
    2: {10: (200,), 12: (202,)},
    3: {11: (301,)},
}


def test_pairs_are_found_on_the_prompts_that_both_have_painted() -> None:
    pairs = eligible_pairs(PICTURES, frozenset())
    assert pairs == {(10, 11): [1], (10, 12): [1, 2], (11, 12): [1]}


def test_a_pair_dealt_on_a_prompt_is_not_dealt_on_it_again() -> None:
    pairs = eligible_pairs(PICTURES, frozenset({(1, (10, 12))}))
    assert pairs[10, 12] == [2]


def test_draws_come_as_often_as_their_propensity_says() -> None:
    pairs = eligible_pairs(PICTURES, frozenset())
    weights = {(10, 11): 1.0, (10, 12): 5.0, (11, 12): 2.0}
    rng = random.Random(7)
    drawn = Counter()
    told = {}
    n = 40_000
    for _ in range(n):
        one = draw(pairs, PICTURES, weights=weights, rng=rng)
        what = (one.prompt_id, one.left_image_id, one.right_image_id)
        drawn[what] += 1
        told[what] = one.propensity
    assert sum(told.values()) == pytest.approx(1.0), "the propensities of all possible battles add up to one"
    for what, propensity in told.items():
        se = (propensity * (1 - propensity) / n) ** 0.5
        assert abs(drawn[what] / n - propensity) < 5 * se


def test_each_picture_hangs_on_either_side_equally_often() -> None:
    pairs = eligible_pairs(PICTURES, frozenset())
    rng = random.Random(3)
    left = sum(
        draw(pairs, PICTURES, weights=dict.fromkeys(pairs, 1.0), rng=rng).left_entrant_id == 10
        for _ in range(4000)
    )
    right = sum(
        draw(pairs, PICTURES, weights=dict.fromkeys(pairs, 1.0), rng=rng).right_entrant_id == 10
        for _ in range(4000)
    )
    assert abs(left - right) < 5 * (left + right) ** 0.5


def test_the_digest_changes_with_the_eligible_set() -> None:
    pairs = eligible_pairs(PICTURES, frozenset())
    fewer = eligible_pairs(PICTURES, frozenset({(1, (10, 12))}))
    assert eligible_digest(pairs, PICTURES) != eligible_digest(fewer, PICTURES)
    assert eligible_digest(pairs, PICTURES) == eligible_digest(dict(reversed(pairs.items())), PICTURES)


@given(
    st.integers(2, 7).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 50), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_every_pair_keeps_its_uniform_share(counts: list[list[int]]) -> None:
    wins = np.array(counts, dtype=float)
    np.fill_diagonal(wins, 0.0)
    p = pair_probabilities(wins, uniform_share=0.2)
    upper = p[np.triu_indices(len(p), 1)]
    assert upper.sum() == pytest.approx(1.0)
    assert upper.min() >= 0.2 / len(upper) - 1e-12
    np.testing.assert_allclose(p, p.T)


def test_the_pair_that_tells_most_is_dealt_most() -> None:
    wins = np.array([[0.0, 50, 50, 0], [50, 0, 50, 0], [50, 50, 0, 1], [0, 0, 1, 0]])
    p = pair_probabilities(wins)
    assert p[:3, 3].min() > p[0, 1], "a newcomer's pairs tell more than a pair known from a hundred votes"


def test_a_policy_without_a_floor_is_refused() -> None:
    with pytest.raises(ValueError, match=r"from 0\.1 to 1"):
        pair_probabilities(np.zeros((3, 3)), uniform_share=0.0)
