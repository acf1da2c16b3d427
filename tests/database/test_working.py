"""The worker with a real entrant: prompts in, pictures, seals and boards out."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from arena.db import Database
from arena.services import curation, generation
from arena.services.painting import Studio
from arena.services.working import Worker
from arena.storage import ImageStore
from arena.tables import BlindCopy, Image, Job, JobState, Prompt
from models.catalog import read_catalog
from tests.database.conftest import NOW, card
from tests.generation.conftest import stable_diffusion
from tests.generation.painters import Plain

SMALL = """
[[entrant]]
slug = "small"
name = "Small"
kind = "reference"
family = "small"
backend = "atelier"
licence = "CC0-1.0"
[entrant.identity]
size = 48
samples = 1
denoise = false

[[entrant]]
slug = "smaller"
name = "Smaller"
kind = "baseline"
family = "small"
backend = "atelier"
licence = "CC0-1.0"
[entrant.identity]
size = 32
samples = 1
denoise = false
"""


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    file = tmp_path / "catalog.toml"
    file.write_text(SMALL)
    return Studio(catalog=read_catalog(file), device="cpu", dtype=None)


def ask(database: Database, studio: Studio, prompts: list[str]) -> None:
    with database.write.begin() as session:
        rows = [curation.enter(session, one, now=NOW) for one in studio.catalog]
        campaign = curation.open_campaign(
            session, slug="small", name="Small", entrants=rows, canvas=64, now=NOW
        )
        curation.add_prompts(session, campaign, [curation.NewPrompt(text) for text in prompts], now=NOW)
        generation.enqueue(session, campaign, now=NOW)


def work(database: Database, images: ImageStore, studio: Studio) -> list[str]:
    told: list[str] = []
    Worker(
        database=database,
        images=images,
        studio=studio,
        stop=threading.Event(),
        on_settled=lambda _job, state: told.append(state),
    ).run(until_idle=True)
    return told


def test_prompts_become_pictures_and_refusals(database: Database, images: ImageStore, studio: Studio) -> None:
    ask(database, studio, ["a red vase on an oak table", "a red unicorn on the moon"])
    assert sorted(work(database, images, studio)) == ["done", "done", "refused", "refused"]
    with database.read() as session:
        made = session.scalars(select(Image).order_by(Image.width)).all()
        copies = session.scalars(select(BlindCopy)).all()
        refused = session.scalars(select(Job).where(Job.state == JobState.REFUSED)).all()
    assert [(image.width, image.height) for image in made] == [(32, 32), (48, 48)]
    assert made[0].seed == made[1].seed
    for image in made:
        assert image.cpu_seconds > 0
        assert image.settings["identity"]["samples"] == 1
        assert image.environment
        assert len(images.get(image.digest)) == image.length
    assert {(copy.canvas, copy.method) for copy in copies} == {(64, "lanczos")}
    assert all({"unicorn", "moon"} <= set(job.words or ()) for job in refused)


def test_a_picture_is_the_same_whoever_paints_it_and_when(
    database: Database, images: ImageStore, studio: Studio, tmp_path: Path
) -> None:
    ask(database, studio, ["a gold ring on slate by candlelight", "a blue mug"])
    work(database, images, studio)
    with database.read() as session:
        rows = session.execute(
            select(Image.entrant_id, Image.seed, Image.digest, Job.prompt_id).join(Job)
        ).all()
    again = Studio(catalog=studio.catalog, device="cpu", dtype=None)
    from arena.media.blind import encode
    from arena.tables import Entrant, Prompt
    from models.contracts import GeneratedImage, GenerationRequest

    for entrant_id, seed, digest, prompt_id in reversed(rows):
        with database.read() as session:
            slug = session.get_one(Entrant, entrant_id).slug
            prompt = session.get_one(Prompt, prompt_id).text
        (answer,) = again.model(slug).generate([GenerationRequest(prompt=prompt, seed=seed)])
        assert isinstance(answer, GeneratedImage)
        assert images.put(encode(answer.pixels)) == digest


def test_an_entrant_that_has_left_the_catalogue_fails_with_the_reason(
    database: Database, images: ImageStore, studio: Studio
) -> None:
    with database.write.begin() as session:
        rows = [curation.enter(session, card(slug), now=NOW) for slug in ("gone", "small")]
        campaign = curation.open_campaign(
            session, slug="gone", name="Gone", entrants=rows, canvas=64, now=NOW
        )
        curation.add_prompts(session, campaign, [curation.NewPrompt("a red vase")], now=NOW)
        generation.enqueue(session, campaign, now=NOW)
    worker = Worker(database=database, images=images, studio=studio, stop=threading.Event())
    assert worker.paint_some() == 1
    assert worker.paint_some() == 1
    with database.read() as session:
        reasons = session.scalars(select(Job.reason).order_by(Job.id)).all()
        states = set(session.scalars(select(Job.state)))
    assert "gone" in str(reasons[0])
    assert "revision" in str(reasons[1]) or "@" in str(reasons[1])
    assert states == {JobState.QUEUED}, "they rest, and are tried again"


TINY = """
[[entrant]]
slug = "tiny"
name = "Tiny"
kind = "external"
backend = "diffusers"
[entrant.identity]
path = "tiny"
steps = 2
guidance = 3.0
size = 32
[entrant.runtime]
device = "cpu"
batch = %d
"""


def test_a_batch_is_as_large_as_the_catalogue_says_now_and_its_pictures_say_what_they_took(
    database: Database, images: ImageStore, tmp_path: Path
) -> None:
    """A real pipeline: it entered with batches of one, and its card was tuned since."""
    stable_diffusion().save_pretrained(tmp_path / "tiny")
    file = tmp_path / "catalog.toml"
    file.write_text(TINY % 1)
    prompts = ["a red mug", "a blue vase", "a mug on the table"]
    ask(database, Studio(catalog=read_catalog(file), device="cpu", dtype=None), prompts)
    file.write_text(TINY % 3)
    studio = Studio(catalog=read_catalog(file), device="cpu", dtype=None)
    assert work(database, images, studio) == ["done"] * 3
    with database.read() as session:
        made = session.scalars(select(Image)).all()
    for image in made:
        assert image.batch == 3
        assert image.peak_bytes is not None
        assert image.peak_bytes > 2**20
        assert image.joules is not None
        assert image.joules > 0
        assert image.energy_method in {"estimated", "rapl"}
        assert str(image.hardware).endswith("cores")
    assert len({image.digest for image in made}) == 3


def test_a_prompt_that_breaks_the_entrant_fails_alone(
    database: Database, images: ImageStore, studio: Studio
) -> None:
    ask(database, studio, ["a", "break", "b", "refuse"])
    worker = Worker(database=database, images=images, studio=studio, stop=threading.Event())
    for one in studio.catalog:
        studio._loaded[f"{one.slug}@{one.revision}"] = Plain(replace(one, runtime={"batch": 4}))
    assert [worker.paint_some(), worker.paint_some()] == [4, 4], "one claim an entrant"
    with database.read() as session:
        rows = session.execute(
            select(Prompt.text, Job.state, Job.reason).join(Prompt, Prompt.id == Job.prompt_id)
        ).all()
    told = {text: (state, reason) for text, state, reason in rows}
    assert told["a"][0] == told["b"][0] == JobState.DONE
    assert told["break"] == (JobState.QUEUED, "GenerationFailed: this prompt breaks it")
    assert told["refuse"][0] == JobState.REFUSED
