"""`arena init` and `arena assets`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from arena import db
from arena.cli.context import Context
from arena.cli.upgrade import default_backup, upgrade_safely
from arena.config import Settings, make_home


def prepare(context: Context) -> Settings:
    """Make the data folder and its secret, migrate the database (saved first), enter the shipped entrants."""
    from pathlib import Path

    from arena.media.credentials import available
    from arena.services.curation import open_the_open_campaign
    from arena.services.provenance import establish

    make_home(Path(context.environ.get("ARENA_HOME") or "var").expanduser().absolute())
    settings = context.settings
    settings.images.mkdir(parents=True, exist_ok=True)
    if available() and settings.sign_command is None:
        establish(settings, now=datetime.now(UTC))
    database = context.database_as_it_is
    upgrade_safely(context, database, backup=default_backup(context, database))
    with db.told_plainly(), database.write.begin() as session:
        open_the_open_campaign(session, list(context.catalog), now=datetime.now(UTC))
    database.dispose()
    return settings


@click.command()
@click.pass_obj
def init(context: Context) -> None:
    """Make the data folder, its secret and its database, or bring them up to date.

    Safe to run again: nothing that is there is lost. A new arena prints a link, good for a day, that lets its
    first operator in once; `arena operators link` prints others.

    \b
    Examples:
      arena init
      ARENA_HOME=/srv/vernissage arena init
    """
    from arena.cli.operators import address_of
    from arena.services.operators import first_link

    settings = prepare(context)
    click.echo(f"The data folder {settings.home} is ready. `arena serve` starts the arena.")
    with context.database.write.begin() as session:
        made = first_link(session, now=datetime.now(UTC))
    if made:
        click.echo(f"Its operator comes in once, within a day, by {address_of(context, made)}")


@click.command()
@click.pass_obj
def assets(context: Context) -> None:
    """Fetch the CC0 environment maps that light the path tracer's scenes; it paints without them too.

    \b
    Examples:
      arena assets
    """
    from models.atelier.assets import fetch_assets

    folder = context.settings.assets
    note = fetch_assets(folder)
    click.echo(f"{len(note['panoramas'])} environment maps are in {folder}.")
    click.echo("They change pixels. An entrant that should use them says so in its card:")
    click.echo(f'[entrant.identity]\nassets = "{note["digest"]}"\n[entrant.runtime]\nassets = "{folder}"')
