"""The web applications: factories that are handed their collaborators and know nothing else."""

from __future__ import annotations

import hashlib
import hmac
import threading
from datetime import timedelta

from flask import Flask, Response, make_response, render_template, request

from arena import paths
from arena.config import Settings
from arena.db import Database
from arena.services.guardrails import read_guardrails
from arena.services.moderation import moderator_of
from arena.services.serving import Desk
from arena.services.shelf import FOLDER, Shelf
from arena.storage import ImageStore
from arena.web import (
    about_you,
    admin_account,
    admin_campaigns,
    admin_integrity,
    admin_invites,
    admin_ledgers,
    admin_prompts,
    admin_reports,
    admin_review,
    admin_sign_in,
    assets,
    battles,
    board_image,
    boards,
    brakes,
    catalogue,
    context,
    downloads,
    entrants,
    errors,
    explorer,
    fair_play,
    health,
    i18n,
    joining,
    limits,
    metrics,
    my_votes,
    own_prompts,
    pictures,
    plans,
    playground,
    preferences,
    proof,
    provenance,
    recovery,
    releases,
    reports,
    security,
    style,
    words,
)
from arena.web.api import access, faults, views
from arena.web.read import views as read
from arena.web.read.access import Door

API_LARGEST_REQUEST = 64 * 1024
API_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(
    settings: Settings,
    *,
    database: Database,
    images: ImageStore,
    write: context.Write,
    meters: metrics.Meters | None = None,
) -> Flask:
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
    meters : Meters, optional
        Where this process counts what it does; they may count for others too, the ledger for one.
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
    parts = context.Collaborators(
        settings=settings,
        database=database,
        images=images,
        write=write,
        shelf=Shelf(settings.home / FOLDER),
        moderator=moderator_of(read_guardrails(settings.home)),
    )
    context.install(app, parts)
    metrics.install(app, meters or metrics.Meters(), database)
    health.install(app, parts)
    for part in (security, brakes, i18n, assets, errors):
        part.install(app)
    parts_of_the_site = (
        about_you,
        admin_account,
        admin_campaigns,
        admin_integrity,
        admin_invites,
        admin_ledgers,
        admin_prompts,
        admin_reports,
        admin_review,
        admin_sign_in,
        battles,
        board_image,
        boards,
        catalogue,
        downloads,
        entrants,
        explorer,
        fair_play,
        health,
        joining,
        metrics,
        my_votes,
        own_prompts,
        pictures,
        plans,
        playground,
        preferences,
        proof,
        provenance,
        read,
        recovery,
        releases,
        reports,
        style,
    )
    for blueprint in dict.fromkeys(part.bp for part in parts_of_the_site):  # several modules share one
        app.register_blueprint(blueprint)
    app.extensions[read.EXTENSION] = read.Kept(door=_door(settings))
    app.context_processor(_everywhere)
    app.add_url_rule("/", "home", _home)
    return app


def _door(settings: Settings) -> Door:
    """Where requests are counted; processes that count together know an address by one digest."""
    if settings.redis is None:
        return Door(proxies=settings.proxies)
    key = hmac.digest(settings.secret.encode(), b"addresses", hashlib.sha256)
    return Door(limits.counting(settings.redis), key=key, proxies=settings.proxies)


def create_api(
    *,
    desk: Desk,
    gate: access.Gate,
    seconds: float = 600,
    at_once: int = 64,
    counts: limits.Counts | None = None,
) -> Flask:
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
    counts : Counts, optional
        Where the requests of a key are counted, if not in this process.
    """
    app = Flask("arena", template_folder=None, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = API_LARGEST_REQUEST
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions[views.EXTENSION] = views.Office(
        desk=desk,
        gate=gate,
        seconds=seconds,
        at_once=threading.BoundedSemaphore(at_once),
        allowances=access.Allowances(counts),
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
