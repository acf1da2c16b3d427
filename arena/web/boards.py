"""The leaderboard: any view of a campaign's votes, as page, JSON and CSV; all of it in the address."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.domain.campaigns import BoardKeptBack
from arena.domain.views import NAMES, View
from arena.errors import Invalid, UnknownCampaign
from arena.queries.board_readers import check_board, kept_back, shown_first, shown_until
from arena.queries.boards import Board, BoardRow, board
from arena.queries.finding import CampaignLine, campaigns, find_campaign, find_criterion
from arena.services.standings import ask
from arena.tables import BoardRequest, Campaign, Criterion
from arena.web import charts, drawing, findings, words
from arena.web.context import arena, now, reading, voter_key, writing
from arena.web.i18n import gettext, locale
from arena.web.operator_cookies import operator_is_in
from arena.web.preferences import theme
from arena.web.security import in_the_catalogue

bp = Blueprint("boards", __name__)

ASKED_ANEW: Final = timedelta(seconds=30)
"""So long a view that was asked for is taken to be looked at; a page opened later asks again."""

SORTS: Final = (
    "rank", "name", "rating", "house_gap", "votes", "win_rate", "both_bad_rate", "refused_rate", "seconds",
    "joules", "price", "left_advantage", "told_apart", "elo", "plain",
)  # fmt: skip
"""What a board can be sorted by; ranks and names rise, numbers fall, where no order is named."""

RISING: Final = frozenset({"rank", "name"})


bp.after_request(in_the_catalogue)


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a filter can be set to."""

    value: str
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter, and what it can be set to."""

    name: str
    label: str
    options: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Shown:
    """A board with what its page needs besides.

    ``address`` holds the parameters of this page, so that links can change one of them.
    """

    board: Board | None
    campaigns: Sequence[CampaignLine]
    criteria: Sequence[Criterion]
    choices: Mapping[str, Sequence[str]]
    view: View
    sort: str
    order: str
    wide: bool
    address: Mapping[str, str]

    @property
    def rows(self) -> Sequence[BoardRow]:
        """The rows in the order asked for; those without a number come last in either order."""
        if self.board is None:
            return ()
        if self.sort == "rank":
            rows = list(self.board.rows)
            return rows[::-1] if self.order == "desc" else rows
        known = [row for row in self.board.rows if getattr(row, self.sort) is not None]
        known.sort(key=lambda row: getattr(row, self.sort), reverse=self.order == "desc")
        return [*known, *(row for row in self.board.rows if getattr(row, self.sort) is None)]

    def link(self, endpoint: str = "boards.leaderboard", **changes: str | None) -> str:
        """The address of this page, or of another of the same view, with some parameters changed."""
        told = {name: value for name, value in {**self.address, **changes}.items() if value}
        return f"{url_for(endpoint)}?{urlencode(told)}"

    def sorting(self, column: str) -> str:
        """The address of this page sorted by a column; the other way round where it is already."""
        usual = "asc" if column in RISING else "desc"
        turned = "desc" if usual == "asc" else "asc"
        order = turned if self.sort == column and self.order == usual else None
        return self.link(sort=None if column == "rank" else column, order=order)

    def direction(self, column: str) -> str | None:
        """What `aria-sort` says of a column."""
        if self.sort != column:
            return None
        return "ascending" if self.order == "asc" else "descending"

    def filters(self) -> list[Filter]:
        """What the page offers to choose from; what leaves no choice is left out."""
        assert self.board is not None
        lines = [Choice(line.slug, line.name, line.slug == self.board.campaign) for line in self.campaigns]
        questions = [
            Choice(one.slug, words.question(one.question), one.slug == self.board.criterion)
            for one in self.criteria
        ]
        told = [
            Filter("campaign", gettext("Campaign"), lines),
            Filter("criterion", gettext("Question"), questions),
            Filter("category", gettext("Category"), self._of_votes("category", words.category)),
            Filter("source", gettext("Prompts"), self._of_votes("source", words.source)),
            Filter("cohort", gettext("Raters"), self._of_votes("cohort", words.cohort)),
            Filter("ties", gettext("Ties"), self._fixed("ties", words.TIES)),
            Filter("style", gettext("Style control"), self._fixed("style", words.STYLE)),
        ]
        return [one for one in told if len(one.options) > 1]

    def _of_votes(self, name: str, say: Callable[[str], str]) -> list[Choice]:
        """All, and what the votes are known to be of."""
        chosen = self.address.get(name, "")
        known = list(self.choices.get(name, ()))
        if len(known) < 2 and not chosen:
            return []
        return [Choice("", gettext("All"), not chosen)] + [
            Choice(value, say(value), value == chosen)
            for value in dict.fromkeys([*known, *filter(None, [chosen])])
        ]

    def _fixed(self, name: str, told: Mapping[str, str]) -> list[Choice]:
        chosen = self.address.get(name, "")
        return [Choice(value, gettext(text), value == chosen) for value, text in told.items()]


@bp.get("/leaderboard")
def leaderboard() -> Response:
    """The newest board of a view."""
    return _kept(_leaderboard)


def _leaderboard() -> str:
    shown = read_board()
    found = shown.board
    return render_template(
        "leaderboard.html",
        shown=shown,
        board=found,
        computing=found is not None and found.run is None and found.votes_now > 0 and not found.fault,
        finding=findings.finding(found) if found else None,
        remark=findings.remark,
        about=findings.about,
        scale=drawing.axis(_numbers(found.rows)) if found else None,
        drawing=drawing,
    )


@bp.get("/leaderboard/plots")
def plots() -> Response:
    """The same view in plots, each with its table."""
    return _kept(_plots)


def _plots() -> str:
    shown = read_board(as_it_was=False)
    told: dict[str, Any] = {}
    if shown.board is not None:
        with reading() as session:
            campaign = find_campaign(session, shown.board.campaign)
            criterion = find_criterion(session, campaign.id, shown.board.criterion)
            told = charts.context(session, shown.board, criterion.id, shown.view)
    return render_template("leaderboard_plots.html", shown=shown, board=shown.board, **told)


@bp.get("/leaderboard.json")
def leaderboard_json() -> Response:
    """The newest board of a view, for programs."""
    found = read_board(request.args.get("campaign") or None, exactly=True).board
    assert found is not None
    return jsonify({**found.as_dict(), "lags": found.lags})


@bp.get("/leaderboard.csv")
def leaderboard_csv() -> Response:
    """The newest board of a view, as CSV."""
    shown = read_board()
    out = io.StringIO()
    names = [field.name for field in fields(BoardRow)]
    table = csv.DictWriter(out, names, lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in shown.rows)
    response = Response(out.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename="leaderboard.csv")
    return response


def read_board(campaign: str | None = None, *, exactly: bool = False, as_it_was: bool = True) -> Shown:
    """The board that the address asks for; the worker is asked to fit what nobody has opened lately.

    Parameters
    ----------
    campaign : str, optional
        Its slug; where none is named, by the address, the newest campaign that people vote in.
    exactly : bool
        Whether an arena without such a campaign is an error, and not an empty page.
    as_it_was : bool
        Whether an older board will do where the campaign publishes its boards later.

    Raises
    ------
    UnknownCampaign
        If a name was asked for that no campaign has.
    Invalid
        If a parameter cannot be used.
    BoardKeptBack
        If the board is not for whoever asks.
    """
    view = View.read(request.args)
    sort, order = _sorting()
    with reading() as session:
        lines = campaigns(session)
        asked = campaign or request.args.get("campaign") or _voted(shown_first(session, now=now()), exactly)
        try:
            found = find_campaign(session, asked)
        except UnknownCampaign:
            if asked is not None or exactly:
                raise
            return Shown(None, lines, (), {}, view, sort, order, wide=False, address={})
        until = shown_until(session, found, now=now(), voter_key=voter_key(), operator=operator_is_in())
        if until is not None and not (as_it_was and view.standing):
            raise BoardKeptBack(found.slug, "delayed")
        criterion = find_criterion(session, found.id, request.args.get("criterion") or None)
        criteria = session.scalars(
            select(Criterion).where(Criterion.campaign_id == found.id).order_by(Criterion.position)
        ).all()
        whole = board(session, campaign=found.slug, criterion=criterion.slug, until=until)
        choices = whole.details.get("choices", {})
        _check(view, choices)
        shown = whole if view.standing else board(
            session, campaign=found.slug, criterion=criterion.slug, view=view
        )  # fmt: skip
        ask_now = not view.standing and shown.lags and not _asked_lately(session, criterion.id, view)
    if ask_now:
        writing(lambda session: ask(session, criterion.id, view, now=now()))
    address = {
        "campaign": found.slug,
        "criterion": criterion.slug if criterion.slug != criteria[0].slug else "",
        **{name: view.parameters().get(name, "") for name in NAMES},
        "columns": "all" if request.args.get("columns") == "all" else "",
        "sort": "" if sort == "rank" else sort,
        "order": request.args.get("order", ""),
    }
    return Shown(shown, lines, criteria, choices, view, sort, order, bool(address["columns"]), address)


def _voted(lines: Sequence[CampaignLine], exactly: bool) -> str | None:
    """The newest campaign with votes, where more than one has some; programs have to choose themselves."""
    voted = [line.slug for line in lines if line.votes]
    return voted[0] if len(voted) > 1 and not exactly else None


def _asked_lately(session: Session, criterion_id: int, view: View) -> bool:
    asked = session.get(BoardRequest, (criterion_id, str(view)))
    return asked is not None and now() - asked.asked_at < ASKED_ANEW


def _check(view: View, choices: Mapping[str, Sequence[str]]) -> None:
    """See that what is filtered by is there, once anything is known of the votes."""
    for name in ("category", "cohort"):
        value, known = getattr(view, name), choices.get(name, ())
        if value and known and value not in known:
            raise Invalid(f"no vote is of {name} {value!r}; there are {', '.join(known)}")


def _sorting() -> tuple[str, str]:
    """What the address sorts by, and in which order."""
    sort = request.args.get("sort") or "rank"
    order = request.args.get("order") or ("asc" if sort in RISING else "desc")
    if sort not in SORTS:
        raise Invalid(f"sort must be one of {', '.join(SORTS)}, not {sort[:64]!r}")
    if order not in {"asc", "desc"}:
        raise Invalid(f"order must be asc or desc, not {order[:64]!r}")
    return sort, order


def see_board(session: Session, campaign: Campaign) -> None:
    """See that whoever asks may see the board of a campaign.

    Raises
    ------
    BoardKeptBack
    """
    check_board(session, campaign, now=now(), voter_key=voter_key(), operator=operator_is_in())


def _some_are_kept_back() -> str:
    """Whether some board is not everybody's, in words for the pages that are kept for a second."""
    with reading() as session:
        return "some" if session.scalar(kept_back(now()).limit(1)) is not None else "none"


def _kept(render: Callable[[], str]) -> Response:
    if arena().pages.page("boards kept back", _some_are_kept_back) == "some":
        return make_response(render())  # who asks decides what there is to see
    key = (request.full_path, locale(), theme(), operator_is_in())
    return make_response(arena().pages.page(key, render))


def _numbers(rows: tuple[BoardRow, ...]) -> list[float | None]:
    return [number for row in rows for number in (row.rating, row.low, row.high)]
