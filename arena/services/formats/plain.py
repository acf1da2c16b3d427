"""Plain tables of votes, for whatever reads a table; digests tell which pictures were judged."""

from __future__ import annotations

from collections.abc import Iterator

from arena.services.formats.contracts import Desk, Format, Parts, Preference
from arena.services.formats.sinks import CsvFiles, JsonLines, Row

COLUMNS = (
    "vote",
    "campaign",
    "criterion",
    "day",
    "prompt",
    "prompt_digest",
    "categories",
    "language",
    "source",
    "left",
    "right",
    "left_image",
    "right_image",
    "outcome",
    "propensity",
    "rater",
)


def _row(vote: Preference) -> Row:
    words = vote.prompt
    return {
        "vote": vote.number,
        "campaign": vote.campaign,
        "criterion": vote.criterion,
        "day": vote.day.isoformat(),
        "prompt": words.text,
        "prompt_digest": words.digest,
        "categories": " ".join(words.categories),
        "language": words.language,
        "source": words.source,
        "left": vote.left.entrant,
        "right": vote.right.entrant,
        "left_image": vote.left.picture.digest,
        "right_image": vote.right.picture.digest,
        "outcome": CSV.words[vote.outcome],
        "propensity": vote.propensity,
        "rater": vote.judge,
    }


def write_csv(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write a CSV file a part."""
    with CsvFiles(desk.folder, desk.name("votes", "csv"), COLUMNS) as files:
        for vote in votes:
            files.add(vote.split, _row(vote))
    return files.parts


def write_jsonl(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write a file of JSON lines a part."""
    with JsonLines(desk.folder, desk.name("votes", "jsonl")) as files:
        for vote in votes:
            files.add(vote.split, _row(vote))
    return files.parts


_REMARKS = (
    "`left_image` and `right_image` are the SHA-256 of the pictures' PNG files, which are in the exports "
    "`imagefolder` and `vernissage`, under that name.",
    "`rater` is `arena_user_<k>`, k a number that means nothing in another export; `propensity` is the "
    "probability with which the prompt, pair and sides were dealt; `categories` stand by blanks.",
    "Votes that were imported from another arena have no `propensity`, and no digests of pictures that did "
    "not come with them.",
)
CSV = Format(
    name="csv",
    title="A plain table, comma-separated",
    reader="pandas, R, spreadsheets, `arena rate`",
    vocabulary="vernissage",
    write=write_csv,
    remarks=_REMARKS,
    pictures=False,
    all_questions=True,
)
JSONL = Format(
    name="jsonl",
    title="A plain table, a JSON object a line",
    reader="pandas, jq, `datasets`",
    vocabulary="vernissage",
    write=write_jsonl,
    remarks=_REMARKS,
    pictures=False,
    all_questions=True,
)
