"""The operators' page of reported pictures: what raters say of them, and the two things to do about it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from arena.queries.reports import open_reports, reported_picture, settled_reports
from arena.services import reporting
from arena.web.admin import bp, see_that_they_may_change, who_is_in
from arena.web.context import arena, now, reading, writing

__all__ = ["bp"]

LARGEST = 2**31 - 1


@bp.get("/reports")
def reports() -> Response:
    """Reports that nobody has looked at, and what became of the last ones."""
    with reading() as session:
        waiting, settled = open_reports(session), settled_reports(session)
    return make_response(
        render_template("admin_reports.html", guest=who_is_in(), waiting=waiting, settled=settled)
    )


@bp.get(f"/reports/<int(max={LARGEST}):number>/picture")
def reported(number: int) -> Response:
    """The picture that a report is about."""
    with reading() as session:
        digest = reported_picture(session, number)
    return Response(arena().images.get(digest), mimetype="image/png")


@bp.post(f"/reports/<int(max={LARGEST}):number>/keep")
def keep_picture(number: int) -> BaseResponse:
    """Let the picture hang."""
    return _settle(number, reporting.keep)


@bp.post(f"/reports/<int(max={LARGEST}):number>/take-down")
def take_picture_down(number: int) -> BaseResponse:
    """Deal the picture to nobody any more."""
    return _settle(number, reporting.take_down)


def _settle(number: int, act: Callable[..., None]) -> BaseResponse:
    see_that_they_may_change()
    name, moment = who_is_in().name, now()
    writing(lambda session: act(session, number, actor=name, now=moment))
    return redirect(url_for("admin.reports"), code=303)
