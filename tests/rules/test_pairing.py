"""Drawing a battle: the probability that is written down is the one that was in force."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.design import pair_probabilities
from arena.domain.pairing import draw
from arena.domain.stock import Pair, Stock, choice

PICTURES = {
    1: {10: (100,), 11: (101, 111), 12: (102,)},
    2: {10: (200,), 12: (202,)},
    3: {11: (301,)},
}
Pictures = dict[int, dict[int, tuple[int, ...]]]


def stock_of(pictures: Pictures) -> Stock:
    stock = Stock()
    for prompt, entrants in pictures.items():
        for entrant, images in entrants.items():
            for image in images:
                stock.add(prompt, entrant, image)
    return stock


STOCK = stock_of(PICTURES)


def slowly(pictures: Pictures, seen: set[int], dealt: set[tuple[int, Pair]]) -> dict[Pair, set[int]]:
    """The prompts of each pair by looking at every picture."""
    found: dict[Pair, set[int]] = {}
    for prompt, entrants in pictures.items():
        there = sorted(e for e, images in entrants.items() if set(images) - seen)
        for i, one in enumerate(there):
            for other in there[i + 1 :]:
                if (prompt, (one, other)) not in dealt:
                    found.setdefault((one, other), set()).add(prompt)
    return found


def test_pairs_are_found_on_the_prompts_that_both_have_painted() -> None:
    assert choice(STOCK, seen=(), dealt=()).left == {(10, 11): 1, (10, 12): 2, (11, 12): 1}


def test_a_pair_dealt_on_a_prompt_is_not_dealt_on_it_again() -> None:
    offered = choice(STOCK, seen=(), dealt={(1, (10, 12))})
    assert offered.left[10, 12] == 1
    rng = random.Random(1)
    only = {pair: 1.0 if pair == (10, 12) else 1e-300 for pair in offered.left}
    assert {draw(offered, weights=only, rng=rng).prompt_id for _ in range(50)} == {2}


pictures = st.dictionaries(
    st.integers(1, 6),
    st.dictionaries(st.integers(10, 14), st.integers(1, 2), min_size=1, max_size=5),
    max_size=6,
)


@given(pictures, st.data())
def test_what_a_voter_may_be_shown_is_what_looking_at_every_picture_finds(
    counts: dict[int, dict[int, int]], data: st.DataObject
) -> None:
    there: Pictures = {
        p: {e: tuple(p * 1000 + e * 10 + n for n in range(k)) for e, k in of.items()}
        for p, of in counts.items()
    }
    images = [image for of in there.values() for some in of.values() for image in some]
    everything = slowly(there, set(), set())
    possible = [(p, pair) for pair, prompts in everything.items() for p in prompts]
    seen = data.draw(st.sets(st.sampled_from(images))) if images else set()
    dealt = data.draw(st.sets(st.sampled_from(possible))) if possible else set()
    offered = choice(stock_of(there), seen={*seen, 999_999}, dealt=dealt)
    expected = slowly(there, seen, dealt)
    assert offered.left == {pair: len(prompts) for pair, prompts in sorted(expected.items())}
    if expected:
        one = draw(offered, weights=dict.fromkeys(offered.left, 1.0), rng=random.Random(1))
        pair = tuple(sorted((one.left_entrant_id, one.right_entrant_id)))
        assert one.prompt_id in expected[pair]
        assert not {one.left_image_id, one.right_image_id} & seen


def test_draws_come_as_often_as_their_propensity_says() -> None:
    offered = choice(STOCK, seen={111}, dealt={(2, (10, 12))})
    everything = choice(STOCK, seen=(), dealt=())
    weights = {(10, 11): 1.0, (10, 12): 5.0, (11, 12): 2.0}
    for what in (offered, everything):
        rng = random.Random(7)
        drawn: Counter[tuple[int, int, int]] = Counter()
        told = {}
        n = 40_000
        for _ in range(n):
            one = draw(what, weights=weights, rng=rng)
            battle = (one.prompt_id, one.left_image_id, one.right_image_id)
            drawn[battle] += 1
            told[battle] = one.propensity
        assert sum(told.values()) == pytest.approx(1.0), (
            "the propensities of all possible battles add up to one"
        )
        for battle, propensity in told.items():
            se = (propensity * (1 - propensity) / n) ** 0.5
            assert abs(drawn[battle] / n - propensity) < 5 * se


def test_each_picture_hangs_on_either_side_equally_often() -> None:
    offered = choice(STOCK, seen=(), dealt=())
    rng = random.Random(3)
    ones = [draw(offered, weights=dict.fromkeys(offered.left, 1.0), rng=rng) for _ in range(4000)]
    left = sum(one.left_entrant_id == 10 for one in ones)
    right = sum(one.right_entrant_id == 10 for one in ones)
    assert abs(left - right) < 5 * (left + right) ** 0.5


def test_the_digest_pins_the_set_and_not_the_way_to_it() -> None:
    def told(stock: Stock, seen: set[int], dealt: set[tuple[int, Pair]]) -> str:
        return choice(stock, seen=seen, dealt=dealt).eligible

    backwards = Stock()
    for prompt in reversed(PICTURES):
        for entrant in reversed(PICTURES[prompt]):
            for image in reversed(PICTURES[prompt][entrant]):
                assert len(backwards.digest) == 64
                backwards.add(prompt, entrant, image)
    more = stock_of(PICTURES)
    more.add(3, 12, 302)
    same = told(STOCK, set(), set())
    assert same == told(backwards, set(), set()) == told(stock_of(PICTURES), {999}, set())
    others = {told(STOCK, set(), {(1, (10, 12))}), told(STOCK, {100}, set()), told(more, set(), set())}
    assert len({same, *others}) == 4


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
