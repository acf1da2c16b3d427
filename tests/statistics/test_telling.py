"""How well entrants are told apart, where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from analysis.errors import InvalidOption
from analysis.telling import FEWEST_PROMPTS, RIDGE, fit_softmax, tell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PARTS = (slice(0, 12), slice(12, 20))


def made(tints: list[float], *, prompts: int = 60, seeds: int = 2, rng: int = 1) -> tuple[Floats, Ints, Ints]:
    """Pictures that depend on their prompt and on chance, and by one column on who painted them."""
    chance = np.random.default_rng(rng)
    entrant, prompt, _ = (codes.ravel() for codes in np.indices((len(tints), prompts, seeds)))
    vectors = 2 * chance.normal(size=(prompts, 20))[prompt] + chance.normal(size=(len(entrant), 20))
    vectors[:, 3] += np.array(tints)[entrant]
    return vectors, entrant, prompt


def test_entrants_that_paint_alike_are_told_by_chance_alone() -> None:
    found = [tell(*made([0, 0, 0], rng=rng), parts=PARTS, entrants=3).accuracy for rng in range(8)]
    assert np.mean([it.value for it in found if it]) == pytest.approx(1 / 3, abs=0.03)
    assert all(it and it.low < 1 / 3 < it.high for it in found)


def test_a_tinted_entrant_is_told_and_the_others_are_not() -> None:
    told = tell(*made([0, 0, 15]), parts=PARTS, entrants=3)
    first, second, tinted = told.rows
    assert tinted.recall
    assert tinted.balanced
    assert tinted.recall.value > 0.97
    assert tinted.balanced.value > 0.97
    for row in (first, second):
        assert row.recall
        assert row.recall.value == pytest.approx(0.5, abs=0.15)
    assert told.chance == pytest.approx(1 / 3)
    assert told.accuracy
    assert told.accuracy.value == pytest.approx(2 / 3, abs=0.1)


def test_a_prompt_that_was_seen_would_give_it_away() -> None:
    """Pictures that are alike by prompt and entrant at once: only folds by prompt keep them blind."""
    chance = np.random.default_rng(3)
    entrant, prompt, _ = (codes.ravel() for codes in np.indices((2, 24, 4)))
    vectors = chance.normal(size=(2, 24, 20))[entrant, prompt] + 0.01 * chance.normal(size=(192, 20))
    told = tell(vectors, entrant, prompt, parts=PARTS, entrants=2)
    assert told.accuracy
    assert told.accuracy.value == pytest.approx(0.5, abs=0.12)
    seen = tell(vectors, entrant, np.arange(192), parts=PARTS, entrants=2)
    assert seen.accuracy
    assert seen.accuracy.value > 0.7


def test_many_pictures_of_one_entrant_do_not_move_chance() -> None:
    vectors, entrant, prompt = made([0, 0], seeds=6)
    kept = (entrant == 0) | (np.arange(len(entrant)) % 6 == 0)
    told = tell(vectors[kept], entrant[kept], prompt[kept], parts=PARTS, entrants=2)
    assert told.accuracy
    assert told.accuracy.low < 0.5 < told.accuracy.high


def test_too_few_prompts_are_told_as_nothing() -> None:
    few = tell(*made([0, 9], prompts=FEWEST_PROMPTS - 1), parts=PARTS, entrants=2)
    assert (few.accuracy, few.chance, few.compared) == (None, None, 0)
    assert [row.recall for row in few.rows] == [None, None]
    vectors, entrant, prompt = made([0, 0, 9])
    kept = (entrant != 1) | (prompt < FEWEST_PROMPTS - 1)
    told = tell(vectors[kept], entrant[kept], prompt[kept], parts=PARTS, entrants=3)
    assert told.compared == 2
    assert told.chance == 0.5
    assert told.rows[1].prompts == FEWEST_PROMPTS - 1
    assert told.rows[1].recall is None
    assert told.rows[2].recall
    assert told.rows[2].recall.value > 0.9


def test_intervals_count_prompts_not_pictures() -> None:
    wide = tell(*made([0, 3], seeds=1), parts=PARTS, entrants=2).rows[1].recall
    many = tell(*made([0, 3], seeds=8), parts=PARTS, entrants=2).rows[1].recall
    assert wide
    assert many
    assert many.high - many.low == pytest.approx(wide.high - wide.low, rel=0.35)
    perfect = tell(*made([0, 60]), parts=PARTS, entrants=2).rows[1].recall
    assert perfect
    assert (perfect.value, perfect.high) == pytest.approx((1, 1))
    assert perfect.low == pytest.approx(60 / (60 + 1.96**2), rel=1e-3)  # Wilson's bound of 60 of 60


def test_the_same_seed_tells_the_same() -> None:
    data = made([0, 1, 2])
    assert tell(*data, parts=PARTS, entrants=3, seed=7) == tell(*data, parts=PARTS, entrants=3, seed=7)


def test_the_classifier_finds_the_minimum_of_its_own_loss() -> None:
    vectors, entrant, _ = made([0, 1, 2], prompts=30)
    weights = fit_softmax(vectors, entrant, 3)
    share = 1 / np.bincount(entrant)[entrant] / 3
    slope = (softmax(vectors @ weights[:-1] + weights[-1], axis=1) - np.eye(3)[entrant]) * share[:, None]
    np.testing.assert_allclose(vectors.T @ slope + RIDGE * weights[:-1], 0, atol=2e-4)
    np.testing.assert_allclose(slope.sum(axis=0), 0, atol=2e-4)
    doubled = fit_softmax(np.vstack([vectors, vectors]), np.concatenate([entrant, entrant]), 3)
    np.testing.assert_allclose(doubled, weights, atol=0.02)


def test_what_cannot_be_asked_is_refused() -> None:
    vectors, entrant, prompt = made([0, 1])
    with pytest.raises(InvalidOption, match="two folds"):
        tell(vectors, entrant, prompt, parts=PARTS, entrants=2, folds=1)
    with pytest.raises(InvalidOption, match="one prompt a vector"):
        tell(vectors, entrant, prompt[1:], parts=PARTS, entrants=2)
