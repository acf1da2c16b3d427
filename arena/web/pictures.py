"""Pictures by name, once no campaign deals their prompt any more."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as BaseResponse

from arena.queries.embargo import named_picture
from arena.web.context import now, reading
from arena.web.signed import signed_file

bp = Blueprint("pictures", __name__)
KEPT = "public, max-age=86400"
"""A day: a prompt that is dealt again goes back under embargo."""


@bp.get("/pictures/<string(length=64):digest>.png")
def named(digest: str) -> BaseResponse:
    """A picture as its entrant made it, signed; unlike a blind copy it may be kept, for everybody."""
    with reading() as session:
        digest = named_picture(session, digest=digest, now=now())
    response = Response(signed_file(digest), mimetype="image/png")
    response.headers["Cache-Control"] = KEPT
    response.add_etag()
    return response.make_conditional(request)
