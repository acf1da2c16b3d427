"""Agreement: between raters, with oneself, and the noise ceiling."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import (
    Comparisons,
    InvalidComparisons,
    krippendorff_alpha,
    noise_ceiling,
    rater_agreement,
    self_agreement,
)

N = np.nan
# K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), the four observers of twelve units.
EXAMPLE = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]


@pytest.mark.parametrize(
    ("metric", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorffs_example(metric, alpha):
    found = krippendorff_alpha(EXAMPLE, metric)
    assert found.alpha == pytest.approx(alpha, abs=5e-4)
    assert (found.units, found.values) == (11, 40)
    assert found.low < found.alpha <= found.high


def slow(ratings):
    """Nominal alpha by enumerating all pairs of values within units, and all pairs at all."""
    units = [[v for v in column if not np.isnan(v)] for column in np.asarray(ratings, dtype=float).T]
    units = [unit for unit in units if len(unit) > 1]
    everything = [v for unit in units for v in unit]
    seen = sum(2 * sum(a != b for a, b in combinations(unit, 2)) / (len(unit) - 1) for unit in units)
    chance = sum(a != b for a, b in combinations(everything, 2)) * 2 / (len(everything) - 1)
    return 1 - seen / chance


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_enumeration_agrees_and_raters_and_units_have_no_order(seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(3, size=(4, 8)).astype(float)
    table[rng.random(table.shape) < 0.2] = np.nan
    table[0, 0], table[1, 0] = 0, 1
    found = krippendorff_alpha(table, draws=0).alpha
    assert found == pytest.approx(slow(table), abs=1e-12)
    mixed = table[rng.permutation(4)][:, rng.permutation(8)]
    assert krippendorff_alpha(mixed, draws=0).alpha == pytest.approx(found, abs=1e-12)


def test_chance_is_zero_and_agreement_is_one():
    rng = np.random.default_rng(0)
    assert krippendorff_alpha(rng.integers(2, size=(5, 2000)), draws=0).alpha == pytest.approx(0, abs=0.03)
    assert krippendorff_alpha(np.tile([1, 2, 3, 1], (3, 1)), draws=0).alpha == 1
    assert np.isnan(krippendorff_alpha(np.ones((3, 4))).alpha)


def test_the_bootstrap_over_units_covers():
    # Two raters who copy each other with probability 0.6 have alpha 0.6 in the long run.
    covered = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        one = rng.integers(2, size=300)
        two = np.where(rng.random(300) < 0.6, one, rng.integers(2, size=300))
        found = krippendorff_alpha([one, two], draws=200, seed=seed)
        covered.append(found.low <= 0.6 <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.06)


def votes(rows):
    frame = pd.DataFrame(rows, columns=["left", "right", "outcome", "rater", "prompt"])
    return Comparisons.from_frame(frame, rater="rater", prompt="prompt")


def test_votes_agree_whatever_the_sides():
    rows = [("a", "b", "left", "x", "p"), ("b", "a", "right", "y", "p"),
            ("a", "b", "right", "x", "q"), ("a", "b", "right", "y", "q")]  # fmt: skip
    assert rater_agreement(votes(rows)).alpha == 1
    worse = [*rows, ("b", "a", "right", "z", "q")]
    assert rater_agreement(votes(worse)).alpha < 1
    assert rater_agreement(votes(worse), "ordinal").units == 2


def test_repeated_and_mirrored_pairs_are_told_apart():
    rows = [
        ("a", "b", "left", "x", "p"), ("a", "b", "left", "x", "p"),  # repeated, the same
        ("a", "b", "left", "x", "q"), ("b", "a", "right", "x", "q"),  # mirrored, the same picture
        ("a", "b", "left", "y", "p"), ("b", "a", "left", "y", "p"),  # mirrored, the same side
        ("a", "b", "tie", "y", "q"), ("b", "a", "tie", "y", "q"),  # mirrored, twice a tie
        ("a", "b", "left", "z", "q"),
    ]  # fmt: skip
    found = self_agreement(votes(rows))
    assert (found.repeated.agreeing, found.repeated.pairs) == (1, 1)
    assert (found.mirrored.agreeing, found.mirrored.pairs) == (2, 3)
    assert (found.same_side.agreeing, found.same_side.pairs) == (1, 2)
    assert found.raters == 2
    assert found.mirrored.low < found.mirrored.rate < found.mirrored.high


def test_the_noise_ceiling_holds_the_best_predictor():
    # On each unit a coin of its own bias falls: the best predictor knows the biases.
    rng = np.random.default_rng(1)
    bias = rng.choice([0.3, 0.6, 0.9], size=400)
    rows = [
        ("a", "b", "left" if rng.random() < bias[unit] else "right", f"r{k}", f"p{unit}")
        for unit in range(400) for k in range(9)
    ]  # fmt: skip
    found = noise_ceiling(votes(rows))
    best = np.mean(np.maximum(bias, 1 - bias))
    assert found.lower_low < best < found.upper_high
    assert found.lower <= found.upper
    assert found.agreement == pytest.approx(np.mean(bias**2 + (1 - bias) ** 2), abs=0.02)
    assert (found.units, found.votes) == (400, 3600)


def test_agreement_of_all_is_a_ceiling_of_one():
    rows = [("a", "b", "left", rater, "p") for rater in "xyz"]
    found = noise_ceiling(votes(rows))
    assert (found.lower, found.upper, found.agreement) == (1, 1, 1)


def test_missing_columns_are_named():
    with pytest.raises(InvalidComparisons, match="keep_votes"):
        self_agreement(Comparisons.from_counts("ab", "a", "b", ["left"]))
    frame = pd.DataFrame({"left": ["a"], "right": ["b"], "outcome": ["left"]})
    with pytest.raises(InvalidComparisons, match="prompt"):
        rater_agreement(Comparisons.from_frame(frame, keep_votes=True))
    with pytest.raises(InvalidComparisons, match="nothing to bound"):
        noise_ceiling(votes([("a", "b", "left", "x", "p")]))
