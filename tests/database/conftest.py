"""A small arena, furnished through the services themselves."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image as Pillow

from analysis.outcomes import Outcome
from arena.db import Database
from arena.services import curation, dealing, generation, painting, voting
from arena.services.generation import ClaimedJob
from arena.storage import ImageStore
from arena.tables import Campaign, Criterion
from models.contracts import EntrantCard, GeneratedImage

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORKER = "test:1"


@dataclass(frozen=True)
class Arena:
    """A database with a campaign whose pictures are all there."""

    database: Database
    images: ImageStore
    campaign: str
    campaign_id: int
    criterion_id: int

    def deal(self, voter: str, *, at: datetime = NOW, seed: int = 0) -> str:
        """Deal a battle and return its key."""
        with self.database.write.begin() as session:
            dealt = dealing.next_battle(
                session, campaign=self.campaign, voter_key=voter, now=at, rng=random.Random(seed)
            )
        assert isinstance(dealt, dealing.Dealt), dealt
        return dealt.key

    def vote(
        self,
        voter: str,
        key: str,
        outcome: Outcome = Outcome.LEFT,
        *,
        at: datetime = NOW + timedelta(seconds=9),
    ) -> None:
        """Cast a vote through the service."""
        with self.database.write.begin() as session:
            voting.cast_vote(
                session,
                key=key,
                voter_key=voter,
                criterion="preference",
                outcome=outcome,
                elapsed_ms=4321,
                consent="2026-11",
                now=at,
            )


def card(slug: str, **identity: object) -> EntrantCard:
    """A card that needs no back end."""
    return EntrantCard(
        slug=slug,
        name=slug.title(),
        kind="baseline",
        family=slug,
        backend="atelier",
        identity={"size": 64, **identity},
        runtime={"batch": 1},
    )


def picture(job: ClaimedJob) -> GeneratedImage:
    """A small picture that depends on entrant, prompt and seed."""
    rng = random.Random(f"{job.entrant}{job.prompt}{job.seed}")
    pixels = Pillow.frombytes("RGB", (64, 64), rng.randbytes(64 * 64 * 3))
    return GeneratedImage(pixels=pixels, seed=job.seed, seconds=0.5, cpu_seconds=0.4)


def paint_all(database: Database, images: ImageStore) -> None:
    """Make every picture that was asked for."""
    while True:
        with database.write.begin() as session:
            jobs = generation.claim(session, worker=WORKER, now=NOW)
        if not jobs:
            break
        for job in jobs:
            with database.read() as session:
                sizes = painting.canvases(session, job)
            painted = painting.store(images, job, picture(job), sizes)
            with database.write.begin() as session:
                assert painting.settle(session, painted, settings={}, environment={}, worker=WORKER, now=NOW)


def furnish(database: Database, images: ImageStore, *, entrants: int = 3, prompts: int = 4) -> Arena:
    """Open a campaign and make all its pictures."""
    with database.write.begin() as session:
        rows = [curation.enter(session, card(f"e{number}"), now=NOW) for number in range(entrants)]
        campaign = curation.open_campaign(
            session, slug="demo", name="Demo", entrants=rows, canvas=64, now=NOW, seed=5
        )
        new = [
            curation.NewPrompt(text=f"a vase, number {n}", categories=("still-life",)) for n in range(prompts)
        ]
        curation.add_prompts(session, campaign, new, now=NOW)
        generation.enqueue(session, campaign, now=NOW)
        campaign_id = campaign.id
    paint_all(database, images)
    with database.read() as session:
        criterion_id = session.query(Criterion.id).filter(Criterion.campaign_id == campaign_id).scalar()
        slug = session.get_one(Campaign, campaign_id).slug
    return Arena(database, images, slug, campaign_id, criterion_id)


@pytest.fixture
def arena(database: Database, images: ImageStore) -> Arena:
    """Three entrants, four prompts, twelve pictures."""
    return furnish(database, images)
