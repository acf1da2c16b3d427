"""Votes of other arenas come in as they were cast, whole, once, and never as something else."""

from __future__ import annotations

import csv
import json
import random
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image as Picture
from sqlalchemy import func, select

from analysis import Comparisons
from arena.domain.imported import BACKEND, COHORT
from arena.errors import Invalid, NameTaken
from arena.queries.boards import board
from arena.queries.explorer import Filters as Looked
from arena.queries.explorer import battle_list
from arena.services.curation import find_entrant, join
from arena.services.dealing import Dealt, next_battle
from arena.services.generation import enqueue
from arena.services.importing.registry import SHAPES
from arena.services.publishing import export
from arena.services.sketching import ask as ask_for_a_sketch
from arena.services.verifying import verify
from arena.tables import Battle, Campaign, Entrant, Image, Job, Prompt, Tally, Vote, Voter
from tests.contracts.conftest import SECRET
from tests.contracts.exported import Voted, ratings
from tests.contracts.importing import NOW, VOTES, Here, pickapic, written
from tests.contracts.test_command_line import arena
from tests.factory import open_arena


@pytest.mark.parametrize("form", ["pickapic", "clean-battle", "lmarena-140k", "csv", "jsonl"])
def test_a_board_comes_back_as_it_was(form: str, voted: Voted, here: Here, tmp_path: Path) -> None:
    report = voted.export(form, tmp_path, criterion="preference")
    taken = here.take(tmp_path / form, form, campaign="theirs")
    assert (taken.rows, taken.votes, taken.dropped) == (report.rows_out, report.rows_out, {})
    with voted.database.read() as session:
        theirs = {row.entrant: row for row in board(session).rows}
    mine = {row.entrant: row for row in here.board("theirs").rows}
    assert mine.keys() == theirs.keys()
    for name, row in mine.items():
        for told in ("rating", "low", "high"):
            assert getattr(row, told) == pytest.approx(getattr(theirs[name], told), abs=1e-6), (name, told)
        for told in ("rank_low", "rank_high", "votes", "wins", "losses", "ties", "both_bad"):
            merged = form == "pickapic" and told in ("ties", "both_bad")
            assert merged or getattr(row, told) == getattr(theirs[name], told), (name, told)


@pytest.mark.parametrize("form", ["genai-bench", "lmarena-55k", "rapidata"])
def test_ratings_come_back_where_nobody_tells_the_raters(
    form: str, voted: Voted, here: Here, tmp_path: Path
) -> None:
    voted.export(form, tmp_path)
    taken = here.take(tmp_path / form, form, campaign="theirs")
    cast = voted.votes[voted.votes["outcome"].isin(("left", "right"))] if form == "rapidata" else voted.votes
    assert taken.votes == len(cast)
    assert taken.raters == 1
    points = {
        name: 1000 + 400 / 2.302585092994046 * nats
        for name, nats in ratings(Comparisons.from_frame(cast)).items()
    }
    mine = {f"{row.entrant}": row.rating for row in here.board("theirs").rows}
    assert mine == pytest.approx({name.partition("@")[0]: at for name, at in points.items()}, abs=1e-6)
    with here.database.read() as session:
        digests = set(session.scalars(select(Image.digest)))
    assert digests == {*cast["left_image"], *cast["right_image"]}
    assert all(voted.images.get(digest) == here.images.get(digest) for digest in digests)


def test_an_export_of_an_arena_comes_back_with_its_cards_questions_and_pictures(
    whole: Path, here: Here, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match=r"several campaigns \(spring, autumn\); say which with --of"):
        here.take(whole, "vernissage")
    taken = here.take(whole, "vernissage", of="autumn", campaign="theirs")
    told = {row["criterion"]: row for row in json.loads((whole / "ratings.json").read_text())
            if row["campaign"] == "autumn"}  # fmt: skip
    assert taken.criteria == {name: told[name]["votes"] for name in ("beauty", "likeness")}
    mine = here.board("theirs")
    assert (mine.criterion, mine.question) == ("beauty", "Which has more beauty?")
    expected = {row["entrant"].partition("@")[0]: row for row in told["beauty"]["rows"]}
    for row in mine.rows:
        theirs = expected[row.entrant]
        assert (row.rating, row.low, row.high) == pytest.approx(
            (theirs["rating"], theirs["low"], theirs["high"])
        )
    with here.database.read() as session:
        twice = select(Vote.battle_id).group_by(Vote.battle_id).having(func.count() == 2)
        assert len(session.scalars(twice).all()) == 1
        assert set(session.scalars(select(Entrant.licence))) == {"CC0-1.0"}
        digests = session.scalars(select(Image.digest)).all()
    assert {file.stem for file in (whole / "images").iterdir()} >= set(digests)
    assert taken.pictures == len(digests) > 0


def test_a_damaged_export_is_not_imported(copy: Path, here: Here) -> None:
    file = copy / "votes.csv"
    file.write_bytes(file.read_bytes().replace(b",left,", b",right,", 1))
    before = here.counts()
    with pytest.raises(Invalid, match=r"does not verify: votes\.csv"):
        here.take(copy, "vernissage", of="spring")
    assert here.counts() == before


