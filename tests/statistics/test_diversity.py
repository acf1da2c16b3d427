"""How much entrants vary, where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from analysis.errors import InvalidOption
from analysis.picture_diversity import FEWEST_PROMPTS, diversity
from analysis.vectors import distances, scaling_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PARTS = (slice(0, 5), slice(5, 8))


def made(
    scales: list[float], *, prompts: int = 40, seeds: int = 1, own: float = 0.0, rng: int = 1
) -> tuple[Floats, Ints, Ints]:
    """Pictures around a point of each entrant's own: so far by prompt, and ``own`` by seed."""
    chance = np.random.default_rng(rng)
    entrant, prompt, _ = (codes.ravel() for codes in np.indices((len(scales), prompts, seeds)))
    by_prompt = chance.normal(size=(len(scales), prompts, 8)) * np.array(scales)[:, None, None]
    middle = chance.normal(size=(len(scales), 8))
    vectors = by_prompt[entrant, prompt] + middle[entrant] + own * chance.normal(size=(len(entrant), 8))
    return vectors, entrant, prompt


def test_entrants_that_vary_alike_have_no_genericness() -> None:
    rows = [row for rng in range(10) for row in diversity(*made([1, 1, 1], rng=rng), parts=PARTS, entrants=3)]
    found = [row.genericness for row in rows if row.genericness]
    assert len(found) == 30
    assert np.mean([it.value for it in found[::3]]) == pytest.approx(0, abs=0.03)
    assert sum(it.low < 0 < it.high for it in found) >= 25


def test_relative_diversity_is_that_of_the_scales() -> None:
    scales = [0.5, 1.0, 1.5]  # with a mean of one, relative diversity is the scale itself
    for row, scale in zip(
        diversity(*made(scales, prompts=300), parts=PARTS, entrants=3), scales, strict=True
    ):
        assert row.genericness
        assert row.genericness.value == pytest.approx(1 - scale, abs=0.04)
        assert row.genericness.low <= 1 - scale <= row.genericness.high


def test_one_picture_for_every_prompt_is_wholly_generic() -> None:
    same, _ = diversity(*made([0, 1]), parts=PARTS, entrants=2)
    assert same.across == pytest.approx(0, abs=1e-6)
    assert same.genericness
    assert (same.genericness.value, same.genericness.low) == pytest.approx((1, 1))


def test_seeds_of_one_prompt_are_compared_apart() -> None:
    vectors, entrant, prompt = made([1, 1], seeds=3, own=0.2)
    first = entrant == 0
    vectors[first] += 0.4 * np.random.default_rng(5).normal(size=(first.sum(), 8))
    wild, tame = diversity(vectors, entrant, prompt, parts=PARTS, entrants=2)
    assert wild.within
    assert tame.within
    expected = 2 * np.hypot(0.2, 0.4) / (np.hypot(0.2, 0.4) + 0.2)
    assert wild.within.value == pytest.approx(expected, rel=0.1)
    assert tame.within.high < 1 < wild.within.low
    assert all(row.within is None for row in diversity(*made([1, 1]), parts=PARTS, entrants=2))


def test_what_others_were_not_asked_changes_nothing() -> None:
    vectors, entrant, prompt = made([1, 1, 1], prompts=60)
    far = prompt >= 40  # pictures of some prompts lie far from all others
    vectors[far] *= 10
    kept = ~(far & (entrant == 2))
    whole = diversity(vectors[~far], entrant[~far], prompt[~far], parts=PARTS, entrants=3)[2]
    part = diversity(vectors[kept], entrant[kept], prompt[kept], parts=PARTS, entrants=3)[2]
    assert part.prompts == 40
    assert part.genericness
    assert whole.genericness
    assert part.genericness.value == pytest.approx(whole.genericness.value, abs=0.02)


def test_with_few_prompts_or_nobody_to_compare_with_there_is_no_number() -> None:
    few = diversity(*made([1, 1], prompts=FEWEST_PROMPTS - 1), parts=PARTS, entrants=2)
    alone = diversity(*made([1]), parts=PARTS, entrants=1)
    none = diversity(np.zeros((0, 8)), np.zeros(0, int), np.zeros(0, int), parts=PARTS, entrants=2)
    assert [row.genericness for row in (*few, *alone, *none)] == [None] * 5
    assert few[0].across is None
    assert none[1].prompts == 0


def test_the_same_seed_gives_the_same_interval_and_order_is_nothing() -> None:
    vectors, entrant, prompt = made([1, 2])
    rows = diversity(vectors, entrant, prompt, parts=PARTS, entrants=2, seed=3)
    order = np.random.default_rng(0).permutation(len(vectors))
    again = diversity(vectors[order], entrant[order], prompt[order], parts=PARTS, entrants=2, seed=3)
    for row, other in zip(rows, again, strict=True):
        assert row.genericness
        assert other.genericness
        told = [(it.value, it.low, it.high) for it in (row.genericness, other.genericness)]
        np.testing.assert_allclose(told[0], told[1])


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for trial in range(120):
        row = diversity(*made([0.8, 1.2], prompts=30, rng=trial), parts=PARTS, entrants=2, draws=200)[0]
        assert row.genericness
        covered += row.genericness.low <= 0.2 <= row.genericness.high
    assert 0.85 <= covered / 120 <= 1


def test_scaled_parts_weigh_the_same_and_dead_columns_nothing() -> None:
    chance = np.random.default_rng(2)
    vectors = np.column_stack(
        [chance.normal(5, [1, 30, 0.1], (500, 3)), np.full(500, 7.0), chance.normal(size=500)]
    )
    scaled = scaling_of(vectors, [slice(0, 4), slice(4, 5)])(vectors)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled[:, :4].var(axis=0).sum(), 0.5)
    np.testing.assert_allclose(scaled[:, 4].var(), 0.5)
    np.testing.assert_array_equal(scaled[:, 3], 0)
    np.testing.assert_allclose(distances(scaled, scaled), squareform(pdist(scaled)), atol=1e-6)
    with pytest.raises(InvalidOption, match="finite"):
        scaling_of(np.array([[np.nan, 1.0]]), [slice(0, 2)])
