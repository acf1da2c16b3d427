"""`arena verify` finds votes that were changed on purpose, with a manifest made to match."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.domain.columns import VOTES
from arena.domain.seals import leaf
from arena.services.verifying import verify
from tests.contracts.forging import Forger, Row


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "both_bad"},
        {"day": "2026-11-09"},
        {"kind": "known_answer"},
        {"propensity": 0.5},
        {"ballot_no": 2},
        {"consent": "2020-01"},
        {"private_digest": "ab" * 32},
        {"private_digest": "no digest"},
        {"propensity": float("nan")},
        {"expected": "left"},
        {"repeats": 3},
    ],
)
def test_a_forged_vote_is_named(forger: Forger, change: Row) -> None:
    rows = forger.votes()
    rows[16].update(change)
    forger.write_votes(rows)
    (problem, *_) = forger.sign().problems
    assert problem.startswith(f"votes.parquet row 17 (vote {rows[16]['vote']}): ")
    assert "leaf" in problem or "not those that were sealed" in problem or "of kind 'ordinary'" in problem


@pytest.mark.parametrize("name", [column.name for column in VOTES])
def test_a_value_that_is_missing_is_named(forger: Forger, name: str) -> None:
    rows = forger.votes()
    rows[16][name] = None
    forger.write_votes(rows)
    problems = forger.sign().problems
    if name == "elapsed_s":
        assert problems == ()
    else:
        assert any("votes.parquet row 17 " in problem for problem in problems), problems


@pytest.mark.parametrize("wrong", ["AB" * 32, "ab" * 31 + "a b", "ab", 7, None])
def test_a_leaf_that_is_no_digest_is_found(forger: Forger, wrong: object) -> None:
    seals = forger.seals()
    seals[0]["leaves"][3][0] = wrong
    forger.write_seals(seals)
    assert any(p.startswith("seals.jsonl row 1: a leaf of seal 1") for p in forger.sign().problems)


def test_leaves_cut_at_other_places_are_found(forger: Forger) -> None:
    seals = forger.seals()
    (one, vote), (other, next_vote) = seals[0]["leaves"][:2]
    seals[0]["leaves"][:2] = [[one[:32], vote], [one[32:] + other, next_vote]]
    forger.write_seals(seals)
    assert any(p.startswith("seals.jsonl row 1: a leaf of seal 1") for p in forger.sign().problems)


def test_a_forged_vote_with_a_leaf_to_fit_is_named(forger: Forger) -> None:
    rows = forger.votes()
    rows[16]["outcome"] = "both_bad"
    rows[16]["leaf"] = leaf(rows[16], rows[16]["private_digest"])
    forger.write_votes(rows)
    problems = forger.sign().problems
    assert problems[0].endswith(f"its leaf is not the one in seal {rows[16]['seal']}")
    assert "votes.parquet row 17 " in problems[0]


def test_an_older_head_that_was_published_is_found_in_the_chain(whole: Path) -> None:
    older = json.loads((whole / "seals.jsonl").read_text().splitlines()[0])["digest"]
    assert verify(whole, head=older).matches
    assert verify(whole, head=older.upper()).matches


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_removed_vote_is_named(forger: Forger, place: int) -> None:
    rows = forger.votes()
    gone = rows.pop(place)
    forger.write_votes(rows)
    problems = forger.sign(votes=len(rows)).problems
    assert f"vote {gone['vote']} is in seal {gone['seal']} and has no row" in problems[0]


def test_a_removed_vote_whose_leaf_was_made_bare_is_found(forger: Forger) -> None:
    rows = forger.votes()
    gone = rows.pop(30)
    forger.write_votes(rows)
    seals = forger.seals()
    for seal in seals:
        seal["leaves"] = [[one, None if vote == gone["vote"] else vote] for one, vote in seal["leaves"]]
    forger.write_seals(seals)
    problems = forger.sign(votes=len(rows)).problems
    assert "seals.jsonl: 1 leaves are of no vote here and of no removal" in problems
    assert any("counts" in problem and "ratings.json" in problem for problem in problems)


def test_a_vote_removed_with_its_leaf_breaks_the_seal(forger: Forger) -> None:
    rows = forger.votes()
    gone = rows.pop(30)
    forger.write_votes(rows)
    seals = forger.seals()
    for seal in seals:
        seal["leaves"] = [entry for entry in seal["leaves"] if entry[1] != gone["vote"]]
        seal["count"] = len(seal["leaves"])
    forger.write_seals(seals)
    problems = forger.sign(votes=len(rows)).problems
    assert any("seals.jsonl row 2: the leaves of seal 2" in problem for problem in problems)


def test_two_rows_that_changed_places_are_named(forger: Forger) -> None:
    rows = forger.votes()
    rows[10], rows[11] = rows[11], rows[10]
    forger.write_votes(rows)
    assert any("row 12 (vote 11): stands after vote 12" in problem for problem in forger.sign().problems)


def test_two_votes_that_changed_outcomes_are_named(forger: Forger) -> None:
    rows = forger.votes()
    one, other = next((a, b) for a in range(87) for b in range(a) if rows[a]["outcome"] != rows[b]["outcome"])
    rows[one]["outcome"], rows[other]["outcome"] = rows[other]["outcome"], rows[one]["outcome"]
    forger.write_votes(rows)
    told = " ".join(forger.sign().problems)
    assert f"row {one + 1} " in told
    assert f"row {other + 1} " in told


def test_a_vote_that_is_there_twice_is_named(forger: Forger) -> None:
    rows = forger.votes()
    rows.insert(5, dict(rows[4]))
    forger.write_votes(rows)
    assert any("row 6 (vote 5)" in p and "twice" in p for p in forger.sign(votes=len(rows)).problems)


def test_a_vote_that_nobody_sealed_is_named(forger: Forger) -> None:
    rows = forger.votes()
    rows.append({**rows[-1], "vote": 10_000})
    rows[-1]["leaf"] = leaf(rows[-1], rows[-1]["private_digest"])
    forger.write_votes(rows)
    assert any("no seal holds the vote" in p for p in forger.sign(votes=len(rows)).problems)


def test_seals_in_another_order_are_found(forger: Forger) -> None:
    seals = forger.seals()
    seals[1], seals[2] = seals[2], seals[1]
    forger.write_seals(seals)
    assert any("seals.jsonl row 2: seal 3 does not follow" in p for p in forger.sign().problems)


def test_a_chain_that_was_cut_short_is_found(forger: Forger) -> None:
    seals = forger.seals()
    for cut, told in ((1, "no seal after that of its vote holds the removal"), (2, "no seal holds the vote")):
        forger.write_seals(seals[:-cut])
        report = forger.sign(seals=len(seals) - cut, head=seals[-cut - 1]["digest"])
        assert any(told in problem for problem in report.problems)


@pytest.mark.parametrize(("csv", "parquet"), [(True, False), (False, True)])
def test_votes_that_differ_between_the_two_files_are_named(forger: Forger, csv: bool, parquet: bool) -> None:
    rows = forger.votes()
    was = rows[20]["reasons"]
    rows[20]["reasons"] = "lighting"
    forger.write_votes(rows, csv=csv, parquet=parquet)
    (problem,) = forger.sign().problems
    here, there = ("lighting", was) if csv else (was, "lighting")
    told = f"reasons is {here!r}, and {there!r} there"
    assert problem == f"votes.csv row 21 (vote {rows[20]['vote']}) differs from votes.parquet: {told}"


def test_rows_that_one_of_the_files_has_not_are_named(forger: Forger) -> None:
    rows = forger.votes()
    forger.write_votes(rows[:-1], parquet=False)
    assert any("row 87 (vote 87)" in p and "missing" in p for p in forger.sign().problems)
    forger.write_votes([*rows, rows[-1]], parquet=False)
    assert any("from row 88 on" in p for p in forger.sign().problems)
