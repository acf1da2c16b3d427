"""The plots of a leaderboard: everything that their page draws and tells, from what was fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from babel import dates, numbers
from flask import request
from sqlalchemy.orm import Session

from arena.domain.views import View
from arena.queries.boards import Board, pairs_of
from arena.queries.history import history
from arena.tables import Criterion
from arena.web import words
from arena.web.cost_plots import cost_charts
from arena.web.history_plot import followed, history_chart
from arena.web.i18n import gettext, locale, noted
from arena.web.win_matrix import CLASSES, MOST, win_matrix

FILTERS: Final[Mapping[str, str]] = {
    "category": noted("Category"),
    "source": noted("Prompts"),
    "cohort": noted("Raters"),
    "since": noted("From"),
    "until": noted("To"),
    "ties": noted("Ties"),
    "style": noted("Style control"),
}
"""What a view can say, in the order in which it is told."""

_FORMATS = {"hours": "HH:mm", "days": "d MMM", "months": "MMM y"}
_DIGITS = 3


def context(session: Session, board: Board, criterion_id: int, view: View) -> dict[str, Any]:
    """All that `leaderboard_charts.html` needs besides its board.

    ``?matrix=all`` in the address shows the matrix of every entrant, however many there are.
    """
    criterion = session.get_one(Criterion, criterion_id)
    track = history(
        session,
        criterion.campaign_id,
        criterion_id,
        view,
        entrants={row.entrant for row in followed(board.rows)},
    )
    whole = request.args.get("matrix") == "all"
    return {
        "costs": cost_charts(board.rows),
        "matrix": win_matrix(board.rows, pairs_of(session, criterion_id, view), most=None if whole else MOST),
        "history": history_chart(board.rows, track),
        "heat_classes": range(CLASSES),
        "said": said(board.view),
        "amount": amount,
        "tick": tick,
    }


def said(view: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a view filters by and how it is fitted, each under its name, in the reader's language."""
    told: Mapping[str, Callable[[str], str]] = {
        "category": words.category,
        "source": words.source,
        "cohort": words.cohort,
        "ties": lambda value: gettext(words.TIES[value]),
        "style": lambda value: gettext(words.STYLE[value]),
    }
    return [
        (gettext(label), told[name](view[name]) if name in told else view[name])
        for name, label in FILTERS.items()
        if name in view
    ]


def amount(value: float) -> str:
    """A cost to three figures, as the language writes it; round ones without zeros at the end."""
    digits = 0 if value <= 0 else max(0, _DIGITS - 1 - math.floor(math.log10(value)))
    shape = "#,##0." + "#" * digits if digits else "#,##0"
    return numbers.format_decimal(value, format=shape, locale=locale())


def tick(moment: datetime, unit: str) -> str:
    """A moment below a time axis, told as finely as its neighbours are apart."""
    return dates.format_datetime(moment.astimezone(UTC), format=_FORMATS[unit], locale=locale())
