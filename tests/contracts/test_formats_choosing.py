"""Which votes an export in another format holds: filters, splits, and a reason for each that is missing."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from analysis.outcomes import OUTCOME_WORDS, Outcome
from arena.domain.formats import FORMATS
from arena.domain.quality import TOO_FAST_MS
from arena.domain.splits import Split
from arena.errors import ArenaError, Conflict, Unavailable
from arena.services.formats import choosing, reliability
from arena.services.formats.exporting import export_as
from arena.services.formats.filters import Filters
from arena.services.formats.registry import VOTE_FORMATS
from arena.services.removing import exclude
from arena.storage import ImageStore
from arena.tables import Battle, BattleKind, Prompt, RemovalKind, Vote, Voter
from tests.contracts.exported import SPLIT, Voted
from tests.contracts.test_command_line import arena as command
from tests.factory import NOON, Arena

NOT_IN_IT = {choosing.TEST_BATTLES: 3, choosing.OTHER_QUESTIONS: 1}


def rows_in(folder: Path) -> list[dict[str, str]]:
    """Rows of a plain table."""
    with (folder / "votes.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def picked(voted: Voted, folder: Path, **asked: object) -> list[int]:
    """Export a plain table; the numbers of its votes. What is missing has been counted."""
    report = voted.export("csv", folder, **{"criterion": "preference", **asked})
    votes = [int(row["vote"]) for row in rows_in(folder / "csv")]
    assert report.rows_out == len(votes)
    assert (
        report.rows_in
        == len(voted.votes) + sum(NOT_IN_IT.values())
        == len(votes) + sum(report.dropped.values())
    )
    assert report.dropped.items() >= NOT_IN_IT.items()
    return votes


def test_every_format_is_listed_and_has_a_word_or_a_drop_for_every_outcome() -> None:
    assert set(FORMATS) == {"vernissage", "leaderboard-dataset", *VOTE_FORMATS}
    for form in VOTE_FORMATS.values():
        assert set(OUTCOME_WORDS[form.vocabulary]) == set(Outcome)


def test_votes_are_picked_by_day(voted: Voted, tmp_path: Path) -> None:
    first, last = date(2026, 11, 3), date(2026, 11, 4)
    cast = voted.votes
    days = cast["cast_at"].map(lambda at: at.date())
    assert picked(voted, tmp_path, since=first, until=last) == list(
        cast[(days >= first) & (days <= last)]["vote"]
    )


def test_votes_are_picked_by_entrants_of_which_both_are_named(voted: Voted, tmp_path: Path) -> None:
    rose = next(name for name in voted.votes["left"] if name.startswith("rose@"))
    cast = voted.votes[
        ~voted.votes["left"].str.startswith("lily") & ~voted.votes["right"].str.startswith("lily")
    ]
    assert picked(voted, tmp_path, entrants=(rose, "iris")) == list(cast["vote"])


def test_votes_are_picked_by_category_and_verdict(voted: Voted, tmp_path: Path) -> None:
    undecided = (Outcome.TIE, Outcome.BOTH_BAD)
    votes = picked(voted, tmp_path, category="still-life", verdicts=undecided)
    with voted.database.read() as session:
        asked = {
            prompt.text for prompt in session.scalars(select(Prompt)) if "still-life" in prompt.categories
        }
    cast = voted.votes[voted.votes["outcome"].isin(undecided)]
    assert votes == list(cast[cast["prompt"].isin(asked)]["vote"])
    assert 0 < len(votes) < len(cast)


def test_agreement_is_counted_on_the_same_pictures_whichever_hung_left(voted: Voted, tmp_path: Path) -> None:
    answers: dict[frozenset[str], Counter[str]] = {}
    for cast in voted.votes.itertuples():
        told = {"left": cast.left_image, "right": cast.right_image}.get(cast.outcome, cast.outcome)
        answers.setdefault(frozenset((cast.left_image, cast.right_image)), Counter())[told] += 1
    agreed = [
        cast.vote
        for cast in voted.votes.itertuples()
        if (told := answers[frozenset((cast.left_image, cast.right_image))]).most_common(1)[0][1]
        / told.total()
        >= 0.6
    ]
    assert 0 < len(agreed) < len(voted.votes)
    assert picked(voted, tmp_path, min_agreement=0.6) == agreed


def test_votes_are_picked_by_what_speaks_against_their_raters(
    arena: Arena, images: ImageStore, tmp_path: Path
) -> None:
    def voted(voter: str, **told: int) -> int:
        return arena.vote(arena.deal("rose", "lily", voter=voter), Outcome.LEFT, **told)

    ann = [voted("ann"), voted("ann", elapsed_ms=TOO_FAST_MS - 1), voted("ann", elapsed_ms=None)]
    bob = [voted("bob", elapsed_ms=TOO_FAST_MS), voted("bob", elapsed_ms=10)]
    eve = [voted("eve")]
    with arena.database.write.begin() as session:
        assert exclude(session, [bob[1]], rule="one-sided", by="sam", now=arena.now)

    def picked(**asked: object) -> tuple[list[int], dict[str, int]]:
        with arena.database.read() as session:
            report = export_as(
                session, "csv", folder=tmp_path / "out", images=images, asked=Filters(**asked),
                now=arena.now, rng=random.Random(1),
            )  # fmt: skip
        card = (tmp_path / "out" / "README.md").read_text()
        assert all(f"dropped: {n} {why}" in card for why, n in report.dropped.items())
        assert all(f"`{name}`: {value}" in card for name, value in asked.items())
        assert json.loads((tmp_path / "out" / "export.json").read_text())["filters"] == asked
        return [int(row["vote"]) for row in rows_in(tmp_path / "out")], dict(report.dropped)

    excluded = {choosing.REMOVALS[RemovalKind.EXCLUDED]: 1}
    assert picked() == ([*ann, bob[0], *eve], excluded)
    dropped = {reliability.TOO_FAST: 1, reliability.OF_EXCLUDED: 1}
    assert picked(reliable=True) == ([ann[0], ann[2], *eve], excluded | dropped)
    assert picked(min_rater_votes=2) == (ann, excluded | {reliability.OF_FEW_VOTES: 2})
    both = dropped | {reliability.OF_FEW_VOTES: 1}
    assert picked(reliable=True, min_rater_votes=2) == ([ann[0], ann[2]], excluded | both)

    check = arena.deal("rose", "lily", voter="eve", kind=BattleKind.KNOWN_ANSWER)
    with arena.database.write.begin() as session:
        session.get_one(Battle, check).expected = Outcome.RIGHT
    arena.vote(check, Outcome.LEFT)
    checks = excluded | {choosing.TEST_BATTLES: 1}
    assert picked(min_pass_rate=0.5) == ([*ann, bob[0]], checks | {reliability.OF_FAILING: 1})


def test_only_the_last_ballot_of_a_question_counts(arena: Arena, images: ImageStore, tmp_path: Path) -> None:
    battle = arena.deal("rose", "lily")
    first = arena.vote(battle, Outcome.LEFT)
    with arena.database.write.begin() as session:
        told = session.get_one(Vote, first)
        session.add(
            Vote(battle_id=battle, criterion_id=told.criterion_id, ballot_no=2, outcome=Outcome.RIGHT,
                 elapsed_ms=None, consent=told.consent, salt=b"2" * 16, cast_at=arena.tick())
        )  # fmt: skip
    with arena.database.read() as session:
        report = export_as(
            session, "csv", folder=tmp_path / "out", images=images, asked=Filters(), now=arena.now,
            rng=random.Random(1),
        )  # fmt: skip
    (row,) = rows_in(tmp_path / "out")
    assert (row["outcome"], row["day"]) == ("right", "2026-11-02")
    assert report.dropped == {choosing.VOTED_ANEW: 1}


def test_a_vote_on_a_lost_picture_is_dropped_and_counted(voted: Voted, tmp_path: Path) -> None:
    digest = voted.votes["left_image"][0]
    file = voted.images.path(digest)
    kept = file.read_bytes()
    file.write_bytes(kept[:-1])
    try:
        report = voted.export("genai-bench", tmp_path)
    finally:
        file.write_bytes(kept)
    on_it = (voted.votes["left_image"] == digest) | (voted.votes["right_image"] == digest)
    assert report.dropped[choosing.LOST] == on_it.sum() > 0
    assert report.rows_out == len(voted.votes) - on_it.sum()
    assert f"dropped: {on_it.sum()} {choosing.LOST}" in (tmp_path / "genai-bench" / "README.md").read_text()


def test_a_prompt_stays_in_its_part_and_shares_are_met() -> None:
    digests = [f"{n:064x}" for n in range(4000)]
    split = Split.parse("train=0.9,validation=0.05,test=0.05", seed=1)
    parts = Counter(map(split.of, digests))
    assert parts["train"] == pytest.approx(3600, abs=60)
    assert parts["validation"] == pytest.approx(200, abs=45)
    other = Split.parse("train=0.9,validation=0.05,test=0.05", seed=2)
    assert any(split.of(digest) != other.of(digest) for digest in digests)
    assert str(split) == "train=0.9,validation=0.05,test=0.05"


def test_ties_leave_the_parts_beyond_train_of_pick_a_pic(voted: Voted, tmp_path: Path) -> None:
    report = voted.export("pickapic", tmp_path, split=SPLIT)
    parts = voted.votes["prompt_digest"].map(SPLIT.of)
    undecided = voted.votes["outcome"].isin(("tie", "both_bad"))
    assert report.dropped[choosing.UNDECIDED] == (undecided & (parts != "train")).sum() > 0
    assert report.parts["train"] == (parts == "train").sum()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"criterion": "beauty"}, "no campaign asks 'beauty'; there is: likeness, preference"),
        (
            {"category": "war"},
            "no prompt of these votes is of category 'war'; there is: ",
        ),
        ({"entrants": ("rose", "moss")}, "no entrant is called 'moss'; there is: iris@"),
        ({"entrants": ("rose",)}, "both sides of a vote must be named"),
        ({"campaign": "winter"}, "no campaign is called 'winter'"),
        ({"since": date(2027, 1, 1)}, "no vote is left to export: 3 on battles that test raters"),
        ({"since": date(2027, 1, 1), "until": date(2026, 1, 1)}, "turn them round"),
        ({"min_agreement": 1.5}, "an agreement is a share"),
    ],
)
def test_what_cannot_be_had_is_a_sentence_and_leaves_nothing(
    voted: Voted, tmp_path: Path, asked: dict[str, object], told: str
) -> None:
    with pytest.raises(ArenaError, match=re.escape(told)):
        voted.export("pickapic", tmp_path, **asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["train", "train=0.5", "train=1,train=0", "Train=1", "train=0.5,train=0.5", "a=x"]
)
def test_a_split_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ArenaError, match="split"):
        Split.parse(text, 0)


def test_a_board_cannot_be_picked_from(voted: Voted, tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="category, min_agreement cannot be asked of it"):
        voted.export("leaderboard-dataset", tmp_path, category="still-life", min_agreement=0.5)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "vernissage"])
def test_nobody_can_be_found_in_an_export(name: str, voted: Voted, tmp_path: Path) -> None:
    voted.export(name, tmp_path)
    with voted.database.read() as session:
        secret = list(session.scalars(select(Voter.key)))
        for battle in session.scalars(select(Battle)):
            secret += [battle.key, battle.left_token, battle.right_token]
        times = {f"{at:%H:%M:%S}" for at in session.scalars(select(Vote.cast_at))}
    seen = 0
    for file in (tmp_path / name).rglob("*"):
        if not file.is_file() or file.suffix == ".png":
            continue
        text = file.read_bytes().decode("utf-8", "replace")
        if file.suffix == ".parquet":
            binary = {"jpg_0", "jpg_1", "left_image", "right_image", "image1", "image2"}
            kept = [column for column in pq.read_schema(file).names if column not in binary]
            text = pq.read_table(file, columns=kept).to_pandas().to_csv()
        assert not [trace for trace in secret if trace in text], file
        assert not set(re.findall(r"\b\d\d:\d\d:\d\d\b", text)) & times, file
        assert str(tmp_path) not in text
        seen += 1
    assert seen >= 3


def test_a_rater_has_another_number_in_another_export(voted: Voted, tmp_path: Path) -> None:
    told = []
    for seed in (1, 2):
        with voted.database.read() as session:
            export_as(
                session, "csv", folder=tmp_path / str(seed), images=voted.images, asked=Filters(),
                now=voted.arena.now, rng=random.Random(seed),
            )  # fmt: skip
        told.append([row["rater"] for row in rows_in(tmp_path / str(seed))])
    assert told[0] != told[1]
    assert len(set(told[0])) == len(set(told[1])) == len(set(zip(*told, strict=True)))


def test_a_folder_is_whole_or_not_there(voted: Voted, tmp_path: Path) -> None:
    mine = tmp_path / "csv"
    mine.mkdir()
    (mine / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="holds no export"):
        voted.export("csv", tmp_path)
    assert [file.name for file in tmp_path.rglob("*")] == ["csv", "mine.txt"]
    (mine / "mine.txt").unlink()
    voted.export("csv", tmp_path)
    before = (mine / "export.json").read_bytes()
    with pytest.raises(ArenaError, match="no vote is left"):
        voted.export("csv", tmp_path, since=date(2030, 1, 1))
    assert (mine / "export.json").read_bytes() == before
    voted.export("csv", tmp_path, verdicts=(Outcome.LEFT,))
    assert {row["outcome"] for row in rows_in(mine)} == {"left"}
    assert [file.name for file in tmp_path.iterdir()] == ["csv"]


def test_what_is_left_of_a_killed_export_makes_room(voted: Voted, tmp_path: Path) -> None:
    voted.export("csv", tmp_path)
    (tmp_path / "csv").rename(tmp_path / "jsonl.part")
    voted.export("jsonl", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["jsonl"]


def test_a_folder_that_cannot_be_written_is_a_sentence(voted: Voted, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Unavailable, match=r"cannot be written to .*: Not a directory; run it again"):
        voted.export("csv", tmp_path / "file")


def test_progress_ends_at_everything(voted: Voted, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with voted.database.read() as session:
        report = export_as(
            session, "dpo", folder=tmp_path / "out", images=voted.images, asked=Filters(), now=NOON,
            rng=random.Random(1), progress=lambda done, total: told.append((done, total)),
        )  # fmt: skip
    dones, totals = zip(*told, strict=True)
    assert set(totals) == {24 + report.rows_out}
    assert list(dones) == list(range(1, totals[0] + 1))


def test_the_command_tells_what_was_dropped(voted: Voted, tmp_path: Path) -> None:
    home = voted.images.folder.parent
    out = tmp_path / "out"
    told = command(
        home, "export", str(out), "--format", "dpo", "--split", "train=0.5,test=0.5", "--seed", "3"
    )
    assert re.search(r"^dpo: 246 in, \d+ out; rows: ", told.stdout)
    assert "Dropped: 3 on battles that test raters" in told.stdout
    assert "spring still open" in told.stdout
    assert "votes and pictures" in told.stderr
    report = json.loads((out / "export.json").read_text())
    assert report["rows_in"] == report["rows_out"] + sum(report["dropped"].values())
    again = json.loads(
        command(home, "export", str(out), "--format", "dpo", "--json", "--verdict", "left").stdout
    )
    assert again["filters"] == {"verdicts": ["left"]}
    done = command(home, "export", str(tmp_path / "whole"), "--verdict", "left", check=False)
    assert (done.returncode, "takes --campaign alone" in done.stderr) == (2, True)
    assert not (tmp_path / "whole").exists()


def test_another_database_gives_the_same_rows(arena: Arena, images: ImageStore, tmp_path: Path) -> None:
    arena.fill(30, rng=random.Random(8))
    late = arena.now.replace(hour=23, minute=30) + timedelta(days=1)
    arena.now = late
    arena.vote(arena.deal("rose", "lily"), Outcome.TIE)
    with arena.database.read() as session:
        report = export_as(
            session, "csv", folder=tmp_path / "out", images=images, asked=Filters(until=late.date()),
            now=arena.now, rng=random.Random(1),
        )  # fmt: skip
        cast = session.execute(select(Vote.id, Vote.outcome, Vote.cast_at).order_by(Vote.id)).all()
    rows = [(int(row["vote"]), row["outcome"], row["day"]) for row in rows_in(tmp_path / "out")]
    assert rows == [(vote, outcome.value, at.date().isoformat()) for vote, outcome, at in cast]
    assert (report.rows_in, report.dropped) == (31, {})
