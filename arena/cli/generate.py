"""`arena generate`: every picture of a campaign."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
from tqdm import tqdm

from arena.cli.context import Context, json_option, say_json
from arena.cli.work import lease_option
from arena.services.generation import (
    ClaimedJob,
    EntrantProgress,
    Progress,
    enqueue,
    progress,
    progress_by_entrant,
    try_again,
)

SHOWN_EVERY = 0.5


@click.command()
@click.option("--campaign", help="Which campaign; the only one with votes if not given.")
@lease_option
@json_option
@click.pass_obj
def generate(context: Context, campaign: str | None, lease: float, as_json: bool) -> None:
    """Make every picture that a campaign still needs, here and now.

    Stop it at any time and run it again: what is made stays made, what failed is tried anew. Several may run
    at once on one database; each waits until all pictures are settled.

    \b
    Examples:
      arena generate --campaign demo
      arena generate --campaign demo --json
    """
    from arena.queries.finding import find_campaign
    from arena.services.copying import copy_missing
    from arena.services.guardrails import read_guardrails
    from arena.services.moderation import guard_of
    from arena.services.working import Worker

    with context.database.write.begin() as session:
        found = find_campaign(session, campaign)
        enqueue(session, found, now=datetime.now(UTC))
        try_again(session, found.id, now=datetime.now(UTC))
    copy_missing(context.database, context.images, found.id)
    with _Bar(context, found.id, hidden=as_json) as bar:
        Worker(
            database=context.database,
            images=context.images,
            studio=context.studio,
            stop=threading.Event(),
            campaign_id=found.id,
            on_settled=bar.settled,
            lease=timedelta(seconds=lease),
            guard=guard_of(read_guardrails(context.settings.home)),
        ).run(until_idle=True, clerk=False)
    with context.database.read() as session:
        made, entrants = progress(session, found.id), progress_by_entrant(session, found.id)
    if as_json:
        say_json({"campaign": found.slug, **asdict(made), "entrants": [asdict(one) for one in entrants]})
    else:
        click.echo(f"{made.done} made, {made.refused} refused, {made.failed} failed, of {made.asked}.")
        for line in _table(entrants):
            click.echo(line)
    if made.failed:
        raise SystemExit(1)


class _Bar:
    """Pictures settled by all workers on the database, how many a second, and how long it will take."""

    def __init__(self, context: Context, campaign_id: int, *, hidden: bool) -> None:
        self._context, self._campaign_id = context, campaign_id
        before = self._progress()
        self._bar = tqdm(total=before.asked, initial=before.settled, unit=" pictures", disable=hidden)
        self._shown = time.monotonic()

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._show()
        self._bar.close()

    def settled(self, _job: ClaimedJob, _state: str) -> None:
        """Show it, if the last time is long enough ago: counting a large campaign takes a while."""
        if time.monotonic() - self._shown >= SHOWN_EVERY:
            self._show()
            self._shown = time.monotonic()

    def _show(self) -> None:
        if not self._bar.disable:
            made = self._progress()
            self._bar.total = made.asked
            self._bar.update(made.settled - self._bar.n)

    def _progress(self) -> Progress:
        with self._context.database.read() as session:
            return progress(session, self._campaign_id)


def _table(entrants: Sequence[EntrantProgress]) -> Iterator[str]:
    """A line an entrant, and under it why pictures are missing."""
    width = max([len("entrant"), *(len(one.entrant) for one in entrants)])
    yield f"\n{'entrant':{width}} {'made':>8} {'refused':>8} {'failed':>8}"
    for one in entrants:
        yield f"{one.entrant:{width}} {one.made:8} {one.refused:8} {one.failed:8}"
        for cause in one.causes:
            words = f" ({', '.join(cause.words)})" if cause.words else ""
            yield f"  {cause.jobs} {cause.state}: {cause.reason}{words}"
            for prompt in cause.prompts:
                yield f"      {prompt}"
