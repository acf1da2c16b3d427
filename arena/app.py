"""The web application: a factory that is handed its collaborators and knows nothing else."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, Response, make_response, render_template, request

from arena import paths
from arena.config import Settings
from arena.db import Database
from arena.storage import ImageStore
from arena.web import (
    assets,
    battles,
    catalogue,
    context,
    downloads,
    errors,
    i18n,
    preferences,
    security,
    words,
)


def create_app(settings: Settings, *, database: Database, images: ImageStore, write: context.Write) -> Flask:
    """Build the application.

    Parameters
    ----------
    settings : Settings
        Parsed once, by whoever starts the process.
    database : Database
        Open and up to date; its read sessions are used here.
    images : ImageStore
        Where the pictures lie.
    write : callable
        ``write(work)`` runs ``work(session)`` in a transaction and returns its result after the commit.
    """
    app = Flask("arena", template_folder=str(paths.templates()), static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret,
        SESSION_COOKIE_NAME="arena",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=365),
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    context.install(
        app, context.Collaborators(settings=settings, database=database, images=images, write=write)
    )
    for part in (security, i18n, assets, errors):
        part.install(app)
    for part in (battles, catalogue, downloads, preferences):
        app.register_blueprint(part.bp)
    app.context_processor(_everywhere)
    app.add_url_rule("/", "home", _home)
    app.add_url_rule("/healthz", "healthz", _alive)
    app.add_url_rule("/readyz", "readyz", _ready)
    return app


def _everywhere() -> dict[str, object]:
    return {
        "locale": i18n.locale(),
        "theme": preferences.theme(),
        "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
        "words": words,
    }


def _home() -> Response:
    return security.in_the_room(make_response(render_template("home.html")))


def _alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


def _ready() -> Response:
    """The process answers, and its database can be read."""
    from sqlalchemy import text

    with context.reading() as session:
        session.execute(text("SELECT 1"))
    return Response("ok\n", mimetype="text/plain")
