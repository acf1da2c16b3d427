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
      arena operators revoke ann
      arena operators reset ann
      arena operators bind ann --email ann@lab.example
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
    from arena.services.identities import bound_to
    from arena.services.operators import all_operators
    from arena.services.signing_in import standing

    with context.database.read() as session:
        rows = [
            (row, standing(session, row.name), bound_to(session, row.name)) for row in all_operators(session)
        ]
    if as_json:
        say_json(
            [
                {
                    "name": row.name,
                    "role": row.role.value,
                    "created_at": row.created_at.isoformat(),
                    "retired_at": row.retired_at.isoformat() if row.retired_at else None,
                    "password": login.confirmed_at is not None,
                    "recovery_codes": login.codes_left,
                    "locked": login.locked,
                    "account": (bound.email or bound.subject) if bound else None,
                }
                for row, login, bound in rows
            ]
        )
        return
    for row, login, bound in rows:
        state = f"retired {row.retired_at:%Y-%m-%d}" if row.retired_at else f"since {row.created_at:%Y-%m-%d}"
        ways = ["password and code"] if login.confirmed_at else []
        ways += ["locked"] if login.locked else []
        ways += [f"account {bound.email or bound.subject}"] if bound else []
        click.echo(f"{row.name:24} {row.role.value:10} {state:20} {', '.join(ways)}".rstrip())


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


@operators.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_sessions(context: Context, name: str) -> None:
    """End every session of an operator; links that they have not used open nothing any more.

    \b
    Examples:
      arena operators revoke ann
    """
    from arena.services.operators import revoke

    with context.database.write.begin() as session:
        ended = revoke(session, name, now=datetime.now(UTC))
    click.echo(f"{name} is signed out; sessions that ended: {ended}.")


@operators.command("reset")
@click.argument("name")
@click.pass_obj
def reset_operator(context: Context, name: str) -> None:
    """Take the password, second factor and recovery codes of an operator away; a link lets them in again.

    \b
    Examples:
      arena operators reset ann
    """
    from arena.services.signing_in import reset

    with context.database.write.begin() as session:
        changed = reset(session, name, now=datetime.now(UTC))
    click.echo(f"{name} has no password any more." if changed else f"{name} had no password.")


@operators.command("bind")
@click.argument("name")
@click.option("--email", help="Their address at the provider, which must have verified it.")
@click.option("--subject", help="What the provider calls them for ever, its claim 'sub'.")
@click.option("--off", is_flag=True, help="Let the account in no more.")
@click.pass_obj
def bind_account(context: Context, name: str, email: str | None, subject: str | None, off: bool) -> None:
    """Let an account of the OpenID provider (ARENA_OIDC_ISSUER) in as NAME, or no more.

    \b
    Examples:
      arena operators bind ann --email ann@lab.example
      arena operators bind ann --off
    """
    from arena.errors import SettingsError
    from arena.services.identities import bind, unbind

    issuer, now = context.settings.openid_issuer, datetime.now(UTC)
    with context.database.write.begin() as session:
        if off:
            gone = unbind(session, name, now=now)
            click.echo(f"{name} is bound to no account any more." if gone else f"{name} was bound to none.")
            return
        if issuer is None:
            raise SettingsError("no OpenID provider is set up; ARENA_OIDC_ISSUER names one")
        bind(session, name, issuer=issuer, email=email, subject=subject, now=now)
    click.echo(f"{name} comes in by {email or subject} of {issuer}.")


def address_of(context: Context, made: NewLink) -> str:
    """The address that a link is, on the arena's public URL."""
    return f"{context.settings.public_url}/admin/links/{made.token}"
