"""`arena serve`: the web server, and a worker beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import click

from arena.cli.context import Context


def start_worker(context: Context, *options: str) -> subprocess.Popen[bytes]:
    """Start `arena work` as a process of its own, which ends with this one."""
    command = [sys.executable, "-c", "from arena.cli import main; main()", "work", "--with", str(os.getpid())]
    return subprocess.Popen([*command, *options], env=context.environ)  # noqa: S603 - our own command


def run_server(context: Context, *, host: str | None, port: int | None) -> None:
    """Serve the pages until interrupted."""
    import waitress

    from arena.app import create_app
    from arena.services.ledger import Ledger

    settings = context.settings
    settings = replace(settings, host=host or settings.host, port=port if port is not None else settings.port)
    ledger = Ledger(context.database)
    app = create_app(settings, database=context.database, images=context.images, write=ledger.write)
    try:
        waitress.serve(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            ident=None,
            channel_timeout=60,
            max_request_body_size=1024 * 1024,
        )
    finally:
        ledger.close()
        context.database.dispose()


@click.command()
@click.option("--host", help="Address to listen on [ARENA_HOST].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on [ARENA_PORT; API: 8001].")
@click.option("--worker/--no-worker", default=True, help="Start a worker beside the server.")
@click.option("--api", is_flag=True, help="Serve the images API, not the pages; see `arena keys`.")
@click.option("--entrant", "entrants", multiple=True, help="For --api: serve this one alone.")
@click.option("--at-once", type=click.IntRange(1, 1000), default=64, help="For --api: most that wait [64].")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=600, help="For --api: longest wait [600].")
@click.pass_obj
def serve(
    context: Context,
    host: str | None,
    port: int | None,
    worker: bool,
    api: bool,
    entrants: tuple[str, ...],
    at_once: int,
    seconds: int,
) -> None:
    """Serve the pages, with one worker beside them; or the images API, a process of its own.

    \b
    Examples:
      arena serve
      arena serve --port 9000
      arena serve --no-worker      # and `arena work` somewhere else
      arena serve --api            # what OpenAI's clients speak, on http://127.0.0.1:8001/v1
      arena serve --api --entrant lumen --at-once 16
    """
    context.log_to_stderr()
    assert context.database  # checked before anything starts
    settings = context.settings
    host = host or settings.host
    if api:
        from arena.cli.serve_api import API_PORT, run_api

        port = API_PORT if port is None else port
        run_api(context, host=host, port=port, entrants=entrants, at_once=at_once, seconds=seconds)
        return
    port = settings.port if port is None else port
    helper = start_worker(context) if worker else None
    click.echo(f"Vernissage is open on http://{host}:{port}")
    try:
        run_server(context, host=host, port=port)
    finally:
        if helper:
            helper.terminate()
            helper.wait(timeout=30)
