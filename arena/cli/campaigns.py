"""`arena campaigns`: open, plan, register, watch and close campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from arena.cli.campaign_lines import lines, look_lines
from arena.cli.campaign_options import changed, plan_options
from arena.cli.context import Context, json_option, say_json


@click.group()
def campaigns() -> None:
    """Open campaigns, plan what they tell apart, register the plan, watch and close them.

    \b
    Examples:
      arena campaigns list
      arena campaigns new spring --entrant my-model --entrant baseline-a --target my-model:best_baseline
      arena campaigns register spring
      arena campaigns watch spring
      arena campaigns close spring
    """


@campaigns.command("list")
@json_option
@click.pass_obj
def list_campaigns(context: Context, as_json: bool) -> None:
    """Print every campaign, the newest first.

    \b
    Examples:
      arena campaigns list --json
    """
    from arena.services.telling_campaigns import told_in_a_list

    with context.database.read() as session:
        rows = told_in_a_list(session, now=datetime.now(UTC))
    if as_json:
        say_json(rows)
        return
    for row in rows:
        state = "open" if row["open"] else f"closed ({row['closed_because'] or 'by its end'})"
        plan = f"  plan {row['plan'][:12]}" if row["plan"] else ""
        click.echo(
            f"{row['campaign']:24} {row['votes']:>9,} votes  {row['entrants']:>3} entrants  {state}{plan}"
        )


@campaigns.command("show")
@click.argument("slug")
@json_option
@click.pass_obj
def show(context: Context, slug: str, as_json: bool) -> None:
    """Print a campaign: its plan, how far it is, and what its rule last saw.

    \b
    Examples:
      arena campaigns show spring
      arena campaigns show spring --json
    """
    from arena.services.telling_campaigns import told_whole

    with context.database.read() as session:
        told = told_whole(session, slug, now=datetime.now(UTC))
    _tell(told, as_json)


@campaigns.command("new")
@click.argument("slug")
@plan_options
@json_option
@click.pass_obj
def new(context: Context, /, slug: str, as_json: bool, **given: Any) -> None:
    """Open a campaign called SLUG. Its pictures are asked for with `arena generate --campaign SLUG`.

    \b
    Examples:
      arena campaigns new spring --entrant my-model --entrant baseline-a --set PartiPrompts
      arena campaigns new spring --entrant my-model --entrant baseline-a --entrant baseline-b \\
        --category portrait --question "preference=Which picture would you rather keep?" \\
        --target my-model:best_baseline --gap 30 --policy targeted --board hidden --audience invited
    """
    from arena.services.campaigning import Plan, open_plan
    from arena.services.telling_campaigns import told_whole

    now = datetime.now(UTC)
    plan = changed(Plan(name=slug.replace("-", " ").capitalize(), entrants=()), given)
    with context.database.write.begin() as session:
        open_plan(session, slug, plan, now=now)
        told = told_whole(session, slug, now=now)
    _tell(told, as_json)


@campaigns.command("edit")
@click.argument("slug")
@click.option("--anew", is_flag=True, help="The prompts take the place of those that are there.")
@plan_options
@json_option
@click.pass_obj
def edit(context: Context, /, slug: str, anew: bool, as_json: bool, **given: Any) -> None:
    """Change a campaign: all of it before the first vote, then only its name, end and cap.

    \b
    Examples:
      arena campaigns edit spring --set-size 20 --board hidden
      arena campaigns edit spring --until 2026-12-31 --most-votes 300
    """
    from arena.queries.finding import find_campaign
    from arena.services.campaigning import change, plan_as_it_is
    from arena.services.telling_campaigns import told_whole

    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        before = plan_as_it_is(session, find_campaign(session, slug))
        change(session, slug, replace(changed(before, given), anew=anew), now=now)
        told = told_whole(session, slug, now=now)
    _tell(told, as_json)


@campaigns.command("register")
@click.argument("slug")
@json_option
@click.pass_obj
def register_plan(context: Context, slug: str, as_json: bool) -> None:
    """Freeze the plan of a campaign before its first vote, and print the digest it is published under.

    \b
    Examples:
      arena campaigns register spring
    """
    from arena.services.registering import register

    with context.database.write.begin() as session:
        digest = register(session, slug, now=datetime.now(UTC))
    address = f"{context.settings.public_url}/campaigns/{slug}/plan"
    if as_json:
        say_json({"campaign": slug, "digest": digest, "address": address})
        return
    click.echo(digest)
    click.echo(f"Published at {address}", err=True)


@campaigns.command("close")
@click.argument("slug")
@click.pass_obj
def close_campaign(context: Context, slug: str) -> None:
    """Close a campaign now; a board that was hidden till then is everybody's.

    \b
    Examples:
      arena campaigns close spring
    """
    from arena.services.campaigning import close

    with context.database.write.begin() as session:
        closed = close(session, slug, now=datetime.now(UTC))
    click.echo(f"{slug} is closed." if closed else f"{slug} was closed before.")


@campaigns.command("watch")
@click.argument("slug")
@json_option
@click.pass_obj
def watch(context: Context, slug: str, as_json: bool) -> None:
    """Look at the target of a campaign now: what the votes say, and about how many are left.

    The look is kept, and a registered campaign whose rule has its answer is closed.

    \b
    Examples:
      arena campaigns watch spring
      arena campaigns watch spring --json
    """
    from arena.services.telling_campaigns import told_whole
    from arena.services.watching import look_now

    now = datetime.now(UTC)
    look_now(context.database, slug, now=now)
    with context.database.read() as session:
        told = told_whole(session, slug, now=now)
    if as_json:
        say_json(told["look"])
        return
    click.echo("\n".join(look_lines(told["look"])))


def _tell(told: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(told)
    else:
        click.echo("\n".join(lines(told)))
