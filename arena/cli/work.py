"""`arena work`: paint jobs, seal votes, refit boards."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SQLAlchemyError

from arena.cli.context import Context
from arena.domain.jobs import LEASE
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.services.working import Worker
    from models.contracts import EntrantCard, TextToImage

    Painter = Callable[[EntrantCard], TextToImage]

log = logging.getLogger(__name__)

GRACE_SECONDS = 20.0

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
@click.option(
    "--grace",
    type=click.FloatRange(0, 3600),
    default=GRACE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long it may finish its batch when it is told to stop.",
)
@click.option(
    "--metrics",
    "metrics_port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Tell Prometheus of this worker on http://127.0.0.1:PORT/metrics.",
)
@click.pass_obj
def work(
    context: Context,
    until_idle: bool,
    companion: int | None,
    clerk: bool,
    lease: float,
    engine: Painter | None,
    grace: float,
    metrics_port: int | None,
) -> None:
    """Paint the jobs that wait; once a second seal new votes and refit the boards they move.

    Any number of workers may run on one database. A worker that is killed loses nothing: its jobs are
    taken up again when their lease runs out. One that is told to stop (SIGTERM) finishes its batch, or gives
    it back if that takes longer than --grace.

    \b
    Examples:
      arena work
      arena work --until-idle
      arena work --metrics 9101
      arena work --engine https://painter.example/v1
    """
    from arena.services.guardrails import read_guardrails
    from arena.services.moderation import guard_of
    from arena.services.pulse import Pulse
    from arena.services.working import Worker

    context.log_to_stderr()
    stop, asked = threading.Event(), threading.Event()

    def halt(*_: object) -> None:
        stop.set()
        asked.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, halt)
    if companion:
        threading.Thread(target=_follow, args=(companion, halt), daemon=True).start()
    context.studio.engine = engine
    pulse = Pulse()
    if metrics_port:
        pulse.tell(metrics_port)
    worker = Worker(
        database=context.database,
        images=context.images,
        studio=context.studio,
        stop=stop,
        on_settled=pulse.settled,
        on_beat=pulse.beat,
        lease=timedelta(seconds=lease),
        guard=guard_of(read_guardrails(context.settings.home)),
    )
    ended = threading.Event()
    threading.Thread(target=_end_in_time, args=(worker, asked, ended, grace), daemon=True).start()
    try:
        worker.run(until_idle=until_idle, clerk=clerk)
    finally:
        ended.set()


def _end_in_time(worker: Worker, asked: threading.Event, ended: threading.Event, grace: float) -> None:
    """Once told to stop, give back what is not painted in time and end: torch cannot be interrupted."""
    asked.wait()
    if not ended.wait(grace):
        try:
            worker.give_back()
        except (ArenaError, SQLAlchemyError) as error:
            log.warning("jobs stay leased until their time is over: %s", error)
        os._exit(0)


def _follow(pid: int, halt: Callable[[], None]) -> None:
    while os.getppid() == pid:
        time.sleep(1.0)
    halt()
