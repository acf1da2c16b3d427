"""`arena release`: a version of the votes, frozen under a name."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from arena.cli.context import Context, json_option, say_json
from arena.cli.export import bring_up_to_date, progress
from arena.db import told_plainly


@click.command()
@click.argument("name")
@click.option("--campaign", help="One campaign alone; all of them if not given.")
@click.option("--licence", help="Licence of the votes, as a name or an address; it goes into the metadata.")
@click.option(
    "--allow-personal", is_flag=True, help="Go on where prompts seem to hold personal data; they are listed."
)
@json_option
@click.pass_obj
def release(
    context: Context,
    name: str,
    campaign: str | None,
    licence: str | None,
    allow_personal: bool,
    as_json: bool,
) -> None:
    """Freeze what there is as release NAME, in the folder `releases` of the data folder.

    A release is an export that is never written again: votes without what was withdrawn, the chain of seals,
    ratings, pictures, a dataset card, Croissant metadata and checksums, and what changed since the release
    before. The data page lists it; it can be downloaded there once no open campaign deals its prompts.

    \b
    Examples:
      arena release 2026-11
      arena release spring-1.0 --campaign spring --licence CC-BY-4.0
    """
    from arena.services.releasing import NO_LICENCE
    from arena.services.releasing import release as freeze
    from arena.services.shelf import FOLDER, Shelf

    settings = context.settings
    with progress(as_json) as show, told_plainly(), context.database.read() as session:
        report = freeze(
            session,
            name,
            shelf=Shelf(settings.home / FOLDER),
            images=context.images,
            secret_key=settings.secret,
            url=settings.public_url,
            now=datetime.now(UTC),
            campaign=campaign,
            licence=licence or NO_LICENCE,
            allow_personal=allow_personal,
            seal=lambda: bring_up_to_date(context),
            progress=show,
        )
    if as_json:
        say_json(report.as_dict())
        return
    for line in report.lines():
        click.echo(line)
