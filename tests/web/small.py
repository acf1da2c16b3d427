"""A small arena: a real SQLite file made by the migrations, real PNGs, the real application."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image as Pillow
from PIL import ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.app import create_app
from arena.config import Settings
from arena.db import Database, open_database, upgrade
from arena.media.blind import blind_copy
from arena.services import curation
from arena.services.ledger import Ledger
from arena.storage import ImageStore
from arena.tables import BlindCopy, Campaign, CampaignPrompt, Entrant, Image, Job, JobState, Prompt
from models.contracts import EntrantCard
from tests.databases import new_sqlite

CANVAS = 128
PROMPTS = (
    "A celadon vase and a gold sphere on a walnut table, in evening light",
    "Three bowls in a row",
    "A blue glass sphere at noon",
    "A red ring beside a mirrored cone, on marble",
)
Painter = Callable[[str, int], Pillow.Image]


def card(slug: str, name: str, kind: str, **identity: Any) -> EntrantCard:
    """A card with all that a page may print."""
    return EntrantCard(
        slug=slug,
        name=name,
        kind=kind,
        family=slug,
        backend="test",
        identity={"size": CANVAS, "samples": 16, **identity},
        licence="Apache-2.0",
        description=f"{name} paints still lifes.",
    )


CARDS = (
    card("sfumato", "Sfumato 2.1", "in-house", steps=28),
    card("kiln", "Baseline K", "baseline", steps=40),
    card("grisaille", "Grisaille", "reference"),
)


def scribble(slug: str, number: int) -> Pillow.Image:
    """A picture that nobody confuses with another one."""
    chance = random.Random(f"{slug}/{number}")
    picture = Pillow.new("RGB", (CANVAS, CANVAS), tuple(chance.randrange(60, 200) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(9):
        x, y, r = chance.randrange(CANVAS), chance.randrange(CANVAS), chance.randrange(8, 34)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(chance.randrange(256) for _ in range(3)))
    return picture


@dataclass(slots=True)
class SmallArena:
    """The parts of a small arena, for tests that ask the page and then the database."""

    settings: Settings
    database: Database
    images: ImageStore
    ledger: Ledger
    app: Flask
    campaign: str = "open"
    entrants: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Close what is open."""
        self.ledger.close()
        self.database.dispose()


def settings_in(home: Path, **more: Any) -> Settings:
    """Settings of a data folder, with a secret of their own."""
    return Settings.from_environment(
        {"ARENA_HOME": str(home), "ARENA_SECRET_KEY": "of-the-tests-alone-" + "0" * 24, **more}
    )


def empty_arena(home: Path, **more: Any) -> SmallArena:
    """An arena without a campaign."""
    settings = settings_in(home, **more)
    home.mkdir(parents=True, exist_ok=True)
    if "ARENA_DATABASE" in more:
        database = open_database(settings.database)
        upgrade(database)
    else:
        database = new_sqlite(home / "arena.sqlite")
    images = ImageStore(settings.images)
    ledger = Ledger(database)
    app = create_app(settings, database=database, images=images, write=ledger.write)
    app.testing = False
    return SmallArena(settings, database, images, ledger, app)


def open_campaign(
    arena: SmallArena,
    *,
    cards: Sequence[EntrantCard] = CARDS,
    prompts: Sequence[str] = PROMPTS,
    paint: Painter | None = scribble,
    slug: str = "open",
    name: str = "Spring 2026",
    canvas: int = CANVAS,
    criteria: Mapping[str, str] | None = None,
    notes: Mapping[str, Any] | None = None,
    categories: tuple[str, ...] = ("still-life",),
) -> None:
    """Open a campaign with its pictures; without a painter every picture is still to be made."""
    now = datetime.now(UTC)
    with arena.database.write.begin() as session:
        entrants = [curation.enter(session, each, now=now) for each in cards]
        campaign = curation.open_campaign(
            session, slug=slug, name=name, entrants=entrants, canvas=canvas, now=now, criteria=criteria
        )
        curation.add_prompts(
            session, campaign, [curation.NewPrompt(text, categories=categories) for text in prompts], now=now
        )
        session.flush()
        asked = select(Prompt).join(CampaignPrompt).where(CampaignPrompt.campaign_id == campaign.id)
        for number, prompt in enumerate(session.scalars(asked.order_by(Prompt.id))):
            for entrant in entrants:
                job = _ask(session, entrant, prompt, number, now)
                if paint:
                    picture = paint(entrant.slug, number)
                    _paint(session, arena.images, job, canvas, picture, notes or {}, now)
        arena.entrants.update({entrant.slug: entrant.id for entrant in entrants})
    arena.campaign = slug


def paint_all(arena: SmallArena, paint: Painter = scribble) -> None:
    """Paint every picture that is still to be made."""
    now = datetime.now(UTC)
    with arena.database.write.begin() as session:
        slugs = {entrant.id: entrant.slug for entrant in session.scalars(select(Entrant))}
        campaign = session.scalars(select(Campaign).where(Campaign.slug == arena.campaign)).one()
        for job in session.scalars(select(Job).where(Job.state == JobState.QUEUED).order_by(Job.id)):
            _paint(
                session, arena.images, job, campaign.canvas, paint(slugs[job.entrant_id], job.seed), {}, now
            )


def _ask(session: Session, entrant: Entrant, prompt: Prompt, number: int, now: datetime) -> Job:
    job = Job(
        entrant_id=entrant.id,
        prompt_id=prompt.id,
        seed=481139 + number,
        state=JobState.QUEUED,
        priority=0,
        attempts=0,
        created_at=now,
        not_before=now,
    )
    session.add(job)
    session.flush()
    return job


def _paint(
    session: Session,
    images: ImageStore,
    job: Job,
    canvas: int,
    picture: Pillow.Image,
    notes: Mapping[str, Any],
    now: datetime,
) -> None:
    out = BytesIO()
    picture.save(out, format="PNG")
    image = Image(
        job_id=job.id,
        entrant_id=job.entrant_id,
        prompt_id=job.prompt_id,
        seed=job.seed,
        digest=images.put(out.getvalue()),
        width=picture.width,
        height=picture.height,
        length=len(out.getvalue()),
        seconds=4.21,
        cpu_seconds=4.0,
        batch=1,
        settings={},
        environment={},
        notes=dict(notes),
        made_at=now,
    )
    job.state = JobState.DONE
    session.add(image)
    session.flush()
    data, method = blind_copy(out.getvalue(), canvas)
    session.add(BlindCopy(image_id=image.id, canvas=canvas, digest=images.put(data), method=method))
