"""`arena backup` and `arena restore`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from arena import db
from arena.cli.context import Context, json_option, say_json
from arena.services.backup_folder import Manifest, Step

TAR = ".tar"


@contextmanager
def told_steps(*, silent: bool) -> Iterator[Step]:
    """A bar for each thing that is being done, on a terminal; none for a script."""
    bars: dict[str, tqdm[Any]] = {}

    def step(what: str, done: int, all_: int) -> None:
        if what not in bars:
            bars[what] = tqdm(total=all_, desc=what.capitalize(), disable=silent or None, dynamic_ncols=True)
        bars[what].update(done - bars[what].n)

    try:
        yield step
    finally:
        for bar in bars.values():
            bar.close()


def save(context: Context, target: Path, *, silent: bool, pictures: bool, secrets: bool) -> Manifest:
    """Write a backup into a folder, or into a tar file by way of a folder beside it."""
    import tempfile

    from arena.services.backing_up import back_up
    from arena.services.backup_folder import pack

    def into(folder: Path) -> Manifest:
        with told_steps(silent=silent) as step:
            return back_up(
                context.settings,
                context.database_as_it_is,
                context.images,
                folder=folder,
                now=datetime.now(UTC),
                step=step,
                with_pictures=pictures,
                with_secrets=secrets,
            )

    if target.suffix != TAR:
        return into(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
        manifest = into(Path(folder))
        pack(Path(folder), target)
    return manifest


@click.command()
@click.argument("target", type=click.Path(path_type=Path), metavar="DIR|FILE.tar")
@click.option("--pictures/--no-pictures", default=True, help="Also the pictures.")
@click.option("--with-secrets", is_flag=True, help="Also files that only their owner may read: secret.key.")
@json_option
@click.pass_obj
def backup(context: Context, target: Path, pictures: bool, with_secrets: bool, as_json: bool) -> None:
    """Save database, pictures and settings while the arena runs.

    Into the folder of an earlier backup only what is new is written. The exit code is 1 if the arena itself
    misses pictures that its database names.

    \b
    Examples:
      arena backup /mnt/backup/arena
      arena backup arena-2026-11.tar --with-secrets
    """
    target = target.expanduser().absolute()
    made = save(context, target, silent=as_json, pictures=pictures, secrets=with_secrets)
    if as_json:
        say_json({"target": str(target), **asdict(made)})
    else:
        click.echo(f"{made.votes:,} votes under {made.seals:,} seals are safe in {target}.")
        if made.left_out:
            click.echo(f"Left out, unless --with-secrets is given: {', '.join(made.left_out)}.")
        for digest in made.lost:
            click.echo(f"The arena itself misses picture {digest}, or holds other bytes.", err=True)
    if made.lost:
        raise SystemExit(1)


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR|FILE.tar")
@json_option
@click.pass_obj
def restore(context: Context, source: Path, as_json: bool) -> None:
    """Bring a backup back into an empty data folder (ARENA_HOME) and an empty database (ARENA_DATABASE).

    All of the backup is compared with its checksums before anything is written, and the chain of seals is
    computed anew from the votes that came back.

    \b
    Examples:
      ARENA_HOME=/srv/arena arena restore /mnt/backup/arena
    """
    from arena.services.backup_folder import unpacked
    from arena.services.restoring import restore as bring_back

    settings = context.settings
    source = source.expanduser().absolute()
    database = db.open_database(settings.database)
    try:
        with unpacked(source, source.parent) as folder, told_steps(silent=as_json) as step:
            back = bring_back(settings, database, context.images, folder=folder, step=step)
    finally:
        database.dispose()
    if as_json:
        told = {"votes": back.votes, "seals": back.seals, "pictures": back.pictures}
        say_json({**told, "head": back.manifest.head, "new_secret": back.new_secret})
        return
    click.echo(
        f"{back.votes:,} votes and {back.pictures:,} pictures are back in {settings.home}; the chain of "
        f"{back.seals:,} seals is whole. `arena doctor` looks at the rest."
    )
    if back.new_secret:
        click.echo("The backup held no secret.key; a new one was made: raters' cookies begin anew.")
