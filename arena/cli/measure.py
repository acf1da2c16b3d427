"""`arena measure`: the style of every picture, and studies of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from arena.cli.context import Context, json_option, say_json

if TYPE_CHECKING:
    from arena.services.measuring import Lost


@click.command()
@click.option("--campaign", help="Which campaign; every one if not given.")
@json_option
@click.pass_obj
def measure(context: Context, campaign: str | None, as_json: bool) -> None:
    """Measure the style of every picture that has not been measured, and study how entrants differ by it.

    A worker does the same beside its painting, a few pictures at a time; this does it at once. Stop it at
    any time and run it again.

    \b
    Examples:
      arena measure
      arena measure --campaign demo --json
    """
    from arena.queries.finding import find_campaign
    from arena.services import studies

    with context.database.read() as session:
        campaign_id = find_campaign(session, campaign).id if campaign else None
    measured, lost = _sweep(context, campaign_id, hidden=as_json)
    made = studies.refresh(
        context.database, now=datetime.now(UTC), campaign_id=campaign_id, growth=0, rest=timedelta()
    )
    if as_json:
        say_json({
            "measured": measured,
            "lost": [asdict(one) for one in lost],
            "studies": [asdict(one) for one in made],
        })  # fmt: skip
    else:
        click.echo(f"{measured:,} measured, {len(lost):,} lost.")
        for one in lost:
            click.echo(f"  picture {one.image_id}: {one.reason}")
        for study in made:
            click.echo(
                f"Studies of {study.campaign} made from {study.used:,} of {study.pictures:,} pictures."
            )
    if lost:
        raise SystemExit(1)


def _sweep(context: Context, campaign_id: int | None, *, hidden: bool) -> tuple[int, list[Lost]]:
    """Measure what there is, under a bar; how many, and what was lost."""
    from arena.services.measuring import measure_some, unmeasured

    with context.database.read() as session:
        waiting = unmeasured(session, campaign_id)
    measured, lost, after = 0, list["Lost"](), 0
    with tqdm(total=waiting, unit=" pictures", disable=hidden) as bar:
        while True:
            step = measure_some(
                context.database, context.images, now=datetime.now(UTC), after=after, campaign_id=campaign_id
            )
            if step.last is None:
                return measured, lost
            after, measured = step.last, measured + step.measured
            lost.extend(step.lost)
            bar.update(step.measured + len(step.lost))
