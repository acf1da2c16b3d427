"""Releases: what each holds, and its files one by one, once nobody could unmask a pair with them."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, send_file

from arena.errors import ArenaError
from arena.queries.embargo import holding_back
from arena.services.shelf import Release
from arena.web.context import arena, now, reading
from arena.web.security import in_the_catalogue

bp = Blueprint("releases", __name__, url_prefix="/data/releases")


class HeldBack(ArenaError):
    """A release whose prompts open campaigns are dealing: its names could unmask their pairs."""

    status = 403
    code = "held_back"

    def __init__(self, name: str, campaigns: tuple[str, ...]) -> None:
        super().__init__(f"release {name} can be downloaded once {', '.join(campaigns)} has closed")
        self.name = name
        self.campaigns = campaigns


@bp.get("/<name>")
def show(name: str) -> Response:
    """What a release holds, and its files unless it is held back."""
    one = arena().shelf.release(name)
    page = make_response(render_template("release.html", one=one, closed=_closed(one)))
    return in_the_catalogue(page)


@bp.get("/<name>/<path:file>")
def file(name: str, file: str) -> Response:
    """A file of a release; it never changes, so the manifest's word for it is its ETag."""
    shelf = arena().shelf
    path, one = shelf.file(name, file), shelf.release(name)
    if closed := _closed(one):
        raise HeldBack(name, closed)
    response = send_file(path, as_attachment=True, download_name=path.name, conditional=True)
    response.headers["Cache-Control"] = "public, no-cache"
    return response


def _closed(one: Release) -> tuple[str, ...]:
    """Open campaigns that hold a release back."""
    with reading() as session:
        return holding_back(session, one.campaigns, now=now())
