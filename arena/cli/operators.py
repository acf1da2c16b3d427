"""`arena operators`: who runs the arena through its pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from arena.services.operators import NewLink


@click.group()
def operators() -> None:
    """Let people into the operator's room (`/admin`), list them, send them away.

    \b
    Examples:
      arena operators link ann
      arena operators link bob --role analyst
      arena operators list
      arena operators retire ann
    """


@operators.command("link")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["operator", "analyst"]),
    help="What they may do from now on [operator if new]; an analyst looks and changes nothing.",
)
@json_option
@click.pass_obj
def link(context: Context, name: str, role: str | None, as_json: bool) -> None:
    """Print a link that lets NAME in once, within a day; somebody new is entered.

    Unused links of theirs from before open nothing from then on.

    \b
    Examples:
      arena operators link ann
      arena operators link bob --role analyst --json
    """
    from arena.services.operators import make_link
    from arena.tables import OperatorRole

    with context.database.write.begin() as session:
        made = make_link(session, name, now=datetime.now(UTC), role=OperatorRole(role) if role else None)
    if as_json:
        say_json(
            {
                "name": made.name,
                "role": made.role.value,
                "new": made.new,
                "link": address_of(context, made),
                "expires_at": made.expires_at.isoformat(),
            }
        )
        return
    click.echo(address_of(context, made))
    click.echo(f"Lets {made.name} in once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.", err=True)


@operators.command("list")
@json_option
@click.pass_obj
def list_operators(context: Context, as_json: bool) -> None:
    """Print every operator there ever was.

    \b
    Examples:
      arena operators list --json
    """
    from arena.services.operators import all_operators

    with context.database.read() as session:
        rows = all_operators(session)
    if as_json:
        say_json(
            [
                {
                    "name": row.name,
                    "role": row.role.value,
                    "created_at": row.created_at.isoformat(),
                    "retired_at": row.retired_at.isoformat() if row.retired_at else None,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        state = f"retired {row.retired_at:%Y-%m-%d}" if row.retired_at else f"since {row.created_at:%Y-%m-%d}"
        click.echo(f"{row.name:24} {row.role.value:10} {state}")


@operators.command("retire")
@click.argument("name")
@click.pass_obj
def retire_operator(context: Context, name: str) -> None:
    """Send an operator away for ever; their sessions end at once.

    \b
    Examples:
      arena operators retire ann
    """
    from arena.services.operators import retire

    with context.database.write.begin() as session:
        changed = retire(session, name, now=datetime.now(UTC))
    click.echo(f"{name} is retired." if changed else f"{name} was retired before.")


def address_of(context: Context, made: NewLink) -> str:
    """The address that a link is, on the arena's public URL."""
    return f"{context.settings.public_url}/admin/links/{made.token}"
