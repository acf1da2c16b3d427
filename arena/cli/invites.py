"""`arena invites`: links that let voters into a campaign, as a cohort."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from arena.cli.context import Context, json_option, say_json


@click.group()
def invites() -> None:
    """Make, list and revoke links that invite voters into a campaign.

    \b
    Examples:
      arena invites new --campaign open --cohort creators --uses 20 --days 14
      arena invites list
      arena invites revoke 3
    """


@invites.command("new")
@click.option("--campaign", required=True, help="Its name, such as open.")
@click.option("--cohort", required=True, help="What those who come are counted as, such as creators.")
@click.option("--uses", type=int, default=20, show_default=True, help="How many voters may take it.")
@click.option("--days", type=int, default=14, show_default=True, help="For how long.")
@json_option
@click.pass_obj
def new(context: Context, campaign: str, cohort: str, uses: int, days: int, as_json: bool) -> None:
    """Make a link and show it, once: only its digest is kept.

    \b
    Examples:
      arena invites new --campaign open --cohort creators --uses 20 --days 14
      arena invites new --campaign open --cohort staff --json
    """
    from arena.services.inviting import make_invite

    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        made = make_invite(session, campaign=campaign, cohort=cohort, uses=uses, days=days, now=now)
    link = f"{context.settings.public_url}/join/{made.token}"
    if as_json:
        say_json(
            {
                "invite": made.number,
                "link": link,
                "campaign": made.campaign,
                "cohort": made.cohort,
                "uses": made.uses,
                "expires_at": made.expires_at.isoformat(),
            }
        )
        return
    click.echo(link)
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    click.echo(
        f"Invitation {made.number} to {made.campaign}, for {made.uses} voters, until {until}.", err=True
    )


@invites.command("list")
@click.option("--campaign", help="Only those to this one.")
@json_option
@click.pass_obj
def list_invites(context: Context, campaign: str | None, as_json: bool) -> None:
    """Print every invitation there ever was, the newest first.

    \b
    Examples:
      arena invites list --campaign open --json
    """
    from arena.services.inviting import invites as all_invites

    now = datetime.now(UTC)
    with context.database.read() as session:
        rows = all_invites(session, campaign)
    if as_json:
        say_json(
            [
                {
                    "invite": row.number,
                    "campaign": row.campaign,
                    "cohort": row.cohort,
                    "used": row.used,
                    "uses": row.uses,
                    "by": row.by,
                    "created_at": row.created_at.isoformat(),
                    "expires_at": row.expires_at.isoformat(),
                    "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
                    "opens": row.opens(now),
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        state = "revoked" if row.revoked_at else f"until {row.expires_at:%Y-%m-%d}"
        click.echo(f"{row.number:6} {row.campaign:24} {row.cohort:16} {row.used:5} of {row.uses:<5} {state}")


@invites.command("revoke")
@click.argument("number", type=int)
@click.pass_obj
def revoke(context: Context, number: int) -> None:
    """Let a link open nothing any more; who came by it stays in.

    \b
    Examples:
      arena invites revoke 3
    """
    from arena.services.inviting import revoke_invite

    with context.database.write.begin() as session:
        changed = revoke_invite(session, number, now=datetime.now(UTC))
    click.echo(f"Invitation {number} is revoked." if changed else f"Invitation {number} was revoked before.")
