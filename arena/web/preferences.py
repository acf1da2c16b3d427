"""The reader's theme and language: two cookies, set by a form, never by a script."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from arena.web.context import arena
from arena.web.i18n import COOKIE, LOCALES

bp = Blueprint("preferences", __name__)
THEMES = ("light", "dark")
THEME_COOKIE = "theme"
YEAR = 365 * 24 * 3600


def theme() -> str | None:
    """The theme that the reader chose; none means what the system prefers."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


@bp.post("/preferences")
def set_preferences() -> Response:
    """Keep what was chosen, and go back to the page it was chosen on."""
    response = redirect(local_path(request.form.get("back", "/")), code=303)
    for field, cookie, allowed in (("theme", THEME_COOKIE, THEMES), ("language", COOKIE, LOCALES)):
        chosen = request.form.get(field)
        if chosen in allowed:
            response.set_cookie(
                cookie,
                chosen,
                max_age=YEAR,
                secure=arena().settings.secure,
                httponly=True,
                samesite="Lax",
            )
    return response


def local_path(told: str) -> str:
    """A path of this arena to go back to; anything else is the way home."""
    try:
        parts = urlsplit(told)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or not told.startswith("/") or told.startswith(("//", "/\\")):
        return "/"
    if any(character in told for character in "\r\n\t\\"):
        return "/"
    return told
