"""`arena work`: paint jobs, seal votes, refit boards."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context
from arena.domain.jobs import LEASE

if TYPE_CHECKING:
    from models.contracts import EntrantCard, TextToImage

    Painter = Callable[[EntrantCard], TextToImage]

ENGINE_KEY = "VERNISSAGE_ENGINE_KEY"

lease_option = click.option(
    "--lease",
    type=click.FloatRange(1, 86_400),
    default=LEASE.total_seconds(),
    show_default=True,
    metavar="SECONDS",
    help="How long the jobs of a worker that stopped answering stay with it.",
)


def _painter(_context: click.Context, _option: click.Parameter, url: str | None) -> Painter | None:
    """What paints behind a URL."""
    if url is None:
        return None
    from models.cards import address
    from models.remote import through

    try:
        address(url)
    except ValueError as error:
        raise click.BadParameter(f"it {error}, not {url[:80]!r}") from error
    return partial(through, url, key_env=ENGINE_KEY)


@click.command()
@click.option("--until-idle", is_flag=True, help="Stop when no job is left.")
@click.option("--with", "companion", type=int, help="Stop when the process of this id has ended.")
@click.option("--clerk/--no-clerk", default=True, help="Also seal votes and refit boards.")
@lease_option
@click.option(
    "--engine",
    metavar="URL",
    callback=_painter,
    help=f"Have everything painted by the images API of another Vernissage, whose key is in {ENGINE_KEY}.",
)
@click.pass_obj
def work(
    context: Context,
    until_idle: bool,
    companion: int | None,
    clerk: bool,
    lease: float,
    engine: Painter | None,
) -> None:
    """Paint the jobs that wait; once a second seal new votes and refit the boards they move.

    Any number of workers may run on one database. A worker that is killed loses nothing: its jobs are
    taken up again when their lease runs out.

    \b
    Examples:
      arena work
      arena work --until-idle
      arena work --engine https://painter.example/v1
    """
    from arena.services.working import Worker

    context.log_to_stderr()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    if companion:
        threading.Thread(target=_follow, args=(companion, stop), daemon=True).start()
    context.studio.engine = engine
    worker = Worker(
        database=context.database,
        images=context.images,
        studio=context.studio,
        stop=stop,
        lease=timedelta(seconds=lease),
    )
    worker.run(until_idle=until_idle, clerk=clerk)


def _follow(pid: int, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if os.getppid() != pid:
            stop.set()
            if not threading.main_thread().is_alive():
                return
