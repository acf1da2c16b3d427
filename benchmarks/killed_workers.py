"""Workers killed while they paint: what `benchmarks/serving.py kill` does."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from arena.cli.context import Context
from arena.cli.setup import prepare
from arena.errors import CorruptImage, UnknownPicture
from arena.services.curation import NewPrompt, add_prompts, find_entrant, open_campaign
from arena.tables import Image, Job, JobState

CATALOGUE = "\n".join(
    f"""[[entrant]]
slug = "{slug}"
name = "{slug.title()}"
kind = "baseline"
backend = "atelier"
[entrant.identity]
size = {size}
samples = 1
denoise = false
"""
    for slug, size in (("small", 32), ("smaller", 24))
)
THINGS = ("vase", "mug", "bowl", "ring", "book", "candle")
COLOURS = ("red", "blue", "green", "yellow", "white")
GROUNDS = ("an oak table", "sand", "slate", "a wooden table", "a marble table")


def kill(home: Path, *, kills: int, workers: int, prompts: int, rng: random.Random) -> dict[str, Any]:
    """Kill workers as the campaign goes on, evenly over its pictures, and say what is there in the end."""
    (home / "catalog.toml").write_text(CATALOGUE, encoding="utf-8")
    context = Context({**os.environ, "ARENA_HOME": str(home), "ARENA_LOG_LEVEL": "error"})
    slug = open_small(context, prompts)
    started = time.monotonic()
    running = [start(context, slug) for _ in range(workers)]
    killed = 0
    try:
        while any(process.poll() is None for process in running):
            due = (kills + 1) * states(context).get(JobState.DONE, 0) >= (killed + 1) * 2 * prompts
            if due and killed < kills and (victim := one_that_paints(context, running, rng)) is not None:
                victim.kill()
                victim.wait()
                killed += 1
                made = states(context).get(JobState.DONE, 0)
                print(f"kill {killed}: {made} pictures are there", file=sys.stderr)
                running[running.index(victim)] = start(context, slug)
            time.sleep(0.05)
    finally:
        for process in running:
            process.kill()
            process.wait()
    # what was killed three times over is given up, and asked for anew by the next run
    last = start(context, slug).wait()
    told = found(context, 2 * prompts)
    told["wrong"] = bool(last) or killed < kills or wrong(told)
    return {"workers": workers, "kills": killed, "seconds": round(time.monotonic() - started, 1), **told}


def open_small(context: Context, prompts: int) -> str:
    """A campaign of two small path tracers over prompts that both can read."""
    prepare(context)
    now = datetime.now(UTC)
    slug = f"kill-{secrets.token_hex(4)}"
    texts = [
        f"a {colour} {thing} on {ground}" for thing in THINGS for colour in COLOURS for ground in GROUNDS
    ]
    assert prompts <= len(texts), f"there are {len(texts)} prompts"
    with context.database.write.begin() as session:
        entrants = [find_entrant(session, name) for name in ("small", "smaller")]
        campaign = open_campaign(session, slug=slug, name="Kill", entrants=entrants, canvas=64, now=now)
        add_prompts(session, campaign, [NewPrompt(text) for text in texts[:prompts]], now=now)
    return slug


def start(context: Context, slug: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from arena.cli import main; main()", "generate"]
    return subprocess.Popen(
        [*command, "--campaign", slug, "--lease", "3", "--json"],
        env=context.environ,
        stdout=subprocess.DEVNULL,
    )


def one_that_paints(
    context: Context, running: Sequence[subprocess.Popen[bytes]], rng: random.Random
) -> subprocess.Popen[bytes] | None:
    """A worker that has made pictures and holds another one's job, stopped in the middle of it; or none."""
    painting = [process for process in running if process.poll() is None and counts(context, process)[0]]
    if not painting:
        return None
    chosen = rng.choice(painting)
    chosen.send_signal(signal.SIGSTOP)
    made, held = counts(context, chosen)
    if made and held:
        return chosen
    chosen.send_signal(signal.SIGCONT)
    return None


def counts(context: Context, process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Pictures that a worker has made, and jobs that it holds."""
    with context.database.read() as session:
        told = dict(
            session.execute(
                select(Job.state, func.count())
                .where(Job.worker.endswith(f":{process.pid}"))
                .group_by(Job.state)
            ).all()
        )
    return told.get(JobState.DONE, 0), told.get(JobState.RUNNING, 0)


def states(context: Context) -> dict[JobState, int]:
    with context.database.read() as session:
        return dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())


def found(context: Context, asked: int) -> dict[str, Any]:
    """What is there: every picture is read and checked against its digest."""
    with context.database.read() as session:
        rows = session.execute(select(Image.entrant_id, Image.prompt_id, Image.seed, Image.digest)).all()
        repainted = session.scalar(select(func.count()).where(Job.attempts > 1))
    damaged = 0
    for row in rows:
        try:
            context.images.get(row.digest)
        except (CorruptImage, UnknownPicture):
            damaged += 1
    distinct = len({tuple(row[:3]) for row in rows})
    by_state = states(context)
    return {
        "asked": asked,
        "pictures": len(rows),
        "lost": asked - distinct,
        "twice": len(rows) - distinct,
        "damaged": damaged,
        "painted_more_than_once": repainted,
        "states": {state.value: number for state, number in by_state.items()},
    }


def wrong(told: dict[str, Any]) -> bool:
    return bool(told["lost"] or told["twice"] or told["damaged"]) or told["states"] != {"done": told["asked"]}