def test_pick_a_pic_goes_through_unchanged(here: Here, tmp_path: Path) -> None:
    theirs = pickapic()
    taken = here.take(written(theirs, tmp_path / "train.parquet"), "pickapic")
    assert (taken.votes, taken.dropped, taken.raters) == (40, {}, 3)
    assert (taken.first_day, taken.last_day) == ("2023-01-03", "2023-01-12")
    here.export("pickapic", tmp_path / "out")
    (file,) = (tmp_path / "out" / "data").glob("train-*.parquet")
    mine = pq.read_table(file)
    assert mine.schema.remove_metadata() == theirs.schema.remove_metadata()
    for column in theirs.column_names:
        if column != "user_id":
            assert mine[column].to_pylist() == theirs[column].to_pylist(), column
    partition = pd.DataFrame({"mine": mine["user_id"].to_pylist(), "theirs": theirs["user_id"].to_pylist()})
    assert partition.drop_duplicates().shape[0] == 3
    assert partition["mine"].nunique() == partition["theirs"].nunique() == 3


def test_pictures_are_kept_as_png_whatever_they_came_as(here: Here, tmp_path: Path) -> None:
    here.take(written(pickapic(), tmp_path / "train.parquet"), "pickapic")
    with here.database.read() as session:
        pictures = session.scalars(select(Image)).all()
        jobs = set(session.execute(select(Job.id, Job.state)))
    assert {(picture.job_id, "done") for picture in pictures} == jobs
    for picture in pictures:
        shown = Picture.open(BytesIO(here.images.get(picture.digest)))
        assert (shown.format, shown.size) == ("PNG", (picture.width, picture.height))
        assert (picture.seconds, picture.cpu_seconds, picture.batch) == (None, None, 0)
        if "original" in picture.notes:
            came = Picture.open(BytesIO(here.images.get(picture.notes["original"])))
            assert came.format == "JPEG"
            assert came.convert("RGB").tobytes() == shown.tobytes()
    assert {"original" in picture.notes for picture in pictures} == {True, False}


def test_votes_without_pictures_are_votes(here: Here, tmp_path: Path) -> None:
    table = pickapic().drop_columns(["jpg_0", "jpg_1"])
    taken = here.take(written(table, tmp_path / "no_images.parquet"), "pickapic")
    assert taken.votes == 40
    assert taken.notes == ("40 without their pictures",)
    assert here.board("no-images").votes == 40
    with pytest.raises(Invalid, match="40 imported from another arena without their pictures"):
        here.export("pickapic", tmp_path / "out")
    here.export("clean-battle", tmp_path / "battles")
    rows = json.loads((tmp_path / "battles" / "clean_battle.json").read_text())
    assert {row["conversation_a"][1]["content"] for row in rows} == {""}
    with here.database.read() as session:
        shown = battle_list(session, Looked(), now=NOW)
        assert (shown.count, {side.digest for one in shown.battles for side in (one.left, one.right)}) == (
            40,
            {None},
        )
    with here.database.read() as session:
        export(
            session,
            folder=tmp_path / "whole",
            images=here.images,
            secret_key=SECRET,
            now=NOW + timedelta(hours=1),
        )
    assert verify(tmp_path / "whole").problems == ()
    told = pd.read_csv(tmp_path / "whole" / "votes.csv")
    assert told[["left_image", "right_image", "propensity", "eligible"]].isna().all(axis=None)
    assert set(told["policy"]) == {"imported/1"}


def test_everything_of_a_plain_table_is_kept(votes: Path, here: Here) -> None:
    taken = here.take(votes, "csv")
    assert (taken.campaign, taken.rows, taken.votes) == ("their-votes", 6, 5)
    assert taken.dropped == {"with both pictures by one entrant": 1}
    assert taken.notes == (
        "1 without a time, counted as of today",
        "1 without a rater, counted as one rater's",
        "1 without a prompt, counted as on one prompt",
        "5 without their pictures",
    )
    with here.database.read() as session:
        campaign = session.scalars(select(Campaign)).one()
        assert campaign.closed_at == NOW
        rows = session.execute(
            select(Vote.outcome, Prompt.text, Vote.cast_at, Battle.voter_id)
            .join(Battle, Vote.battle_id == Battle.id)
            .join(Prompt, Battle.prompt_id == Prompt.id)
            .order_by(Vote.id)
        ).all()
        assert [row.outcome for row in rows] == ["right", "tie", "both_bad", "both_bad", "left"]
        assert [row.text for row in rows] == [
            "a red vase", "a red vase", "a cat", "a cat", "(nobody told the prompt)",
        ]  # fmt: skip
        assert [row.cast_at.date().isoformat() for row in rows] == [
            "2026-01-02", "2026-01-03", "2026-01-03", "2026-01-04", "2026-12-01",
        ]  # fmt: skip
        assert rows[0].voter_id == rows[2].voter_id
        assert len({row.voter_id for row in rows}) == 4
        assert set(session.scalars(select(Voter.cohort))) == {COHORT}
        assert set(session.execute(select(Entrant.name, Entrant.slug, Entrant.kind, Entrant.backend))) == {
            ("SDXL 1.0", "sdxl-1-0", "external", BACKEND),
            ("FLUX.1 [dev]", "flux-1-dev", "external", BACKEND),
            ("Midjourney", "midjourney", "external", BACKEND),
        }
        counted = dict(
            session.execute(select(Tally.category, func.sum(Tally.votes)).group_by(Tally.category)).all()
        )
        assert {name: int(n) for name, n in counted.items()} == {"all": 5, "still-life": 2, "animals": 2}


