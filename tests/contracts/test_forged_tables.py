"""`arena verify` finds forged boards, pictures, deals and prompts, with a manifest made to match."""

from __future__ import annotations

import random

import pyarrow.parquet as pq
import pytest

from arena.domain.columns import IMAGES
from arena.domain.seals import leaf
from arena.services.fitting import fit_board
from arena.services.release_boards import Counts, rows_of
from arena.services.verifying import verify
from arena.services.vote_tables import ParquetRows
from tests.contracts.forging import FILES, Forger, Row


@pytest.mark.parametrize("name", ["last_vote", "votes", "seed", "entrants", "rows", "warnings", "options"])
@pytest.mark.parametrize("wrong", [None, "x", [2], {"a": 1}, [[]], -1, 1.5])
def test_a_board_of_nonsense_is_named(forger: Forger, name: str, wrong: object) -> None:
    forger.json("ratings.json", lambda boards: boards[0].update({name: wrong}))
    assert any(problem.startswith("ratings.json") for problem in forger.sign().problems)


def test_a_chain_that_was_rewritten_as_a_whole_falls_to_the_ratings_and_to_a_published_head(
    forger: Forger,
) -> None:
    head = verify(forger.folder).head
    assert head is not None
    rows = forger.votes()
    was = rows[16]["leaf"]
    rows[16]["outcome"] = "left" if rows[16]["outcome"] != "left" else "right"
    rows[16]["leaf"] = leaf(rows[16], rows[16]["private_digest"])
    forger.write_votes(rows)
    seals = forger.seals()
    for seal in seals:
        seal["leaves"] = [[rows[16]["leaf"] if one == was else one, vote] for one, vote in seal["leaves"]]
    forger.write_seals(seals, again=True)
    (problem,) = forger.sign(head=seals[-1]["digest"]).problems
    assert problem.startswith("ratings.json: the board of")
    assert "its votes say" in problem

    def fit_again(boards: list[Row]) -> None:
        counts = Counts({(b["campaign"], b["criterion"]): b["last_vote"] for b in boards})
        for row in rows:
            counts.add(row)
        for board in boards:
            counted = counts.boards[board["campaign"], board["criterion"]]
            again = fit_board(board["entrants"], counted.votes, seed=board["seed"], first=counted.seen)
            board["rows"] = rows_of(again.table)

    forger.ratings(fit_again)
    assert forger.sign(head=seals[-1]["digest"]).problems == ()
    (problem,) = verify(forger.folder, head=head).problems
    assert f"does not pass through the published head {head}" in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [("rating", 1234.5), ("low", None), ("rank", 3), ("votes", 1), ("provisional", True), ("island", 1)],
)
def test_a_changed_rating_is_named(forger: Forger, name: str, value: object) -> None:
    forger.ratings(lambda boards: boards[0]["rows"][0].update({name: value}))
    (problem,) = forger.sign().problems
    assert problem.startswith(f"ratings.json: the board of spring, preference: {name} of rose@")


def test_ratings_equal_to_a_millionth_are_equal(forger: Forger) -> None:
    def nudge(boards: list[Row]) -> None:
        boards[0]["rows"][0]["rating"] += 5e-7

    forger.ratings(nudge)
    assert forger.sign().problems == ()


def test_other_changes_of_a_board_are_named(forger: Forger) -> None:
    for change, told in (
        (lambda boards: boards[0].update(method_version="bt-0"), "can only recompute"),
        (lambda boards: boards[0].update(votes=1), "counts 1 votes"),
        (lambda boards: boards[0].update(warnings=["all is well"]), "other warnings"),
        (lambda boards: boards[0].update(options={}), "other options"),
        (lambda boards: boards[0]["rows"].pop(), "not one row for each"),
        (lambda boards: boards[0]["entrants"].pop(), "cannot be recomputed"),
        (lambda boards: boards.pop(), "is missing"),
        (lambda boards: boards.append({**boards[0], "campaign": "winter"}), "has no votes"),
    ):
        original = (forger.folder / "ratings.json").read_bytes()
        forger.json("ratings.json", change)
        problems = forger.sign().problems
        assert any(told in p and p.startswith("ratings.json") for p in problems), (told, problems)
        (forger.folder / "ratings.json").write_bytes(original)


def test_a_table_of_ratings_that_says_something_else_is_named(forger: Forger) -> None:
    file = forger.folder / "ratings.csv"
    file.write_text(file.read_text().replace("ordinary", "").replace("spring", "winter"))
    assert "ratings.csv: is not the table of ratings.json" in forger.sign().problems


def test_a_forged_deal_prompt_picture_and_entrant_are_named(forger: Forger) -> None:
    original = {name: (forger.folder / name).read_bytes() for name in FILES}

    def changed(name: str, before: str, after: str) -> str:
        data = original[name].decode()
        assert before in data
        (forger.folder / name).write_text(data.replace(before, after, 1), encoding="utf-8")
        report = forger.sign()
        (forger.folder / name).write_bytes(original[name])
        return " ".join(report.problems)

    assert "dealt.csv row" in changed("dealt.csv", ",0,1,1,1\n", ",0,1,2,1\n")
    assert "the prompt is not the one of its digest" in changed("prompts.csv", "red glass", "blue glass")
    assert "its prompt is not the one in prompts.csv" in changed("prompts.csv", "still-life", "portrait")
    assert "its entrant or its prompt" in changed("entrants.json", '"slug": "rose"', '"slug": "weed"')


def test_a_picture_under_another_name_is_found(forger: Forger) -> None:
    with pq.ParquetFile(forger.folder / "images.parquet") as table:
        rows = table.read().to_pylist()
    rows[0]["entrant"], rows[4]["entrant"] = rows[4]["entrant"], rows[0]["entrant"]
    rows[0]["revision"], rows[4]["revision"] = rows[4]["revision"], rows[0]["revision"]
    with (forger.folder / "images.parquet").open("wb") as out, ParquetRows(out, IMAGES) as written:
        written.write(rows)
    assert any("is no picture of" in problem for problem in forger.sign().problems)


def test_a_replaced_picture_is_found(forger: Forger) -> None:
    one, other = sorted((forger.folder / "images").iterdir())[:2]
    one.write_bytes(other.read_bytes())
    assert any(f"{one.name} is not a picture of that SHA-256" in p for p in forger.sign().problems)


@pytest.mark.parametrize("told", [{"votes": 3}, {"seals": 9}, {"head": "ab" * 32}, {"campaign": "spring"}])
def test_a_manifest_that_says_something_else_is_named(forger: Forger, told: Row) -> None:
    assert forger.sign(**told).problems


def test_many_problems_of_a_kind_are_counted_and_not_all_told(forger: Forger) -> None:
    rows = forger.votes()
    random.Random(1).shuffle(rows)
    forger.write_votes(rows)
    report = forger.sign()
    assert len(report.problems) < 15
    assert any(problem.startswith("... and ") for problem in report.problems)
