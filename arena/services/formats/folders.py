"""Folders of pictures: imagefolder with a table of pairs, and kohya's winners and losers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from arena.services.formats.contracts import Desk, Format, Part, Parts, Preference
from arena.services.formats.sinks import CsvFiles

COLUMNS = (
    "left_image_file_name",
    "right_image_file_name",
    "prompt",
    "left",
    "right",
    "outcome",
    "vote",
    "campaign",
    "criterion",
    "day",
    "rater",
)


def write_imagefolder(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write a folder a part: its pictures, once each, and a metadata.csv with a row a vote."""
    with CsvFiles(desk.folder, lambda part: f"{part}/metadata.csv", COLUMNS) as files:
        for vote in votes:
            names = [
                desk.lay_down(vote.split, side.picture.digest, side.picture.digest) for side in vote.sides
            ]
            cells = (
                *names,
                vote.prompt.text,
                vote.left.entrant,
                vote.right.entrant,
                IMAGEFOLDER.words[vote.outcome],
                vote.number,
                vote.campaign,
                vote.criterion,
                vote.day.isoformat(),
                vote.judge,
            )
            files.add(vote.split, dict(zip(COLUMNS, cells, strict=True)))
    return {part: Part(f"{part}/**", written.rows) for part, written in files.parts.items()}


def write_kohya(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write a folder a part, with winners in ``w/`` and losers in ``l/`` under the same names."""
    rows: Counter[str] = Counter()
    for vote in votes:
        won = float(KOHYA.words[vote.outcome] or "nan") == 1.0
        for name, side in zip(("w", "l"), vote.sides if won else vote.sides[::-1], strict=True):
            folder = f"1_{vote.split}/{name}"
            file = desk.lay_down(folder, f"{vote.number:09d}", side.picture.digest)
            (desk.folder / folder / file).with_suffix(".txt").write_text(vote.prompt.text, encoding="utf-8")
        rows[vote.split] += 1
    return {part: Part("", n) for part, n in rows.items()}


IMAGEFOLDER = Format(
    name="imagefolder",
    title="imagefolder of Hugging Face datasets",
    reader='`load_dataset("imagefolder", data_dir=...)`',
    vocabulary="vernissage",
    write=write_imagefolder,
    all_questions=True,
    remarks=(
        "Files are named by their SHA-256. `left_image` and `right_image` become picture columns; the others "
        "are plain.",
        "`rater` is `arena_user_<k>`, k a number that means nothing in another export.",
    ),
)
KOHYA = Format(
    name="kohya",
    title="Pairs for kohya's sd-scripts (pull request 1427)",
    reader="sd-scripts with `preference = true` and `image_dir` the folder `1_<part>`",
    vocabulary="dpo",
    write=write_kohya,
    remarks=(
        "`w/` holds the winners, `l/` the losers, under the vote's number, each with its caption in a .txt "
        'file: set `caption_extension = ".txt"`. A picture that is in several votes lies there as often.',
    ),
    second_hand=("The layout is told by the pull request, which was not merged when this was written.",),
)