def test_names_leave_as_they_came(votes: Path, here: Here, tmp_path: Path) -> None:
    here.take(votes, "csv")
    here.export("csv", tmp_path / "out")
    with (tmp_path / "out" / "votes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["left"], row["right"]) for row in rows[:2]] == [
        ("SDXL 1.0", "FLUX.1 [dev]"),
        ("FLUX.1 [dev]", "SDXL 1.0"),
    ]
    assert {(row["propensity"], row["left_image"]) for row in rows} == {("", "")}


def test_the_same_file_again_changes_nothing(votes: Path, here: Here) -> None:
    here.take(votes, "csv")
    before = here.counts()
    again = here.take(votes, "csv", now=NOW + timedelta(days=3))
    assert again.imported_on == "2026-12-01"
    assert (again.campaign, again.votes) == ("their-votes", 5)
    assert here.counts() == before


def test_a_dry_run_tells_and_keeps_nothing(votes: Path, here: Here) -> None:
    before = here.counts()
    told = here.take(votes, "csv", dry_run=True)
    assert (told.rows, told.votes, told.prompts, told.raters) == (6, 5, 3, 4)
    assert here.counts() == before


def test_files_are_not_mixed_by_chance_nor_with_votes_of_our_own(
    votes: Path, here: Here, tmp_path: Path
) -> None:
    open_arena(here.database, here.images, slug="ours")
    with pytest.raises(NameTaken, match="'ours' is for raters of this arena"):
        here.take(votes, "csv", campaign="ours")
    here.take(votes, "csv")
    other = tmp_path / "elsewhere" / votes.name
    other.parent.mkdir()
    other.write_text(VOTES + "SDXL 1.0,Midjourney,tie,a dog,u1,2026-02-01,animals\n", encoding="utf-8")
    with pytest.raises(NameTaken, match="add to it with --campaign their-votes"):
        here.take(other, "csv")
    here.take(other, "csv", campaign="their-votes")
    assert here.board("their-votes").votes == 11


def test_imported_entrants_paint_nothing_and_hide_nobody(votes: Path, here: Here) -> None:
    ours = open_arena(here.database, here.images, slug="ours", entrants=("midjourney", "lily"))
    here.take(votes, "csv")
    with here.database.write.begin() as session:
        assert find_entrant(session, "midjourney").id == ours.entrants["midjourney"]
        theirs = find_entrant(session, "flux-1-dev")
        assert theirs.backend == BACKEND
        campaign = session.get_one(Campaign, ours.campaign_id)
        join(session, campaign, [theirs], now=NOW)
        enqueue(session, campaign, now=NOW)
        assert session.scalar(select(func.count()).where(Job.entrant_id == theirs.id)) == 0
        with pytest.raises(Invalid, match="cannot paint here"):
            ask_for_a_sketch(
                session,
                voter_key="ann",
                entrant="flux-1-dev",
                prompt="a pear",
                seed=None,
                steps=None,
                now=NOW,
            )
    with here.database.write.begin() as session:
        dealt = next_battle(session, campaign="ours", voter_key="ann", now=NOW, rng=random.Random(1))
        assert isinstance(dealt, Dealt)
        sides = session.execute(
            select(Battle.left_entrant_id, Battle.right_entrant_id).where(Battle.key == dealt.key)
        ).one()
        assert theirs.id not in sides


def test_the_command_ends_with_the_board_or_names_the_row(votes: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    arena(home, "init")
    told = arena(home, "import", str(votes), "--format", "csv", "--campaign", "theirs").stdout
    assert told.startswith(
        "csv: 6 rows in, 5 votes taken into theirs\n3 entrants, 3 prompts, 4 raters, 0 new"
    )
    assert "Dropped: 1 with both pictures by one entrant" in told
    assert "As of vote 5, bradley-terry" in told
    again = json.loads(arena(home, "import", str(votes), "--format", "csv", "--json").stdout)
    assert (again["imported_on"] is not None, again["board"]["votes"]) == (True, 5)
    votes.write_text(VOTES.replace("both_bad", "both-bad"), encoding="utf-8")
    failed = arena(home, "import", str(votes), "--format", "csv", "--json", check=False)
    assert failed.returncode == 2
    assert failed.stderr.startswith(
        "arena: Their votes.csv, line 5, column winner: 'both-bad' is no outcome;"
    )
    assert failed.stderr.count("\n") == 1
    words = arena(home, "import", "--help").stdout
    assert all(name in words for name in SHAPES)
