"""What every answer carries, and which requests are not answered."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from arena.errors import Forbidden, NotFound
from arena.web.context import arena

POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
ALWAYS_SAFE = "max-age=31536000"
"""A browser that came over https comes so for a year."""
LARGEST_REQUEST = 64 * 1024


def install(app: Flask) -> None:
    """Refuse forms from other sites, and put the headers on every answer."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.before_request(refuse_nul)
    app.before_request(refuse_other_sites)
    app.after_request(guard)


def refuse_other_sites() -> None:
    """See that what changes something came from the arena's own pages.

    A request with neither header is from a program, which has no cookie that it was not given.

    Raises
    ------
    Forbidden
        If the browser says that another site sent it.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Forbidden("the request came from another site; nothing was changed")
    origin = request.headers.get("Origin")
    own = {request.host, urlsplit(arena().settings.public_url).netloc}
    if origin is not None and _host(origin) not in own:
        raise Forbidden("the request came from another site; nothing was changed")


def _host(origin: str) -> str | None:
    """The host of an origin; none if it is no address at all."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def refuse_nul() -> None:
    """No address of ours has a NUL, and PostgreSQL takes none.

    Raises
    ------
    NotFound
    """
    if any("\0" in told for told in (request.path, *request.args.values())):
        raise NotFound("there is no such page")


def guard(response: Response) -> Response:
    """Put the security headers on an answer, and the caching rule if its view set none."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if arena().settings.secure:
        response.headers.setdefault("Strict-Transport-Security", ALWAYS_SAFE)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def in_the_room(response: Response) -> Response:
    """A page of the Room is never kept: it belongs to one voter and one moment."""
    response.headers["Cache-Control"] = "no-store"
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def in_the_catalogue(response: Response) -> Response:
    """A page of the Catalogue may be kept and asked for again.

    Its ETag is a digest of the page, which carries the language and the theme.
    """
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Accept-Language", "Cookie"))
    if response.status_code == 200 and not response.is_streamed:
        response.add_etag()
        response.make_conditional(request)
    return response
