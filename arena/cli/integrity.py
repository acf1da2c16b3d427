"""`arena integrity`: raters whose votes do not look honest, and what they are found by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from arena.tables import Campaign


@click.command()
@click.option("--campaign", "slug", help="Only this campaign; without it all that people vote in.")
@click.option("--look", "look_anew", is_flag=True, help="Look at the votes now instead of waiting.")
@click.option("--exclude", is_flag=True, help="Exclude every rater whose findings wait; needs --campaign.")
@json_option
@click.pass_obj
def integrity(context: Context, slug: str | None, look_anew: bool, exclude: bool, as_json: bool) -> None:
    """Print raters whose votes do not look honest, by the rule in force.

    The worker looks whenever votes have come. A finding is a reason to look, not a verdict: decide each in
    the operator's room, or all of a campaign with --exclude. Exclusions are for good.

    \b
    Examples:
      arena integrity
      arena integrity --campaign open --look --json
      arena integrity --campaign open --exclude
    """
    from arena.queries.finding import find_campaign
    from arena.services.integrity import exclude_found, look_now

    if exclude and slug is None:
        raise click.UsageError("say with --campaign whose raters to exclude")
    now = datetime.now(UTC)
    with context.database.read() as session:
        ids = [campaign.id for campaign in _campaigns(session, slug)]
    for campaign_id in ids if look_anew else ():
        look_now(context.database, campaign_id, now=now)
    if exclude and slug is not None:
        with context.database.write.begin() as session:
            raters, votes = exclude_found(session, find_campaign(session, slug), actor="operator", now=now)
            click.echo(f"{votes} votes of {raters} raters newly excluded.", err=True)
    with context.database.read() as session:
        told = [_told(session, campaign) for campaign in _campaigns(session, slug)]
    if as_json:
        say_json(told)
        return
    for one in told:
        _print(one)


def _campaigns(session: Session, slug: str | None) -> list[Campaign]:
    from sqlalchemy import select

    from arena.domain.imported import POLICY
    from arena.queries.finding import find_campaign
    from arena.tables import Campaign

    if slug is not None:
        return [find_campaign(session, slug)]
    return list(session.scalars(select(Campaign).where(Campaign.policy != POLICY).order_by(Campaign.id)))


def _told(session: Session, campaign: Campaign) -> dict[str, Any]:
    """A campaign's findings for a script; raters by the number of their first finding."""
    from dataclasses import asdict

    from arena.queries.integrity import decided_in, looked, suspects

    seen = looked(session, campaign)
    waiting = suspects(session, campaign_id=campaign.id)
    return {
        "campaign": campaign.slug,
        "looked": {**asdict(seen), "made_at": seen.made_at.isoformat()} if seen else None,
        "decided": asdict(decided_in(session, campaign.id)),
        "waiting": [
            {
                "rater": one.findings[0].number,
                "cohort": one.cohort,
                "votes": one.votes,
                "rule": one.rule,
                "findings": [
                    {"look": found.look.value, "evidence": dict(found.evidence)} for found in one.findings
                ],
            }
            for one in waiting
        ],
    }


def _print(told: Mapping[str, Any]) -> None:
    seen, decided = told["looked"], told["decided"]
    if seen is None:
        click.echo(f"{told['campaign']}: not looked at yet; the worker does, or --look")
        return
    click.echo(
        f"{told['campaign']}: {seen['votes']:,} votes of {seen['raters']:,} raters, {seen['looked']:,} "
        f"of them looked at by {seen['rule']}"
    )
    click.echo(
        f"  {decided['open']} wait, {decided['dismissed']} dismissed, "
        f"{decided['excluded']} excluded with {decided['votes']:,} votes"
    )
    for one in told["waiting"]:
        looks = ", ".join(found["look"] for found in one["findings"])
        click.echo(f"  {one['rater']:>6}  {one['votes']:>6,} votes  {looks}")
