"""Databases to export from: synthetic entrants, prompts, pictures and votes."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from arena.db import Database, open_database, upgrade
from arena.storage import ImageStore
from arena.tables import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Image,
    Job,
    JobState,
    Prompt,
    PromptSource,
    TaggedBy,
)

Paint = Callable[[int], bytes]
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ENTRANTS, RATERS = 12, 5_000


def fill(
    folder: Path, votes: int, *, prompts: int = 1_000, paint: Paint | None = None, seal: bool = True
) -> None:
    """Make a database of votes; leaves of seals are random, since nobody checks them here."""
    database = open_database(f"sqlite:///{folder / 'arena.sqlite'}")
    upgrade(database)
    pictures, criterion = furnish(database, ImageStore(folder / "images"), prompts=prompts, paint=paint)
    database.dispose()
    rng = random.Random(1)
    raters = [(n, f"{rng.getrandbits(88):022x}", "public", moment(0)) for n in range(1, RATERS + 1)]
    with sqlite3.connect(folder / "arena.sqlite") as connection:
        connection.execute("PRAGMA cache_size=-500000")  # keys are random, and so are the pages they fall on
        connection.executemany("INSERT INTO voter (id, key, cohort, created_at) VALUES (?, ?, ?, ?)", raters)
        connection.executemany(_insert("battle", BATTLE), battles(votes, pictures, rng))
        connection.executemany(_insert("vote", VOTE), ballots(votes, criterion, rng))
        connection.execute(TALLY)
        if seal:
            connection.executemany(
                _insert("seal", SEAL),
                (
                    (n, digest_of("seal", n - 1), digest_of("seal", n), 1_000, moment(0))
                    for n in range(1, votes // 1_000 + 2)
                ),
            )
            connection.executemany(
                _insert("seal_entry", SEAL_ENTRY),
                ((n // 1_000 + 1, n % 1_000, digest_of("leaf", n), n + 1) for n in range(votes)),
            )


BATTLE = (
    "id", "key", "campaign_id", "prompt_id", "voter_id", "kind", "left_entrant_id", "right_entrant_id",
    "left_image_id", "right_image_id", "left_token", "right_token", "propensity", "eligible", "policy",
    "dealt_at", "expires_at", "voted_at",
)  # fmt: skip
TALLY = """
INSERT INTO tally (campaign_id, criterion_id, category, source, cohort, left_entrant_id, right_entrant_id,
                   outcome, votes)
SELECT b.campaign_id, v.criterion_id, 'all', 'curated', 'public', b.left_entrant_id, b.right_entrant_id,
       v.outcome, count(*)
FROM vote v JOIN battle b ON v.battle_id = b.id
GROUP BY b.campaign_id, v.criterion_id, b.left_entrant_id, b.right_entrant_id, v.outcome
"""
SEAL = ("id", "previous", "digest", "entries", "sealed_at")
SEAL_ENTRY = ("seal_id", "position", "leaf", "vote_id")
VOTE = ("id", "battle_id", "criterion_id", "ballot_no", "outcome", "elapsed_ms", "consent", "salt", "cast_at")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def digest_of(*told: object) -> str:
    """A digest of its own for each thing that is told."""
    return hashlib.sha256(repr(told).encode()).hexdigest()


def moment(place: int) -> str:
    """A moment as SQLite keeps it."""
    return (NOW + timedelta(seconds=place * 2, microseconds=place % 999_983)).strftime("%Y-%m-%d %H:%M:%S.%f")


def battles(
    number: int, pictures: list[list[tuple[int, int, int]]], rng: random.Random
) -> Iterator[tuple[Any, ...]]:
    """Rows of battles; ``pictures`` are (prompt, entrant, image) of each prompt."""
    for place in range(number):
        (prompt, left, left_image), (_, right, right_image) = rng.sample(rng.choice(pictures), 2)
        key, at = digest_of("battle", place), moment(place)
        yield (
            place + 1, key[:22], 1, prompt, rng.randint(1, RATERS), "ordinary", left, right, left_image,
            right_image, key[22:43], key[43:64], rng.random(), key, "uniform/1", at, at, at,
        )  # fmt: skip


def ballots(number: int, criterion: int, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    """Rows of votes."""
    outcomes = ("left", "left", "left", "right", "right", "right", "tie", "both_bad")
    for place in range(number):
        yield (
            place + 1, place + 1, criterion, 1, rng.choice(outcomes), rng.randrange(200, 60_000), "2026-11",
            rng.randbytes(16), moment(place + 1),
        )  # fmt: skip


def furnish(
    database: Database, store: ImageStore, *, prompts: int, paint: Paint | None
) -> tuple[list[list[tuple[int, int, int]]], int]:
    """Open a campaign; without a painter its pictures are rows alone."""
    with database.write.begin() as session:
        campaign = Campaign(
            slug="bench", name="Bench", canvas=64, seeds=1, set_size=30, policy="uniform", minutes_to_vote=60,
            seed=1, opened_at=NOW, closed_at=NOW + timedelta(days=30),
        )  # fmt: skip
        session.add(campaign)
        session.flush()
        criterion = Criterion(campaign_id=campaign.id, slug="preference", question="Which?", position=0)
        entrants = [
            Entrant(
                slug=f"painter-{n}", revision=digest_of(n)[:12], name=f"Painter {n}", kind="baseline",
                family="bench", backend="bench", identity={}, runtime={}, licence="", description="",
                source="", entered_at=NOW,
            )
            for n in range(ENTRANTS)
        ]  # fmt: skip
        asked = [
            Prompt(
                text=f"a vase of {n} flowers on a marble table, in evening light, with a bowl of fruit",
                digest=digest_of("prompt", n), categories=["still-life"], tagged_by=TaggedBy.IMPORT,
                language="en", source=PromptSource.CURATED, licence="", origin="", created_at=NOW,
            )
            for n in range(prompts)
        ]  # fmt: skip
        session.add_all([criterion, *entrants, *asked])
        session.flush()
        for entrant in entrants:
            session.add(CampaignEntrant(campaign_id=campaign.id, entrant_id=entrant.id, entered_at=NOW))
        for place, prompt in enumerate(asked):
            session.add(CampaignPrompt(campaign_id=campaign.id, prompt_id=prompt.id, position=place))
        made = [_pictures(session, store, prompt, entrants, paint) for prompt in asked]
        return made, criterion.id


def _pictures(
    session: Session, store: ImageStore, prompt: Prompt, entrants: list[Entrant], paint: Paint | None
) -> list[tuple[int, int, int]]:
    jobs = [
        Job(
            entrant_id=entrant.id, prompt_id=prompt.id, seed=1, state=JobState.DONE, priority=0, attempts=1,
            created_at=NOW, not_before=NOW,
        )
        for entrant in entrants
    ]  # fmt: skip
    session.add_all(jobs)
    session.flush()
    images = []
    for job in jobs:
        data = paint(job.id) if paint else b""
        digest = hashlib.sha256(data).hexdigest() if paint else digest_of("image", job.id)
        if paint:  # put without its fsync: these pictures need not outlive the benchmark
            store.path(digest).parent.mkdir(parents=True, exist_ok=True)
            store.path(digest).write_bytes(data)
        images.append(
            Image(
                job_id=job.id, entrant_id=job.entrant_id, prompt_id=prompt.id, seed=1, digest=digest,
                width=64, height=64, length=len(data), seconds=1.0, cpu_seconds=1.0, batch=1, settings={},
                environment={}, notes={}, made_at=NOW,
            )
        )  # fmt: skip
    session.add_all(images)
    session.flush()
    return [(prompt.id, image.entrant_id, image.id) for image in images]
