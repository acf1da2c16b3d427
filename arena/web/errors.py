"""One handler for every error: its status, and a page that says what happened and one way on."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, replace

from flask import Flask, Response, jsonify, make_response, render_template, request, url_for
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from arena.db import told_plainly
from arena.errors import ArenaError, Unavailable
from arena.web.context import wants_json
from arena.web.i18n import gettext, noted
from arena.web.security import in_the_room

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """A page of one sentence: a line icon, a title, what happened, and one way on.

    ``way`` is an endpoint, or ``battle`` for the pair that the request was about, or ``again`` for this page.
    """

    icon: str
    title: str
    text: str
    label: str
    way: str


_NEXT = noted("Next pair")
_BACK = noted("Back to the pair")
_AGAIN = noted("Try again")
_HOME = noted("To the entrance")
_BROKEN = State(
    "fault", noted("Something broke on our side"), noted("No vote was lost."), noted("Reload"), "again"
)
_NO_LINK = State(
    "closed",
    noted("This link opens nothing"),
    noted(
        "It was used, has expired or was replaced, or it never was. "
        "On the server, “arena operators link NAME” prints a new one."
    ),
    _HOME,
    "home",
)
STATES: dict[str, State] = {
    "already_voted": State(
        "tick",
        noted("This pair has your vote"),
        noted("The first answer counts, and it is safe. This one changed nothing."),
        noted("Go on"),
        "battle",
    ),
    "unknown_outcome": State(
        "fault",
        noted("That is not one of the answers"),
        noted("Nothing was counted. The pair is still hanging, and waits for you."),
        _BACK,
        "battle",
    ),
    "unknown_reason": State(
        "fault",
        noted("That reason is not on offer"),
        noted("Your vote is safe. The reason was not kept."),
        _BACK,
        "battle",
    ),
    "not_voted_yet": State(
        "square",
        noted("The answer comes first"),
        noted("Reasons and names are for after the vote, so that the names cannot sway it."),
        _BACK,
        "battle",
    ),
    "battle_expired": State(
        "clock",
        noted("This pair has come down"),
        noted("It hung too long without an answer. Nothing was counted, and your other votes are safe."),
        _NEXT,
        "battles.deal",
    ),
    "unknown_battle": State(
        "square",
        noted("There is no such pair for you"),
        noted("It does not exist, or it was dealt to somebody else. Your votes are safe."),
        _NEXT,
        "battles.deal",
    ),
    "unknown_vote": State(
        "square",
        noted("There is no such vote of yours"),
        noted("It does not exist, or somebody else cast it. Nothing was changed."),
        noted("To your votes"),
        "my_votes.show",
    ),
    "unknown_picture": State(
        "picture",
        noted("This picture is not on show"),
        noted("It was never here, or its time is over. Your votes are safe."),
        _NEXT,
        "battles.deal",
    ),
    "not_on_show": State(
        "square",
        noted("This battle is not on show"),
        noted("There is none of that number, or its prompt is still dealt: names come later."),
        noted("To the battles on show"),
        "explorer.battles",
    ),
    "unknown_campaign": State(
        "square",
        noted("There is no such show"),
        noted("No campaign has that name. Your votes are safe."),
        noted("See the leaderboard"),
        "boards.leaderboard",
    ),
    "unknown_entrant": State(
        "square",
        noted("There is no such entrant"),
        noted("Nobody has entered under that name."),
        noted("See who has entered"),
        "catalogue.entrants",
    ),
    "embargoed": State(
        "closed",
        noted("These words hang in a show"),
        noted(
            "A campaign is dealing them, and a picture by name could unmask its pairs. "
            "Other words are welcome."
        ),
        noted("Back to the playground"),
        "playground.form",
    ),
    "held_back": State(
        "closed",
        noted("This release is held back"),
        noted(
            "A campaign is dealing its prompts, and its names could unmask pairs. It opens when that closes."
        ),
        noted("To the data"),
        "catalogue.data",
    ),
    "too_many_waiting": State(
        "clock",
        noted("Enough sketches are waiting"),
        noted("Ask for another when one of them is painted."),
        noted("Back to the playground"),
        "playground.form",
    ),
    "campaign_closed": State(
        "closed",
        noted("This show has closed"),
        noted("It takes no more votes. The results stay up, and your votes are in them."),
        noted("See the leaderboard"),
        "boards.leaderboard",
    ),
    "corrupt_image": State(
        "picture",
        noted("A picture is damaged"),
        noted("It no longer matches its fingerprint, so it is not shown. No vote was lost."),
        _NEXT,
        "battles.deal",
    ),
    "not_signed_in": State(
        "closed",
        noted("The operator’s room is closed"),
        noted("It opens with a link, once. On the server, “arena operators link NAME” prints one."),
        _HOME,
        "home",
    ),
    "read_only": State(
        "slash",
        noted("You may look, not change"),
        noted("You are here as an analyst. Nothing was changed."),
        noted("Back to the operator’s room"),
        "admin.home",
    ),
    "unknown_link": _NO_LINK,
    "spent_link": _NO_LINK,
    "unavailable": State(
        "clock",
        noted("We cannot keep it right now"),
        noted("Nothing was counted and nothing was lost. Send it again in a moment."),
        _AGAIN,
        "again",
    ),
    "forbidden": State(
        "slash",
        noted("Not from over there"),
        noted("The request came from another site. Nothing was changed, and your votes are safe."),
        _HOME,
        "home",
    ),
    "invalid": State(
        "fault",
        noted("We cannot read that"),
        noted("Nothing was counted or changed. Your votes are safe."),
        _AGAIN,
        "again",
    ),
    "not_found": State(
        "square",
        noted("Nothing hangs here"),
        noted("There is no page at this address."),
        _HOME,
        "home",
    ),
    "method_not_allowed": State(
        "slash",
        noted("Not this way"),
        noted("The address exists, but not for this kind of request. Nothing was changed."),
        _HOME,
        "home",
    ),
    "too_large": State(
        "slash",
        noted("That is too much at once"),
        noted("A request may hold 64 kB. Nothing was counted or changed."),
        _AGAIN,
        "again",
    ),
    "error": _BROKEN,
}
_HTTP = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def install(app: Flask) -> None:
    """Tell every error as a page, or as JSON where the request speaks it."""
    app.register_error_handler(ArenaError, explain)
    app.register_error_handler(HTTPException, explain_http)
    app.register_error_handler(OperationalError, explain_database)
    app.register_error_handler(Exception, explain_fault)


def explain(error: ArenaError) -> Response:
    """Tell an error that the arena raised on purpose."""
    if error.status >= 500:
        log.error("%s: %s", error.code, error)
    response = tell(error.code, error.status, str(error))
    if error.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def explain_http(error: HTTPException) -> Response:
    """Tell an error that Flask or Werkzeug raised: no such page, no such method, too large, unreadable."""
    status = error.code or 500
    code = _HTTP.get(status, "invalid" if 400 <= status < 500 else "error")
    response = tell(code, status, error.description or error.name)
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def explain_database(error: OperationalError) -> Response:
    """Tell an error of the database by its cause."""
    try:
        with told_plainly():
            raise error
    except Unavailable as plain:
        return explain(plain)
    except OperationalError:
        return explain_fault(error)


def explain_fault(error: Exception) -> Response:
    """Tell an error that nobody foresaw, with a number that also stands in the log."""
    number = secrets.token_hex(4)
    number = f"{number[:4]}-{number[4:]}".upper()
    log.error("fault %s at %s %s", number, request.method, request.path, exc_info=error)
    return tell("error", 500, f"something broke; the log has it under {number}", number=number)


def tell(code: str, status: int, message: str, *, number: str | None = None) -> Response:
    """Answer with an error as a page, or as ``{"error": {"code", "message"}}``."""
    if wants_json():
        response = jsonify({"error": {"code": code, "message": message}})
    else:
        state = STATES.get(code, _BROKEN if status >= 500 else STATES["invalid"])
        page = render_template("state.html", state=spoken(state), href=_href(state.way), number=number)
        response = make_response(page)
    response.status_code = status
    return in_the_room(response)


def spoken(state: State) -> State:
    """A state in the reader's language."""
    return replace(state, title=gettext(state.title), text=gettext(state.text), label=gettext(state.label))


def _href(way: str) -> str:
    key = (request.view_args or {}).get("key")
    if way == "battle":
        return url_for("battles.show", key=key) if key else url_for("battles.deal")
    if way == "again":
        if request.method == "GET":
            return request.full_path.rstrip("?")
        return url_for("battles.show", key=key) if key else url_for("home")
    return url_for(way)
