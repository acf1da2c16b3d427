"""The web applications: factories that are handed their collaborators and know nothing else."""

from __future__ import annotations

import threading
from datetime import timedelta

from flask import Flask, Response, make_response, render_template, request

from arena import paths
from arena.config import Settings
from arena.db import Database
from arena.services.serving import Desk
from arena.services.shelf import FOLDER, Shelf
from arena.storage import ImageStore
from arena.web import (
    admin_prompts,
    assets,
    battles,
    board_image,
    boards,
    catalogue,
    context,
    downloads,
    entrants,
    errors,
    explorer,
    fair_play,
    i18n,
    my_votes,
    pictures,
    playground,
    preferences,
    releases,
    security,
    style,
    words,
)
from arena.web.api import access, faults, views
from arena.web.read import views as read

API_LARGEST_REQUEST = 64 * 1024
API_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


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
        app,
        context.Collaborators(
            settings=settings,
            database=database,
            images=images,
            write=write,
            shelf=Shelf(settings.home / FOLDER),
        ),
    )
    for part in (security, i18n, assets, errors):
        part.install(app)
    for part in (
        admin_prompts,
        battles,
        board_image,
        boards,
        catalogue,
        downloads,
        entrants,
        explorer,
        fair_play,
        my_votes,
        pictures,
        playground,
        preferences,
        read,
        releases,
        style,
    ):
        app.register_blueprint(part.bp)
    app.context_processor(_everywhere)
    app.add_url_rule("/", "home", _home)
    app.add_url_rule("/healthz", "healthz", _alive)
    app.add_url_rule("/readyz", "readyz", _ready)
    return app


def create_api(*, desk: Desk, gate: access.Gate, seconds: float = 600, at_once: int = 64) -> Flask:
    """Build the images API, an application of its own: it knows no voter and no cookie.

    Parameters
    ----------
    desk : Desk
        Takes the orders.
    gate : Gate
        Knows the keys.
    seconds : float
        How long one request may take.
    at_once : int
        Requests that may wait for pictures; fewer than the server has threads.
    """
    app = Flask("arena", template_folder=None, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = API_LARGEST_REQUEST
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions[views.EXTENSION] = views.Office(
        desk=desk, gate=gate, seconds=seconds, at_once=threading.BoundedSemaphore(at_once)
    )
    faults.install(app)
    app.register_blueprint(views.bp)
    app.after_request(_harden)
    return app


def _harden(response: Response) -> Response:
    for name, value in API_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


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
