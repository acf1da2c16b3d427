"""The door: what is read, and what is refused and how."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from analysis import Comparisons, InvalidComparisons, InvalidOption, UnknownOutcome, fit_bradley_terry
from analysis.simulate import Arena

NAMES = {"left": "model_a", "right": "model_b", "outcome": "winner"}


@pytest.fixture(scope="module")
def frame():
    votes = Arena(np.linspace(-1, 1, 5)).votes(500, seed=1)
    words = {"left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
    return pd.DataFrame(
        {
            "model_a": votes.left.astype(str),
            "model_b": votes.right.astype(str),
            "winner": votes.outcome.astype(str).map(words),
        }
    )


def same(a, b):
    assert a.labels == b.labels
    np.testing.assert_array_equal(a.table(), b.table())


def test_every_kind_of_frame_gives_the_same_counts(frame, tmp_path):
    expected = Comparisons.from_frame(frame, **NAMES)
    assert expected.n_votes == 500
    assert expected.n_entrants == 5
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    polars = pl.from_pandas(frame)
    frame.to_parquet(tmp_path / "votes.parquet", row_group_size=100)
    frame.to_csv(tmp_path / "votes.csv", index=False)
    sources = [
        frame.astype(object),
        frame.astype("category"),
        frame.convert_dtypes(dtype_backend="pyarrow"),
        arrow,
        pa.concat_tables([arrow.slice(0, 200), arrow.slice(200)]),
        polars,
        polars.lazy(),
        polars.with_columns(pl.all().cast(pl.Categorical)),
        frame.to_dict("list"),
        tmp_path / "votes.parquet",
        str(tmp_path / "votes.csv"),
    ]
    for source in sources:
        same(Comparisons.from_frame(source, **NAMES), expected)


def test_counts_and_frames_agree(frame):
    whole = Comparisons.from_frame(frame, **NAMES)
    rows = frame.groupby(["model_a", "model_b", "winner"]).size().reset_index(name="votes")
    counted = Comparisons.from_counts(whole.labels, *(rows[c].tolist() for c in [*NAMES.values(), "votes"]))
    same(counted, whole)


def test_an_outcome_called_skip_is_an_error_that_names_the_rows(frame):
    bad = frame.copy()
    bad.loc[[3, 7, 9], "winner"] = "skip"
    with pytest.raises(UnknownOutcome, match=r"'skip' is not an outcome \(3 rows: 3, 7, 9\)") as caught:
        Comparisons.from_frame(bad, **NAMES)
    assert (caught.value.word, caught.value.rows, caught.value.count) == ("skip", (3, 7, 9), 3)
    with pytest.raises(UnknownOutcome):
        Comparisons.from_counts("ab", ["a"], ["b"], ["skip"], [1])


def test_a_category_that_does_not_occur_is_no_error(frame):
    spare = frame.assign(winner=frame.winner.astype("category").cat.add_categories("skip"))
    assert Comparisons.from_frame(spare, **NAMES).n_votes == 500


def test_nulls_are_refused(frame):
    for column in NAMES.values():
        for kind in ("str", "object", "category"):
            bad = frame.copy()
            bad.loc[4, column] = None
            bad = bad.astype({column: kind})
            with pytest.raises(InvalidComparisons, match=rf"{column} is null \(row 4\)"):
                Comparisons.from_frame(bad, **NAMES)


def test_an_entrant_against_itself_is_refused(frame):
    bad = frame.copy()
    bad.loc[6, "model_b"] = bad.loc[6, "model_a"]
    with pytest.raises(InvalidComparisons, match=r"with itself \(row 6\)"):
        Comparisons.from_frame(bad, **NAMES)
    with pytest.raises(InvalidComparisons, match=r"with itself \(row 0\)"):
        Comparisons.from_counts("ab", ["a"], ["a"], ["tie"], [3])


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_must_be_positive(frame, weight):
    bad = frame.assign(weight=1.0)
    bad.loc[2, "weight"] = weight
    with pytest.raises(InvalidComparisons, match=r"weight .*\(row 2\)"):
        Comparisons.from_frame(bad, **NAMES, weight="weight")


def test_equal_weights_change_neither_strengths_nor_sandwich(frame):
    plain = fit_bradley_terry(Comparisons.from_frame(frame, **NAMES))
    heavy = fit_bradley_terry(Comparisons.from_frame(frame.assign(w=7.0), **NAMES, weight="w"))
    np.testing.assert_allclose(heavy.strengths, plain.strengths, atol=1e-10)
    np.testing.assert_allclose(heavy.covariance, plain.covariance, atol=1e-10)
    assert heavy.n_votes == plain.n_votes


def test_a_missing_column_is_named_beside_those_there(frame, tmp_path):
    frame.to_parquet(tmp_path / "votes.parquet")
    for source in (frame, tmp_path / "votes.parquet"):
        with pytest.raises(
            InvalidComparisons, match=r"no column 'left', 'right', 'outcome'; there are model_a"
        ):
            Comparisons.from_frame(source)


def test_a_vote_on_a_stranger_is_refused(frame):
    with pytest.raises(InvalidComparisons, match="not among the labels: entrant-5"):
        Comparisons.from_frame(frame, **NAMES, labels=[f"entrant-{i}" for i in range(1, 5)])
    with pytest.raises(InvalidComparisons, match=r"not among the labels \(row 1\)"):
        Comparisons.from_counts("ab", ["a", "a"], ["b", "c"], ["tie", "tie"])


def test_labels_may_have_no_votes(frame):
    labels = [*(f"entrant-{i}" for i in range(1, 6)), "newcomer"]
    assert Comparisons.from_frame(frame, **NAMES, labels=labels).table()[5].sum() == 0


def test_counts_of_zero_are_fine_and_negative_ones_are_not():
    assert Comparisons.from_counts("ab", ["a"], ["b"], ["left"], [0]).n_votes == 0
    with pytest.raises(InvalidComparisons, match="zero or more"):
        Comparisons.from_counts("ab", ["a"], ["b"], ["left"], [-1])


def test_labels_stand_once():
    with pytest.raises(InvalidComparisons, match="twice: a"):
        Comparisons.from_counts("aa", [], [], [])


def test_positions_do_for_labels():
    by_position = Comparisons.from_counts("ab", np.array([0, 1]), np.array([1, 0]), ["left", "tie"], [2, 3])
    same(by_position, Comparisons.from_counts("ab", ["a", "b"], ["b", "a"], ["left", "tie"], [2, 3]))


def test_thousands_of_entrants_need_no_table():
    rng = np.random.default_rng(0)
    left = rng.integers(10_000, size=30_000)
    right = (left + rng.integers(1, 10_000, size=30_000)) % 10_000
    frame = pd.DataFrame({"left": left, "right": right, "outcome": "tie"})
    read = Comparisons.from_frame(frame)
    assert read.n_votes == 30_000
    assert len(read.left) < 30_001


def test_what_is_no_frame_is_refused(tmp_path):
    for source in (3, [1, 2], tmp_path / "votes.xlsx"):
        with pytest.raises(InvalidOption):
            Comparisons.from_frame(source)
