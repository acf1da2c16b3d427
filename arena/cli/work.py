"""`arena work`: paint jobs, seal votes, refit boards."""

from __future__ import annotations

import os
import signal
import threading

import click

from arena.cli.context import Context


@click.command()
@click.option("--until-idle", is_flag=True, help="Stop when no job is left.")
@click.option("--with", "companion", type=int, help="Stop when the process of this id has ended.")
@click.option("--clerk/--no-clerk", default=True, help="Also seal votes and refit boards.")
@click.pass_obj
def work(context: Context, until_idle: bool, companion: int | None, clerk: bool) -> None:
    """Paint the jobs that wait; once a second seal new votes and refit the boards they move.

    Any number of workers may run on one database. A worker that is killed loses nothing: its jobs are
    taken up again when their lease runs out.

    \b
    Examples:
      arena work
      arena work --until-idle
    """
    from arena.services.working import Worker

    context.log_to_stderr()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    if companion:
        threading.Thread(target=_follow, args=(companion, stop), daemon=True).start()
    worker = Worker(database=context.database, images=context.images, studio=context.studio, stop=stop)
    worker.run(until_idle=until_idle, clerk=clerk)


def _follow(pid: int, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if os.getppid() != pid:
            stop.set()
            if not threading.main_thread().is_alive():
                return
