"""`arena verify` finds removals that were forged, hidden or invented, with a manifest made to match."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from arena.domain.columns import EXCLUDED, REMOVALS
from arena.domain.seals import leaf, removal_leaf
from arena.services.formats.exporting import export_as
from arena.services.formats.filters import Filters
from arena.services.removing import exclude, withdraw_all
from arena.services.standings import refresh
from arena.services.verifying import verify
from arena.services.vote_tables import csv_lines, header, parse_cells
from arena.storage import ImageStore
from arena.tables import Vote, Voter
from tests.contracts.conftest import Publish, some_votes
from tests.contracts.forging import Forger, Row
from tests.factory import Arena

TABLES = {"removals.csv": REMOVALS, "excluded.csv": EXCLUDED}


def table(forger: Forger, name: str) -> list[Row]:
    """Rows of one of the two tables."""
    text = (forger.folder / name).read_text(encoding="utf-8")
    return [parse_cells(TABLES[name], cells) for cells in csv.DictReader(io.StringIO(text))]


def write(forger: Forger, name: str, rows: list[Row]) -> None:
    """Write a table anew."""
    (forger.folder / name).write_bytes(header(TABLES[name]) + b"".join(csv_lines(TABLES[name], rows)))


def told(forger: Forger, **manifest: Any) -> str:
    """What is found, once the manifest matches."""
    return " | ".join(forger.sign(**manifest).problems)


def test_an_export_tells_removals_and_nothing_of_what_was_withdrawn(whole: Path, forger: Forger) -> None:
    report = verify(whole)
    assert report.problems == ()
    assert "2 withdrawn, 2 excluded and 0 retracted votes are removed in the chain" in report.checked
    listed, removals = table(forger, "excluded.csv"), table(forger, "removals.csv")
    assert [(row["vote"], row["rule"]) for row in listed] == [(89, "too-fast"), (91, "one-sided")]
    assert all(leaf(row, row["private_digest"]) == row["leaf"] for row in listed)
    assert [row["kind"] for row in removals] == ["withdrawn", "withdrawn", "excluded", "excluded"]
    leaves = {one: vote for seal in forger.seals() for one, vote in seal["leaves"]}
    assert [leaves[row["vote_leaf"]] for row in removals] == [None, None, 89, 91]
    assert [leaves[row["removal"]] for row in removals] == [None] * 4
    assert max(row["vote"] for row in forger.votes()) == 87
    card = (whole / "README.md").read_text()
    assert "dropped: 2 withdrawn by their raters" in card
    assert "dropped: 2 excluded by a rule, in excluded.csv" in card


def test_removals_in_the_middle_verify_and_are_left_out_of_every_format(
    arena: Arena, publish: Publish, images: ImageStore, tmp_path: Path
) -> None:
    some_votes(arena)
    publish(tmp_path / "before")
    with arena.database.write.begin() as session:
        key = session.get_one(Voter, arena.voter("rater 3")).key
        gone = withdraw_all(session, voter_key=key, now=arena.now)
        there = session.scalars(select(Vote.id).where(Vote.id % 7 == 0)).all()
        out = exclude(session, there, rule="seventh", by="sam", now=arena.now)
    assert gone > 2
    assert out > 2
    report = publish(tmp_path / "after")
    assert report.dropped == {
        "withdrawn by their raters": gone,
        "excluded by a rule, in excluded.csv": out,
    }
    head = verify(tmp_path / "before").head
    assert verify(tmp_path / "after", head=head).problems == ()
    board = json.loads((tmp_path / "after" / "ratings.json").read_text())[0]
    assert board["votes"] == report.votes
    assert board["run"] is not None
    with arena.database.read() as session:
        plain = export_as(
            session,
            "csv",
            folder=tmp_path / "csv",
            images=images,
            asked=Filters(),
            now=arena.now,
            rng=random.Random(1),
        )
    assert plain.dropped == {"withdrawn by their raters": gone, "excluded by a rule": out}
    assert plain.rows_out == report.votes


def test_a_removal_that_nobody_sealed_is_not_in_an_export_yet(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    some_votes(arena)
    publish(tmp_path / "first")
    with arena.database.write.begin() as session:
        assert exclude(session, [1], rule="late", by="sam", now=arena.now) == 1
    refresh(arena.database, now=arena.now + timedelta(hours=1))
    assert publish(tmp_path / "second", seal=lambda: 0).votes == 65
    assert verify(tmp_path / "second").problems == ()
    assert publish(tmp_path / "third").votes == 64
    assert verify(tmp_path / "third").problems == ()


def test_a_vote_that_is_missing_without_its_removal_is_found(forger: Forger) -> None:
    removals = table(forger, "removals.csv")
    write(forger, "removals.csv", removals[1:])
    assert "seals.jsonl: 2 leaves are of no vote here and of no removal" in told(forger)


def test_a_vote_withdrawn_by_nobody_is_found_though_a_row_says_so(forger: Forger) -> None:
    """The vote's row is dropped and its leaf made bare; a removal is invented, but no seal holds it."""
    rows = forger.votes()
    gone = rows.pop(30)
    forger.write_votes(rows)
    seals = forger.seals()
    for seal in seals:
        seal["leaves"] = [[one, None if vote == gone["vote"] else vote] for one, vote in seal["leaves"]]
    forger.write_seals(seals)
    removals = table(forger, "removals.csv")
    made = {**removals[0], "vote_leaf": gone["leaf"]}
    write(forger, "removals.csv", [*removals, {**made, "removal": removal_leaf(made)}])
    found = told(forger, votes=len(rows))
    assert "removals.csv row 5: no seal after that of its vote holds the removal" in found


