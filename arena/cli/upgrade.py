"""`arena upgrade`: the database of a newer version, with a backup of the old one first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from arena import db
from arena.cli.backup import save
from arena.cli.context import Context


def upgrade_safely(context: Context, database: db.Database, *, backup: Path | None) -> list[str]:
    """Migrate a database; one that holds an arena is saved first, if a place is named.

    Returns
    -------
    list of str
        A line for each migration that was made.
    """
    ahead = db.steps_ahead(database)
    if ahead and backup is not None and db.revision(database) is not None:
        save(context, backup, silent=True, pictures=False, secrets=False)
    with db.told_plainly():
        db.upgrade(database)
    return ahead


def default_backup(context: Context, database: db.Database) -> Path:
    """Where the old database is kept: pictures are never changed by a migration."""
    from arena.services.backing_up import BACKUPS

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return context.settings.home / BACKUPS / f"from-{db.revision(database)}-{stamp}"


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@click.option(
    "--backup",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.tar",
    help="Where the old database is saved first [backups/ of the data folder].",
)
@click.option("--no-backup", is_flag=True, help="Save nothing first.")
@click.pass_obj
def upgrade(context: Context, dry_run: bool, backup: Path | None, no_backup: bool) -> None:
    """Bring the database to this version, after a backup of it.

    Servers and workers of the old version that still run show pages from then on and write nothing; start
    those of the new version after.

    \b
    Examples:
      arena upgrade --dry-run
      arena upgrade
    """
    database = context.database_as_it_is
    with db.told_plainly():
        ahead = db.steps_ahead(database)
        if db.revision(database) is None:
            raise click.UsageError("the database is empty; `arena init` makes one")
    target = None if no_backup else (backup or default_backup(context, database))
    if not ahead:
        click.echo("The database is up to date; nothing is to be done.")
        return
    for line in ahead:
        click.echo(f"Migration {line}")
    click.echo(f"The database is saved in {target} first." if target else "Nothing is saved first.")
    if dry_run:
        return
    upgrade_safely(context, database, backup=target.absolute() if target else None)
    click.echo("The database is up to date.")
