"""Where pictures come from: whose signature is in a file, and the facts of a picture that may be named."""

from __future__ import annotations

import re
from contextlib import closing

from flask import Blueprint, Response, make_response, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from arena.errors import ArenaError, NotFound, UnknownPicture
from arena.media.credentials import Reading
from arena.queries.embargo import named_picture
from arena.queries.provenance import origins
from arena.services.provenance import (
    Standing,
    authority_certificate,
    is_established,
    signer_of,
    standing,
    trust_lists,
)
from arena.services.recognising import UnreadablePicture, credentials_of
from arena.storage import DIGEST
from arena.web.context import arena, now, reading, wants_json
from arena.web.read.views import kept
from arena.web.security import in_the_catalogue, in_the_room

bp = Blueprint("provenance", __name__)

LARGEST = 8_000_000
"""Bytes of a file that may be checked."""
TRIES = 20
"""Files that may be checked from one address in a minute."""

_FORM = 4096
"""What a form may weigh beside its file."""


class TooLarge(ArenaError):
    """A file that is larger than what is checked here."""

    status = 413
    code = "file_too_large"


class TooManyFiles(ArenaError):
    """Enough files were checked from one address for now."""

    status = 429
    code = "too_many_files"


class NoFile(ArenaError):
    """A form without a file."""

    status = 400
    code = "no_file"


@bp.get("/provenance")
def show() -> Response:
    """How pictures are signed here, and where a file can be checked."""
    return in_the_catalogue(_page())


@bp.post("/provenance")
def check() -> Response:
    """Say what the credentials of a file are worth; the file is not kept."""
    try:
        found = credentials_of(_sent(), trust_lists(arena().settings))
    except (TooLarge, TooManyFiles, NoFile, UnreadablePicture) as error:
        if wants_json():
            raise
        return in_the_room(make_response(_page(fault=error), error.status))
    return in_the_room(_page(found=found, hangs=_hangs(found)))


@bp.get("/provenance/authority.crt")
def authority() -> Response:
    """The authority's certificate, for those who check pictures elsewhere."""
    if not is_established(arena().settings):
        raise NotFound("this arena signs no pictures")
    response = Response(authority_certificate(arena().settings), mimetype="application/x-pem-file")
    response.headers.set("Content-Disposition", "attachment", filename="authority.crt")
    return response


@bp.get("/pictures/<string(length=64):digest>/provenance")
def picture(digest: str) -> Response:
    """Where one picture comes from, once it may be named."""
    with reading() as session:
        found = origins(session, named_picture(session, digest=digest, now=now()))
    return in_the_catalogue(
        make_response(
            render_template(
                "picture_provenance.html", digest=digest, origins=found, signs=signer_of(arena().settings)
            )
        )
    )


def _page(
    *, found: Reading | None = None, hangs: str | None = None, fault: ArenaError | None = None
) -> Response:
    settings = arena().settings
    stands: Standing | None = standing(settings) if is_established(settings) else None
    return make_response(
        render_template(
            "provenance.html",
            stands=stands,
            fingerprint=" ".join(re.findall("....", stands.fingerprint)) if stands else "",
            found=found,
            hangs=hangs,
            fault=fault.code if fault else "",
            largest=LARGEST,
        )
    )


def _sent() -> bytes:
    """The file of the form, read no further than it may be large.

    Raises
    ------
    TooManyFiles, TooLarge, NoFile
    """
    door = kept().door
    if not door.minutes.take(f"files of {door.name_of(request)}", TRIES).allowed:
        raise TooManyFiles(f"at most {TRIES} files a minute are checked for one address; wait a minute")
    request.max_content_length = LARGEST + _FORM
    try:
        file = request.files.get("file")
    except RequestEntityTooLarge as error:
        raise TooLarge(f"the file is larger than {LARGEST // 10**6} MB") from error
    if file is None:
        raise NoFile("choose a picture to check: the form had none")
    with closing(file):
        data: bytes = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise TooLarge(f"the file is larger than {LARGEST // 10**6} MB")
    if not data:
        raise NoFile("choose a picture to check: the file is empty")
    return data


def _hangs(found: Reading) -> str | None:
    """Address of the facts of a picture that is ours by its credentials, if it may be named."""
    digest = str(found.told.get("picture_sha256", ""))
    if found.trusted_by is None or not DIGEST.fullmatch(digest):
        return None
    with reading() as session:
        try:
            return url_for("provenance.picture", digest=named_picture(session, digest=digest, now=now()))
        except UnknownPicture:
            return None
