"""`arena demo`: the whole arena with real pictures, in one command."""

from __future__ import annotations

import csv
import os
import threading
import time
from datetime import UTC, datetime
from importlib.util import find_spec

import click
from sqlalchemy import select
from tqdm import tqdm

from arena import paths
from arena.cli.context import Context
from arena.cli.serve import end_worker, run_server, start_worker
from arena.cli.setup import prepare
from arena.services.curation import NewPrompt, add_prompts, find_entrant, open_campaign
from arena.services.generation import enqueue, progress
from arena.tables import Campaign

DEMO = "demo"
ENTRANTS = ("lumen-1", "lumen-1-turbo", "lumen-0", "pixel-unet", "word-vae", "retrieval")
REFERENCE = "atelier"
"""Takes part where its renderer is installed."""
CANVAS = 256
MOST_WORKERS = 4


@click.command()
@click.option("--host", help="Address to listen on [ARENA_HOST].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on [ARENA_PORT].")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that paint [one a core, at most 4].")
@click.pass_obj
def demo(context: Context, host: str | None, port: int | None, workers: int | None) -> None:
    """Open a campaign with real pictures and serve it; voting starts while later pictures are being made.

    Run it again and it goes on where it was.

    \b
    Examples:
      arena demo
      arena demo --port 9000
      ARENA_HOME=/tmp/try arena demo
    """
    context.environ.setdefault("ARENA_LOG_LEVEL", "warning")  # the progress line says what the log would
    settings = prepare(context)
    context.log_to_stderr()
    campaign_id = open_demo(context)
    painters = workers or min(MOST_WORKERS, os.cpu_count() or 1)
    helpers = [start_worker(context, *([] if number == 0 else ["--no-clerk"])) for number in range(painters)]
    address = f"http://{host or settings.host}:{port if port is not None else settings.port}"
    click.echo(f"Vernissage is open on {address}")
    threading.Thread(target=_show_progress, args=(context, campaign_id, address), daemon=True).start()
    try:
        run_server(context, host=host, port=port)
    finally:
        for helper in helpers:
            helper.terminate()
        for helper in helpers:
            end_worker(helper)


def open_demo(context: Context) -> int:
    """Open the demo campaign, or find it; its pictures are asked for."""
    now = datetime.now(UTC)
    with context.database.write.begin() as session:
        campaign = session.scalar(select(Campaign).where(Campaign.slug == DEMO))
        if campaign is None:
            slugs = [*ENTRANTS, REFERENCE] if find_spec("mitsuba") else ENTRANTS
            entrants = [find_entrant(session, slug) for slug in slugs]
            campaign = open_campaign(
                session,
                slug=DEMO,
                name="Demo",
                entrants=entrants,
                canvas=CANVAS,
                now=now,
                own_prompts=True,
                actor="demo",
            )
        add_prompts(session, campaign, _demo_prompts(), now=now)
        enqueue(session, campaign, now=now)
        return campaign.id


def _demo_prompts() -> list[NewPrompt]:
    with (paths.PACKAGE / "data" / "demo_prompts.csv").open(newline="", encoding="utf-8") as lines:
        return [
            NewPrompt(text=row["prompt"], categories=(row["category"],), licence="CC0-1.0")
            for row in csv.DictReader(lines)
        ]


def _show_progress(context: Context, campaign_id: int, address: str) -> None:
    """A line that says how far the pictures are, until all are settled."""
    with tqdm(unit="picture", desc="Painting", mininterval=1.0, dynamic_ncols=True) as bar:
        while True:
            with context.database.read() as session:
                made = progress(session, campaign_id)
            bar.total = made.asked
            bar.update(made.settled - bar.n)
            if made.settled >= made.asked:
                break
            time.sleep(1.0)
    click.echo(
        f"All pictures are there: {made.done} made, {made.refused} refused, {made.failed} failed. "
        f"Vote on {address}"
    )
