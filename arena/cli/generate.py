"""`arena generate`: every picture of a campaign."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import click
from tqdm import tqdm

from arena.cli.context import Context, json_option, say_json
from arena.services.generation import ClaimedJob, Progress, enqueue, progress, try_again


@click.command()
@click.option("--campaign", help="Which campaign; the only one with votes if not given.")
@json_option
@click.pass_obj
def generate(context: Context, campaign: str | None, as_json: bool) -> None:
    """Make every picture that a campaign still needs, here and now.

    Stop it at any time and run it again: what is made stays made, what failed is tried anew. Several may run
    at once on one database.

    \b
    Examples:
      arena generate --campaign demo
    """
    from arena.queries.boards import find_campaign
    from arena.services.copying import copy_missing
    from arena.services.working import Worker

    with context.database.write.begin() as session:
        found = find_campaign(session, campaign)
        enqueue(session, found, now=datetime.now(UTC))
        try_again(session, found.id, now=datetime.now(UTC))
    copy_missing(context.database, context.images, found.id)
    before = _progress(context, found.id)
    with tqdm(total=before.asked, initial=before.settled, unit="picture", disable=as_json) as bar:

        def settled(_job: ClaimedJob, _state: str) -> None:
            bar.n = _progress(context, found.id).settled
            bar.refresh()

        Worker(
            database=context.database,
            images=context.images,
            studio=context.studio,
            stop=threading.Event(),
            campaign_id=found.id,
            on_settled=settled,
        ).run(until_idle=True, clerk=False)
    made = _progress(context, found.id)
    if as_json:
        say_json(
            {
                "campaign": found.slug,
                "asked": made.asked,
                "done": made.done,
                "refused": made.refused,
                "failed": made.failed,
            }
        )
    else:
        click.echo(f"{made.done} made, {made.refused} refused, {made.failed} failed, of {made.asked}.")
    if made.failed:
        raise SystemExit(1)


def _progress(context: Context, campaign_id: int) -> Progress:
    with context.database.read() as session:
        return progress(session, campaign_id)
