"""Raters' own prompts: the draw has the probability it states, and the wait tells nothing of one side."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from arena.domain.imported import BACKEND
from arena.domain.own_prompts import clean_own, draw_own, paints_live, pairs_of, wait_for
from arena.errors import InvalidPrompt


def test_a_pair_and_its_sides_come_up_as_often_as_stated() -> None:
    weights = dict(zip(pairs_of((7, 3, 5)), (1.0, 2.0, 5.0), strict=True))
    assert list(weights) == [(3, 5), (3, 7), (5, 7)]
    rng, draws = random.Random(1), 20_000
    seen: Counter[tuple[int, int]] = Counter()
    stated: dict[tuple[int, int], float] = {}
    for _ in range(draws):
        drawn = draw_own(weights, rng=rng)
        sides = drawn.left_entrant_id, drawn.right_entrant_id
        seen[sides] += 1
        stated[sides] = drawn.propensity
    assert sum(stated.values()) == pytest.approx(1)
    assert stated[7, 5] == stated[5, 7] == pytest.approx(5 / 16)
    off = sum((seen[sides] - draws * p) ** 2 / (draws * p) for sides, p in stated.items())
    assert off < 20.5  # chi-square, 5 degrees of freedom, p = 0.001


@pytest.mark.parametrize(
    ("backend", "runtime", "able"),
    [
        ("atelier", {}, True),
        ("diffusers", {"live": False}, True),
        ("retrieval", {}, False),
        (BACKEND, {}, False),
        ("images-api", {}, False),
        ("images-api", {"live": "yes"}, False),
        ("images-api", {"live": True}, True),
    ],
)
def test_only_who_paints_here_and_now_takes_part(
    backend: str, runtime: dict[str, object], able: bool
) -> None:
    assert paints_live(backend, runtime) is able


def test_the_wait_is_the_same_whichever_of_the_two_is_slow() -> None:
    for painting_for in (None, 0.0, 3.0, 40.0):
        one, other = (wait_for(both, [2.0], painting_for=painting_for) for both in ([1.0, 9.0], [9.0, 1.0]))
        assert one == other
    assert wait_for([1.0, 9.0], [2.0, None], painting_for=None).seconds == 12
    assert wait_for([1.0, 9.0], [2.0], painting_for=4.0).seconds == 6
    assert wait_for([1.0, 9.0], [], painting_for=40.0).share == 0.95
    assert wait_for([1.0, None], [2.0], painting_for=4.0).seconds is None


def test_own_words_are_shorter_than_a_campaigns() -> None:
    assert clean_own("  a   bowl\n") == "a bowl"
    with pytest.raises(InvalidPrompt, match="401 characters; at most 400"):
        clean_own("x" * 401)