def test_a_removal_of_a_vote_that_does_not_exist_is_found_even_in_a_chain_of_its_own(forger: Forger) -> None:
    removals, seals = table(forger, "removals.csv"), forger.seals()
    made = {**removals[0], "vote_leaf": "ab" * 32}
    made["removal"] = removal_leaf(made)
    seals[-1]["leaves"].append([made["removal"], None])
    forger.write_seals(seals, again=True)
    write(forger, "removals.csv", [*removals, made])
    assert "removals.csv row 5: removes a vote that no seal holds" in told(forger, head=seals[-1]["digest"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "excluded"}, "its leaf is not that of its columns"),
        ({"rule": "late"}, "its leaf is not that of its columns"),
        ({"day": "2026-11-01"}, "its leaf is not that of its columns"),
        ({"vote_leaf": "ab" * 32}, "its leaf is not that of its columns"),
        ({"removal": "ab" * 32}, "its leaf is not that of its columns"),
        ({"seal": 1}, "says seal 1, and seal"),
    ],
)
def test_a_forged_removal_is_named(forger: Forger, change: Row, problem: str) -> None:
    removals = table(forger, "removals.csv")
    removals[0].update(change)
    write(forger, "removals.csv", removals)
    assert f"removals.csv row 1: {problem}" in told(forger)


def test_a_removal_of_a_kind_that_does_not_exist_or_told_twice_is_named(forger: Forger) -> None:
    removals = table(forger, "removals.csv")
    odd = {**removals[0], "kind": "lost"}
    write(forger, "removals.csv", [*removals, {**odd, "removal": removal_leaf(odd)}])
    assert "removals.csv row 5: the vote is removed twice" in told(forger)
    write(forger, "removals.csv", [*removals[1:], {**odd, "removal": removal_leaf(odd)}])
    assert "removals.csv row 4: kind 'lost' with rule '' is not known" in told(forger)


def test_an_excluded_vote_that_is_hidden_changed_or_counted_is_named(forger: Forger) -> None:
    listed = table(forger, "excluded.csv")
    first = listed[0]
    for rows, problem in (
        (listed[1:], "excluded.csv: vote 89 is in seal"),
        ([{**first, "rule": "late"}, listed[1]], "excluded.csv row 1 (vote 89): says rule 'late'"),
        ([{**first, "outcome": "tie"}, listed[1]], "excluded.csv row 1 (vote 89): its public columns"),
        ([*listed, {**first, "vote": 95}], "excluded.csv row 3 (vote 95): "),
    ):
        write(forger, "excluded.csv", rows)
        assert problem in told(forger), problem
    write(forger, "excluded.csv", listed[1:])
    votes = forger.votes()
    forger.write_votes([*votes, {name: first[name] for name in votes[0]}])
    assert "was excluded, and stands among the votes that count" in told(forger, votes=len(votes) + 1)


def test_a_vote_cannot_be_excluded_without_a_removal(forger: Forger) -> None:
    votes, listed = forger.votes(), table(forger, "excluded.csv")
    write(forger, "excluded.csv", [{**votes[-1], "rule": "late"}, *listed])
    forger.write_votes(votes[:-1])
    assert "excluded.csv row 1 (vote 87): no removal excludes it" in told(forger, votes=len(votes) - 1)


def test_a_withdrawn_vote_that_the_chain_still_names_is_found(forger: Forger) -> None:
    removals, seals = table(forger, "removals.csv"), forger.seals()
    for seal in seals:
        seal["leaves"] = [
            [one, 88 if one == removals[0]["vote_leaf"] else vote] for one, vote in seal["leaves"]
        ]
    forger.write_seals(seals)
    assert "removals.csv row 1: vote 88 was withdrawn, and seals.jsonl names it" in told(forger)
