"""The images API as a process of its own, so that requests that take minutes never starve voting."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context
from arena.errors import SettingsError

if TYPE_CHECKING:
    from models.contracts import EntrantCard

API_PORT = 8001
SPARE_THREADS = 8


def run_api(
    context: Context,
    *,
    host: str,
    port: int,
    entrants: Sequence[str] = (),
    at_once: int = 64,
    seconds: float = 600,
) -> None:
    """Serve the images API until interrupted.

    Each entrant paints in a process of its own: what kills it does not take the server down.
    """
    import waitress

    from arena.app import create_api
    from arena.services.guardrails import read_guardrails
    from arena.services.moderation import guard_of, moderator_of
    from arena.services.serving import Desk
    from arena.web.api.access import KeyRing
    from arena.web.limits import counting
    from models.batching import Batcher
    from models.engine_process import EngineProcess
    from models.loading import load

    cards = {card.slug: card for card in chosen(context, entrants)}
    settings = context.settings
    ready = functools.partial(
        load,
        device=None if settings.device == "auto" else settings.device,
        dtype=None if settings.dtype == "card" else settings.dtype,
    )
    gate = KeyRing(context.database)
    guardrails = read_guardrails(settings.home)
    with Batcher(lambda slug: EngineProcess(cards[slug], load=ready), most_waiting=4 * at_once) as batcher:
        desk = Desk(cards.values(), batcher, moderator=moderator_of(guardrails), guard=guard_of(guardrails))
        app = create_api(
            desk=desk,
            gate=gate,
            seconds=seconds,
            at_once=at_once,
            counts=counting(settings.redis),
        )
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that engines are ended, not left
        click.echo(f"The images API is open on http://{host}:{port}/v1 for {', '.join(cards)}")
        try:
            waitress.serve(
                app,
                host=host,
                port=port,
                threads=at_once + SPARE_THREADS,
                ident=None,
                channel_timeout=int(seconds) + 60,
                channel_request_lookahead=1,  # without it a client that hangs up is not noticed
                max_request_body_size=1024 * 1024,
            )
        finally:
            context.database.dispose()


def chosen(context: Context, entrants: Sequence[str]) -> list[EntrantCard]:
    """The cards that are served: those named, or all that paint on this machine.

    Entrants painted elsewhere are served only if they are named: a key holder would spend their price.

    Raises
    ------
    SettingsError
        If there is none.
    """
    if entrants:
        return [context.catalog[slug] for slug in dict.fromkeys(entrants)]
    cards = [card for card in context.catalog if card.backend != "images-api"]
    if not cards:
        raise SettingsError("no entrant of the catalogue paints on this machine; name one with --entrant")
    return cards
