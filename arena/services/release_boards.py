"""Boards of an export: the ratings that the arena shows, and the same fitted again from rows of votes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from analysis import Leaderboard
from arena.domain.columns import RATINGS
from arena.domain.seals import day_of
from arena.queries.boards import newest_run
from arena.queries.releases import labels, questions, ratings_of
from arena.queries.removed import removed_of
from arena.services.fitting import BoardVotes, Fitted, fit_board
from arena.services.vote_tables import csv_lines, header
from arena.tables import BattleKind, Campaign, Criterion, Rating, RatingRun

Board = dict[str, Any]
Key = tuple[str, str]
"""Campaign and criterion."""

SHOWN = (
    "rating",
    "low",
    "high",
    "rank",
    "rank_low",
    "rank_high",
    "votes",
    "wins",
    "losses",
    "ties",
    "both_bad",
    "provisional",
    "reason",
    "island",
)
TOLERANCE = 1e-6
_REAL = {"rating", "low", "high"}


@dataclass(slots=True)
class Counted:
    """Votes of one board in their order, and how many of the first of them its run has seen."""

    until: int | None
    votes: BoardVotes = field(default_factory=BoardVotes)
    seen: int = 0
    last: int = 0


class Counts:
    """Counts rows of votes into boards; only ordinary battles count.

    Parameters
    ----------
    until : mapping of (campaign, criterion) to int
        The last vote that each board's run has seen.
    """

    def __init__(self, until: Mapping[Key, int]) -> None:
        self._until = dict(until)
        self.boards: dict[Key, Counted] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row."""
        if row["kind"] != BattleKind.ORDINARY.value:
            return
        key = (row["campaign"], row["criterion"])
        counted = self.boards.get(key)
        if counted is None:
            counted = self.boards[key] = Counted(self._until.get(key))
        counted.votes.add(row["left"], row["right"], row["outcome"], row["rater"], row["prompt_digest"])
        counted.last = row["vote"]
        if counted.until is not None and row["vote"] <= counted.until:
            counted.seen += 1


def newest_runs(session: Session, campaigns: Iterable[Campaign]) -> dict[Key, RatingRun]:
    """The newest run of each board, if no vote on its question was removed since."""
    return {
        (campaign.slug, criterion.slug): run
        for campaign in campaigns
        for criterion in questions(session, campaign.id)
        if (run := newest_run(session, campaign.id, criterion.id))
        and run.removed == removed_of(session, criterion.id)
    }


def boards(
    session: Session,
    campaigns: Sequence[Campaign],
    runs: Mapping[Key, RatingRun],
    counts: Counts,
    *,
    now: datetime,
) -> Iterator[Board]:
    """The boards of the votes that were counted.

    A board is the newest run as the arena shows it. Only where that run has counted other votes than the
    export holds, as can happen when votes come in meanwhile, the board is fitted here; ``run`` is then null.
    """
    for campaign in campaigns:
        for criterion in questions(session, campaign.id):
            key = (campaign.slug, criterion.slug)
            counted = counts.boards.get(key)
            if counted is None:
                continue
            run = runs.get(key)
            if run is not None and run.votes == counted.seen:
                yield _kept(session, campaign, criterion, run)
            else:
                names = labels(session, campaign.id)
                fitted = fit_board(names, counted.votes, seed=campaign.seed)
                yield _fitted(campaign, criterion, fitted, names, last=counted.last, now=now)


def _kept(session: Session, campaign: Campaign, criterion: Criterion, run: RatingRun) -> Board:
    rows = ratings_of(session, run)
    return {
        **_told(campaign, criterion, run.seed, run.votes, run.fitted_at),
        "run": run.id,
        "method": run.method,
        "method_version": run.method_version,
        "options": run.options,
        "last_vote": run.last_vote_id,
        "warnings": list(run.warnings),
        "entrants": [name for _, name, _ in sorted(rows, key=lambda row: row[0])],
        "rows": [{"entrant": name, **_shown(rating)} for _, name, rating in rows],
    }


def _fitted(
    campaign: Campaign,
    criterion: Criterion,
    fitted: Fitted,
    names: Sequence[str],
    *,
    last: int,
    now: datetime,
) -> Board:
    table = fitted.table
    return {
        **_told(campaign, criterion, table.seed, table.votes, now),
        "run": None,
        "method": table.method,
        "method_version": table.method_version,
        "options": fitted.options,
        "last_vote": last,
        "warnings": list(table.warnings),
        "entrants": list(names),
        "rows": rows_of(table),
    }


def _told(campaign: Campaign, criterion: Criterion, seed: int, votes: int, at: datetime) -> Board:
    return {
        "campaign": campaign.slug,
        "criterion": criterion.slug,
        "question": criterion.question,
        "seed": seed,
        "votes": votes,
        "fitted_on": day_of(at),
    }


def _shown(rating: Rating) -> dict[str, Any]:
    return {name: getattr(rating, name) for name in SHOWN}


def rows_of(table: Leaderboard) -> list[dict[str, Any]]:
    """Rows of a fitted board as an export holds them."""
    rows = [asdict(row) for row in table.rows]
    return [{"entrant": row["entrant"], **{name: row[name] for name in SHOWN}} for row in rows]


def ratings_csv(told: Sequence[Board]) -> bytes:
    """``ratings.csv``: made of ``ratings.json`` and nothing else."""
    rows = []
    for board in told:
        for row in board["rows"]:
            provisional = "true" if row["provisional"] else "false"
            rows.append({**board, **row, "provisional": provisional, "reason": row["reason"] or ""})
    return header(RATINGS) + b"".join(csv_lines(RATINGS, rows))


def mismatch(board: Board, counted: Counted) -> str | None:
    """Fit a board again from the rows of votes; the first thing that differs, or None.

    Raises
    ------
    analysis.errors.AnalysisError
        If an entrant is unknown.
    """
    n = counted.seen
    if n != board["votes"]:
        return f"counts {board['votes']} votes, and votes.csv holds {n} up to vote {board['last_vote']}"
    fitted = fit_board(board["entrants"], counted.votes, seed=board["seed"], first=n)
    table = fitted.table
    if (table.method, table.method_version) != (board["method"], board["method_version"]):
        return (
            f"was fitted by {board['method']} {board['method_version']}; "
            f"this version of the arena can only recompute {table.method} {table.method_version}"
        )
    if board["options"] != fitted.options:
        return f"was fitted with other options than {fitted.options}"
    if list(table.warnings) != board["warnings"]:
        return "has other warnings than its votes call for"
    again = {row["entrant"]: row for row in rows_of(table)}
    if sorted(again) != sorted(row["entrant"] for row in board["rows"]):
        return "has not one row for each of its entrants"
    for told in board["rows"]:
        found = again[told["entrant"]]
        for name in SHOWN:
            if not _same(name, told[name], found[name]):
                return f"{name} of {told['entrant']} is {told[name]}, its votes say {found[name]}"
    return None


def _same(name: str, told: Any, found: Any) -> bool:
    if name in _REAL and isinstance(told, float) and isinstance(found, float):
        return math.isclose(told, found, rel_tol=0, abs_tol=TOLERANCE)
    return bool(told == found)
