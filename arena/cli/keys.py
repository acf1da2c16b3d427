"""`arena keys`: who may use the images API."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from arena.cli.context import Context, json_option, say_json


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that programs show to the images API (`arena serve --api`).

    \b
    Examples:
      arena keys make studio-site --per-minute 60
      arena keys list
      arena keys revoke studio-site
    """


@keys.command("make")
@click.argument("name")
@click.option("--per-minute", type=int, help="Most requests a minute; as many as it likes if not given.")
@click.option(
    "--may-unblind",
    is_flag=True,
    help="Also paint prompts that an open campaign is dealing: its holder could tell who painted what.",
)
@json_option
@click.pass_obj
def make(context: Context, name: str, per_minute: int | None, may_unblind: bool, as_json: bool) -> None:
    """Make a key and show it, once: only its digest is kept.

    \b
    Examples:
      arena keys make studio-site --per-minute 60
      arena keys make own-worker --may-unblind     # for `arena work` on another machine
    """
    from arena.services.keys import make_key

    with context.database.write.begin() as session:
        made = make_key(session, name, now=datetime.now(UTC), may_unblind=may_unblind, per_minute=per_minute)
    if as_json:
        say_json({"name": made.name, "key": made.secret})
        return
    click.echo(made.secret)
    click.echo("This is shown once; keep it where secrets are kept.", err=True)


@keys.command("list")
@json_option
@click.pass_obj
def list_keys(context: Context, as_json: bool) -> None:
    """Print every key ever made, by its name and first characters.

    \b
    Examples:
      arena keys list --json
    """
    from arena.services.keys import all_keys

    with context.database.read() as session:
        rows = all_keys(session)
    if as_json:
        say_json(
            [
                {
                    "name": row.name,
                    "prefix": row.prefix,
                    "may_unblind": row.may_unblind,
                    "per_minute": row.per_minute,
                    "created_at": row.created_at.isoformat(),
                    "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        limit = f"{row.per_minute}/min" if row.per_minute else "no limit"
        state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else limit
        unblinds = "  may unblind" if row.may_unblind else ""
        click.echo(f"{row.name:24} {row.prefix}...  {state}{unblinds}")


@keys.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke(context: Context, name: str) -> None:
    """Revoke a key for ever; its next request is refused.

    \b
    Examples:
      arena keys revoke studio-site
    """
    from arena.services.keys import revoke_key

    with context.database.write.begin() as session:
        changed = revoke_key(session, name, now=datetime.now(UTC))
    click.echo(f"{name} is revoked." if changed else f"{name} was revoked before.")
