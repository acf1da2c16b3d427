"""`arena entrants`: who takes part."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from sqlalchemy import select

from arena.cli.context import Context, json_option, say_json
from arena.cli.tune import tune
from arena.tables import Entrant


@click.group()
def entrants() -> None:
    """List the entrants, enter new ones from the catalogue, tune them to this machine.

    \b
    Examples:
      arena entrants list --json
      arena entrants enter my-model        # after adding its card to catalog.toml
      arena entrants tune my-model         # the fastest way to paint on this machine
      arena entrants retire my-model       # dealt and painted no more; its votes stay
    """


entrants.add_command(tune)


@entrants.command("list")
@json_option
@click.pass_obj
def list_entrants(context: Context, as_json: bool) -> None:
    """Print every entrant ever entered.

    \b
    Examples:
      arena entrants list
      arena entrants list --json
    """
    with context.database.read() as session:
        rows = session.scalars(select(Entrant).order_by(Entrant.id)).all()
    if as_json:
        say_json(
            [
                {
                    "slug": row.slug,
                    "name": row.name,
                    "revision": row.revision,
                    "kind": row.kind,
                    "family": row.family,
                    "backend": row.backend,
                    "identity": row.identity,
                    "runtime": row.runtime,
                    "licence": row.licence,
                    "entered_at": row.entered_at.isoformat(),
                    "retired_at": row.retired_at.isoformat() if row.retired_at else None,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        click.echo(f"{row.slug:24} {row.revision:12}  {row.kind:10} {row.name}")


@entrants.command("retire")
@click.argument("slug")
@click.pass_obj
def retire_entrant(context: Context, slug: str) -> None:
    """Retire an entrant, by its slug or slug@revision: it is dealt and paints no more, and stays on boards.

    \b
    Examples:
      arena entrants retire my-model
      arena entrants retire my-model@0a1b2c3d4e5f
    """
    from arena.services.retiring import retire

    with context.database.write.begin() as session:
        changed = retire(session, slug, now=datetime.now(UTC))
    click.echo(f"{slug} is retired." if changed else f"{slug} was retired before.")


@entrants.command("return")
@click.argument("slug")
@click.pass_obj
def return_entrant(context: Context, slug: str) -> None:
    """Let a retired entrant take part and paint again.

    \b
    Examples:
      arena entrants return my-model
    """
    from arena.services.retiring import bring_back

    with context.database.write.begin() as session:
        changed = bring_back(session, slug, now=datetime.now(UTC))
    click.echo(f"{slug} takes part again." if changed else f"{slug} was not retired.")


@entrants.command("enter")
@click.argument("slugs", nargs=-1, required=True)
@click.option("--campaign", help="Also let them take part in this campaign, and ask for their pictures.")
@click.pass_obj
def enter_entrants(context: Context, slugs: tuple[str, ...], campaign: str | None) -> None:
    """Enter picture-makers from the catalogue at their present revision.

    \b
    Examples:
      arena entrants enter my-model
      arena entrants enter my-model --campaign open
    """
    from arena.queries.finding import find_campaign
    from arena.services.curation import enter, join
    from arena.services.generation import enqueue

    cards = [context.catalog[slug] for slug in slugs]
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        rows = [enter(session, card, now=now) for card in cards]
        if campaign:
            found = find_campaign(session, campaign)
            join(session, found, rows, now=now)
            session.flush()
            enqueue(session, found, now=now)
    for card in cards:
        click.echo(f"{card.slug}@{card.revision} is entered.")
