"""The table of the read API: each address, what it takes, what it gives, and what answers.

The routes, the OpenAPI document and the list at the entrance are all made of `OPERATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arena.domain.columns import PROMPTS
from arena.queries.boards import Board
from arena.queries.entrants import EntrantLine
from arena.queries.runs import RATING_COLUMNS, RunLine
from arena.services.publishing import votes_csv, votes_parquet
from arena.web.read import answers
from arena.web.read.answers import OF_THE_VOTE, VOTE_COLUMNS, CampaignAnswer, Reading
from arena.web.read.asking import CAMPAIGN, CRITERION, NUMBER, PAGED, RUN_VIEW, SLUG, VIEW, Parameter
from arena.web.read.shapes import Schema, of_columns, of_list, of_object, of_page, of_table, of_type

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Operation:
    """An address that can be read.

    ``answer`` gives what is told as JSON, or a file. ``mark`` gives numbers that change whenever the answer
    does, for answers that are too large to be made only to find that they are the same.
    """

    name: str
    path: str
    summary: str
    answer: Callable[[Reading], Any]
    gives: Schema
    takes: tuple[Parameter, ...] = ()
    mark: Callable[[Reading], tuple[Any, ...]] | None = None
    media: str = JSON


_VOTE = of_columns(VOTE_COLUMNS)
_BATTLE = of_object(
    {
        **{name: schema for name, schema in _VOTE.items() if name not in OF_THE_VOTE},
        "votes": {"type": "array", "items": of_object({name: _VOTE[name] for name in OF_THE_VOTE})},
    }
)
_RUN_ROW = of_object({"entrant": {"type": "string"}, **of_table(RATING_COLUMNS)})
_RUN = of_type(RunLine)["properties"] | {"rows": {"type": "array", "items": _RUN_ROW}}
_WHOLE_RUN = _RUN | {"details": {"type": "object", "description": "what belongs to no row"}}
_AS_RELEASED = "as in the files of votes, with the same withheld"

OPERATIONS = (
    Operation(
        "campaigns",
        "/campaigns",
        "Every campaign, the newest first.",
        answers.all_campaigns,
        of_list(of_type(CampaignAnswer)),
    ),
    Operation(
        "leaderboard",
        "/leaderboard",
        "The newest board of a campaign; without a name, of the newest that people vote in. A view that was "
        "not looked at before is fitted first: its `run` is null until then.",
        answers.leaderboard,
        of_type(Board),
        takes=(CAMPAIGN, CRITERION, *VIEW),
    ),
    Operation(
        "entrants",
        "/entrants",
        "Everybody who ever entered, at every revision.",
        answers.entrants,
        of_list(of_type(EntrantLine)),
    ),
    Operation(
        "entrant",
        "/entrants/<slug>",
        "One entrant, at every revision.",
        answers.entrant,
        of_list(of_type(EntrantLine)),
        takes=(SLUG,),
    ),
    Operation(
        "prompts",
        "/prompts",
        "Prompts that released votes have shown; all of them for a key made with --may-unblind.",
        answers.prompts,
        of_page(of_object(of_columns(PROMPTS))),
        takes=(CAMPAIGN, *PAGED),
        mark=answers.votes_mark,
    ),
    Operation(
        "battles",
        "/battles",
        f"Battles with their released votes, {_AS_RELEASED}.",
        answers.battles,
        of_page(_BATTLE),
        takes=(CAMPAIGN, *PAGED),
        mark=answers.votes_mark,
    ),
    Operation(
        "votes",
        "/votes",
        f"Released votes, {_AS_RELEASED}.",
        answers.votes,
        of_page(of_object(_VOTE)),
        takes=(CAMPAIGN, *PAGED),
        mark=answers.votes_mark,
    ),
    Operation(
        "votes_csv",
        "/votes.csv",
        "All released votes in one file, with raters' pseudonyms that are good within it.",
        answers.file_of(votes_csv, "votes.csv", f"{CSV}; charset=utf-8"),
        {"type": "string"},
        takes=(CAMPAIGN,),
        mark=answers.votes_mark,
        media=CSV,
    ),
    Operation(
        "votes_parquet",
        "/votes.parquet",
        "The same file as Parquet.",
        answers.file_of(votes_parquet, "votes.parquet", PARQUET),
        {"type": "string", "contentEncoding": "binary"},
        takes=(CAMPAIGN,),
        mark=answers.votes_mark,
        media=PARQUET,
    ),
    Operation(
        "runs",
        "/runs",
        "Every rating run with its rows, the first first.",
        answers.all_runs,
        of_page(of_object(_RUN)),
        takes=(CAMPAIGN, RUN_VIEW, *PAGED),
        mark=answers.runs_mark,
    ),
    Operation(
        "run",
        "/runs/<number>",
        "One rating run, with what belongs to no row.",
        answers.one_run,
        of_object(_WHOLE_RUN),
        takes=(NUMBER,),
    ),
)
