"""What the read API answers: one function an address, from a request that was read to what is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from flask import Response
from sqlalchemy.orm import Session

from arena.domain.columns import VOTES
from arena.domain.views import View
from arena.errors import NotFound, UnknownEntrant
from arena.queries import released, runs
from arena.queries.board_readers import check_board, kept_back, shown_first
from arena.queries.boards import Board, board
from arena.queries.entrants import ledger
from arena.queries.finding import campaigns, find_campaign, find_criterion
from arena.queries.releases import prompt_row
from arena.services.keys import Holder
from arena.services.standings import ask
from arena.services.vote_tables import vote_rows
from arena.tables import Campaign
from arena.web.context import writing
from arena.web.downloads import streamed
from arena.web.read.asking import Asked, cursor_of
from arena.web.read.shapes import tell

VOTE_COLUMNS = tuple(column for column in VOTES if column.name != "rater")
"""Columns of a vote here: a rater's pseudonym is good within one file, and pages are no file."""

OF_THE_VOTE = (
    "vote",
    "criterion",
    "day",
    "outcome",
    "ballot_no",
    "elapsed_s",
    "consent",
    "private_digest",
    "leaf",
    "seal",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A request as an answer needs it; ``path`` is its address, ``holder`` whose key it showed, if any."""

    session: Session
    asked: Asked
    now: datetime
    path: str
    holder: Holder | None
    prompts: released.ToldPrompts

    @property
    def campaign_id(self) -> int | None:
        """The campaign that was asked for; null for all of them."""
        slug = self.asked["campaign"]
        return find_campaign(self.session, slug).id if slug is not None else None


@dataclass(frozen=True, slots=True)
class CampaignAnswer:
    """A campaign and what it asks; ``votes`` are those on its boards."""

    campaign: str
    name: str
    votes: int
    closed: bool
    questions: tuple[released.Question, ...]


def all_campaigns(reading: Reading) -> dict[str, Any]:
    """Every campaign, with its questions."""
    asked = released.questions_by_campaign(reading.session)
    lines = campaigns(reading.session)
    return {"data": [CampaignAnswer(c.slug, c.name, c.votes, c.closed, asked.get(c.slug, ())) for c in lines]}


def leaderboard(reading: Reading) -> Board:
    """The newest board of a view; a view whose run lags is asked of the worker."""
    slug, asked = reading.asked["campaign"], reading.asked["criterion"]
    if slug is None:
        slug = next((line.slug for line in shown_first(reading.session, now=reading.now) if line.votes), None)
    if slug is not None:
        _see_that_it_is_shown(reading, find_campaign(reading.session, slug))
    if slug is not None and asked is not None:
        _see_that_it_asks(reading.session, slug, asked)
    view = View.read(reading.asked.given)
    found = board(reading.session, campaign=slug, criterion=asked, view=view)
    if found.lags and not view.standing:
        campaign = find_campaign(reading.session, found.campaign)
        criterion = find_criterion(reading.session, campaign.id, found.criterion)
        writing(lambda session: ask(session, criterion.id, view, now=reading.now))
    return found


def entrants(reading: Reading) -> dict[str, Any]:
    """Everybody who ever entered."""
    return {"data": ledger(reading.session)}


def entrant(reading: Reading) -> dict[str, Any]:
    """One entrant at every revision."""
    slug, lines = reading.asked["slug"], ledger(reading.session)
    found = [line for line in lines if line.slug == slug]
    if not found:
        raise UnknownEntrant(slug, tuple(dict.fromkeys(line.slug for line in lines)))
    return {"data": found}


def prompts(reading: Reading) -> dict[str, Any]:
    """A page of prompts: what votes have told of, or for a key that may unblind all of them."""
    where = {
        "campaign_id": reading.campaign_id,
        "after": reading.asked["cursor"],
        "limit": reading.asked["limit"] + 1,
    }
    if reading.holder and reading.holder.may_unblind:
        found = released.any_prompts(reading.session, **where)
    else:
        reading.prompts.read(reading.session, now=reading.now)
        found = released.prompts_by_id(reading.session, reading.prompts.next(**where))
    return _page(reading, [(prompt.id, prompt_row(prompt)) for prompt in found])


def votes(reading: Reading) -> dict[str, Any]:
    """A page of released votes."""
    rows = next(
        vote_rows(
            reading.session,
            pseudonyms=None,
            campaign_id=reading.campaign_id,
            blind=reading.now,
            after=reading.asked["cursor"],
            chunk=reading.asked["limit"] + 1,
        ),
        [],
    )
    names = [column.name for column in VOTE_COLUMNS]
    return _page(reading, [(row["vote"], {name: row[name] for name in names}) for row in rows])


def battles(reading: Reading) -> dict[str, Any]:
    """A page of battles, each with its released votes."""
    numbers = released.told_battles(
        reading.session,
        campaign_id=reading.campaign_id,
        after=reading.asked["cursor"],
        limit=reading.asked["limit"] + 1,
        now=reading.now,
    )
    found: dict[int, dict[str, Any]] = {}
    chunks = vote_rows(reading.session, pseudonyms=None, blind=reading.now, battles=numbers)
    for row in chain.from_iterable(chunks):
        told = {c.name: row[c.name] for c in VOTE_COLUMNS if c.name not in OF_THE_VOTE}
        battle = found.setdefault(row["battle"], {**told, "votes": []})
        battle["votes"].append({name: row[name] for name in OF_THE_VOTE})
    return _page(reading, sorted(found.items()))


def all_runs(reading: Reading) -> dict[str, Any]:
    """A page of rating runs."""
    lines = runs.run_page(
        reading.session,
        campaign_id=reading.campaign_id,
        view=reading.asked["view"],
        after=reading.asked["cursor"],
        limit=reading.asked["limit"] + 1,
        shown=None if _sees_all(reading) else reading.now,
    )
    return _page(reading, [(line.run, line) for line in lines])


def one_run(reading: Reading) -> dict[str, Any]:
    """One rating run with its details."""
    line, details = runs.one_run(reading.session, reading.asked["number"])
    _see_that_it_is_shown(reading, find_campaign(reading.session, line.campaign))
    return {**tell(line), "details": details}


def file_of(source: Callable[..., Any], name: str, media: str) -> Callable[[Reading], Response]:
    """What answers with a file of votes."""

    def answer(reading: Reading) -> Response:
        return streamed(partial(source, campaign=reading.asked["campaign"]), name, media)

    return answer


def votes_mark(reading: Reading) -> tuple[Any, ...]:
    """Numbers that change with what is told of votes."""
    return released.mark(reading.session, now=reading.now)


def runs_mark(reading: Reading) -> tuple[Any, ...]:
    """Numbers that change with the runs."""
    return (runs.newest_of_all(reading.session), *reading.session.scalars(kept_back(reading.now)))


def _sees_all(reading: Reading) -> bool:
    return reading.holder is not None and reading.holder.may_unblind


def _see_that_it_is_shown(reading: Reading, campaign: Campaign) -> None:
    """See that the board of a campaign is everybody's, or that the key shows all boards."""
    check_board(reading.session, campaign, now=reading.now, operator=_sees_all(reading))


def _see_that_it_asks(session: Session, campaign: str, criterion: str) -> None:
    known = [each.criterion for each in released.questions_by_campaign(session).get(campaign, ())]
    if known and criterion not in known:
        raise NotFound(f"campaign {campaign!r} does not ask {criterion!r}; it asks {', '.join(known)}")


def _page(reading: Reading, rows: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    """A page of numbered rows, of which one more than asked for was looked for."""
    limit = reading.asked["limit"]
    link = None
    if len(rows) > limit:
        query = {**reading.asked.given, "cursor": cursor_of(rows[limit - 1][0])}
        link = f"{reading.path}?{urlencode(query)}"
    return {"data": [row for _, row in rows[:limit]], "next": link}
