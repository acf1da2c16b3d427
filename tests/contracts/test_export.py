"""An export: every vote once, readable by what people have, with the boards that the arena shows."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import chdir
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image as Picture
from sqlalchemy import select

from analysis import Comparisons, fit_bradley_terry, leaderboard
from analysis.outcomes import Outcome
from arena.domain.columns import VOTES
from arena.services.publishing import TOO_LATE
from arena.services.standings import refresh
from arena.services.verifying import verify
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Image, PictureSide, Point, RatingRun, Vote, Voter
from tests.contracts.conftest import Publish, publisher, rows_of, some_votes
from tests.factory import NOON, Arena, open_arena


def test_every_vote_is_exported_once(arena: Arena, publish: Publish, tmp_path: Path) -> None:
    some_votes(arena)
    report = publish(tmp_path / "out")
    with arena.database.read() as session:
        cast = session.execute(
            select(Vote.id, Vote.outcome, Battle.kind).join(Battle, Vote.battle_id == Battle.id)
        ).all()
    rows = rows_of(tmp_path / "out")
    assert [int(row["vote"]) for row in rows] == sorted(vote for vote, _, _ in cast)
    assert {int(row["vote"]): row["outcome"] for row in rows} == {v: o.value for v, o, _ in cast}
    assert (report.votes, report.dropped) == (len(cast), {})
    assert verify(tmp_path / "out").problems == ()


def test_pandas_reads_both_files_alike(whole: Path) -> None:
    from_csv = pd.read_csv(whole / "votes.csv", keep_default_na=False, na_values={"elapsed_s": [""]})
    from_parquet = pd.read_parquet(whole / "votes.parquet")
    assert list(from_csv.columns) == list(from_parquet.columns) == [column.name for column in VOTES]
    pd.testing.assert_frame_equal(from_csv, from_parquet, check_exact=True)
    assert from_parquet["elapsed_s"].isna().any()
    assert from_parquet["prompt"].str.contains("grünes").any()


def test_a_row_says_what_was_voted_on(arena: Arena, publish: Publish, tmp_path: Path) -> None:
    battle = arena.deal("lily", "rose", prompt=1)
    arena.vote(battle, Outcome.RIGHT, reasons=("texture", "text"), unblinded=("generic",), elapsed_ms=4321)
    publish(tmp_path / "out")
    (row,) = rows_of(tmp_path / "out")
    told = {name: row[name] for name in ("left_entrant", "right_entrant", "outcome", "day", "elapsed_s")}
    assert told == {
        "left_entrant": "lily",
        "right_entrant": "rose",
        "outcome": "right",
        "day": "2026-11-02",
        "elapsed_s": "4.3",
    }
    assert (row["reasons"], row["reasons_unblinded"]) == ("texture text", "generic")
    assert (row["cohort"], row["expected"], row["repeats"]) == ("public", "", "0")
    assert (row["points"], row["points_unblinded"]) == ("", "")
    assert float(row["propensity"]) == 0.1 + 0.2
    assert (tmp_path / "out" / "images" / f"{row['left_image']}.png").is_file()


def test_a_row_says_what_was_marked_and_what_was_checked(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    first = arena.deal("lily", "rose", voter="ann")
    again = arena.deal("rose", "lily", voter="ann", kind=BattleKind.MIRRORED)
    known = arena.deal("rose", "iris", voter="bob", kind=BattleKind.KNOWN_ANSWER)
    for battle in (first, again, known):
        arena.vote(battle)
    spots = [
        ("left", 0.4012, 0.7, "text", False),
        ("right", 0.0, 1.0, None, False),
        ("left", 0.5, 0.5, None, True),
    ]
    with arena.database.write.begin() as session:
        session.get_one(Battle, again).repeats_id = first
        session.get_one(Battle, known).expected = Outcome.RIGHT
        session.get_one(Voter, arena.voter("bob")).cohort = "creators"
        for side, x, y, tag, late in spots:
            session.add(
                Point(
                    battle_id=first, side=PictureSide(side), x=x, y=y, tag=tag, unblinded=late, given_at=NOON
                )
            )
    publish(tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    told = ("kind", "expected", "repeats", "cohort", "points", "points_unblinded")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("ordinary", "", "0", "public", "left:0.4012:0.7:text right:0.0:1.0:", "left:0.5:0.5:"),
        ("mirrored", "", str(first), "public", "", ""),
        ("known_answer", "right", "0", "creators", "", ""),
    ]
    assert verify(tmp_path / "out").problems == ()


def test_an_arena_without_votes_exports_and_verifies(publish: Publish, tmp_path: Path) -> None:
    report = publish(tmp_path / "out")
    assert (report.votes, report.seals, report.head, report.boards) == (0, 0, None, 0)
    assert len(pd.read_parquet(tmp_path / "out" / "votes.parquet")) == 0
    assert verify(tmp_path / "out").problems == ()


def test_the_pictures_are_those_of_the_store(arena: Arena, publish: Publish, tmp_path: Path) -> None:
    publish(tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "images.parquet")
    with arena.database.read() as session:
        digests = list(session.scalars(select(Image.digest).order_by(Image.id)))
    assert list(table["image"]) == digests
    for name in table["file"]:
        with Picture.open(tmp_path / "out" / name) as opened:
            assert opened.size == (24, 24)
    assert set(table["entrant"]) == {"rose", "lily", "iris"}
    assert json.loads(table["settings"][0]) == {"identity": {"steps": 4}}


def test_battles_without_votes_are_counted_by_ordered_pair(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    arena.vote(arena.deal("rose", "lily"))
    arena.deal("rose", "lily", skipped=True)
    arena.deal("rose", "lily", voter="bob", minutes=1)
    arena.deal("rose", "lily", voter="eve", minutes=600)
    arena.vote(arena.deal("lily", "rose", voter="cid"))
    arena.vote(arena.deal("lily", "rose", voter="cid", prompt=1, kind=BattleKind.MIRRORED))
    publish(tmp_path / "out")
    dealt = pd.read_csv(tmp_path / "out" / "dealt.csv")
    assert dealt.drop(columns=["campaign"]).to_dict("list") | {"left": None, "right": None} == {
        "kind": ["mirrored", "ordinary", "ordinary"],
        "left": None,
        "right": None,
        "dealt": [1, 4, 1],
        "voted": [1, 1, 1],
        "removed": [0, 0, 0],
        "skipped": [0, 1, 0],
        "expired": [0, 1, 0],
        "open": [0, 1, 0],
    }
    assert [left.partition("@")[0] for left in dealt["left"]] == ["lily", "rose", "lily"]
    assert verify(tmp_path / "out").problems == ()


def test_the_ratings_are_those_of_anybody_who_fits_the_votes(whole: Path) -> None:
    boards = {(b["campaign"], b["criterion"]): b for b in json.loads((whole / "ratings.json").read_text())}
    assert set(boards) == {("spring", "preference"), ("autumn", "beauty"), ("autumn", "likeness")}
    board = boards["spring", "preference"]
    votes = pd.read_csv(whole / "votes.csv").query("campaign == 'spring'")
    mine = leaderboard(fit_bradley_terry(Comparisons.from_frame(votes)), seed=board["seed"])
    theirs = {row["entrant"]: row["rating"] for row in board["rows"]}
    assert {row.entrant: row.rating for row in mine.rows} == pytest.approx(theirs, abs=1e-6)
    table = pd.read_csv(whole / "ratings.csv").query("campaign == 'spring'")
    assert dict(zip(table["entrant"], table["rating"], strict=True)) == theirs


def test_the_newest_run_is_exported_as_the_arena_shows_it(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    some_votes(arena)
    publish(tmp_path / "out")
    with arena.database.read() as session:
        run = session.scalars(select(RatingRun).order_by(RatingRun.id.desc())).first()
        assert run is not None
        told = (run.id, run.votes, run.last_vote_id, run.method_version)
    (board,) = json.loads((tmp_path / "out" / "ratings.json").read_text())
    assert (board["run"], board["votes"], board["last_vote"], board["method_version"]) == told


def test_a_run_that_lags_is_exported_as_of_its_last_vote(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    from arena.services.sealing import seal_pending

    some_votes(arena)
    refresh(arena.database, now=NOON)
    arena.vote(arena.deal("iris", "rose", voter="late"))
    with arena.database.write.begin() as session:
        seal_pending(session, now=NOON)
    publish(tmp_path / "out", seal=lambda: 0)
    (board,) = json.loads((tmp_path / "out" / "ratings.json").read_text())
    assert board["run"] is not None
    assert board["votes"] == len(rows_of(tmp_path / "out")) - 1
    assert verify(tmp_path / "out").problems == ()


def test_without_a_run_the_board_is_fitted_from_the_votes(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    from arena.services.sealing import seal_pending

    some_votes(arena)
    with arena.database.write.begin() as session:
        seal_pending(session, now=NOON)
    publish(tmp_path / "out", seal=lambda: 0)
    (board,) = json.loads((tmp_path / "out" / "ratings.json").read_text())
    assert board["run"] is None
    assert board["votes"] == len(rows_of(tmp_path / "out"))
    assert verify(tmp_path / "out").problems == ()


def test_votes_cast_while_it_is_written_are_counted_as_dropped(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    from arena.services.sealing import seal_pending

    some_votes(arena)
    with arena.database.write.begin() as session:
        seal_pending(session, now=NOON)
    arena.vote(arena.deal("iris", "rose", voter="late"))
    report = publish(tmp_path / "out", seal=lambda: 0)
    assert report.dropped == {TOO_LATE: 1}
    assert f"dropped: 1 {TOO_LATE}" in (tmp_path / "out" / "README.md").read_text()
    assert verify(tmp_path / "out").problems == ()


def test_one_campaign_alone_still_carries_the_whole_chain(whole: Path) -> None:
    part = whole.parent / "spring"
    report = verify(part)
    assert report.problems == ()
    assert report.head == verify(whole).head
    assert {row["campaign"] for row in rows_of(part)} == {"spring"}
    seals = [json.loads(line) for line in (part / "seals.jsonl").read_text().splitlines()]
    bare = [vote for seal in seals for _, vote in seal["leaves"] if vote is None]
    of_removals = 2 + 4  # leaves of what was withdrawn in spring, and of the four removals there
    assert len(bare) - of_removals == len(rows_of(whole)) - len(rows_of(part)) > 0
    assert "are of other campaigns" in " ".join(report.checked)


def test_the_card_shows_how_to_verify_by_hand(whole: Path) -> None:
    card = (whole / "README.md").read_text()
    assert card.startswith("---\npretty_name:")
    assert all(f"`{column.name}`" in card for column in VOTES)
    code = card.partition("```python\n")[2].partition("```")[0]
    with chdir(whole):
        exec(compile(code, "card", "exec"), {})
    said = {row["vote"]: row["outcome"] for row in rows_of(whole)}
    assert Counter(said.values()).keys() == {"left", "right", "tie", "both_bad"}


def test_two_answers_to_one_battle_are_two_rows_and_one_deal(
    arena: Arena, images: ImageStore, tmp_path: Path
) -> None:
    pair = open_arena(arena.database, images, slug="pair", criteria=("beauty", "likeness"))
    battle = pair.deal("rose", "lily")
    pair.vote(battle, Outcome.LEFT)
    pair.vote(battle, Outcome.RIGHT, criterion=1)
    pair.tick(timedelta(minutes=1).total_seconds())
    publisher(pair, images)(tmp_path / "out", campaign="pair")
    rows = rows_of(tmp_path / "out")
    assert [(row["battle"], row["criterion"]) for row in rows] == [
        (str(battle), "beauty"),
        (str(battle), "likeness"),
    ]
    assert list(pd.read_csv(tmp_path / "out" / "dealt.csv")["voted"]) == [1]
    assert verify(tmp_path / "out").problems == ()
