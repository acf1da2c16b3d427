"""`arena serve`: the web server, and a worker beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import click

from arena.cli.context import Context

WORKER_SECONDS = 30
"""How long a worker has to end; it gives its jobs back before."""


def start_worker(context: Context, *options: str) -> subprocess.Popen[bytes]:
    """Start `arena work` as a process of its own, which ends with this one."""
    command = [sys.executable, "-c", "from arena.cli import main; main()", "work", "--with", str(os.getpid())]
    return subprocess.Popen([*command, *options], env=context.environ)  # noqa: S603 - our own command


def end_worker(helper: subprocess.Popen[bytes]) -> None:
    """Let a worker finish or give back what it paints; one that does not end is killed."""
    helper.terminate()
    try:
        helper.wait(timeout=WORKER_SECONDS)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()


def run_server(context: Context, *, host: str | None, port: int | None) -> None:
    """Serve the pages until told to stop; then what was asked is answered, and what was promised is kept."""
    from arena.app import create_app
    from arena.cli.server import PageServer, stop_on_signals
    from arena.services.ledger import Ledger
    from arena.web.metrics import Meters

    settings = context.settings
    settings = replace(settings, host=host or settings.host, port=port if port is not None else settings.port)
    meters = Meters()
    ledger = Ledger(context.database, on_commit=meters.committed)
    app = create_app(
        settings, database=context.database, images=context.images, write=ledger.write, meters=meters
    )
    try:
        server = PageServer(app, host=settings.host, port=settings.port, threads=settings.threads)
        stop_on_signals(server)
        server.run()
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
            end_worker(helper)
